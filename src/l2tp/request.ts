/** SCCRQ: retransmissions, tie breaker, limits, and asking policy (RFC 2661 §4.4.3 Tie Breaker, §5.1, §7.2). */
import type { ControlHeader } from "../wire/l2tp2.js";
import { putSequence } from "../wire/l2tp2.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import { encodeMessage } from "../wire/l2tp2-encode.js";
import { type Message, parseMessage } from "../wire/l2tp2-parse.js";
import { generalError, stopResult } from "../wire/l2tp2-result.js";
import { isMalformed } from "../wire/malformed.js";
import { copyOf } from "../wire/octets.js";
import { type Core, drop, emit, type Tunnel, touch } from "./core.js";
import { hasRoom, mayRefuse, peerOf, roomForHalfOpen } from "./limits.js";
import { resolveSettings } from "./settings.js";
import { arrive, setPeerWindow } from "./transport.js";
import { createTunnel, forget, learnPeer, peerInfo, stepTunnel, stopAvps, unacceptable } from "./tunnel.js";
import type { Datagram, Result, TunnelSettings } from "./types.js";

/** How long after the connection is established the network may still deliver a copy of its SCCRQ, milliseconds. */
const lateCopy = 5000;

/** An SCCRQ. Answers why it was not served, for the counters, if it was not. */
export function receiveRequest(
  core: Core,
  datagram: Datagram,
  header: ControlHeader,
  message: Message,
): string | undefined {
  const { remote, bytes } = datagram;
  const { avps, sealed } = message;
  const peerTunnelId = avps.assignedTunnelId ?? 0;
  const unread = sealed !== "no";
  if (peerTunnelId === 0 && !unread) return "SCCRQ without tunnel id";

  const requestKey = `${remote}/${peerTunnelId}/${digest(bytes, header.length)}`;
  const known = core.requests.get(requestKey);
  if (known && (known.establishedAt === undefined || core.now - known.establishedAt < lateCopy)) {
    arrive(known.transport, header, bytes, known.settings.receiveWindow, core.now);
    touch(core, known);
    return "SCCRQ repeated";
  }

  const refused = message.fault ? faultResult(message.fault) : unread ? undefined : unacceptable(avps, undefined);
  if (refused) {
    refuse(core, datagram, peerTunnelId, refused);
    return "SCCRQ not acceptable";
  }
  if (breakTie(core, datagram, avps) === "ours") return "SCCRQ lost the tie";
  if (!hasRoom(core, remote)) {
    const full = { result: stopResult.generalError, error: generalError.resources };
    refuse(core, datagram, peerTunnelId, full);
    return "tunnel limit";
  }
  const room = roomForHalfOpen(core, remote);
  if (room === "full") return "half-open limit of peer";
  if (room !== "room") {
    drop(core, "half-open limit");
    forget(core, room, { by: "local", result: stopResult.generalError, error: generalError.resources });
  }

  const peer = peerInfo(remote, avps);
  const tunnel = createTunnel(core, {
    port: datagram.port,
    local: datagram.local,
    remote,
    initiator: false,
    settings: resolveSettings({}, core.options),
    peerTunnelId,
    peer,
    requestKey,
    request: unread ? copyOf(bytes, 0, header.length) : undefined,
  });
  arrive(tunnel.transport, header, bytes, tunnel.settings.receiveWindow, core.now);
  if (avps.receiveWindowSize !== undefined) setPeerWindow(tunnel.transport, avps.receiveWindowSize);
  emit(core, { type: "tunnel-request", tunnel: tunnel.id, port: tunnel.port, peer });
  return undefined;
}

export const faultResult = ({ error, message }: { error: number; message: string }): Result => ({
  result: stopResult.generalError,
  error,
  message,
});

/** Policy has agreed: reads what was hidden, then answers. */
export function acceptRequest(core: Core, tunnel: Tunnel, given: TunnelSettings): void {
  tunnel.settings = resolveSettings(given, core.options);
  tunnel.transport.timeout = tunnel.settings.retransmitTimeout;
  tunnel.announced = true;
  const refused = unseal(tunnel) ?? unacceptable(tunnel.peer!.avps, tunnel.settings);
  if (refused && tunnel.peerTunnelId === 0) forget(core, tunnel, { by: "local", ...refused });
  else if (refused) stepTunnel(core, tunnel, "reject", { ended: { by: "local", ...refused } });
  else stepTunnel(core, tunnel, "accept", {});
}

function unseal(tunnel: Tunnel): Result | undefined {
  const { request, settings } = tunnel;
  if (request === undefined) return undefined;
  tunnel.request = undefined;
  const message = parseMessage(request, request.length, settings.secret);
  if (isMalformed(message)) return faultResult({ error: generalError.value, message: message.reason });
  learnPeer(tunnel, message.avps);
  if (message.fault) return faultResult(message.fault);
  if (message.sealed === "mandatory") {
    return faultResult({ error: generalError.unknownMandatory, message: "hidden AVP, but there is no secret" });
  }
  return tunnel.peerTunnelId === 0 ? { result: stopResult.generalError, error: generalError.value } : undefined;
}

/**
 * Both sides want a single tunnel and have sent an SCCRQ: the lower tie breaker wins, equal ones both lose, a side without
 * one loses against a side with one; if neither has one, both tunnels are opened.
 */
function breakTie(core: Core, { remote }: Datagram, theirs: AvpValues): "ours" | "theirs" {
  for (const tunnel of peerOf(core, remote)?.opening ?? []) {
    if (tunnel.state !== "wait-ctl-reply" || tunnel.remote !== remote) continue;
    if (tunnel.tieBreaker === undefined && theirs.tieBreaker === undefined) continue;
    const order = compare(tunnel.tieBreaker, theirs.tieBreaker);
    if (order < 0) return "ours";
    stepTunnel(core, tunnel, "SCCRQ, lose tie-breaker", {
      ended: { by: "local", result: stopResult.alreadyExists, message: "lost the tie" },
    });
    if (order === 0) return "ours";
  }
  return "theirs";
}

function compare(ours: Uint8Array | undefined, theirs: Uint8Array | undefined): number {
  if (ours === undefined || theirs === undefined) return ours ? -1 : 1;
  return Buffer.compare(ours, theirs);
}

/** A StopCCN that leaves no state behind; if it is lost, the SCCRQ will come again. */
function refuse(core: Core, { port, local, remote }: Datagram, peerTunnelId: number, result: Result): void {
  if (peerTunnelId === 0) return;
  if (!mayRefuse(core)) {
    drop(core, "refusal limit");
    return;
  }
  const [high, low] = core.options.random(2);
  const bytes = encodeMessage("StopCCN", peerTunnelId, 0, stopAvps((high! << 8) | low! || 1, result));
  putSequence(bytes, 0, 1);
  emit(core, { type: "send", port, local, remote, bytes });
}

/** FNV-1a: tells a retransmission from a new request of a restarted peer that counts its ids from the start again. */
function digest(bytes: Uint8Array, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}
