/** Calls: what their state table's actions do. */

import { cancel, schedule } from "../timers.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import { callResult, generalError, stopResult } from "../wire/l2tp2-result.js";
import { type CallAction, type CallEvent, callTransitions } from "./call-states.js";
import { type Call, type Core, callIdOf, drop, emit, sessionIdOf, type Tunnel } from "./core.js";
import { send } from "./send.js";
import type { Ended, Result } from "./types.js";

/** What an action may need: the AVPs to send or report, or how the call ends. */
export interface CallContext {
  readonly avps?: AvpValues | undefined;
  readonly ended?: Ended | undefined;
}

/** An incoming call is one that the LAC received; who asks for it by message is the LAC. An outgoing one, the LNS. */
export function createCall(
  core: Core,
  tunnel: Tunnel,
  kind: Call["kind"],
  by: "local" | "peer",
  peerSessionId: number,
  request: AvpValues | undefined,
): Call | undefined {
  if (tunnel.calls.size >= core.limits.callsPerTunnel) return undefined;
  const sessionId = freeSessionId(tunnel);
  if (sessionId === undefined) return undefined;
  const call: Call = {
    due: 0,
    slot: -1,
    id: callIdOf(tunnel.id, sessionId),
    tunnel,
    peerSessionId: 0,
    kind,
    role: (kind === "incoming") === (by === "local") ? "lac" : "lns",
    state: by === "local" ? "wait-tunnel" : "idle",
    request,
    wanErrorAt: undefined,
  };
  tunnel.calls.set(sessionId, call);
  if (peerSessionId !== 0) learnPeerSession(call, peerSessionId);
  core.calls++;
  schedule(core.timers, call, core.now + core.limits.setupTimeout);
  return call;
}

/** The id must not be that of another call in the tunnel. */
export function learnPeerSession(call: Call, peerSessionId: number): void {
  call.peerSessionId = peerSessionId;
  call.tunnel.peerSessions.set(peerSessionId, call);
}

/** A peer that holds nearly all ids cannot have us go through all of them with each call. */
const mostTries = 4096;

/** Ids come round as late as possible: a message for a call that has ended must not meet a new one. */
function freeSessionId(tunnel: Tunnel): number | undefined {
  for (let tries = 0; tries < mostTries; tries++) {
    const id = tunnel.nextSessionId;
    tunnel.nextSessionId = id === 0xffff ? 1 : id + 1;
    if (!tunnel.calls.has(id)) return id;
  }
  return undefined;
}

/** Runs the cell of the table for this event; false if there is none. */
export function stepCall(core: Core, call: Call, event: CallEvent, context: CallContext): boolean {
  const cell = callTransitions[call.kind][call.role][call.state]?.[event];
  if (cell === undefined) return false;
  const [actions, next] = cell;
  for (const action of actions) act[action](core, call, context);
  call.state = next;
  if (next === "established") cancel(core.timers, call);
  return true;
}

type Act = (core: Core, call: Call, context: CallContext) => void;

const answer =
  (name: "ICRP" | "OCRP"): Act =>
  (core, call, { avps }) =>
    send(core, call.tunnel, name, call.peerSessionId, { ...avps, assignedSessionId: sessionIdOf(call.id) });

const connected =
  (name: "ICCN" | "OCCN"): Act =>
  (core, call, { avps }) =>
    send(core, call.tunnel, name, call.peerSessionId, { ...connectDefaults, ...avps });

/** What the RFC requires in ICCN and OCCN, and in OCRQ, when the caller says nothing. */
const connectDefaults = { txConnectSpeed: 1_000_000_000, framingType: 1 };
const outgoingDefaults = { minimumBps: 0, maximumBps: 0xffffffff, bearerType: 1, framingType: 1, calledNumber: "" };

const act: Record<CallAction, Act> = {
  "send-ICRQ": (core, call) => request(core, call, "ICRQ", {}),
  "send-OCRQ": (core, call) => request(core, call, "OCRQ", outgoingDefaults),
  "send-ICRP": answer("ICRP"),
  "send-OCRP": answer("OCRP"),
  "send-ICCN": connected("ICCN"),
  "send-OCCN": connected("OCCN"),
  "send-CDN": (core, call, { ended }) => sendCdn(core, call.tunnel, sessionIdOf(call.id), call.peerSessionId, ended!),
  "call-accepted": (core, call, { avps = {} }) => {
    emit(core, { type: "call-accepted", call: call.id, peerSessionId: call.peerSessionId, avps });
  },
  "call-up": (core, call, { avps = {} }) => {
    emit(core, { type: "call-up", call: call.id, avps: call.role === "lns" ? avps : {} });
  },
  "clean-up": (core, call, { ended }) => dropCall(core, call, ended!, false),
};

function request(core: Core, call: Call, name: "ICRQ" | "OCRQ", defaults: AvpValues): void {
  const callSerialNumber = core.callSerialNumber;
  core.callSerialNumber = (callSerialNumber + 1) >>> 0;
  const avps = { callSerialNumber, ...defaults, ...call.request, assignedSessionId: sessionIdOf(call.id) };
  call.request = undefined;
  send(core, call.tunnel, name, 0, avps);
}

/** `sessionId` is ours, for the peer that does not know it yet; `peerSessionId` zero if we do not know the peer's. */
export function sendCdn(core: Core, tunnel: Tunnel, sessionId: number, peerSessionId: number, ended: Result): void {
  send(core, tunnel, "CDN", peerSessionId, {
    resultCode: { result: ended.result, error: ended.error, message: ended.message },
    assignedSessionId: sessionId,
    q931CauseCode: ended.cause,
  });
}

/** The call is gone, without a word to the peer. */
function dropCall(core: Core, call: Call, ended: Ended, withTunnel: boolean): void {
  cancel(core.timers, call);
  if (call.tunnel.calls.delete(sessionIdOf(call.id))) core.calls--;
  if (call.peerSessionId !== 0) call.tunnel.peerSessions.delete(call.peerSessionId);
  emit(core, { type: "call-down", call: call.id, ended, withTunnel });
}

/** The calls of a control connection end with it. */
export function dropCalls(core: Core, tunnel: Tunnel, ended: Ended): void {
  if (tunnel.calls.size === 0) return;
  const byTunnel = callEnded(ended);
  for (const call of tunnel.calls.values()) dropCall(core, call, byTunnel, true);
}

/** What a StopCCN means for the calls in it, as the CDN that could be passed on. */
const callEnded = ({ by, result, error, message }: Ended): Ended =>
  result === stopResult.shuttingDown
    ? { by, result: callResult.administrative, message }
    : { by, result: callResult.generalError, error: error ?? generalError.noControlConnection, message };

/** The call was not established in time. */
export function callTimedOut(core: Core, call: Call): void {
  const ended: Ended =
    call.role === "lac"
      ? { by: "timeout", result: callResult.timeout }
      : {
          by: "timeout",
          result: callResult.generalError,
          error: generalError.vendorSpecific,
          message: "call set-up timed out",
        };
  drop(core, "call set-up timed out");
  stepCall(core, call, "close", { ended });
}
