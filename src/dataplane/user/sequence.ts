/**
 * Sequence numbers of data messages (RFC 2661 §5.4) as Linux handles them (net/l2tp/l2tp_core.c: l2tp_recv_common,
 * l2tp_recv_data_seq, l2tp_recv_dequeue): the LAC follows what the LNS does; without a reorder time-out, data that is not
 * next is dropped until five messages in a row agree on where the peer is; with one, data that overtook waits for what it
 * overtook, and what waited too long is dropped and the gap closed.
 *
 * The state of a session belongs to one thread, the one that received its data last. What waits lies in a pool of that
 * thread, bounded for each session and in all.
 */
import type { Region } from "../../system/memory.js";
import { flag } from "../../wire/l2tp2.js";
import { type Context, createDropCounter } from "./context.js";
import type { Delivery } from "./delivery.js";
import { drop } from "./drops.js";
import { headroom } from "./egress.js";
import { session, sessionCounter, sessionFlag, way } from "./layout.js";
import { createShortcut } from "./shortcut.js";

export interface Sequencer {
  /**
   * Takes a data message of a session that has, or whose peer uses, sequence numbers. `ns` is meaningful if `flags` has the
   * S bit; `now` is in milliseconds.
   */
  receive(
    slot: number,
    port: number,
    flags: number,
    ns: number,
    payload: number,
    length: number,
    room: number,
    now: number,
  ): void;
  /** Gives up on what is missing for too long. */
  expire(now: number): void;
  /** When `expire` has something to do; Infinity when nothing waits. */
  deadline(): number;
  /** The buffers of what was delivered may be used again: call it when transmission is over. */
  release(): void;
}

const modulus = 0x1_0000;
/** Ns is new if it is less than this ahead of Nr (nr_window_size: half the number space). */
const window = 0x7fff;
const outOfSequenceMaximum = 4;

const poolSize = 512;
const poolPerSession = 128;
const longestFrame = 2048;

/** A message in the reorder queue. */
interface Waiting {
  readonly port: number;
  readonly flags: number;
  readonly ns: number;
  readonly buffer: number;
  readonly length: number;
  readonly generation: number;
  readonly expires: number;
}

const isNumbered = (flags: number): boolean => (flags & flag.sequence) !== 0;
/** How far `ns` is ahead of `nr`. */
const ahead = (ns: number, nr: number): number => (ns - nr + modulus) % modulus;

export function createSequencer(context: Context, region: Region, delivery: Delivery): Sequencer {
  const { memory, layout, arena } = context;
  const { u32, i32, f64, u8 } = memory;
  const records = layout.sessions >> 2;
  const counters = arena.sessionCounters >> 3;
  const drops = createDropCounter(context);
  const shortcut = createShortcut(memory, layout);
  const me = arena.index + 1;
  const stride = headroom + longestFrame;
  const pool = region.allocate(poolSize * stride);
  const free = Array.from({ length: poolSize }, (_, index) => pool + index * stride);
  const delivered: number[] = [];
  const queues = new Map<number, Waiting[]>();
  let earliest = Number.POSITIVE_INFINITY;

  const word = (slot: number, field: number): number => records + slot * session.words + field;
  const count = (slot: number, counter: number): void => {
    f64[counters + slot * sessionCounter.count + counter]! += 1;
  };

  function discard(slot: number, port: number, reason: number, sequenceDiscard: boolean): void {
    if (sequenceDiscard) count(slot, sessionCounter.rxSeqDiscards);
    count(slot, sessionCounter.rxErrors);
    drops.received(reason, port);
  }

  function deliver(
    slot: number,
    port: number,
    flags: number,
    ns: number,
    payload: number,
    length: number,
    room: number,
  ): void {
    if (isNumbered(flags)) i32[word(slot, session.nr)] = (ns + 1) % modulus;
    delivery.deliver(slot, port, flags & flag.priority, payload, length, room);
  }

  function wait(
    slot: number,
    port: number,
    flags: number,
    ns: number,
    payload: number,
    length: number,
    now: number,
  ): void {
    const queue = queues.get(slot) ?? [];
    const buffer = queue.length < poolPerSession && length <= longestFrame ? free.pop() : undefined;
    if (buffer === undefined) {
      discard(slot, port, drop["reorder-overflow"], true);
      return;
    }
    u8.copyWithin(buffer + headroom, payload, payload + length);
    const expires = now + (u32[word(slot, session.reorderTimeout)]! || 1000);
    const generation = i32[word(slot, session.generation)]!;
    const waiting: Waiting = { port, flags, ns, buffer, length, expires, generation };
    const overtaken = (other: Waiting): boolean =>
      isNumbered(other.flags) && other.ns !== ns && ahead(other.ns, ns) < window;
    const at = isNumbered(flags) ? queue.findIndex(overtaken) : -1;
    if (at < 0) queue.push(waiting);
    else {
      queue.splice(at, 0, waiting);
      count(slot, sessionCounter.rxOosPackets);
    }
    queues.set(slot, queue);
    earliest = Math.min(earliest, expires);
  }

  /** Delivers what is next, gives up on what waited too long. */
  function dequeue(slot: number, now: number): void {
    const queue = queues.get(slot);
    if (queue === undefined) return;
    let skip = false;
    for (let frame = queue[0]; frame !== undefined; frame = queue[0]) {
      const { port, flags, ns, buffer, length } = frame;
      const nr = i32[word(slot, session.nr)]!;
      if (frame.generation !== i32[word(slot, session.generation)] || i32[word(slot, session.owner)] !== me) {
        drops.received(drop["relation-ended"], port);
      } else if (now >= frame.expires) {
        discard(slot, port, drop["reorder-timeout"], true);
        skip = true;
      } else if (!isNumbered(flags) || skip || ns === nr) {
        deliver(slot, port, flags, ns, buffer + headroom, length, headroom);
        if (isNumbered(flags)) skip = false;
      } else if (ahead(ns, nr) < window) break;
      else discard(slot, port, drop["sequence-old"], false);
      queue.shift();
      delivered.push(buffer);
    }
    // The gap before what was given up is skipped by the next numbered message, whenever that comes.
    if (skip) i32[word(slot, session.reorderSkip)] = 1;
    if (queue.length === 0) queues.delete(slot);
  }

  function claim(slot: number): void {
    const owner = word(slot, session.owner);
    const current = i32[owner]!;
    if (current !== me) Atomics.compareExchange(i32, owner, current, me);
  }

  /** Whether a message that is not next may pass, without reordering: five in a row that follow each other may. */
  function isResynchronised(slot: number, ns: number): boolean {
    const [last, inARow] = [word(slot, session.nrOos), word(slot, session.nrOosCount)];
    i32[inARow] = ns === (i32[last]! + 1) % modulus ? i32[inARow]! + 1 : 0;
    i32[last] = ns;
    return i32[inARow]! > outOfSequenceMaximum;
  }

  function receiveNumbered(
    slot: number,
    port: number,
    flags: number,
    ns: number,
    payload: number,
    length: number,
    room: number,
    now: number,
  ): void {
    const nr = i32[word(slot, session.nr)]!;
    const skip = word(slot, session.reorderSkip);
    if (ahead(ns, nr) >= window) discard(slot, port, drop["sequence-old"], false);
    else if (ns === nr || i32[skip] === 1) {
      i32[skip] = 0;
      deliver(slot, port, flags, ns, payload, length, room);
      if (queues.size > 0) dequeue(slot, now);
    } else if (u32[word(slot, session.reorderTimeout)] !== 0) {
      wait(slot, port, flags, ns, payload, length, now);
      dequeue(slot, now);
    } else if (isResynchronised(slot, ns)) deliver(slot, port, flags, ns, payload, length, room);
    else discard(slot, port, drop["sequence-discarded"], true);
  }

  return {
    receive(slot, port, flags, ns, payload, length, room, now) {
      claim(slot);
      const header = (layout.ways >> 2) + slot * way.words + way.header;
      const isLns = (u32[header]! & sessionFlag.lnsMode) !== 0;
      const sends = (u32[header]! & flag.sequence) !== 0;
      if (isNumbered(flags)) {
        if (!isLns && !sends) {
          Atomics.or(i32, header, flag.sequence);
          shortcut.closeTo(slot);
        }
        receiveNumbered(slot, port, flags, ns, payload, length, room, now);
        return;
      }
      // To an LNS that numbers its data, data without numbers says that the LAC is broken.
      if ((u32[header]! & sessionFlag.receiveSequence) !== 0 || (sends && isLns)) {
        discard(slot, port, drop["sequence-missing"], true);
        return;
      }
      // To a LAC it says that the LNS wants none.
      if (sends) Atomics.and(i32, header, ~flag.sequence);
      if (!queues.has(slot)) deliver(slot, port, flags, ns, payload, length, room);
      else {
        wait(slot, port, flags, ns, payload, length, now);
        dequeue(slot, now);
      }
    },
    expire(now) {
      if (now < earliest) return;
      for (const slot of [...queues.keys()]) dequeue(slot, now);
      // What is behind the first of a queue leaves with it or after it, even if it has waited longer.
      earliest = Number.POSITIVE_INFINITY;
      for (const [first] of queues.values()) earliest = Math.min(earliest, first!.expires);
    },
    deadline: () => earliest,
    release() {
      while (delivered.length > 0) free.push(delivered.pop()!);
    },
  };
}
