/** Frames that another thread has handed over go on here from behind their device's ingress programs. */
import { type Context, createDropCounter } from "../context.js";
import type { Delivery } from "../delivery.js";
import type { Demultiplexer } from "../demultiplexer.js";
import { createDeviceNumbers, deviceKind } from "../devices.js";
import { drop } from "../drops.js";
import type { UnitEgress } from "../unit-egress.js";
import type { UnitIngress } from "../unit-ingress.js";
import { fate } from "./fate.js";
import { frameKind } from "./framing.js";
import { type HandedOver, type Handoff, handoffRoom } from "./handoff.js";
import type { Redirects } from "./redirect.js";
import type { Runner } from "./runner.js";

/** Where frames of each kind of device go on. */
export interface Onward {
  readonly datagram: Demultiplexer["resume"];
  readonly channel: Delivery["resume"];
  readonly unit: UnitIngress["resume"];
  readonly host: UnitEgress["resume"];
}

export function createResume(
  context: Context,
  runner: Runner,
  redirects: Redirects,
  handoff: Handoff,
  onward: Onward,
): (handed: HandedOver) => void {
  const numbers = createDeviceNumbers(context.layout);
  const drops = createDropCounter(context);
  return ({ program, number, generation, framing, kind, device, port, at, length, name, local }) => {
    if (generation !== handoff.generation(device) || (program !== 0 && number !== runner.programIn(program - 1))) {
      drops.leaving(drop["relation-ended"]);
      return;
    }
    redirects.origin(port, name, local);
    redirects.handedOver(true);
    const became = runner.resume(program - 1, framing, kind, device, 0, at, length, handoffRoom);
    redirects.handedOver(false);
    if (became !== fate.passed) return;
    const { frame } = runner;
    const slot = numbers.slotOf(device);
    const is = numbers.kindOf(device);
    if (is === deviceKind.channel) onward.channel(slot, port, 0, frame.at, frame.length, frame.room);
    else if (is === deviceKind.unit) onward.unit(slot, port, frame.at, frame.length);
    else if (kind === frameKind.ip) onward.host(slot, frame.at, frame.length);
    else if (name !== 0) onward.datagram(slot, frame.at, frame.length, frame.length, name, local, frame.room);
  };
}
