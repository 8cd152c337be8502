/**
 * Rate limits by the generic cell rate algorithm (ITU-T I.371), as many threads at once as there are: a limiter is a virtual
 * clock that counts bytes at its rate. `due` is when the bytes let through so far are paid for; how far that is ahead of the
 * clock is the backlog, and what would push it beyond the burst does not conform. So a byte is an integer and nothing is
 * rounded from packet to packet, whatever the rate.
 *
 * `due` is 32 bits wide and changes by compare-and-exchange. The clock passes any value again after 4 GiB; `stamp` tells
 * a backlog from one of long ago. A change of the rate fills the other of two blocks, with the credit that is left, and
 * publishes it by one store.
 *
 *   limiter: offset of the block in force or 0 (8), block, block
 *   block:   rate (8), burst (4), patience (4), due (4), stamp (4)
 */
import type { Memory } from "../../system/memory.js";
import type { Rate } from "../attributes.js";

/** What a limiter takes in shared memory; it must lie at a multiple of 8, and all zeros let everything through. */
export const limiterBytes = 56;

const firstBlock = 8;
const block = {
  /** Float64: bytes in a millisecond. */
  rate: 0,
  burst: 8,
  /** Stamps after which no backlog can be left. */
  patience: 12,
  due: 16,
  stamp: 20,
  size: 24,
} as const;

/** Milliseconds between stamps: at 1 Tbit/s the clock has gone an eighth of its way round by then. */
const stampInterval = 4;
/** How far the clocks of threads may lie apart: one may have read its own before it was held up. */
const skew = 1000;
const leastSkewBytes = 65_536;
const mostSkewBytes = 2 ** 29;

export interface Limiter {
  /**
   * How many of `count` packets of `bytes` each conform now, and are charged: the first ones. `at` is the limiter's offset,
   * `now` in milliseconds on the machine's clock. A packet longer than the burst conforms when there is no backlog.
   */
  charge(at: number, bytes: number, count: number, now: number): number;
  /** Milliseconds until a packet of `bytes` conforms, if nothing else is let through meanwhile. */
  delay(at: number, bytes: number, now: number): number;
  /** Bytes that the limiter lets through in a millisecond, and at once; Infinity without a limit. */
  rate(at: number): number;
  burst(at: number): number;
}

const stampOf = (now: number): number => Math.floor(now / stampInterval) | 0;

/** Bytes let through at `at` (a block) that are not paid for at clock time `time`, if `due` and `stamp` are its words. */
function backlogOf({ i32, f64 }: Memory, at: number, due: number, time: number, now: number): number {
  const words = at >> 2;
  const idle = (stampOf(now) - Atomics.load(i32, words + block.stamp / 4)) | 0;
  if (idle >= i32[words + block.patience / 4]!) return 0;
  const ahead = (due - time) >>> 0;
  const slack = Math.min(Math.max(f64[at >> 3]! * skew, leastSkewBytes), mostSkewBytes);
  return ahead <= i32[words + block.burst / 4]! + slack ? ahead : 0;
}

export function createLimiter(memory: Memory): Limiter {
  const { i32, f64 } = memory;
  return {
    charge(at, bytes, count, now) {
      const current = i32[at >> 2]!;
      if (current === 0) return count;
      const words = current >> 2;
      const burst = i32[words + block.burst / 4]!;
      const time = (f64[current >> 3]! * now) | 0;
      for (;;) {
        const due = Atomics.load(i32, words + block.due / 4);
        const backlog = backlogOf(memory, current, due, time, now);
        const room = Math.floor((burst - backlog) / bytes);
        const conform = Math.min(count, backlog === 0 && room === 0 ? 1 : room);
        if (conform <= 0) return 0;
        const next = (time + backlog + conform * bytes) | 0;
        if (Atomics.compareExchange(i32, words + block.due / 4, due, next) !== due) continue;
        const stamp = stampOf(now);
        if (i32[words + block.stamp / 4] !== stamp) Atomics.store(i32, words + block.stamp / 4, stamp);
        return conform;
      }
    },
    delay(at, bytes, now) {
      const current = i32[at >> 2]!;
      if (current === 0) return 0;
      const rate = f64[current >> 3]!;
      const due = Atomics.load(i32, (current + block.due) >> 2);
      const backlog = backlogOf(memory, current, due, (rate * now) | 0, now);
      return Math.max(0, Math.min(backlog, backlog + bytes - i32[(current + block.burst) >> 2]!) / rate);
    },
    rate(at) {
      const current = i32[at >> 2]!;
      return current === 0 ? Number.POSITIVE_INFINITY : f64[current >> 3]!;
    },
    burst(at) {
      const current = i32[at >> 2]!;
      return current === 0 ? Number.POSITIVE_INFINITY : i32[(current + block.burst) >> 2]!;
    },
  };
}

/**
 * Sets, changes or takes away a limit; it holds from the next packet on. The credit that is left of a limit before passes to
 * the new one. For the control thread alone.
 */
export function writeRate(memory: Memory, at: number, rate: Rate | undefined, now: number): void {
  const { i32, f64 } = memory;
  const current = i32[at >> 2]!;
  if (rate === undefined) {
    Atomics.store(i32, at >> 2, 0);
    return;
  }
  const bytesPerMillisecond = rate.bitsPerSecond / 8000;
  const burst = Math.floor(rate.burst);
  const next = current === at + firstBlock ? current + block.size : at + firstBlock;
  let backlog = 0;
  if (current !== 0) {
    const words = current >> 2;
    const before = i32[words + block.burst / 4]!;
    if (f64[current >> 3] === bytesPerMillisecond && before === burst) return;
    const due = Atomics.load(i32, words + block.due / 4);
    const credit = before - backlogOf(memory, current, due, (f64[current >> 3]! * now) | 0, now);
    backlog = Math.max(0, burst - credit);
  }
  const words = next >> 2;
  f64[next >> 3] = bytesPerMillisecond;
  i32[words + block.burst / 4] = burst;
  i32[words + block.patience / 4] =
    Math.ceil(Math.max(burst, leastSkewBytes) / bytesPerMillisecond / stampInterval) + 1;
  i32[words + block.due / 4] = (bytesPerMillisecond * now + backlog) | 0;
  i32[words + block.stamp / 4] = stampOf(now);
  Atomics.store(i32, at >> 2, next);
}
