/** Bounds on state. `halfOpen` counts control connections whose peer has proven nothing yet. */
import type { Core, Peer, Tunnel } from "./core.js";
import type { Limits } from "./types.js";

export const defaultLimits: Limits = {
  tunnels: 60_000,
  tunnelsPerPeer: 8192,
  halfOpen: 1000,
  halfOpenPerPeer: 256,
  setupTimeout: 30_000,
  callsPerTunnel: 65_535,
  queued: 1 << 20,
};

/**
 * With so many messages waiting for a peer's acknowledgement, only what acknowledges some is listened to. More than opening
 * and answering every call of a tunnel at once takes.
 */
const longestQueue = 2 * 0xffff;

/** Beyond so many messages that wait, a WEN or SLI would only hold up others: it is dropped. */
export const longestBeforeNotice = 64;

/** The least time between two WENs of a call, milliseconds: half of the 60 s that the RFC asks for (§6.13). */
export const wanErrorInterval = 30_000;

/** Once `limits.queued` wait in all tunnels together, one's queue may be no longer. */
const longQueue = 4096;

/** Whether too much waits for this peer's acknowledgement to take on anything else. */
export const isOverdue = (core: Core, { transport: { queue } }: Tunnel): boolean =>
  queue.length >= longestQueue || (core.queued >= core.limits.queued && queue.length >= longQueue);

/** Keeps the sum of all queues. */
export function countQueue(core: Core, tunnel: Tunnel, length: number): void {
  core.queued += length - tunnel.queued;
  tunnel.queued = length;
}

/**
 * Octets of a control message; far more than any needs. What a request says is kept for a while, also of those who have proven
 * nothing, hence a longer SCCRQ is not read and a longer message in a tunnel ends what it is about.
 */
export const longestMessage = 4096;

/** Messages that are kept until their turn from a peer that has proven nothing yet. */
export const earlyUnproven = 4;

/** SCCRQs refused by a StopCCN in a second: whoever forges their source must not find an amplifier. */
const refusalsPerSecond = 200;

/** Whether another SCCRQ may be answered by a refusal now. */
export function mayRefuse({ refusals, now }: Core): boolean {
  if (now - refusals.since >= 1000) {
    refusals.since = now;
    refusals.count = 0;
  }
  return refusals.count++ < refusalsPerSecond;
}

/** `192.0.2.1:1701` → `192.0.2.1`; `[2001:db8::1]:1701` → `[2001:db8::1]`. */
export const addressOf = (remote: string): string => remote.slice(0, remote.lastIndexOf(":"));

export function join(core: Core, tunnel: Tunnel): void {
  const address = addressOf(tunnel.remote);
  let peer = core.peers.get(address);
  if (peer === undefined) {
    peer = { tunnels: new Set(), halfOpen: new Set(), opening: new Set() };
    core.peers.set(address, peer);
  }
  peer.tunnels.add(tunnel);
  if (tunnel.proven) return;
  if (tunnel.initiator) peer.opening.add(tunnel);
  else {
    peer.halfOpen.add(tunnel);
    core.halfOpen.add(tunnel);
  }
}

export function leave(core: Core, tunnel: Tunnel): void {
  const address = addressOf(tunnel.remote);
  const peer = core.peers.get(address);
  peer?.tunnels.delete(tunnel);
  settle(core, peer, tunnel);
  if (peer?.tunnels.size === 0) core.peers.delete(address);
}

/** The peer has proven that it is there. */
export function prove(core: Core, tunnel: Tunnel): void {
  tunnel.proven = true;
  settle(core, peerOf(core, tunnel.remote), tunnel);
}

function settle(core: Core, peer: Peer | undefined, tunnel: Tunnel): void {
  core.halfOpen.delete(tunnel);
  peer?.halfOpen.delete(tunnel);
  peer?.opening.delete(tunnel);
}

export const peerOf = (core: Core, remote: string): Peer | undefined => core.peers.get(addressOf(remote));

/** Whether there is room for one more tunnel with this peer. */
export const hasRoom = (core: Core, remote: string): boolean =>
  core.tunnels.size < core.limits.tunnels && (peerOf(core, remote)?.tunnels.size ?? 0) < core.limits.tunnelsPerPeer;

/** A peer that is there needs no longer to answer, milliseconds; a half-open tunnel of its that is older gives way. */
const patience = 1000;

/**
 * What a new half-open tunnel with this peer costs: nothing, the oldest one, or too much. In all, the oldest gives way at
 * once: a forger cannot answer within a round trip, so whoever can still gets through. One peer that opens many at a time
 * has to wait for its own instead; it will repeat its SCCRQ.
 */
export function roomForHalfOpen(core: Core, remote: string): "room" | "full" | Tunnel {
  const ofPeer = peerOf(core, remote)?.halfOpen;
  if (ofPeer && ofPeer.size >= core.limits.halfOpenPerPeer) {
    const oldest = ofPeer.values().next().value;
    return oldest && core.now - oldest.openedAt >= patience ? oldest : "full";
  }
  if (core.halfOpen.size >= core.limits.halfOpen) return core.halfOpen.values().next().value ?? "full";
  return "room";
}
