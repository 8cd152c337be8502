/** The way of a datagram: header → tunnel → reliable transport → message → state tables (RFC 2661 §5.8, §7.1). */
import { type ControlHeader, controlHeaderLength, parseControlHeader } from "../wire/l2tp2.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import { type MessageName, messageTable } from "../wire/l2tp2-message.js";
import { type Fault, type Message, parseMessage } from "../wire/l2tp2-parse.js";
import { callResult, generalError, stopResult } from "../wire/l2tp2-result.js";
import { isMalformed } from "../wire/malformed.js";
import { u16 } from "../wire/octets.js";
import { createCall, learnPeerSession, sendCdn, stepCall } from "./call.js";
import type { ControlEvent } from "./control-connection.js";
import { type Call, type Core, count, drop, emit, type Tunnel, touch } from "./core.js";
import { earlyUnproven, isOverdue, longestMessage, peerOf, wanErrorInterval } from "./limits.js";
import { follow } from "./moving.js";
import { faultResult, receiveRequest } from "./request.js";
import { acknowledge, acknowledgedBy, arrive, takeEarly } from "./transport.js";
import { learnPeer, peerStopped, stepTunnel, stop, unacceptable, unauthenticated } from "./tunnel.js";
import type { Datagram, Ended, Result } from "./types.js";

/** Why a message was not served, for the counters; undefined if it was. */
type Verdict = string | undefined;

/** Serves a datagram; what is not served is counted under its reason. */
export function receive(core: Core, datagram: Datagram): void {
  judge(core, receiveDatagram(core, datagram));
}

function judge(core: Core, verdict: Verdict): void {
  if (verdict !== undefined) drop(core, verdict);
}

function receiveDatagram(core: Core, datagram: Datagram): Verdict {
  const { bytes } = datagram;
  const header = parseControlHeader(bytes);
  if (isMalformed(header)) return header.reason;
  if (header.tunnelId === 0) return receiveUnaddressed(core, datagram, header);
  const tunnel = core.tunnels.get(header.tunnelId);
  if (tunnel === undefined) return "unknown tunnel";
  return receiveInTunnel(core, tunnel, datagram, header);
}

/** Tunnel id zero: the sender does not know ours yet. Only SCCRQ, and a StopCCN that takes one back, can be that. */
function receiveUnaddressed(core: Core, datagram: Datagram, header: ControlHeader): Verdict {
  if (header.length === controlHeaderLength) return "ZLB without tunnel id";
  if (header.length > longestMessage) return "message too long";
  const message = parseMessage(datagram.bytes, header.length);
  if (isMalformed(message)) return message.reason;
  if (message.name === "SCCRQ") {
    count(core.received, message.type);
    if (header.ns !== 0) return "SCCRQ out of sequence";
    return receiveRequest(core, datagram, header, message);
  }
  if (message.name === "StopCCN") {
    for (const tunnel of peerOf(core, datagram.remote)?.halfOpen ?? []) {
      if (tunnel.remote !== datagram.remote || tunnel.peerTunnelId !== message.avps.assignedTunnelId) continue;
      return receiveInTunnel(core, tunnel, datagram, header);
    }
  }
  return "message without tunnel id";
}

function receiveInTunnel(core: Core, tunnel: Tunnel, datagram: Datagram, header: ControlHeader): Verdict {
  const { transport, settings } = tunnel;
  const acknowledged = acknowledgedBy(transport, header.nr);
  if (acknowledged < 0) return "Nr of nothing sent";
  const zlb = header.length === controlHeaderLength;
  if (datagram.remote !== tunnel.remote) {
    const next = !zlb && header.ns === transport.nr;
    if (!follow(core, tunnel, datagram.remote, acknowledged, next)) return "wrong source";
  }
  if (acknowledged === 0 && isOverdue(core, tunnel)) return "peer acknowledges nothing";

  tunnel.heardAt = core.now;
  tunnel.suspect = false;
  acknowledge(transport, acknowledged, settings, core.now);
  if (acknowledged > 0 && datagram.remote === tunnel.remote) tunnel.probing = undefined;
  touch(core, tunnel);
  if (zlb) {
    count(core.received, 0);
    return undefined;
  }

  const { bytes } = datagram;
  const window = tunnel.proven ? settings.receiveWindow : Math.min(settings.receiveWindow, earlyUnproven);
  const arrival = arrive(transport, header, bytes, window, core.now);
  if (arrival === "duplicate") return "repeated";
  if (arrival === "beyond-window") return "beyond window";
  if (arrival === "early") return undefined;
  const verdict = receiveMessage(core, tunnel, header.sessionId, bytes, header.length);
  for (let early = takeEarly(transport, core.now); early; early = takeEarly(transport, core.now)) {
    judge(core, receiveMessage(core, tunnel, u16(early, 6), early, early.length));
  }
  return verdict;
}

function receiveMessage(core: Core, tunnel: Tunnel, sessionId: number, bytes: Uint8Array, end: number): Verdict {
  const message = parseMessage(bytes, end, tunnel.settings.secret);
  if (isMalformed(message)) {
    stop(core, tunnel, faultResult({ error: generalError.value, message: message.reason }));
    return message.reason;
  }
  count(core.received, message.type);
  if (tunnel.state === "closing" && message.name !== "StopCCN") return "closing";
  const { name, avps } = message;
  if (name === undefined) {
    if (!message.mandatory) return "unknown message";
    const unknown = { error: generalError.unknownMandatory, message: `message type ${message.type} unknown` };
    stop(core, tunnel, faultResult(unknown));
    return "unknown mandatory message";
  }
  if (name === "StopCCN") {
    peerStopped(core, tunnel, avps);
    return undefined;
  }
  const fault = end > longestMessage ? tooLong : faultOf(message);
  if (messageTable[name].scope === "tunnel") return receiveControl(core, tunnel, name, avps, fault);
  if (tunnel.state !== "established") return "call before tunnel";
  return receiveForCall(core, tunnel, sessionId, name, avps, fault);
}

const tooLong: Fault = { error: generalError.resources, message: `message of more than ${longestMessage} octets` };

const faultOf = ({ fault, sealed }: Message): Fault | undefined =>
  fault ??
  (sealed === "mandatory"
    ? { error: generalError.unknownMandatory, message: "hidden AVP, but there is no secret" }
    : undefined);

function receiveControl(
  core: Core,
  tunnel: Tunnel,
  name: MessageName,
  avps: AvpValues,
  fault: Fault | undefined,
): Verdict {
  if (fault) {
    stop(core, tunnel, faultResult(fault));
    return "message not acceptable";
  }
  if (name === "HELLO") return undefined;
  let event: ControlEvent = "SCCRQ";
  let refused = undefined as ReturnType<typeof unacceptable>;
  if (name === "SCCRP") {
    if (tunnel.state === "wait-ctl-reply") {
      learnPeer(tunnel, avps);
      refused = withoutTunnelId(avps) ?? unacceptable(avps, tunnel.settings) ?? unauthenticated(tunnel, name, avps);
    }
    event = refused ? "SCCRP-" : "SCCRP+";
  } else if (name === "SCCCN") {
    refused = tunnel.state === "wait-ctl-conn" ? unauthenticated(tunnel, name, avps) : undefined;
    event = refused ? "SCCCN-" : "SCCCN+";
  }
  const result = refused ?? { result: stopResult.stateMachineError, message: `${name} in ${tunnel.state}` };
  const served = stepTunnel(core, tunnel, event, { ended: { by: "local", ...result } });
  if (refused) return "message not acceptable";
  return served ? undefined : "unexpected message";
}

const withoutTunnelId = ({ assignedTunnelId }: AvpValues): Result | undefined =>
  assignedTunnelId === 0 ? faultResult({ error: generalError.value, message: "tunnel id 0" }) : undefined;

function receiveForCall(
  core: Core,
  tunnel: Tunnel,
  sessionId: number,
  name: MessageName,
  avps: AvpValues,
  fault: Fault | undefined,
): Verdict {
  const call = sessionId === 0 ? undefined : tunnel.calls.get(sessionId);
  if (name === "CDN") return disconnected(core, call ?? byPeerSession(tunnel, sessionId, avps), avps);
  if ((name === "ICRQ" || name === "OCRQ") && call === undefined) return callRequest(core, tunnel, name, avps, fault);
  if (call === undefined) return "unknown session";
  if (fault) {
    stepCall(core, call, "close", { ended: { by: "local", ...callFault(fault) } });
    return "message not acceptable";
  }
  if (name === "WEN") return wanErrorNotify(core, call, avps);
  if (name === "SLI") return notify(core, call, "lac", { type: "set-link-info", call: call.id, avps });
  if (name === "ICRP" || name === "OCRP") {
    const peerSessionId = avps.assignedSessionId!;
    if (call.peerSessionId === 0) {
      if (peerSessionId === 0 || tunnel.peerSessions.has(peerSessionId)) {
        stepCall(core, call, "close", { ended: { by: "local", ...wrongSession } });
        return peerSessionId === 0 ? "reply without session id" : "peer session id in use";
      }
      learnPeerSession(call, peerSessionId);
    }
  }
  const message = `${name} in ${call.state}`;
  const ended: Ended = { by: "local", result: callResult.generalError, error: generalError.vendorSpecific, message };
  const served = stepCall(core, call, name as Exclude<MessageName, TunnelMessage>, { avps, ended });
  return served ? undefined : "unexpected message";
}

type TunnelMessage = "SCCRQ" | "SCCRP" | "SCCCN" | "StopCCN" | "HELLO" | "WEN" | "SLI";

const wrongSession = { result: callResult.generalError, error: generalError.sessionId };

const callFault = ({ error, message }: Fault) => ({ result: callResult.generalError, error, message });

function callRequest(
  core: Core,
  tunnel: Tunnel,
  name: "ICRQ" | "OCRQ",
  avps: AvpValues,
  fault: Fault | undefined,
): Verdict {
  const peerSessionId = avps.assignedSessionId ?? 0;
  if (peerSessionId === 0) return "call request without session id";
  if (fault) {
    sendCdn(core, tunnel, 0, peerSessionId, callFault(fault));
    return "message not acceptable";
  }
  if (tunnel.peerSessions.has(peerSessionId)) {
    sendCdn(core, tunnel, 0, peerSessionId, wrongSession);
    return "peer session id in use";
  }
  const kind = name === "ICRQ" ? "incoming" : "outgoing";
  const call = createCall(core, tunnel, kind, "peer", peerSessionId, undefined);
  if (call === undefined) {
    sendCdn(core, tunnel, 0, peerSessionId, { result: callResult.noFacilitiesNow });
    return "call limit";
  }
  emit(core, { type: "call-request", call: call.id, kind, peerSessionId, avps });
  return undefined;
}

/** Whoever sends a CDN before it has seen our session id can only name its own. */
function byPeerSession(tunnel: Tunnel, sessionId: number, { assignedSessionId }: AvpValues): Call | undefined {
  return sessionId === 0 && assignedSessionId ? tunnel.peerSessions.get(assignedSessionId) : undefined;
}

function disconnected(core: Core, call: Call | undefined, { resultCode, q931CauseCode }: AvpValues): Verdict {
  if (call === undefined) return "unknown session";
  const { result = callResult.generalError, error, message } = resultCode ?? {};
  const ended: Ended = { by: "peer", result, error, message, cause: q931CauseCode };
  return stepCall(core, call, "CDN", { ended }) ? undefined : "unexpected message";
}

/** Its counters are cumulative: one that comes too soon says nothing that the next one will not (§6.13). */
function wanErrorNotify(core: Core, call: Call, avps: AvpValues): Verdict {
  if (call.wanErrorAt !== undefined && core.now - call.wanErrorAt < wanErrorInterval) return "WEN too soon";
  call.wanErrorAt = core.now;
  return notify(core, call, "lns", { type: "wan-error-notify", call: call.id, avps });
}

/** WEN goes to the LNS, SLI to the LAC; for anybody else they are noise. */
function notify(core: Core, call: Call, role: Call["role"], output: Parameters<typeof emit>[1]): Verdict {
  if (call.role !== role || call.state !== "established") return "unexpected message";
  emit(core, output);
  return undefined;
}
