import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type L2tpns, startL2tpns } from "../peers/l2tpns.js";
import { createNamespace, link } from "../peers/netns.js";
import { eventually } from "../peers/process.js";
import { startRadius } from "../peers/radius.js";
import { requires } from "../peers/requires.js";
import { type Capture, capture, controlMessages } from "../peers/tshark.js";
import { undoStack } from "../peers/undo.js";
import { startXl2tpd, type Xl2tpd } from "../peers/xl2tpd.js";

const title = "xl2tpd and l2tpns without a switch between them";
const { reason } = requires(title, ["xl2tpd", "l2tpns", "freeradius", "tcpdump", "tshark", "busybox"]);

describe.skipIf(reason !== undefined)(title, () => {
  const undo = undoStack();
  let lac: Xl2tpd;
  let lns: L2tpns;
  let wire: Capture;

  beforeAll(async () => {
    const west = await createNamespace(undo, "lac");
    const east = await createNamespace(undo, "lns");
    await link(
      { space: west, name: "eth0", addresses: ["10.1.0.2/24"] },
      { space: east, name: "eth0", addresses: ["10.1.0.1/24"] },
    );
    wire = await capture(undo, east, "eth0");
    await startRadius(undo, east, {
      address: "127.0.0.1",
      secret: "radius-secret",
      users: [{ name: "alice", password: "wonderland" }],
    });
    lns = await startL2tpns(undo, east, {
      listen: "10.1.0.1",
      link: "eth0",
      secret: "tunnel-secret",
      pool: "10.9.0.0/24",
      radius: { address: "127.0.0.1", secret: "radius-secret" },
    });
    lac = await startXl2tpd(undo, west, {
      listen: "10.1.0.2",
      secrets: "* * tunnel-secret\n",
      subscriber: { user: "alice", password: "wonderland", ping: "10.1.0.1" },
      config: "[lac east]\nlns = 10.1.0.1\nchallenge = yes\nhidden bit = yes\nname = lac1\n",
    });
  });
  afterAll(() => undo.run());

  it("carries PPP and pings", async () => {
    await lac.control("c east");
    await lac.pppReports(/ipcp up 10\.9\.0\.\d+ 10\.1\.0\.1/);
    await lac.pppReports(/echo reply 9 from 10\.1\.0\.1 intact/);
    expect(await lns.sessions()).toHaveLength(1);
    expect(await lac.status()).toMatchObject({ tunnels: 1, calls: [expect.any(Number)] });
  });

  it("leaves nothing after a hang-up of the LNS's", async () => {
    const [session] = await lns.sessions();
    await lns.cli(`drop session ${session}`);
    await lac.idle();
    expect(await lns.sessions()).toEqual([]);
    expect(await lns.tunnels()).toEqual([{ id: expect.any(Number), sessions: 0 }]);
  });

  it("leaves nothing after the caller closes its tunnel", async () => {
    await lac.control("c east");
    await lac.pppReports(/ipcp up.*ipcp up/s);
    await lac.control("d east");
    await lac.gone();
    await eventually("l2tpns has no tunnel", async () => ((await lns.tunnels()).length === 0 ? true : undefined));
    expect(await lns.sessions()).toEqual([]);
  });

  it("shows tshark nothing to complain of", async () => {
    await wire.stop();
    const messages = await controlMessages(wire.file);
    expect(messages.length).toBeGreaterThan(6);
    expect(messages.filter(({ complaints }) => complaints.length > 0)).toEqual([]);
  });
});
