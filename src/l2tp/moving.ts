/**
 * Peers whose port changes (RFC 2661 §8.1: a responder may answer from another one; later on a NAT may move the peer). What
 * comes from elsewhere can be forged, hence an established control connection moves only when its peer answers from there:
 * a HELLO goes to both places, and whichever acknowledges it is where the peer is. Another address is never followed.
 */
import { type Core, emit, type Tunnel } from "./core.js";
import { addressOf } from "./limits.js";
import { send } from "./send.js";

/** Whether a peer may be looked for at `remote`. */
export const mayMove = (core: Core, { state, remote: current }: Tunnel, remote: string): boolean =>
  state === "established" && core.options.float !== "ignore" && addressOf(remote) === addressOf(current);

/** Asks by a HELLO whether the peer is at `remote`; the place that was seen last counts. */
export function tryAt(core: Core, tunnel: Tunnel, remote: string): void {
  const asked = tunnel.probing !== undefined && tunnel.transport.queue.length > 0;
  tunnel.probing = remote;
  if (!asked) send(core, tunnel, "HELLO", 0, {});
}

/**
 * A message from elsewhere than the peer was, which acknowledges `acknowledged` messages that were not before, and may have a
 * body that is `next` in sequence. False: it is not to be served. An acknowledgement alone, which is easily forged, starts no
 * search.
 */
export function follow(core: Core, tunnel: Tunnel, remote: string, acknowledged: number, next: boolean): boolean {
  if (acknowledged === 0 && !next) return false;
  if (tunnel.state === "wait-ctl-reply" && addressOf(remote) === addressOf(tunnel.remote)) {
    tunnel.remote = remote;
    return true;
  }
  if (!mayMove(core, tunnel, remote)) return false;
  if (remote === tunnel.probing && acknowledged > 0) {
    tunnel.remote = remote;
    emit(core, { type: "tunnel-moved", tunnel: tunnel.id, remote });
  } else if (next) tryAt(core, tunnel, remote);
  return true;
}
