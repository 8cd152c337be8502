/** Frames that another thread has handed over go on here from behind their device's ingress programs. */
import type { Context } from "../context.js";
import type { Delivery } from "../delivery.js";
import type { Demultiplexer } from "../demultiplexer.js";
import { createDeviceNumbers, deviceKind } from "../devices.js";
import type { UnitEgress } from "../unit-egress.js";
import type { UnitIngress } from "../unit-ingress.js";
import { frameKind } from "./framing.js";
import { type HandedOver, handoffRoom } from "./handoff.js";
import type { Runner } from "./runner.js";

/** Where frames of each kind of device go on. */
export interface Onward {
  readonly datagram: Demultiplexer["resume"];
  readonly channel: Delivery["resume"];
  readonly unit: UnitIngress["resume"];
  readonly host: UnitEgress["resume"];
}

export function createResume({ layout }: Context, runner: Runner, onward: Onward): (handed: HandedOver) => void {
  const numbers = createDeviceNumbers(layout);
  return ({ program, framing, kind, device, at, length, name, local }) => {
    if (!runner.resume(program - 1, framing, kind, device, 0, at, length, handoffRoom)) return;
    const { frame } = runner;
    const slot = numbers.slotOf(device);
    const is = numbers.kindOf(device);
    if (is === deviceKind.channel) onward.channel(slot, 0, 0, frame.at, frame.length, frame.room);
    else if (is === deviceKind.unit) onward.unit(slot, 0, frame.at, frame.length);
    else if (kind === frameKind.ip) onward.host(slot, frame.at, frame.length);
    else if (name !== 0) onward.datagram(slot, frame.at, frame.length, frame.length, name, local, frame.room);
  };
}
