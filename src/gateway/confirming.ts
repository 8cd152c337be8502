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
  const delivery = core.endpoint.delivery(tunnel.id);
  if (!delivery) return;
  onward.unconfirmed = true;
  tunnel.unconfirmed.push({ onward, iccn: delivery.queued });
  core.unconfirmed.add(tunnel);
}

/** Bridges the calls whose ICCN has been acknowledged by now. */
export function confirmAcknowledged(core: Core): void {
  for (const tunnel of core.unconfirmed) {
    const delivery = core.endpoint.delivery(tunnel.id);
    if (delivery) take(core, tunnel, delivery.acknowledged);
    if (tunnel.unconfirmed.length === 0) core.unconfirmed.delete(tunnel);
  }
}

function take(core: Core, tunnel: Tunnel, acknowledged: number): void {
  const { unconfirmed } = tunnel;
  const pending = unconfirmed.findIndex(({ iccn }) => iccn > acknowledged);
  for (const { onward } of unconfirmed.splice(0, pending < 0 ? unconfirmed.length : pending)) confirm(core, onward);
}

/** The LNS knows of the call. */
export function confirm(core: Core, onward: Leg): void {
  const { partner } = onward;
  if (!onward.unconfirmed || onward.ended || !partner) return;
  onward.unconfirmed = false;
  core.track(bridge(core, partner, onward));
}
