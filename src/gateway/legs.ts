import type { CallId } from "../l2tp/types.js";
import type { Core } from "./core.js";
import { occupy } from "./onward.js";
import type { CallNames, Leg, Tunnel } from "./records.js";

/** A call begins in a tunnel: its record, with nothing done yet. */
export function addLeg(core: Core, tunnel: Tunnel, call: CallId, names: CallNames): Leg {
  const leg: Leg = {
    call,
    tunnel,
    since: core.now(),
    names,
    peerSessionId: 0,
    up: false,
    ended: false,
    session: 0,
    channel: 0,
    partner: undefined,
    unconfirmed: false,
    bridged: 0,
    held: undefined,
    setup: undefined,
    member: undefined,
  };
  core.legs.set(call, leg);
  occupy(tunnel);
  return leg;
}
