/**
 * Packets that their limit does not let through yet wait here, first come, first served, until it does. Without that, TCP
 * does not reach its limit: what a limiter drops at once makes it stop for longer than a burst lasts. The queue of each unit and
 * direction is bounded by what its rate carries in a tenth of a second, all together by the pool of the thread.
 */
import type { Region } from "../../system/memory.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { unit as unitRecord } from "./layout.js";
import type { Limiter } from "./rate.js";

/** What became of a packet. */
export const admitted = { dropped: 0, now: 1, later: 2 } as const;

/** Takes a packet that waited: `length` bytes at `at`, before which the queue's headroom is free. Good until `release`. */
export type Admit = (unit: number, tag: number, at: number, length: number) => void;

export interface RateQueue {
  /**
   * Charges a packet of one or two pieces to the limit of a unit: `now` if it may go at once. Otherwise it is copied, and given
   * to the callback `later`, with its `tag`, or it is `dropped`.
   */
  offer(unit: number, tag: number, head: number, headLength: number, body: number, length: number, now: number): number;
  /** Whether packets of a unit wait: those that follow must not overtake them. */
  holds(unit: number): boolean;
  /** Lets through what conforms by now. */
  expire(now: number): void;
  /** When `expire` has something to do; Infinity when nothing waits. */
  deadline(): number;
  /** What was let through has left. */
  release(): void;
}

const longestPacket = 2048;
/**
 * What may wait for a limit: as much as passes in a tenth of a second. A slow one needs more for TCP, though not for longer than
 * `slowTime`, and a very slow one a few packets at least.
 */
const queueTime = 100;
const slowTime = 400;
const slowQueue = 30_000;
const leastQueue = 6000;
/** Packets are let through in groups; looked at again after so many milliseconds at least, and at most. */
const interval = 1;
const longestInterval = 100;

const mostBytes = (rate: number): number =>
  Math.max(rate * queueTime, Math.min(rate * slowTime, slowQueue), leastQueue);

export interface RateQueueOptions {
  /** Word of the unit's record where its limit is. */
  readonly limit: number;
  readonly packets: number;
  /** Bytes that are free before a packet that waited. */
  readonly headroom: number;
}

export function createRateQueue(
  context: Context,
  region: Region,
  limiter: Limiter,
  options: RateQueueOptions,
  admit: Admit,
): RateQueue {
  const { memory, layout } = context;
  const { u8, u32 } = memory;
  const drops = createDropCounter(context);
  const { packets, headroom } = options;
  const stride = (headroom + longestPacket + 63) & ~63;
  const buffers = region.allocate(packets * stride);
  const units = layout.units >> 2;
  const unitCount = layout.capacity.units + 1;
  // By packet; packets count from 1.
  const next = new Int32Array(packets + 1);
  const lengths = new Int32Array(packets + 1);
  const tags = new Int32Array(packets + 1);
  const handles = new Uint32Array(packets + 1);
  let free = 0;
  let left = 0;
  for (let packet = packets; packet > 0; packet--) {
    next[packet] = free;
    free = packet;
  }
  // By unit.
  const first = new Int32Array(unitCount);
  const last = new Int32Array(unitCount);
  const bytes = new Int32Array(unitCount);
  const due = new Float64Array(unitCount);
  const busy = new Int32Array(unitCount);
  let busyCount = 0;
  let earliest = Number.POSITIVE_INFINITY;

  const limitOf = (unit: number): number => (units + unit * unitRecord.words + options.limit) << 2;
  const bufferOf = (packet: number): number => buffers + (packet - 1) * stride + headroom;
  const handleOf = (unit: number): number => u32[units + unit * unitRecord.words + unitRecord.handle]!;

  function nextTime(unit: number, now: number): number {
    const limit = limitOf(unit);
    const pause = Math.min(interval, limiter.burst(limit) / limiter.rate(limit) / 2) || 0;
    // The limit may have changed by then.
    return now + Math.min(Math.max(limiter.delay(limit, lengths[first[unit]!]!, now), pause), longestInterval);
  }

  function wait(unit: number, tag: number, head: number, headLength: number, body: number, length: number): boolean {
    const total = headLength + length;
    const packet = free;
    const most = mostBytes(limiter.rate(limitOf(unit)));
    if (packet === 0 || total > longestPacket || bytes[unit]! + total > most) return false;
    free = next[packet]!;
    const at = bufferOf(packet);
    u8.copyWithin(at, head, head + headLength);
    if (length > 0) u8.copyWithin(at + headLength, body, body + length);
    next[packet] = 0;
    lengths[packet] = total;
    tags[packet] = tag;
    handles[packet] = handleOf(unit);
    if (first[unit] === 0) first[unit] = packet;
    else next[last[unit]!] = packet;
    last[unit] = packet;
    bytes[unit]! += total;
    return true;
  }

  function serve(unit: number, now: number): void {
    for (let packet = first[unit]!; packet !== 0; packet = first[unit]!) {
      const length = lengths[packet]!;
      const isCurrent = handles[packet] === handleOf(unit);
      if (isCurrent && limiter.charge(limitOf(unit), length, 1, now) === 0) return;
      first[unit] = next[packet]!;
      bytes[unit]! -= length;
      next[packet] = left;
      left = packet;
      // Of a unit that is gone, whose slot another has: no one's any more.
      if (isCurrent) admit(unit, tags[packet]!, bufferOf(packet), length);
      else drops.leaving(drop["relation-ended"]);
    }
  }

  return {
    offer(unit, tag, head, headLength, body, length, now) {
      if (first[unit] === 0) {
        if (limiter.charge(limitOf(unit), headLength + length, 1, now) === 1) return admitted.now;
        if (!wait(unit, tag, head, headLength, body, length)) return admitted.dropped;
        busy[busyCount++] = unit;
        due[unit] = nextTime(unit, now);
        earliest = Math.min(earliest, due[unit]!);
        return admitted.later;
      }
      return wait(unit, tag, head, headLength, body, length) ? admitted.later : admitted.dropped;
    },
    holds: (unit) => first[unit] !== 0,
    expire(now) {
      if (now < earliest) return;
      earliest = Number.POSITIVE_INFINITY;
      for (let index = busyCount - 1; index >= 0; index--) {
        const unit = busy[index]!;
        if (due[unit]! <= now) {
          serve(unit, now);
          if (first[unit] === 0) {
            busy[index] = busy[--busyCount]!;
            continue;
          }
          due[unit] = nextTime(unit, now);
        }
        earliest = Math.min(earliest, due[unit]!);
      }
    },
    deadline: () => earliest,
    release() {
      while (left !== 0) {
        const packet = left;
        left = next[packet]!;
        next[packet] = free;
        free = packet;
      }
    },
  };
}
