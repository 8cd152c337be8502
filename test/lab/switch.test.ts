import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { eventually } from "../peers/process.js";
import { requires } from "../peers/requires.js";
import { type Capture, capture } from "../peers/tshark.js";
import { undoStack } from "../peers/undo.js";
import { expectNoComplaint } from "../peers/verdict.js";
import { guestPrograms } from "./guest.js";
import { connect, createLab, east, inside, type Lab, lnsAddress, secrets, switchName, west } from "./link.js";

const title = "the lab: xl2tpd and pppd at both ends, through the switch";
const { reason } = requires(title, [...guestPrograms, "xl2tpd", "pppd", "tcpdump", "tshark"]);

// One port on all addresses: what it sends must leave from the address that the peer sent to.
const config = `
log: { level: debug }
host-name: ${switchName}
access:
  - l2tp: { listen: "0.0.0.0:1701", secret-file: west.secret, hidden: true, peers: [10.1.0.0/24] }
policy:
  - match: { called-number: "*" }
    reject: { result: 2, error: 6, message: nobody dials a number here }
  - forward: { lns: ["${lnsAddress}"], secret-file: east.secret, hidden: true, idle-timeout: 1s }
`;

describe.skipIf(reason !== undefined)(title, { timeout: 90_000 }, () => {
  const undo = undoStack();
  let lab: Lab;
  let junctor: Junctor;
  const captures: Capture[] = [];

  beforeAll(async () => {
    lab = await createLab(undo);
  });
  afterAll(() => undo.run());

  it("has peers that understand each other without a switch", async () => {
    const forward = (on: 0 | 1) => lab.space.run(["sysctl", "-q", "-w", `net.ipv4.ip_forward=${on}`]);
    await forward(1);
    await connect(lab, "direct");
    expect(await lab.caller.run(`ping -c 5 -i 0.1 -W 2 -s 1300 ${inside.lns}`)).toContain(" 0% packet loss");
    expect(await lab.lns.state()).toEqual({ tunnels: 1, calls: 1, kernelTunnels: 1, kernelSessions: 1, pppd: 1 });
    await lab.caller.control("d direct");
    await lab.caller.idle();
    await lab.lns.idle();
    await forward(0);
  });

  it("starts the switch", async () => {
    captures.push(await capture(undo, lab.space, "west"), await capture(undo, lab.space, "east"));
    junctor = await startJunctor(undo, lab.space, {
      config,
      secrets: { "west.secret": secrets.west, "east.secret": secrets.east },
    });
  });

  async function dial() {
    await connect(lab, "switch").catch((error) => {
      throw new Error(`${error}\njunctor:\n${junctor.process.output().slice(-8000)}`);
    });
  }

  /** Resolves when nothing of a call is left in the switch, the caller and the LNS, their kernels included. */
  async function nothingLeft() {
    await eventually("the switch has no tunnel", async () =>
      (await junctor.tunnels()).length === 0 ? true : undefined,
    );
    expect(await junctor.sessions()).toEqual([]);
    await lab.caller.idle();
    await lab.lns.idle();
  }

  it("negotiates PPP end to end and carries pings of both ends", async () => {
    await dial();
    expect((await junctor.sessions()).map(({ side, bridgedWith }) => [side, bridgedWith !== null]).sort()).toEqual([
      ["access", true],
      ["onward", true],
    ]);
    expect(await lab.caller.run(`ping -c 10 -i 0.1 -W 2 -s 1372 ${inside.lns}`)).toContain(" 0% packet loss");
    expect(await lab.lns.run(`ping -c 10 -i 0.1 -W 2 -s 1 ${inside.caller}`)).toContain(" 0% packet loss");
    expect(await lab.caller.log()).toMatch(/CHAP authentication succeeded/);
  });

  it("hangs up when the caller closes its tunnel", async () => {
    await lab.caller.control("d switch");
    await nothingLeft();
  });

  // LCP's Terminate-Request crosses the bridge, both pppds end, and a CDN comes from each side. xl2tpd keeps a call that it
  // hung up itself until it sees a ZLB with the call's session id or the tunnel ends, so the tunnels are closed afterwards.
  it.each(["caller", "lns"] as const)("hangs up when the pppd of the %s does", async (side) => {
    await dial();
    await lab.guest.run(`kill $(head -n 1 /run/ppp-${side}.pid)`);
    await eventually("the switch has no session", async () =>
      (await junctor.sessions()).length === 0 ? true : undefined,
    );
    await lab.caller.control("d switch");
    await nothingLeft();
  });

  it("hangs up when it is stopped", async () => {
    await dial();
    expect(await junctor.process.stop("SIGTERM", 8000)).toBe(0);
    await lab.caller.idle();
    await lab.lns.idle();
  });

  it("sends nothing that tshark complains of, with tunnels authenticated and AVPs hidden", async () => {
    for (const each of captures) await each.stop();
    const [toCaller, toLns] = captures;
    const hiddenWest = await expectNoComplaint([
      { file: toCaller?.file ?? "", source: west, sent: ["SCCRP", "ICRP", "StopCCN"] },
    ]);
    const hiddenEast = await expectNoComplaint([
      { file: toLns?.file ?? "", source: east, sent: ["SCCRQ", "SCCCN", "ICRQ", "ICCN", "CDN", "StopCCN"] },
    ]);
    expect(hiddenWest).toBeGreaterThan(0);
    expect(hiddenEast).toBeGreaterThan(0);
  });

  it("is understood by both peers", async () => {
    const logs = (await lab.caller.log()) + (await lab.lns.log());
    expect(logs).not.toMatch(/bad packet|bad AVP|Bad exit status|incorrect size|unknown AVP|Maximum retries/i);
  });
});
