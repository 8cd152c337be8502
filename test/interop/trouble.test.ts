import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../peers/process.js";
import { requires } from "../peers/requires.js";
import { undoStack } from "../peers/undo.js";
import { expectNoComplaint } from "../peers/verdict.js";
import type { Xl2tpd } from "../peers/xl2tpd.js";
import {
  connect,
  createTopology,
  expectUnderstood,
  lnsIdle,
  switchHas,
  type Topology,
  topologyPrograms,
} from "./topology.js";

const title = "xl2tpd, l2tpns and the switch in trouble";
const { reason } = requires(title, topologyPrograms);

// 10.2.0.99 is nobody. Times are short, so that who has died is found out soon.
const config = `
log: { level: debug }
host-name: junctor
access:
  - l2tp:
      listen: "10.1.0.1:1701"
      secret-file: west.secret
      hello-interval: 1s
      retransmit-timeout: 250ms
      max-retries: 3
policy:
  - match: { peer-host-name: stranger }
    reject: { result: 4, message: no strangers here }
  - match: { peer-host-name: "lac*" }
    forward:
      lns: [{ address: 10.2.0.99, priority: 0 }, { address: 10.2.0.2, priority: 1 }]
      source: "10.2.0.1:1701"
      secret-file: east.secret
      hello-interval: 1s
      retransmit-timeout: 250ms
      max-retries: 2
`;

describe.skipIf(reason !== undefined)(title, () => {
  const undo = undoStack();
  let all: Topology;
  let lac: Xl2tpd;

  beforeAll(async () => {
    all = await createTopology(undo, {
      config,
      sections: { good: "", late: "", wrong: "challenge = no\n", stranger: "hostname = stranger\n" },
      lacSecrets: "lac-wrong * no-secret-of-ours\n",
    });
    lac = await all.startLac();
  });
  afterAll(() => undo.run());

  const channels = async (): Promise<readonly { channel: number; bridgedWith: number | null }[]> =>
    JSON.parse(await all.junctor.cli("-j", "channel", "show"));

  /** The number of the last echo that came back. */
  const lastEcho = () => Number([...lac.ppp().matchAll(/echo reply (\d+) /g)].at(-1)?.[1] ?? -1);

  it("refuses a LAC that does not know the secret", async () => {
    await lac.control("c wrong");
    await lac.process.waitFor(/Connection closed to 10\.1\.0\.1/);
    await lac.gone();
    expect(await all.junctor.tunnels()).toEqual([]);
  });

  it("refuses a call that policy refuses, with the reason", async () => {
    await lac.control("c stranger");
    await lac.process.waitFor(/no strangers here/);
    await lac.idle();
    await lac.control("d stranger");
    await lac.gone();
    expect(await all.lns.tunnels()).toEqual([]);
  });

  it("goes on to the next LNS when the first does not answer", async () => {
    await connect(all, lac, "good");
    expect(
      (await all.junctor.tunnels()).filter(({ side, sessions }) => side === "onward" && sessions > 0),
    ).toMatchObject([{ remote: "10.2.0.2:1701", hostName: "lns" }]);
  });

  it("parts and joins the channels under traffic when told to by hand", async () => {
    const [one, other] = await channels();
    await all.junctor.cli("channel", "unbridge", String(one?.channel));
    const before = lastEcho();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(lastEcho() - before).toBeLessThanOrEqual(1);
    await all.junctor.cli("channel", "bridge", String(one?.channel), String(other?.channel));
    await eventually("echoes come back", () => (lastEcho() > before + 10 ? true : undefined));
  });

  it("keeps silent tunnels by HELLO", async () => {
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect((await all.junctor.tunnels()).map(({ side, state }) => [side, state]).sort()).toEqual([
      ["access", "established"],
      ["onward", "established"],
    ]);
  });

  it("ends a session on both sides when the operator does", async () => {
    const [session] = await all.junctor.sessions();
    await all.junctor.cli("session", "terminate", session?.session ?? "");
    await lac.idle();
    await lnsIdle(all);
    await switchHas(all, 0);
  });

  it("frees what a LAC that died had, and serves it when it is back", async () => {
    await connect(all, lac, "good");
    await lac.process.stop("SIGKILL");
    lac = await all.startLac();
    await connect(all, lac, "good");
    await switchHas(all, 2);
    await eventually("l2tpns has one session", async () =>
      (await all.lns.sessions()).length === 1 ? true : undefined,
    );
    expect((await all.junctor.tunnels()).filter(({ side }) => side === "access")).toHaveLength(1);
  });

  it("refuses new calls while it drains, and keeps those that are up", async () => {
    await all.junctor.cli("drain", "on");
    const before = lastEcho();
    const since = lac.process.mark();
    await lac.control("c late");
    await lac.process.waitFor(/going out of service/, { since });
    await eventually("xl2tpd has one call", async () => ((await lac.status()).calls.length === 1 ? true : undefined));
    await eventually("echoes come back", () => (lastEcho() > before + 5 ? true : undefined));
    await all.junctor.cli("drain", "off");
  });

  it("tells the LAC when the LNS has died", async () => {
    await all.lns.process.stop("SIGKILL");
    await lac.idle();
    await switchHas(all, 0);
  });

  it("sends nothing that tshark complains of", async () => {
    await all.junctor.process.stop("SIGTERM", 8000);
    await all.west.stop();
    await all.east.stop();
    await expectNoComplaint([
      { file: all.west.file, source: "10.1.0.1", sent: ["SCCRP", "HELLO", "ICRP", "CDN", "StopCCN"] },
      { file: all.east.file, source: "10.2.0.1", sent: ["SCCRQ", "SCCCN", "HELLO", "ICRQ", "ICCN", "CDN"] },
    ]);
    expectUnderstood(all, lac);
  });
});
