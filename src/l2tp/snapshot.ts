/** Taking an endpoint's state as a value, and going on from it. */
import { type Call, type Core, isCall, sessionIdOf, type Tunnel, tunnelIdOf } from "./core.js";
import { join } from "./limits.js";
import type { EndpointState, TunnelSnapshot } from "./state.js";
import type { EndpointOptions, Limits } from "./types.js";

export function snapshotOf(core: Core): EndpointState {
  const { now, outputs, callSerialNumber, received, transmitted, retransmissions, refusals, drops } = core;
  return structuredClone({
    version: 1,
    now,
    callSerialNumber,
    received,
    transmitted,
    retransmissions,
    refusals,
    drops,
    outputs: outputs.map((output) => (output.type === "send" ? { ...output, bytes: output.bytes.slice() } : output)),
    tunnels: Array.from(core.tunnels.values(), tunnelSnapshot),
    dirty: core.dirty.map(({ id }) => id),
    timers: core.timers.map((item) => (isCall(item) ? item.id : -item.id)),
  });
}

/** Messages are cut from slabs, which a structured clone would copy whole. */
const tunnelSnapshot = ({ slot, dirty, calls, peerSessions, transport, ...tunnel }: Tunnel): TunnelSnapshot => ({
  ...tunnel,
  transport: { ...transport, queue: transport.queue.map((bytes) => bytes.slice()) },
  calls: Array.from(calls.values(), ({ slot, tunnel, ...call }) => call),
});

export function restoreCore(state: EndpointState, options: EndpointOptions, limits: Limits): Core {
  const { version, tunnels, dirty, timers, ...plain } = structuredClone(state);
  const core: Core = {
    ...plain,
    options,
    limits,
    tunnels: new Map(),
    peers: new Map(),
    requests: new Map(),
    halfOpen: new Set(),
    timers: [],
    dirty: [],
    calls: 0,
    queued: 0,
  };
  for (const snapshot of tunnels) restoreTunnel(core, snapshot);
  for (const id of timers) {
    const item = id < 0 ? core.tunnels.get(-id)! : core.tunnels.get(tunnelIdOf(id))!.calls.get(sessionIdOf(id))!;
    item.slot = core.timers.push(item) - 1;
  }
  for (const id of dirty) {
    const tunnel = core.tunnels.get(id);
    if (tunnel === undefined) continue;
    tunnel.dirty = true;
    core.dirty.push(tunnel);
  }
  return core;
}

function restoreTunnel(core: Core, { calls, ...snapshot }: TunnelSnapshot): void {
  const tunnel: Tunnel = { ...snapshot, slot: -1, dirty: false, calls: new Map(), peerSessions: new Map() };
  for (const each of calls) {
    const call: Call = { ...each, slot: -1, tunnel };
    tunnel.calls.set(sessionIdOf(call.id), call);
    if (call.peerSessionId !== 0) tunnel.peerSessions.set(call.peerSessionId, call);
  }
  core.calls += calls.length;
  core.queued += tunnel.queued;
  core.tunnels.set(tunnel.id, tunnel);
  if (tunnel.requestKey !== undefined) core.requests.set(tunnel.requestKey, tunnel);
  join(core, tunnel);
}
