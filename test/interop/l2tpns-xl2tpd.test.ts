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

const title = "xl2tpd as LAC and l2tpns as LNS through the switch";
const { reason } = requires(title, topologyPrograms);

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
  let all: Topology;
  let lac: Xl2tpd;

  beforeAll(async () => {
    all = await createTopology(undo, { config, sections: { first: "", second: "" } });
    lac = await all.startLac();
  });
  afterAll(() => undo.run());

  it("carries a call: PPP is negotiated between subscriber and LNS, and pings cross", async () => {
    await connect(all, lac, "first");
    expect(await all.lns.sessions()).toHaveLength(1);
    const sessions = await all.junctor.sessions();
    expect(sessions.map(({ side }) => side).sort()).toEqual(["access", "onward"]);
    const [one, other] = sessions;
    expect(one?.bridgedWith).toBe(other?.session);
    expect(other?.bridgedWith).toBe(one?.session);
  });

  it("carries a second caller's call in the same onward tunnel", async () => {
    await connect(all, lac, "second");
    const tunnels = await all.junctor.tunnels();
    expect(tunnels.map(({ side, sessions }) => [side, sessions]).sort()).toEqual([
      ["access", 1],
      ["access", 1],
      ["onward", 2],
    ]);
    expect(await all.junctor.sessions()).toHaveLength(4);
    expect(await all.lns.sessions()).toHaveLength(2);
  });

  it("ends a call that the LNS hangs up, and no other", async () => {
    const [session] = await all.lns.sessions();
    await all.lns.cli(`drop session ${session}`);
    await eventually("xl2tpd has one call", async () => ((await lac.status()).calls.length === 1 ? true : undefined));
    expect(await all.junctor.sessions()).toHaveLength(2);
    expect(await all.lns.sessions()).toHaveLength(1);
  });

  it("ends a call that the subscriber hangs up", async () => {
    const [call] = (await lac.status()).calls;
    await lac.control(`h ${call}`);
    await switchHas(all, 0);
    await lnsIdle(all);
  });

  it("ends the tunnels that the LAC closes, with the calls in them", async () => {
    await lac.control("d first");
    await lac.control("d second");
    await lac.gone();
    await connect(all, lac, "first");
    await lac.control("d first");
    await lac.gone();
    await switchHas(all, 0);
    await lnsIdle(all);
    expect((await all.junctor.tunnels()).filter(({ side }) => side === "access")).toEqual([]);
  });

  it("ends the calls of a tunnel that the LNS closes, and opens another for the next", async () => {
    await connect(all, lac, "first");
    const [tunnel] = await all.lns.tunnels();
    await all.lns.cli(`drop tunnel ${tunnel?.id}`);
    await lac.idle();
    await switchHas(all, 0);
    await connect(all, lac, "first");
  });

  it("tells both sides when it is stopped", async () => {
    expect(await all.junctor.process.stop("SIGTERM", 8000)).toBe(0);
    await lac.gone();
    await lnsIdle(all);
    expect(await all.lns.tunnels()).toEqual([]);
  });

  it("sends nothing that tshark complains of, and hides AVPs where it was told to", async () => {
    await all.west.stop();
    await all.east.stop();
    const hidden = await expectNoComplaint([
      { file: all.west.file, source: "10.1.0.1", sent: ["SCCRP", "ICRP", "CDN", "StopCCN"] },
      { file: all.east.file, source: "10.2.0.1", sent: ["SCCRQ", "SCCCN", "ICRQ", "ICCN", "CDN", "StopCCN"] },
    ]);
    expect(hidden).toBeGreaterThan(0);
    expectUnderstood(all, lac);
  });
});
