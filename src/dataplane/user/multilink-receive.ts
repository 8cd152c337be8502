/**
 * Fragments come in, packets go out (RFC 1990 §4). The links of a bundle may be received by several threads at once: each
 * holds the bundle's lock while it inserts a fragment and takes out what has become whole, and delivers that afterwards.
 * What a thread left waiting, it looks at again when it has waited for long enough.
 */
import type { Region } from "../../system/memory.js";
import { distance, flagsOf, headerLength, modulus, sequenceOf, whole } from "../../wire/multilink.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { bundle, bundleFlag, link } from "./multilink-layout.js";
import { createLock } from "./multilink-lock.js";
import { createFragmentQueue, patience } from "./multilink-queue.js";

/**
 * Takes a packet of a bundle's unit, from its protocol field on. It must not be used after `release`; `session` is the slot
 * of the one that it came by, 0 for several.
 */
export type Assembled = (unit: number, session: number, port: number, at: number, length: number) => void;

export interface Reassembler {
  /**
   * Takes what follows the protocol field of a fragment that the session at slot `session` received: `length` bytes at `at`.
   */
  receive(bundleIndex: number, session: number, port: number, at: number, length: number, now: number): void;
  /** Gives up on what is missing for too long. */
  expire(now: number): void;
  /** When `expire` has something to do; Infinity when nothing waits. */
  deadline(): number;
  /** Packets that were delivered may be overwritten: call it when they have left. */
  release(): void;
}

const outputBytes = 256 << 10;
const mostAtOnce = 64;
/** After so many late fragments in a row it is us who are elsewhere: the peer has begun to count anew. */
const mostLate = 64;
/** The first fragment that arrives need not be the first one sent. */
const mostAheadAtStart = 64;

/** `flush` has everything leave that was delivered, so that its place may be used again. */
export function createReassembler(
  context: Context,
  region: Region,
  deliver: Assembled,
  flush: () => void,
): Reassembler {
  const { memory, layout } = context;
  const { i32, view } = memory;
  const records = layout.multilink.bundleRecords >> 2;
  const drops = createDropCounter(context);
  const lock = createLock(memory);
  const queue = createFragmentQueue(context);
  const output = region.allocate(outputBytes);
  let outputNext = output;
  const lengths = new Int32Array(mostAtOnce);
  /** Bundles in which this thread left something, and when it looks at them again. */
  const waiting = new Int32Array(layout.multilink.bundles + 1);
  const due = new Float64Array(layout.multilink.bundles + 1);
  let waitingCount = 0;
  let earliest = Number.POSITIVE_INFINITY;

  const recordOf = (index: number): number => records + index * bundle.words;

  function watch(index: number, now: number): void {
    if (due[index] === 0) {
      waiting[waitingCount++] = index;
      due[index] = now + patience;
      earliest = Math.min(earliest, due[index]!);
    }
  }

  /** Notes what a link received. A link that has left is not there. */
  function hear(record: number, session: number, sequence: number, short: boolean, now: number): void {
    const count = i32[record + bundle.links]!;
    for (let index = 0; index < count; index++) {
      const at = record + bundle.firstLink + index * link.words;
      if (i32[at + link.session] !== session) continue;
      if (distance(sequence, i32[at + link.last]!, short) > 0) i32[at + link.last] = sequence;
      i32[at + link.heard] = now | 0;
      i32[at + link.stale] = 0;
    }
  }

  /** Begins to count at `sequence`. */
  function restart(record: number, sequence: number, short: boolean): void {
    queue.clear(record);
    i32[record + bundle.next] = sequence;
    const count = i32[record + bundle.links]!;
    for (let index = 0; index < count; index++) {
      i32[record + bundle.firstLink + index * link.words + link.last] = (sequence - 1) & (modulus(short) - 1);
    }
  }

  /** Takes out and delivers what is whole, in as many rounds as it takes. The lock is held, and is released. */
  function drain(index: number, record: number, port: number, now: number): void {
    const unit = i32[record + bundle.unit]!;
    for (;;) {
      let taken = 0;
      let length = 0;
      const start = outputNext;
      while (taken < mostAtOnce) {
        length = queue.take(record, outputNext, output + outputBytes - outputNext, now);
        if (length <= 0) break;
        lengths[taken++] = length;
        outputNext += (length + 7) & ~7;
      }
      if (i32[record + bundle.head] !== 0) watch(index, now);
      lock.release(record + bundle.lock);
      let at = start;
      for (let packet = 0; packet < taken; packet++) {
        deliver(unit, 0, port, at, lengths[packet]!);
        at += (lengths[packet]! + 7) & ~7;
      }
      if (length === 0) return;
      if (length < 0) {
        flush();
        outputNext = output;
      }
      if (!lock.acquire(record + bundle.lock)) return;
    }
  }

  return {
    receive(index, session, port, at, size, now) {
      const record = recordOf(index);
      const short = (i32[record + bundle.flags]! & bundleFlag.shortReceive) !== 0;
      const header = headerLength(short);
      if (size < header) {
        drops.received(drop["multilink-malformed"], port);
        return;
      }
      const flags = flagsOf(view, at);
      const sequence = sequenceOf(view, at, short);
      const part = at + header;
      const length = size - header;
      if (!lock.acquire(record + bundle.lock)) {
        drops.received(drop["multilink-busy"], port);
        return;
      }
      let ahead = distance(sequence, i32[record + bundle.next]!, short);
      if (i32[record + bundle.started] === 0) {
        i32[record + bundle.started] = 1;
        if (ahead < 0 || ahead > mostAheadAtStart) {
          restart(record, sequence, short);
          ahead = 0;
        }
      }
      if (ahead < 0 && ++i32[record + bundle.late]! > mostLate) {
        restart(record, sequence, short);
        ahead = 0;
      }
      hear(record, session, sequence, short, now);
      if (ahead < 0) {
        drops.received(drop["multilink-late"], port);
        // The link that brought it may be the one that the others waited for.
        if (i32[record + bundle.head] === 0) lock.release(record + bundle.lock);
        else drain(index, record, port, now);
        return;
      }
      i32[record + bundle.late] = 0;
      if (ahead === 0 && flags === whole && i32[record + bundle.head] === 0) {
        i32[record + bundle.next] = (sequence + 1) & (modulus(short) - 1);
        const unit = i32[record + bundle.unit]!;
        const fits = length <= i32[record + bundle.mrru]! + 2;
        lock.release(record + bundle.lock);
        if (fits) deliver(unit, session, port, part, length);
        else drops.received(drop["multilink-too-long"], port);
        return;
      }
      queue.insert(record, sequence, flags, part, length, port, now);
      drain(index, record, port, now);
    },
    expire(now) {
      if (now < earliest) return;
      earliest = Number.POSITIVE_INFINITY;
      for (let at = waitingCount - 1; at >= 0; at--) {
        const index = waiting[at]!;
        if (due[index]! <= now) {
          due[index] = 0;
          waiting[at] = waiting[--waitingCount]!;
          const record = recordOf(index);
          if (i32[record + bundle.head] !== 0 && lock.acquire(record + bundle.lock)) drain(index, record, 0, now);
        } else earliest = Math.min(earliest, due[index]!);
      }
    },
    deadline: () => earliest,
    release() {
      outputNext = output;
    },
  };
}
