import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { type L2tpns, startL2tpns } from "../peers/l2tpns.js";
import { createNamespace, link } from "../peers/netns.js";
import { eventually } from "../peers/process.js";
import { startRadius } from "../peers/radius.js";
import { requires } from "../peers/requires.js";
import { type Capture, capture } from "../peers/tshark.js";
import { undoStack } from "../peers/undo.js";
import { expectNoComplaint } from "../peers/verdict.js";
import { startXl2tpd, type Xl2tpd } from "../peers/xl2tpd.js";

const title = "xl2tpd as LAC and l2tpns as LNS through the switch";
const { reason } = requires(title, ["xl2tpd", "l2tpns", "freeradius", "tcpdump", "tshark", "busybox"]);

// xl2tpd 10.1.0.2 ── 10.1.0.1 junctor 10.2.0.1 ── 10.2.0.2 l2tpns, with a tunnel secret of their own on each side.
const config = `
log: { level: debug }
host-name: junctor
access:
  - l2tp: { listen: "10.1.0.1:1701", secret-file: west.secret, peers: [10.1.0.0/24] }
policy:
  - match: { peer-host-name: "lac*" }
    forward: { lns: [10.2.0.2], source: "10.2.0.1:1701", secret-file: east.secret, hidden: true }
`;

describe.skipIf(reason !== undefined)(title, () => {
  const undo = undoStack();
  let lac: Xl2tpd;
  let lns: L2tpns;
  let junctor: Junctor;
  let west: Capture;
  let east: Capture;

  beforeAll(async () => {
    const lacSpace = await createNamespace(undo, "lac");
    const space = await createNamespace(undo, "switch");
    const lnsSpace = await createNamespace(undo, "lns");
    await link(
      { space: lacSpace, name: "eth0", addresses: ["10.1.0.2/24"] },
      { space, name: "west", addresses: ["10.1.0.1/24"] },
    );
    await link(
      { space: lnsSpace, name: "eth0", addresses: ["10.2.0.2/24"] },
      { space, name: "east", addresses: ["10.2.0.1/24"] },
    );
    west = await capture(undo, space, "west");
    east = await capture(undo, space, "east");
    await startRadius(undo, lnsSpace, {
      address: "127.0.0.1",
      secret: "radius-secret",
      users: [{ name: "alice", password: "wonderland" }],
    });
    lns = await startL2tpns(undo, lnsSpace, {
      listen: "10.2.0.2",
      link: "eth0",
      secret: "secret-of-the-east",
      pool: "10.9.0.0/24",
      radius: { address: "127.0.0.1", secret: "radius-secret" },
    });
    junctor = await startJunctor(undo, space, {
      config,
      secrets: { "west.secret": "secret-of-the-west", "east.secret": "secret-of-the-east" },
    });
    const section = (name: string) =>
      `[lac ${name}]\nlns = 10.1.0.1\nhostname = lac-${name}\nchallenge = yes\nhidden bit = yes\nname = alice\n\n`;
    lac = await startXl2tpd(undo, lacSpace, {
      listen: "10.1.0.2",
      secret: "secret-of-the-west",
      subscriber: { user: "alice", password: "wonderland", ping: "10.2.0.2" },
      config: section("first") + section("second"),
    });
  });
  afterAll(() => undo.run());

  /** Resolves when the switch has no session. */
  const switchIdle = () =>
    eventually("the switch has no session", async () => ((await junctor.sessions()).length === 0 ? true : undefined));

  const lnsIdle = () =>
    eventually("l2tpns has no session", async () => {
      const tunnels = await lns.tunnels();
      const left = (await lns.sessions()).length + tunnels.reduce((sum, { sessions }) => sum + sessions, 0);
      return left === 0 ? true : undefined;
    });

  /** Connects by the LAC section `name`; resolves when echoes of every size have come back through the link. */
  async function connect(name: string) {
    const before = lac.ppp().length;
    await lac.control(`c ${name}`);
    await lac
      .pppReports(/ipcp up 10\.9\.0\.\d+ 10\.2\.0\.2.*echo reply 9 from 10\.2\.0\.2 intact/s, { since: before })
      .catch((error) => {
        throw new Error(`${error}\njunctor:\n${junctor.process.output().slice(-8000)}`);
      });
    expect(lac.ppp()).not.toContain("altered");
  }

  it("carries a call: PPP is negotiated between subscriber and LNS, and pings cross", async () => {
    await connect("first");
    expect(await lns.sessions()).toHaveLength(1);
    const sessions = await junctor.sessions();
    expect(sessions.map(({ side }) => side).sort()).toEqual(["access", "onward"]);
    const [one, other] = sessions;
    expect(one?.bridgedWith).toBe(other?.session);
    expect(other?.bridgedWith).toBe(one?.session);
  });

  it("carries a second caller's call in the same onward tunnel", async () => {
    await connect("second");
    const tunnels = await junctor.tunnels();
    expect(tunnels.map(({ side, sessions }) => [side, sessions]).sort()).toEqual([
      ["access", 1],
      ["access", 1],
      ["onward", 2],
    ]);
    expect(await junctor.sessions()).toHaveLength(4);
    expect(await lns.sessions()).toHaveLength(2);
  });

  it("ends a call that the LNS hangs up, and no other", async () => {
    const [session] = await lns.sessions();
    await lns.cli(`drop session ${session}`);
    await eventually("xl2tpd has one call", async () => ((await lac.status()).calls.length === 1 ? true : undefined));
    expect(await junctor.sessions()).toHaveLength(2);
    expect(await lns.sessions()).toHaveLength(1);
  });

  it("ends a call that the subscriber hangs up", async () => {
    const [call] = (await lac.status()).calls;
    await lac.control(`h ${call}`);
    await switchIdle();
    await lnsIdle();
  });

  it("ends the tunnels that the LAC closes, with the calls in them", async () => {
    for (const name of ["first", "second"]) await lac.control(`d ${name}`);
    await lac.gone();
    await connect("first");
    await lac.control("d first");
    await lac.gone();
    await switchIdle();
    await lnsIdle();
    expect((await junctor.tunnels()).filter(({ side }) => side === "access")).toEqual([]);
  });

  it("ends the calls of a tunnel that the LNS closes", async () => {
    await connect("first");
    const [tunnel] = await lns.tunnels();
    await lns.cli(`drop tunnel ${tunnel?.id}`);
    await lac.idle();
    await switchIdle();
    await connect("first");
  });

  it("tells both sides when it is stopped", async () => {
    expect(await junctor.process.stop("SIGTERM", 8000)).toBe(0);
    await lac.gone();
    await lnsIdle();
    expect(await lns.tunnels()).toEqual([]);
  });

  it("sends nothing that tshark complains of, and hides AVPs where it was told to", async () => {
    await west.stop();
    await east.stop();
    const hidden = await expectNoComplaint([
      { file: west.file, source: "10.1.0.1", sent: ["SCCRP", "ICRP", "CDN", "StopCCN"] },
      { file: east.file, source: "10.2.0.1", sent: ["SCCRQ", "SCCCN", "ICRQ", "ICCN", "CDN", "StopCCN"] },
    ]);
    expect(hidden).toBeGreaterThan(0);
  });

  it("is understood by both peers", () => {
    expect(lac.process.output()).not.toMatch(
      /bad packet|bad AVP|Bad exit status|incorrect size|unknown AVP|Maximum retries/i,
    );
    expect(lns.process.output()).not.toMatch(/unknown|invalid|malformed|bad /i);
  });
});
