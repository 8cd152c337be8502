/**
 * A call is bridged when the LNS has acknowledged its ICCN, or has sent a frame on it. Frames that overtake the ICCN, which
 * may wait for its turn in the window, find no session at the LNS and are lost: they are better held here.
 */
import { bridge } from "./bridging.js";
import type { Core } from "./core.js";
import type { Leg, Tunnel } from "./records.js";

/** The ICCN was the last message given to the machine for this tunnel. */
export function confirmLater(core: Core, onward: Leg): void {
  const { tunnel } = onward;
  const sequence = core.endpoint.sequence(tunnel.id);
  if (!sequence) return;
  onward.unconfirmed = true;
  tunnel.unconfirmed.push({ onward, ns: (sequence.next - 1) & 0xffff });
  core.unconfirmed.add(tunnel);
}

/** Bridges the calls whose ICCN has been acknowledged by now. */
export function confirmAcknowledged(core: Core): void {
  for (const tunnel of core.unconfirmed) {
    const unacknowledged = core.endpoint.sequence(tunnel.id)?.unacknowledged;
    if (unacknowledged !== undefined) take(core, tunnel, unacknowledged);
    if (tunnel.unconfirmed.length === 0) core.unconfirmed.delete(tunnel);
  }
}

function take(core: Core, tunnel: Tunnel, unacknowledged: number): void {
  const { unconfirmed } = tunnel;
  const pending = unconfirmed.findIndex(({ ns }) => !isBefore(ns, unacknowledged));
  for (const { onward } of unconfirmed.splice(0, pending < 0 ? unconfirmed.length : pending)) confirm(core, onward);
}

/** Sequence numbers go round (RFC 2661 §5.8). */
const isBefore = (a: number, b: number): boolean => a !== b && ((b - a) & 0xffff) < 0x8000;

/** The LNS knows of the call. */
export function confirm(core: Core, onward: Leg): void {
  const { partner } = onward;
  if (!onward.unconfirmed || onward.ended || !partner) return;
  onward.unconfirmed = false;
  core.track(bridge(core, partner, onward));
}
