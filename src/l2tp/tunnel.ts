/** Control connections: what their state table's actions do (RFC 2661 §5.1, §5.7, §7.2). */

import { cancel } from "../timers.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import { bearer, framing } from "../wire/l2tp2-avp.js";
import { generalError, stopResult } from "../wire/l2tp2-result.js";
import { challengeLength, challengeResponse, isResponse } from "./authentication.js";
import { dropCalls, stepCall } from "./call.js";
import { type ControlAction, type ControlEvent, controlTransitions } from "./control-connection.js";
import { type Core, emit, type Tunnel, touch } from "./core.js";
import { countQueue, join, leave, prove } from "./limits.js";
import { send } from "./send.js";
import type { Settings } from "./settings.js";
import { suspectOthers } from "./stale.js";
import { abandon, createTransport, fullRetransmission, setPeerWindow } from "./transport.js";
import type { Ended, PeerInfo, Result } from "./types.js";

/** What an action may need. */
export interface TunnelContext {
  readonly avps?: AvpValues | undefined;
  readonly ended?: Ended | undefined;
}

export interface TunnelOrigin {
  readonly port: number;
  readonly local: string | undefined;
  readonly remote: string;
  readonly initiator: boolean;
  readonly settings: Settings;
  readonly peerTunnelId: number;
  readonly peer: PeerInfo | undefined;
  readonly requestKey?: string | undefined;
  readonly request?: Uint8Array | undefined;
  readonly tieBreaker?: Uint8Array | undefined;
}

/** A control connection in `idle`; the caller has seen that there is room. */
export function createTunnel(core: Core, origin: TunnelOrigin): Tunnel {
  const tunnel: Tunnel = {
    due: 0,
    slot: -1,
    id: freeTunnelId(core),
    peerTunnelId: origin.peerTunnelId,
    port: origin.port,
    local: origin.local,
    remote: origin.remote,
    state: "idle",
    initiator: origin.initiator,
    proven: false,
    announced: origin.initiator,
    settings: origin.settings,
    transport: createTransport(origin.settings),
    calls: new Map(),
    peerSessions: new Map(),
    nextSessionId: randomId(core),
    peer: origin.peer,
    challenge: undefined,
    peerChallenge: origin.peer?.avps.challenge,
    tieBreaker: origin.tieBreaker,
    requestKey: origin.requestKey,
    request: origin.request,
    openedAt: core.now,
    establishedAt: undefined,
    heardAt: core.now,
    setupAt: core.now + core.limits.setupTimeout,
    lingerAt: undefined,
    probing: undefined,
    suspect: false,
    queued: 0,
    dirty: false,
  };
  core.tunnels.set(tunnel.id, tunnel);
  if (tunnel.requestKey !== undefined) {
    const older = core.requests.get(tunnel.requestKey);
    if (older) older.requestKey = undefined;
    core.requests.set(tunnel.requestKey, tunnel);
  }
  join(core, tunnel);
  touch(core, tunnel);
  return tunnel;
}

function randomId(core: Core): number {
  const [high, low] = core.options.random(2);
  return (high! << 8) | low! || 1;
}

function freeTunnelId(core: Core): number {
  let id = randomId(core);
  while (core.tunnels.has(id)) id = id === 0xffff ? 1 : id + 1;
  return id;
}

/** Runs the cell of the table for this event; false if there is none. */
export function stepTunnel(core: Core, tunnel: Tunnel, event: ControlEvent, context: TunnelContext): boolean {
  const cell = controlTransitions[tunnel.state][event];
  if (cell === undefined) return false;
  const [actions, next] = cell;
  tunnel.state = next;
  for (const action of actions) act[action](core, tunnel, context);
  return true;
}

type Act = (core: Core, tunnel: Tunnel, context: TunnelContext) => void;

const act: Record<ControlAction, Act> = {
  "send-SCCRQ": (core, tunnel, { avps }) => {
    send(core, tunnel, "SCCRQ", 0, { ...introduction(core, tunnel), ...avps, assignedTunnelId: tunnel.id });
  },
  "send-SCCRP": (core, tunnel, { avps }) => {
    const answer = response(tunnel, "SCCRP");
    send(core, tunnel, "SCCRP", 0, { ...introduction(core, tunnel), ...avps, ...answer, assignedTunnelId: tunnel.id });
  },
  "send-SCCCN": (core, tunnel) => send(core, tunnel, "SCCCN", 0, response(tunnel, "SCCCN")),
  "send-StopCCN": (core, tunnel, { ended }) => {
    // What has not been sent by now would only delay the end.
    tunnel.transport.queue.length = tunnel.transport.sent;
    send(core, tunnel, "StopCCN", 0, stopAvps(tunnel.id, ended!));
  },
  "tunnel-open": (core, tunnel) => {
    if (!tunnel.proven) prove(core, tunnel);
    tunnel.establishedAt = core.now;
    tunnel.setupAt = undefined;
    tunnel.challenge = undefined;
    tunnel.peerChallenge = undefined;
    const peer = tunnel.peer!;
    emit(core, { type: "tunnel-up", tunnel: tunnel.id, peerTunnelId: tunnel.peerTunnelId, peer });
    suspectOthers(core, tunnel, (stale) => forget(core, stale, restarted));
    for (const call of tunnel.calls.values()) stepCall(core, call, "tunnel-open", {});
  },
  "clean-up": (core, tunnel, { ended }) => {
    if (tunnel.state === "closing") report(core, tunnel, ended!);
    else forget(core, tunnel, ended!);
  },
};

const restarted: Ended = {
  by: "peer-restarted",
  result: stopResult.generalError,
  error: generalError.noControlConnection,
  message: "peer restarted",
};

export const stopAvps = (tunnelId: number, { result, error, message }: Result): AvpValues => ({
  assignedTunnelId: tunnelId,
  resultCode: { result, error, message },
});

/** What SCCRQ and SCCRP say of us; a challenge is drawn with it. */
function introduction(core: Core, tunnel: Tunnel): AvpValues {
  const { settings } = tunnel;
  tunnel.challenge = settings.challenge ? core.options.random(challengeLength) : undefined;
  return {
    protocolVersion: { version: 1, revision: 0 },
    hostName: settings.hostName,
    framingCapabilities: framing.synchronous | framing.asynchronous,
    bearerCapabilities: core.options.bearerCapabilities ?? bearer.digital | bearer.analog,
    receiveWindowSize: settings.receiveWindow,
    challenge: tunnel.challenge,
    firmwareRevision: core.options.firmwareRevision,
    vendorName: core.options.vendorName,
  };
}

const response = ({ peerChallenge, settings }: Tunnel, message: "SCCRP" | "SCCCN"): AvpValues =>
  peerChallenge && settings.secret
    ? { challengeResponse: challengeResponse(message, settings.secret, peerChallenge) }
    : {};

const protocolVersion = 1;

/** Whether SCCRQ or SCCRP speaks our protocol, and whether we can answer its challenge. */
export function unacceptable(avps: AvpValues, settings: Settings | undefined): Result | undefined {
  if (avps.protocolVersion?.version !== protocolVersion) {
    // §4.4.2: the error code says the highest version that we support.
    return { result: stopResult.versionNotSupported, error: (protocolVersion << 8) | 0 };
  }
  if (settings && avps.challenge && settings.secret === undefined) {
    return { result: stopResult.notAuthorized, message: "challenged, but there is no secret for this peer" };
  }
  return undefined;
}

/** Whether SCCRP or SCCCN answers our challenge. */
export function unauthenticated(tunnel: Tunnel, message: "SCCRP" | "SCCCN", avps: AvpValues): Result | undefined {
  const { challenge, settings } = tunnel;
  if (challenge === undefined || settings.secret === undefined) return undefined;
  if (isResponse(message, settings.secret, challenge, avps.challengeResponse)) return undefined;
  return { result: stopResult.notAuthorized, message: "challenge response does not match" };
}

export const peerInfo = (remote: string, avps: AvpValues): PeerInfo => ({
  remote,
  hostName: avps.hostName ?? "",
  vendorName: avps.vendorName,
  firmwareRevision: avps.firmwareRevision,
  avps,
});

/** Takes over what SCCRQ or SCCRP says of the peer. */
export function learnPeer(tunnel: Tunnel, avps: AvpValues): void {
  tunnel.peerTunnelId = avps.assignedTunnelId ?? 0;
  tunnel.peer = peerInfo(tunnel.remote, avps);
  tunnel.peerChallenge = avps.challenge;
  if (avps.receiveWindowSize !== undefined) setPeerWindow(tunnel.transport, avps.receiveWindowSize);
}

/** Calls and connection are over for the caller; messages may still have to be delivered or acknowledged. */
function report(core: Core, tunnel: Tunnel, ended: Ended): void {
  dropCalls(core, tunnel, ended);
  if (tunnel.announced) emit(core, { type: "tunnel-down", tunnel: tunnel.id, ended });
  tunnel.announced = false;
  tunnel.setupAt = undefined;
  tunnel.request = undefined;
  tunnel.probing = undefined;
  tunnel.transport.early = undefined;
  touch(core, tunnel);
}

/** Removes the tunnel without a word to the peer. */
export function forget(core: Core, tunnel: Tunnel, ended: Ended): void {
  report(core, tunnel, ended);
  cancel(core.timers, tunnel);
  core.tunnels.delete(tunnel.id);
  countQueue(core, tunnel, 0);
  leave(core, tunnel);
  if (tunnel.requestKey !== undefined) core.requests.delete(tunnel.requestKey);
}

/** The peer has ended the connection: acknowledges that for as long as it may repeat it (§5.7). */
export function peerStopped(core: Core, tunnel: Tunnel, avps: AvpValues): void {
  const { result = stopResult.clear, error, message } = avps.resultCode ?? {};
  abandon(tunnel.transport);
  if (tunnel.peerTunnelId === 0) tunnel.peerTunnelId = avps.assignedTunnelId ?? 0;
  tunnel.lingerAt = core.now + fullRetransmission(tunnel.settings);
  stepTunnel(core, tunnel, "StopCCN", { ended: { by: "peer", result, error, message } });
}

/** Ends the connection by a StopCCN of our own. */
export function stop(core: Core, tunnel: Tunnel, result: Result): void {
  stepTunnel(core, tunnel, "close", { ended: { by: "local", ...result } });
}
