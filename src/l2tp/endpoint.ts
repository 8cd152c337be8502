/** The L2TP endpoint of `types.ts`: commands in, messages and events out. */

import { cancel, popDue, schedule } from "../timers.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import { generalError, stopResult } from "../wire/l2tp2-result.js";
import { callTimedOut, createCall, stepCall } from "./call.js";
import type { CallEvent } from "./call-states.js";
import { type Call, type Core, countersOf, drop, isCall, sessionIdOf, type Tunnel, touch, tunnelIdOf } from "./core.js";
import { callInfo, tunnelInfo } from "./info.js";
import { countQueue, defaultLimits, hasRoom, longestBeforeNotice } from "./limits.js";
import { mayMove, tryAt } from "./moving.js";
import { receive } from "./receive.js";
import { acceptRequest } from "./request.js";
import { flush, send } from "./send.js";
import { resolveSettings } from "./settings.js";
import { restoreCore, snapshotOf } from "./snapshot.js";
import { suspectRetries } from "./stale.js";
import type { EndpointState } from "./state.js";
import { timeOut } from "./transport.js";
import { createTunnel, forget, stepTunnel } from "./tunnel.js";
import type { CallId, Ended, Endpoint, EndpointOptions, TunnelOpen } from "./types.js";

/** An endpoint without any control connection. */
export function createEndpoint(options: EndpointOptions): Endpoint {
  return endpointOf({
    options,
    limits: { ...defaultLimits, ...options.limits },
    now: 0,
    tunnels: new Map(),
    peers: new Map(),
    requests: new Map(),
    halfOpen: new Set(),
    timers: [],
    dirty: [],
    outputs: [],
    callSerialNumber: 1,
    calls: 0,
    queued: 0,
    received: [],
    transmitted: [],
    retransmissions: 0,
    refusals: { since: 0, count: 0 },
    drops: {},
  });
}

/** An endpoint that goes on where the one that `state` was taken of stood. `options` are not part of the state. */
export const restoreEndpoint = (state: EndpointState, options: EndpointOptions): Endpoint =>
  endpointOf(restoreCore(state, options, { ...defaultLimits, ...options.limits }));

function endpointOf(core: Core): Endpoint {
  const at = (now: number): void => {
    if (now > core.now) core.now = now;
  };
  const find = (call: CallId): Call | undefined => core.tunnels.get(tunnelIdOf(call))?.calls.get(sessionIdOf(call));
  const onCall = (id: CallId, event: CallEvent, context: { avps?: AvpValues; ended?: Ended }): boolean => {
    const call = find(id);
    return call !== undefined && stepCall(core, call, event, context);
  };
  const inform = (id: CallId, role: Call["role"], name: "WEN" | "SLI", avps: AvpValues): boolean => {
    const call = find(id);
    if (call === undefined || call.role !== role || call.state !== "established") return false;
    if (call.tunnel.transport.queue.length >= longestBeforeNotice) {
      drop(core, `${name} would wait too long`);
      return false;
    }
    send(core, call.tunnel, name, call.peerSessionId, avps);
    return true;
  };

  return {
    handle(datagram, now) {
      at(now);
      receive(core, datagram);
    },
    expire(now) {
      at(now);
      for (let due = popDue(core.timers, now); due; due = popDue(core.timers, now)) {
        if (isCall(due)) callTimedOut(core, due);
        else tunnelDue(core, due);
      }
    },
    // What waits for `take` has yet to be given its deadlines.
    deadline: () => (core.dirty.length > 0 || core.outputs.length > 0 ? core.now : core.timers[0]?.due),
    take() {
      flushAll(core);
      const { outputs } = core;
      core.outputs = [];
      return outputs;
    },
    openTunnel(open, now) {
      at(now);
      return openTunnel(core, open);
    },
    acceptTunnel(id, settings, now) {
      at(now);
      const tunnel = core.tunnels.get(id);
      if (tunnel === undefined || tunnel.state !== "idle" || tunnel.initiator) return false;
      acceptRequest(core, tunnel, settings);
      return true;
    },
    rejectTunnel(id, result, now) {
      at(now);
      const tunnel = core.tunnels.get(id);
      if (tunnel === undefined || tunnel.state !== "idle") return false;
      const ended: Ended = { by: "local", ...result };
      if (tunnel.peerTunnelId === 0) forget(core, tunnel, ended);
      else stepTunnel(core, tunnel, "reject", { ended });
      return true;
    },
    closeTunnel(id, result, now) {
      at(now);
      const tunnel = core.tunnels.get(id);
      return tunnel !== undefined && stepTunnel(core, tunnel, "close", { ended: { by: "local", ...result } });
    },
    openCall(id, kind, avps, now) {
      at(now);
      const tunnel = core.tunnels.get(id);
      if (tunnel === undefined || tunnel.state === "closing") return undefined;
      const call = createCall(core, tunnel, kind, "local", 0, avps);
      if (call && tunnel.state === "established") stepCall(core, call, "tunnel-open", {});
      return call?.id;
    },
    acceptCall(call, avps, now) {
      at(now);
      return onCall(call, "accept", { avps });
    },
    connectCall(call, avps, now) {
      at(now);
      return onCall(call, "connect", { avps });
    },
    closeCall(call, result, now) {
      at(now);
      return onCall(call, "close", { ended: { by: "local", ...result } });
    },
    notifyWanError(call, avps, now) {
      at(now);
      return inform(call, "lac", "WEN", avps);
    },
    setLinkInfo(call, avps, now) {
      at(now);
      return inform(call, "lns", "SLI", avps);
    },
    probe(id, remote, now) {
      at(now);
      const tunnel = core.tunnels.get(id);
      if (tunnel === undefined || !mayMove(core, tunnel, remote)) return false;
      if (remote !== tunnel.remote) tryAt(core, tunnel, remote);
      return true;
    },
    delivery(id) {
      const transport = core.tunnels.get(id)?.transport;
      if (transport === undefined) return undefined;
      const { acknowledged, queue } = transport;
      return { queued: acknowledged + queue.length, acknowledged };
    },
    tunnel(id) {
      const tunnel = core.tunnels.get(id);
      return tunnel && tunnelInfo(tunnel);
    },
    call(id) {
      const call = find(id);
      return call && callInfo(call);
    },
    tunnels: () => Array.from(core.tunnels.values(), tunnelInfo),
    calls: (id) => Array.from(core.tunnels.get(id)?.calls.values() ?? [], callInfo),
    drops: () => ({ ...core.drops }),
    counters: () => countersOf(core),
    population: () => ({ tunnels: core.tunnels.size, halfOpen: core.halfOpen.size, calls: core.calls }),
    snapshot: () => snapshotOf(core),
  };
}

function openTunnel(core: Core, open: TunnelOpen): number | undefined {
  if (!hasRoom(core, open.remote)) return undefined;
  const tunnel = createTunnel(core, {
    port: open.port,
    local: open.local,
    remote: open.remote,
    initiator: true,
    settings: resolveSettings(open, core.options),
    peerTunnelId: 0,
    peer: undefined,
    tieBreaker: open.avps?.tieBreaker,
  });
  stepTunnel(core, tunnel, "open", { avps: open.avps });
  return tunnel.id;
}

const timedOut: Ended = { by: "timeout", result: stopResult.generalError, error: generalError.vendorSpecific };

/** Whatever is due of a tunnel's timers: retransmission, set-up, HELLO, the end of lingering. Acknowledgements go by `flush`. */
function tunnelDue(core: Core, tunnel: Tunnel): void {
  const { now } = core;
  const { transport, settings } = tunnel;
  touch(core, tunnel);
  const maxRetries = tunnel.suspect ? Math.min(settings.maxRetries, suspectRetries) : settings.maxRetries;
  if (timeOut(transport, { ...settings, maxRetries }, now) === "dead") {
    drop(core, "peer does not answer");
    const message = tunnel.suspect ? "peer restarted" : "peer does not answer";
    forget(core, tunnel, { ...timedOut, by: tunnel.suspect ? "peer-restarted" : "timeout", message });
    return;
  }
  if (tunnel.setupAt !== undefined && tunnel.setupAt <= now) {
    drop(core, "tunnel set-up timed out");
    const ended = { ...timedOut, message: "tunnel set-up timed out" };
    // A peer that has proven nothing may be a forgery, or a late copy of the SCCRQ of an established tunnel of this peer.
    if (tunnel.initiator) stepTunnel(core, tunnel, "close", { ended });
    else forget(core, tunnel, ended);
    return;
  }
  const helloAt = helloDue(tunnel);
  if (helloAt !== undefined && helloAt <= now) send(core, tunnel, "HELLO", 0, {});
}

/** When a HELLO is due (§5.5): nothing heard for the interval, and nothing on its way that would be acknowledged. */
function helloDue({ state, settings, transport, heardAt }: Tunnel): number | undefined {
  if (state !== "established" || settings.helloInterval === 0 || transport.queue.length > 0) return undefined;
  return heardAt + settings.helloInterval;
}

/** Lets out what every touched tunnel may send, and sets its deadline. */
function flushAll(core: Core): void {
  if (core.dirty.length === 0) return;
  const { dirty } = core;
  core.dirty = [];
  for (const tunnel of dirty) {
    tunnel.dirty = false;
    if (core.tunnels.get(tunnel.id) !== tunnel) continue;
    flush(core, tunnel);
    countQueue(core, tunnel, tunnel.transport.queue.length);
    const done = tunnel.state === "closing" && tunnel.transport.queue.length === 0;
    if (done && (tunnel.lingerAt === undefined || tunnel.lingerAt <= core.now)) forget(core, tunnel, timedOut);
    else rearm(core, tunnel);
  }
  core.dirty = core.dirty.filter((tunnel) => core.tunnels.get(tunnel.id) === tunnel);
}

function rearm(core: Core, tunnel: Tunnel): void {
  const { transport } = tunnel;
  let due = helloDue(tunnel) ?? Number.POSITIVE_INFINITY;
  if (transport.retransmitAt !== undefined && transport.retransmitAt < due) due = transport.retransmitAt;
  if (transport.ackAt !== undefined && transport.ackAt < due && tunnel.peerTunnelId !== 0) due = transport.ackAt;
  if (tunnel.setupAt !== undefined && tunnel.setupAt < due) due = tunnel.setupAt;
  if (tunnel.lingerAt !== undefined && tunnel.lingerAt < due) due = tunnel.lingerAt;
  if (due === Number.POSITIVE_INFINITY) cancel(core.timers, tunnel);
  else if (tunnel.slot < 0 || tunnel.due !== due) schedule(core.timers, tunnel, due);
}
