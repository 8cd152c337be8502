import { describe, expect, it } from "vitest";
import { createMemory, createRegion } from "../../system/memory.js";
import { planLayout, unit as unitRecord } from "./layout.js";
import { createLimiter, writeRate } from "./rate.js";
import { admitted, createRateQueue } from "./rate-queue.js";

const unit = 2;

function create(bitsPerSecond: number, burst: number) {
  const layout = planLayout({ tunnels: 4, sessions: 32, ports: 2, units: 8, routes: 8 }, 0);
  const memory = createMemory(layout.bytes);
  const context = { memory, layout, arena: layout.arenas[0]! };
  const region = createRegion(memory, context.arena.work, context.arena.work + context.arena.workBytes);
  const limiter = createLimiter(memory);
  const record = layout.units + unit * unitRecord.words * 4;
  const limit = (rate: { bitsPerSecond: number; burst: number } | undefined, now: number) =>
    writeRate(memory, record + unitRecord.down * 4, rate, now);
  limit({ bitsPerSecond, burst }, 0);
  memory.u32[(record >> 2) + unitRecord.handle] = 77;
  const passed: { tag: number; length: number; at: number }[] = [];
  let time = 0;
  const queue = createRateQueue(
    context,
    region,
    limiter,
    { limit: unitRecord.down, packets: 64, headroom: 320 },
    (of, tag, at, length) => {
      expect(of).toBe(unit);
      expect(memory.u8[at]).toBe(tag & 0xff);
      expect(memory.u8[at + length - 1]).toBe(tag & 0xff);
      passed.push({ tag, length, at: time });
    },
  );
  const input = region.allocate(4096);
  return {
    queue,
    passed,
    limit,
    setHandle: (handle: number) => {
      memory.u32[(record >> 2) + unitRecord.handle] = handle;
    },
    offer(tag: number, length: number, now: number) {
      time = now;
      memory.u8.fill(tag, input, input + length);
      return queue.offer(unit, tag, input, Math.min(40, length), input + 40, Math.max(0, length - 40), now);
    },
    runUntil(end: number) {
      for (let at = queue.deadline(); at <= end; at = queue.deadline()) {
        time = at;
        queue.expire(at);
        queue.release();
      }
    },
  };
}

describe("packets that wait for their limit", () => {
  it("leave in order, at the rate, and no later than that", () => {
    const { offer, queue, passed, runUntil } = create(8_000_000, 3000);
    const outcomes = Array.from({ length: 30 }, (_, tag) => offer(tag, 1000, 0));
    expect(outcomes.slice(0, 3)).toEqual([admitted.now, admitted.now, admitted.now]);
    expect(new Set(outcomes.slice(3))).toEqual(new Set([admitted.later]));
    runUntil(100);
    expect(passed.map(({ tag }) => tag)).toEqual(Array.from({ length: 27 }, (_, index) => index + 3));
    for (const [index, { at }] of passed.entries()) expect(Math.abs(at - (index + 1))).toBeLessThan(0.01);
    expect(queue.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("are bounded by the rate, and by the pool", () => {
    const slow = create(8_000, 1500);
    const outcomes = Array.from({ length: 100 }, (_, tag) => slow.offer(tag, 1000, 0));
    expect(outcomes.filter((outcome) => outcome === admitted.later)).toHaveLength(6);
    const fast = create(1e9, 1500);
    const many = Array.from({ length: 100 }, (_, tag) => fast.offer(tag, 1500, 0));
    expect(many.filter((outcome) => outcome === admitted.later)).toHaveLength(64);
    expect(fast.offer(1, 3000, 0)).toBe(admitted.dropped);
    fast.runUntil(1000);
    expect(fast.passed).toHaveLength(64);
    expect(fast.offer(1, 1500, 1000)).toBe(admitted.now);
  });

  it("leave at once when the limit is taken away", () => {
    const { offer, limit, passed, runUntil } = create(8_000, 1500);
    for (let tag = 0; tag < 20; tag++) offer(tag, 1000, 0);
    limit(undefined, 1);
    runUntil(2000);
    expect(passed).toHaveLength(6);
    expect(passed.at(-1)!.at).toBeLessThan(102);
  });

  it("are dropped when their unit is gone", () => {
    const { offer, setHandle, passed, runUntil } = create(800_000, 1500);
    for (let tag = 0; tag < 20; tag++) offer(tag, 1000, 0);
    setHandle(78);
    runUntil(1000);
    expect(passed).toEqual([]);
    expect(offer(1, 1000, 2000)).toBe(admitted.now);
  });

  it.each([1e6, 1e7, 1e8])("carry %d bit/s to the packet where ten times as much is offered", (bitsPerSecond) => {
    const { offer, passed, runUntil } = create(bitsPerSecond, 15_000);
    const each = (1500 * 8000) / bitsPerSecond / 10;
    let through = 0;
    for (let now = 0; now < 10_000; now += each) {
      runUntil(now);
      if (offer(1, 1500, now) === admitted.now) through++;
    }
    const rate = ((through + passed.length) * 1500 * 8) / 10;
    expect(rate / bitsPerSecond).toBeGreaterThan(0.99);
    expect(rate / bitsPerSecond).toBeLessThan(1.015);
  });
});
