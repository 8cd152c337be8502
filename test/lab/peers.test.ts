import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requires } from "../peers/requires.js";
import { undoStack } from "../peers/undo.js";
import { nothing } from "./end.js";
import { guestPrograms } from "./guest.js";
import { connect, createLab, inside, type Lab, secrets } from "./link.js";

const title = "the lab: xl2tpd and pppd at both ends, without a switch between them";
const { reason } = requires(title, [...guestPrograms, "xl2tpd", "pppd"]);

describe.skipIf(reason !== undefined)(title, () => {
  const undo = undoStack();
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab(undo, { callerSecret: secrets.east });
    await lab.space.run(["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"]);
  });
  afterAll(() => undo.run());

  it("negotiates PPP in the kernel, pings, and hangs up", async () => {
    await connect(lab, "direct");
    expect(await lab.caller.run(`ping -c 5 -i 0.2 -W 2 -s 1300 ${inside.lns}`)).toContain(" 0% packet loss");
    expect(await lab.lns.state()).toEqual({ tunnels: 1, calls: 1, kernelTunnels: 1, kernelSessions: 1, pppd: 1 });

    await lab.caller.control("d direct");
    await lab.caller.idle();
    await lab.lns.idle();
    expect(await lab.lns.state()).toEqual(nothing);
  });
});
