/** The two channels of a switched call: joined, parted, and the frames that cross before and besides. */
import { type Core, closeCall } from "./core.js";
import { callEnds } from "./disconnect-codes.js";
import type { Leg } from "./records.js";

/** Joins the channels of two legs that have their sessions; if the data plane refuses, both calls end. */
export async function bridge(core: Core, leg: Leg, onward: Leg): Promise<void> {
  try {
    await core.plane.channel.bridge({ channel: leg.channel, with: onward.channel });
  } catch (error) {
    if (leg.ended || onward.ended) return;
    core.counts.add("data-plane-refused-bridge");
    core.log.error({ call: leg.call, with: onward.call, error: String(error) }, "data plane refused a bridge");
    closeCall(core, leg.call, callEnds["data-plane"]);
    return;
  }
  joined(core, leg, onward);
}

/**
 * Two channels are bridged, by us or by hand; who is bridged shares a fate. Told twice of our own: by the operation's
 * answer and by the data plane's event, whichever is first.
 */
export function joined(core: Core, one: Leg, other: Leg): void {
  if (one.ended || other.ended || one.bridged === other.channel) return;
  one.bridged = other.channel;
  other.bridged = one.channel;
  if (one.partner !== other) {
    part(one);
    part(other);
    one.partner = other;
    other.partner = one;
  }
  core.counts.add("bridged");
  core.emit({ type: "bridged", call: one.call, with: other.call });
  passHeld(core, one);
  passHeld(core, other);
}

/** The bridge is gone but the calls are not: what they send now has nowhere to go. */
export function parted(core: Core, one: Leg, other: Leg): void {
  if (one.bridged !== other.channel) return;
  one.bridged = 0;
  other.bridged = 0;
  core.emit({ type: "unbridged", call: one.call, with: other.call });
}

function part(leg: Leg): void {
  if (leg.partner) leg.partner.partner = undefined;
  leg.partner = undefined;
}

function passHeld(core: Core, leg: Leg): void {
  for (const bytes of core.held.take(leg)) core.plane.inject({ to: "channel", channel: leg.bridged, bytes });
}
