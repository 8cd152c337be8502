/** From what the gateway and the data plane know to what the API shows. */
import type { ChannelState } from "../dataplane/attributes.js";
import type { GatewayEvent, SessionFacts, SessionView, TunnelFacts, TunnelView } from "../gateway/types.js";
import type { CallId, Ended } from "../l2tp/types.js";
import { sessionName } from "./names.js";
import type { Channel, EndedJson, Event, Session, Tunnel } from "./schemas.js";

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** The peer's other AVPs stay behind: they may carry what the peer hid. */
export const tunnelFactsJson = (view: TunnelFacts): Omit<Tunnel, "counters"> => ({
  tunnel: view.tunnel,
  peerTunnelId: view.peerTunnelId,
  side: view.side,
  state: view.state,
  initiator: view.initiator,
  local: view.local ?? null,
  remote: view.remote,
  hostName: view.peer?.hostName ?? null,
  vendorName: view.peer?.vendorName ?? null,
  firmwareRevision: view.peer?.firmwareRevision ?? null,
  sessions: view.calls,
  since: iso(view.since),
  transport: view.transport,
});

export const tunnelJson = (view: TunnelView): Tunnel => ({ ...tunnelFactsJson(view), counters: view.counters });

export const sessionFactsJson = (view: SessionFacts): Omit<Session, "counters"> => ({
  session: sessionName(view.call),
  tunnel: view.tunnel,
  sessionId: view.sessionId,
  peerSessionId: view.peerSessionId,
  side: view.side,
  kind: view.kind,
  role: view.role,
  state: view.state,
  channel: view.channel ?? null,
  bridgedWith: view.bridgedWith === undefined ? null : sessionName(view.bridgedWith),
  callingNumber: view.callingNumber ?? null,
  calledNumber: view.calledNumber ?? null,
  userName: view.userName ?? null,
  fate: view.fate ?? null,
  address: view.address ?? null,
  prefix: view.prefix ?? null,
  delegated: view.delegated ?? null,
  since: iso(view.since),
});

export const sessionJson = (view: SessionView): Session => ({ ...sessionFactsJson(view), counters: view.counters });

/** `call`: whose frames it carries. */
export const channelJson = (state: ChannelState, call: CallId | undefined): Channel => ({
  channel: state.channel,
  session: call === undefined ? null : sessionName(call),
  bridgedWith: state.bridgedWith ?? null,
  unit: state.unit ?? null,
});

const endedJson = (ended: Ended): EndedJson => ({
  by: ended.by,
  result: ended.result,
  error: ended.error ?? null,
  message: ended.message ?? null,
  cause:
    ended.cause === undefined
      ? null
      : { code: ended.cause.code, message: ended.cause.message, advisory: ended.cause.advisory ?? null },
});

export function eventJson(gatewayEvent: GatewayEvent, id: number, now: number): Event {
  const head = { id, time: iso(now) };
  switch (gatewayEvent.type) {
    case "tunnel-down":
      return { ...head, ...gatewayEvent, ended: endedJson(gatewayEvent.ended) };
    case "session-up": {
      const { type, call, side } = gatewayEvent;
      return { ...head, type, session: sessionName(call), side };
    }
    case "session-down": {
      const { type, call, side, ended } = gatewayEvent;
      return { ...head, type, session: sessionName(call), side, ended: endedJson(ended) };
    }
    case "bridged":
    case "unbridged": {
      const { type, call, with: other } = gatewayEvent;
      return { ...head, type, session: sessionName(call), with: sessionName(other) };
    }
    case "forward-failed": {
      const { type, call, lns, ended } = gatewayEvent;
      return { ...head, type, session: sessionName(call), lns, ended: endedJson(ended) };
    }
    case "subscriber-up": {
      const { type, call, user, address = null, prefix = null, delegated = null } = gatewayEvent;
      return { ...head, type, session: sessionName(call), user, address, prefix, delegated };
    }
    case "subscriber-down":
      return { ...head, ...gatewayEvent, address: gatewayEvent.address ?? null };
    default:
      return { ...head, ...gatewayEvent };
  }
}
