/**
 * What the thread that moves frames and the thread that sets up calls share: the legs of the sessions, the way from ids on
 * the wire to legs, and the counters. All of it is typed arrays over shared memory, so that it crosses to a worker as it is
 * and is read without asking. Calls are written by one thread, flows by the other.
 */
import { direction } from "./frame.js";
import { emptyHistogram } from "./histogram.js";
import { createPppBoard, type PppBoard, type PppSettings } from "./ppp-board.js";
import { createSequences, type SequenceTable } from "./sequence.js";

/** The end of a session that a leg stands for. A leg sends in the direction of the same number. */
export const side = { lac: direction.up, lns: direction.down } as const;
export type Side = (typeof side)[keyof typeof side];

/** Legs are numbered by session and side. */
export const legOf = (session: number, at: Side): number => session * 2 + at;
export const sessionOfLeg = (leg: number): number => leg >>> 1;
export const sideOfLeg = (leg: number): Side => (leg & 1) as Side;

/** Counters of one direction; `sent` and `sentBytes` by its sender, the rest by its receiver. Bytes are those of PPP frames. */
export const counterNames = [
  "sent",
  "sentBytes",
  "received",
  "receivedBytes",
  "reordered",
  "duplicated",
  "late",
  "altered",
  "misdelivered",
  "stray",
] as const;
export type CounterName = (typeof counterNames)[number];
export type Counters = Readonly<Record<CounterName, number>>;

/** Index of each counter in a direction's array. */
export const counter = Object.fromEntries(counterNames.map((name, index) => [name, index])) as Readonly<
  Record<CounterName, number>
>;

/** The counter of each verdict of `sequence.ts`, of the direction that a frame came in. */
export const verdictCounter = [counter.received, counter.reordered, counter.duplicated, counter.late] as const;

/** Legs by local call id, `tunnel id << 16 | session id`: an open hash of pairs (id, leg + 1). Entries are never removed. */
export type CallTable = Uint32Array;

export interface Board {
  readonly sessions: number;
  /** By leg: what we put into headers, the peer's `tunnel id << 16 | session id`. */
  readonly peerCall: Uint32Array;
  /** By leg: the path that its frames take, an index into the paths of the transport. */
  readonly path: Uint32Array;
  readonly calls: readonly [lac: CallTable, lns: CallTable];
  /** By direction. */
  readonly counters: readonly [up: Float64Array, down: Float64Array];
  /** By direction: microseconds on the way. */
  readonly delay: readonly [up: Uint32Array, down: Uint32Array];
  /** By receiving leg. */
  readonly sequences: SequenceTable;
  /** By leg: the sequence number of the next frame. */
  readonly nextSequence: Uint32Array;
  /** By leg: 1 if its data messages carry sequence numbers (RFC 2661 §5.4). */
  readonly numbered: Uint8Array;
  /** PPP subscribers in the sessions; without: the frames of sessions are ours from the first to the last. */
  readonly ppp: PppBoard | undefined;
}

const shared32 = (length: number): Uint32Array => new Uint32Array(new SharedArrayBuffer(length * 4));
const sharedCounters = (): Float64Array => new Float64Array(new SharedArrayBuffer(counterNames.length * 8));

export function createBoard(sessions: number, ppp?: PppSettings): Board {
  const legs = sessions * 2;
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(16, sessions * 2)));
  return {
    sessions,
    peerCall: shared32(legs),
    path: shared32(legs),
    calls: [shared32(capacity * 2), shared32(capacity * 2)],
    counters: [sharedCounters(), sharedCounters()],
    delay: [emptyHistogram(), emptyHistogram()],
    sequences: createSequences(legs),
    nextSequence: shared32(legs),
    numbered: new Uint8Array(new SharedArrayBuffer(legs)),
    ppp: ppp && createPppBoard(sessions, ppp),
  };
}

const home = (table: CallTable, call: number): number =>
  ((Math.imul(call, 0x9e37_79b1) >>> 7) & ((table.length >>> 1) - 1)) * 2;

/** Notes which leg a call belongs to. A call id that comes again stands for the newer leg. */
export function addCall(table: CallTable, call: number, leg: number): void {
  let at = home(table, call);
  for (let probes = table.length >>> 1; probes > 0; probes--) {
    if (table[at + 1] === 0 || table[at] === call) {
      table[at] = call;
      Atomics.store(table, at + 1, leg + 1);
      return;
    }
    at = (at + 2) % table.length;
  }
}

/** The leg of a call, or -1. */
export function findCall(table: CallTable, call: number): number {
  let at = home(table, call);
  for (let probes = table.length >>> 1; probes > 0; probes--) {
    const found = table[at + 1]!;
    if (found === 0) return -1;
    if (table[at] === call) return found - 1;
    at += 2;
    if (at === table.length) at = 0;
  }
  return -1;
}

/** The counters of a direction, by name. */
export const countersOf = ({ counters }: Board, way: number): Counters =>
  Object.fromEntries(counterNames.map((name, index) => [name, counters[way]![index]!])) as Counters;

/** Frames that came out at our end in a direction, in whatever state. */
export function arrivals({ counters }: Board, way: number): number {
  const at = counters[way]!;
  return (
    at[counter.received]! +
    at[counter.duplicated]! +
    at[counter.late]! +
    at[counter.altered]! +
    at[counter.misdelivered]! +
    at[counter.stray]!
  );
}
