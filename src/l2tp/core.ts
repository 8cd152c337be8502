/** What an endpoint consists of; the other modules are functions over it. */

import type { Timed, Timers } from "../timers.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import type { MessageName } from "../wire/l2tp2-message.js";
import { messageNames, messageTable } from "../wire/l2tp2-message.js";
import type { CallState } from "./call-states.js";
import type { ControlState } from "./control-connection.js";
import type { Settings } from "./settings.js";
import type { Transport } from "./transport.js";
import type { CallId, EndpointOptions, Limits, Output, PeerInfo, TunnelId } from "./types.js";

export interface Tunnel extends Timed {
  readonly id: TunnelId;
  /** Zero while the peer's is hidden or not known yet. */
  peerTunnelId: number;
  readonly port: number;
  readonly local: string | undefined;
  remote: string;
  state: ControlState;
  readonly initiator: boolean;
  /** The peer has answered something that only it could have seen. Until then the tunnel counts as half open. */
  proven: boolean;
  /** Policy has agreed, or asked for it: a `tunnel-down` is owed. */
  announced: boolean;
  settings: Settings;
  readonly transport: Transport;
  readonly calls: Map<number, Call>;
  /** Those whose peer session id is known, by it. */
  readonly peerSessions: Map<number, Call>;
  nextSessionId: number;
  peer: PeerInfo | undefined;
  /** Our challenge, and the peer's; both forgotten once established. */
  challenge: Uint8Array | undefined;
  peerChallenge: Uint8Array | undefined;
  readonly tieBreaker: Uint8Array | undefined;
  /** Under which retransmissions of the peer's SCCRQ find this tunnel; undefined once they find a newer one. */
  requestKey: string | undefined;
  /** The SCCRQ itself, while its hidden AVPs wait for the secret. */
  request: Uint8Array | undefined;
  readonly openedAt: number;
  establishedAt: number | undefined;
  heardAt: number;
  setupAt: number | undefined;
  /** Closing: until when the peer's StopCCN is acknowledged again. */
  lingerAt: number | undefined;
  /** Where the peer is tried as well, because something came from there. */
  probing: string | undefined;
  /** The peer has opened a new tunnel and this one is being tried by a HELLO. */
  suspect: boolean;
  /** Length of the send queue as it is counted in the sum of all. */
  queued: number;
  /** Has something to send, or deadlines to set, in the next `take`. */
  dirty: boolean;
}

export interface Call extends Timed {
  readonly id: CallId;
  readonly tunnel: Tunnel;
  peerSessionId: number;
  readonly kind: "incoming" | "outgoing";
  readonly role: "lac" | "lns";
  state: CallState;
  /** AVPs of the request, while it waits for the tunnel. */
  request: AvpValues | undefined;
  /** When the last WEN was served. */
  wanErrorAt: number | undefined;
}

export const sessionIdOf = (call: CallId): number => call & 0xffff;
export const tunnelIdOf = (call: CallId): TunnelId => call >>> 16;
export const callIdOf = (tunnel: TunnelId, session: number): CallId => tunnel * 0x10000 + session;
export const isCall = (item: Tunnel | Call): item is Call => "role" in item;

/** The tunnels with one address, whatever the port. */
export interface Peer {
  readonly tunnels: Set<Tunnel>;
  readonly halfOpen: Set<Tunnel>;
  /** Those that we asked for and the peer has not answered. */
  readonly opening: Set<Tunnel>;
}

export interface Core {
  readonly options: EndpointOptions;
  readonly limits: Limits;
  /** The latest time that the caller has told. */
  now: number;
  readonly tunnels: Map<TunnelId, Tunnel>;
  readonly peers: Map<string, Peer>;
  readonly requests: Map<string, Tunnel>;
  readonly halfOpen: Set<Tunnel>;
  readonly timers: Timers<Tunnel | Call>;
  dirty: Tunnel[];
  outputs: Output[];
  callSerialNumber: number;
  calls: number;
  /** Messages in all send queues, as of the last `take`. */
  queued: number;
  /** By message type; a ZLB counts as 0. */
  readonly received: number[];
  readonly transmitted: number[];
  retransmissions: number;
  /** SCCRQs refused since `since`, where the second began that they are counted in. */
  readonly refusals: { since: number; count: number };
  readonly drops: Record<string, number>;
}

export const emit = (core: Core, output: Output): void => {
  core.outputs.push(output);
};

/** Counts a message or request that was not served. */
export function drop(core: Core, reason: string): void {
  core.drops[reason] = (core.drops[reason] ?? 0) + 1;
}

export function count(counts: number[], type: number): void {
  counts[type] = (counts[type] ?? 0) + 1;
}

/** The tunnel takes part in the next `take`. */
export function touch(core: Core, tunnel: Tunnel): void {
  if (tunnel.dirty) return;
  tunnel.dirty = true;
  core.dirty.push(tunnel);
}

const countedNames: readonly (readonly [MessageName | "ZLB", number])[] = [
  ...messageNames.map((name) => [name, messageTable[name].type] as const),
  ["ZLB", 0],
];

/** `received SCCRQ`, `transmitted ZLB`, …: every name is always there, so that a metric begins at zero. */
export function countersOf(core: Core): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const [name, type] of countedNames) {
    counters[`received_${name}`] = core.received[type] ?? 0;
    counters[`transmitted_${name}`] = core.transmitted[type] ?? 0;
  }
  counters.retransmissions = core.retransmissions;
  return counters;
}
