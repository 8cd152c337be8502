/**
 * What lies where in the engine's one shared memory. Tables that all threads read are written by the control thread alone;
 * each thread that moves frames has an arena that only it writes. All offsets are bytes, records are multiples of a cache
 * line, and a page that no session or port uses is never touched.
 */
import { state } from "../../xdp/run/state.js";
import { dropReasons } from "./drops.js";
import { type MultilinkLayout, planMultilink } from "./multilink-layout.js";
import { limiterBytes } from "./rate.js";

export interface Capacity {
  /** Tunnel ids are 16 bits wide and index their table. */
  readonly tunnels: number;
  readonly sessions: number;
  readonly ports: number;
  readonly units: number;
  readonly routes: number;
  /** Bytes for the maps of programs; what is not used costs nothing. */
  readonly mapMemory?: number;
}

export interface Layout {
  readonly bytes: number;
  readonly capacity: Capacity;
  /** How many wait for workers to pass a quiescent point: only then are they told. */
  readonly graceWanted: number;
  /** Counts up when a worker has put something into its punt ring. */
  readonly puntWake: number;
  readonly ports: number;
  readonly tunnels: number;
  readonly ways: number;
  readonly sessions: number;
  readonly hash: number;
  readonly units: number;
  /** Prefix lengths in use, and how far any entry of the route table lies from its place (`routeLengths`). */
  readonly routeLengths: number;
  readonly routes: number;
  readonly routeHash: number;
  readonly routeHashBits: number;
  readonly multilink: MultilinkLayout;
  /** Where maps of programs lie. */
  readonly maps: number;
  readonly mapsBytes: number;
  /** How far any entry of the hash table ever lay from its place. */
  readonly longestProbe: number;
  /** The hash table has 2^hashBits entries of four bytes. */
  readonly hashBits: number;
  /** Arena 0 belongs to the control thread, the others to the workers. */
  readonly arenas: readonly ArenaLayout[];
}

export interface ArenaLayout {
  readonly index: number;
  /** Odd while the thread looks at tables, even while it does not. */
  readonly epoch: number;
  /** Not 0 when the control thread has posted commands. */
  readonly commands: number;
  readonly drops: number;
  readonly portCounters: number;
  /** One float64 per tunnel id: frames that belong to no session of it. */
  readonly tunnelErrors: number;
  readonly sessionCounters: number;
  /** Apart from the others: for most frames these two are all that is counted. */
  readonly forwardCounters: number;
  readonly unitCounters: number;
  readonly puntRing: number;
  readonly programCounters: number;
  /** What programs run with (xdp/run/state.ts). */
  readonly programState: number;
  /** Frames that other threads hand over to this one (cpumap). */
  readonly handoff: number;
  /** Receive buffers, poll set, transmit queues, reorder buffers: divided by their users. */
  readonly work: number;
  readonly workBytes: number;
}

/**
 * What each frame of a session needs, and no more: 16 bytes, so that a cache line has it for four sessions. Word offsets.
 *
 * `header` is the header that we send (flags and version, low half) and how we treat sequence numbers. `onward` and `onwardPeer`
 * are the short way over the session's bridge (crossing.ts): the partner's local tunnel id in the upper half and 1 below while
 * it is open, else 0; and the ids that the partner's peer wants. See `shortcut.ts` for who may store what when.
 */
export const way = {
  /** Local tunnel id in the upper half, local session id in the lower; 0: the slot is free. */
  key: 0,
  header: 1,
  onward: 2,
  onwardPeer: 3,
  words: 4,
} as const;

/**
 * A session: what else reception and a bridge need, in one cache line. Word offsets.
 *
 * `relation` alone joins two sessions, so that a bridge comes and goes by one atomic store: the partner's slot, or the unit's
 * slot negated, or 0.
 */
export const session = {
  relation: 0,
  /** Peer's tunnel id and session id, as `way.key`. */
  peer: 1,
  channel: 2,
  /** Counts up when the session or its relation ends: what was queued before must not cross afterwards. */
  generation: 3,
  reorderTimeout: 4,
  /** Offset padding in bytes. */
  offset: 5,
  /** Sequence state as in the kernel's struct l2tp_session; all but `ns` belong to the thread that is `owner`. */
  ns: 6,
  nr: 7,
  nrOos: 8,
  nrOosCount: 9,
  reorderSkip: 10,
  owner: 11,
  /** Chains of programs: ingress in the lower half, egress in the upper. 0: none. */
  chains: 12,
  device: 13,
  /** Tags, for programs. */
  user: 14,
  policy: 15,
  words: 16,
} as const;

/** Bits of `way.header` above the 16 of the L2TP header. */
export const sessionFlag = {
  receiveSequence: 0x1_0000,
  lnsMode: 0x2_0000,
  tapped: 0x4_0000,
  /** Programs see what it receives, or sends. */
  ingress: 0x8_0000,
  egress: 0x10_0000,
} as const;

/**
 * A tunnel, at its local id. Its address is one of two blocks: the control thread fills the other one and publishes it by
 * one store, and fills neither again before every worker has seen that.
 */
export const tunnel = { block: 0, firstBlock: 32, secondBlock: 112, size: 192 } as const;

/** An address block: what transmission needs of a tunnel. Byte offsets. */
export const block = {
  /** struct sockaddr_in or sockaddr_in6 of the peer. */
  name: 0,
  nameLength: 28,
  port: 32,
  controlLength: 36,
  /** A whole IP_PKTINFO or IPV6_PKTINFO control message: the source address. */
  control: 40,
  size: 80,
} as const;

/** A port, at its slot. Word offsets. `handle` is for punts; `backing` of a TUN port is one of `backing`. */
export const port = { state: 0, mtu: 1, handle: 2, backing: 3, device: 4, chains: 5, words: 16 } as const;
export const backing = { none: 0, kernel: 1, control: 2 } as const;
export const portState = { closed: 0, up: 1, down: 2 } as const;

/** Float64 counters of one thread for one session. A frame that was received is kept or forwarded, and counted once. */
export const sessionCounter = {
  /** Received and not forwarded. */
  keptPackets: 0,
  keptBytes: 1,
  rxErrors: 2,
  rxSeqDiscards: 3,
  rxOosPackets: 4,
  forwardErrors: 5,
  /** Sent for its unit. */
  sentPackets: 6,
  sentBytes: 7,
  count: 8,
} as const;

/** Float64 counters of one thread for one session: received and forwarded. */
export const forwardCounter = { packets: 0, bytes: 1, count: 2 } as const;

const limiterWords = limiterBytes / 4;

/**
 * A unit, at its slot: three cache lines. Word offsets. The control thread writes it, but `activity` and the state of
 * the limiters, which any worker may write.
 */
export const unit = {
  /** Bits of `unitFlag`; 0: there is no such unit. */
  flags: 0,
  /** Slot of the session that the unit's packets leave by; 0: it has none. */
  session: 1,
  /** Slot of the TUN port and 1; 0: none. */
  port: 2,
  mtu: 3,
  mss: 4,
  /** IPv4 addresses as numbers, 0 for none: our own; and one that is routed to the unit as a /32. */
  local: 5,
  framed: 6,
  handle: 7,
  /** When it last carried a packet: a stamp (`stamp.ts`), 0 for never. */
  activity: 8,
  /** Its bundle, for multilink; 0: none. */
  bundle: 10,
  /** Limits for what the peer sends and receives (`rate.ts`). */
  up: 12,
  down: 12 + limiterWords,
  chains: 12 + 2 * limiterWords,
  device: 13 + 2 * limiterWords,
  user: 14 + 2 * limiterWords,
  policy: 15 + 2 * limiterWords,
  words: 48,
} as const;

export const unitFlag = {
  exists: 1,
  ipv4: 2,
  ipv6: 4,
  sourceCheck: 8,
  /** What the peer accepts: frames without FF 03, protocol fields of one byte. */
  addressCompression: 16,
  protocolCompression: 32,
  multilink: 256,
  /** Programs see what it receives, or sends. */
  ingress: 512,
  egress: 1024,
} as const;

/** Float64 counters of one thread for one unit: IP packets and their bytes. */
export const unitCounter = {
  rxPackets: 0,
  rxBytes: 1,
  rxDropped: 2,
  txPackets: 3,
  txBytes: 4,
  txDropped: 5,
  count: 8,
} as const;

/** A route, at its slot. Word offsets. `kind` is the prefix length and, for IPv6, 256. An IPv4 prefix has one word. */
export const route = { kind: 0, prefix: 1, unit: 5, words: 8 } as const;

/**
 * Bit `length - 1` of the words of a family says that a prefix of that length exists; the word after them, that a default
 * route does. Word offsets.
 */
export const routeLengths = { ipv4: 0, ipv6: 2, longestProbe: 7, words: 16 } as const;

/** Float64 counters of one thread for one port: UDP datagrams and payload bytes. */
export const portCounter = {
  rxPackets: 0,
  rxBytes: 1,
  rxDropped: 2,
  txPackets: 3,
  txBytes: 4,
  txErrors: 5,
  count: 8,
} as const;

/** Float64 counters of one thread for one program, at its slot. */
export const programCounter = {
  runs: 0,
  nanoseconds: 1,
  /** By verdict: aborted, drop, pass, tx, redirect, and whatever is none of these. */
  verdicts: 2,
  /** Runs that `nanoseconds` are of. */
  measured: 8,
  count: 9,
} as const;

const line = 64;
const page = 4096;
const tunnelIds = 65536;
export const puntRingBytes = 1 << 20;
export const handoffBytes = 1 << 20;
export const programSlots = 4096;
const workBytesFixed = 8 << 20;
/** For packets that wait for their limit, and for packets that were put together from fragments. */
const waitingBytes = 9 << 20;
/** Few units have several links, and few fragments wait at a time. */
const multilinkCapacity = { bundles: 4096, fragments: 16384 } as const;
const defaultMapMemory = 16 << 20;
const transmitQueueBytes = 512 << 10;

export function planLayout(capacity: Capacity, workers: number): Layout {
  let next = line;
  const take = (bytes: number, align = page): number => {
    const at = Math.ceil(next / align) * align;
    next = at + bytes;
    return at;
  };
  // At most half full: short probes, and room for what was deleted.
  const hashBits = Math.ceil(Math.log2(2 * capacity.sessions));
  const routeHashBits = Math.ceil(Math.log2(2 * capacity.routes));
  const sessionSlots = capacity.sessions + 1;
  const unitSlots = capacity.units + 1;
  const workBytes = workBytesFixed + waitingBytes + capacity.ports * transmitQueueBytes;
  const arena = (index: number): ArenaLayout => ({
    index,
    epoch: take(line, line),
    commands: take(line, line),
    drops: take(dropReasons.length * 8),
    portCounters: take(capacity.ports * portCounter.count * 8),
    tunnelErrors: take(tunnelIds * 8),
    sessionCounters: take(sessionSlots * sessionCounter.count * 8),
    forwardCounters: take(sessionSlots * forwardCounter.count * 8),
    unitCounters: take(unitSlots * unitCounter.count * 8),
    puntRing: take(puntRingBytes + page),
    programCounters: take(programSlots * programCounter.count * 8),
    programState: take(state.bytes, state.bytes),
    handoff: take(handoffBytes + page),
    work: take(workBytes),
    workBytes,
  });
  const tables = {
    graceWanted: take(line, line),
    puntWake: take(line, line),
    longestProbe: take(line, line),
    ports: take(capacity.ports * port.words * 4),
    tunnels: take(tunnelIds * tunnel.size),
    ways: take(sessionSlots * way.words * 4),
    sessions: take(sessionSlots * session.words * 4),
    hash: take(4 * 2 ** hashBits),
    units: take(unitSlots * unit.words * 4),
    routeLengths: take(routeLengths.words * 4, line),
    routes: take((capacity.routes + 1) * route.words * 4),
    routeHash: take(4 * 2 ** routeHashBits),
    multilink: planMultilink(
      { ...multilinkCapacity, bundles: Math.min(multilinkCapacity.bundles, capacity.units) },
      take,
    ),
  };
  const arenas = Array.from({ length: workers + 1 }, (_, index) => arena(index));
  const mapsBytes = capacity.mapMemory ?? defaultMapMemory;
  const maps = { maps: take(mapsBytes), mapsBytes };
  return { bytes: next, capacity, hashBits, routeHashBits, arenas, ...tables, ...maps };
}
