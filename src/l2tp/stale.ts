/**
 * Peers that restart. A new control connection from a known address and port may be a second one or all that a restarted
 * peer remembers; and an SCCRQ proves nothing, anybody can forge it. So nothing happens before the new connection is
 * established. Then an older one under the same peer tunnel id is gone for certain; others of that host which have been
 * silent are tried by a HELLO and given up sooner than usual.
 */
import type { Core, Tunnel } from "./core.js";
import { peerOf } from "./limits.js";
import { send } from "./send.js";

/** A connection heard from so shortly before the SCCRQ is alive, milliseconds. Bounds the HELLOs while a peer opens many. */
const recent = 1000;

/** Retransmissions of the HELLO before a suspect is given up. */
export const suspectRetries = 2;

/** To be called when `tunnel` is established; `end` is given those whose peer has certainly forgotten them. */
export function suspectOthers(core: Core, tunnel: Tunnel, end: (stale: Tunnel) => void): void {
  if (tunnel.initiator) return;
  const others = peerOf(core, tunnel.remote)?.tunnels;
  if (others === undefined || others.size < 2) return;
  for (const other of others) {
    if (other === tunnel || other.remote !== tunnel.remote || other.state !== "established") continue;
    if (other.peerTunnelId === tunnel.peerTunnelId) {
      end(other);
    } else if (other.peer?.hostName === tunnel.peer?.hostName && other.heardAt < tunnel.openedAt - recent) {
      other.suspect = true;
      if (other.transport.queue.length === 0) send(core, other, "HELLO", 0, {});
    }
  }
}
