import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { seeds } from "../../../test/seed.js";
import { seededNumbers } from "../../random.js";
import { createMemory } from "../../system/memory.js";
import { createLimiter, writeRate } from "./rate.js";
import { compiledUrl } from "./worker-url.js";

const at = 64;

function create(bitsPerSecond: number, burst: number, start = 0) {
  const memory = createMemory(65536);
  const { charge } = createLimiter(memory);
  const limit = (bits: number, bytes: number, now: number) =>
    writeRate(memory, at, { bitsPerSecond: bits, burst: bytes }, now);
  limit(bitsPerSecond, burst, start);
  return { memory, limit, charge: (bytes: number, now: number, count = 1) => charge(at, bytes, count, now) };
}

/** The same with real numbers: what a token bucket lets through. */
function createBucket(bitsPerSecond: number, burst: number) {
  let tokens = burst;
  let last = 0;
  return (bytes: number, now: number): boolean => {
    tokens = Math.min(burst, tokens + ((now - last) * bitsPerSecond) / 8000);
    last = now;
    if (tokens < bytes) return false;
    tokens -= bytes;
    return true;
  };
}

describe("rate limiter", () => {
  it.each([1e3, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12])("passes %d bit/s to the byte", (bitsPerSecond) => {
    const start = 86_400_000 * 10 + 0.123;
    const { charge } = create(bitsPerSecond, 15_000, start);
    const random = seededNumbers(7);
    const perMillisecond = bitsPerSecond / 8000;
    let passed = 0;
    let offered = 0;
    let now = start;
    while (offered < 20_000_000) {
      const bytes = 40 + Math.floor(random() * 1461);
      now += (bytes / perMillisecond) * 0.8 * random();
      offered += bytes;
      passed += bytes * charge(bytes, now);
    }
    const allowed = (now - start) * perMillisecond + 15_000;
    expect(passed).toBeLessThanOrEqual(allowed + 32);
    expect(passed).toBeGreaterThan(allowed - 1500 - 32);
  });

  it("agrees with a token bucket packet by packet", () => {
    for (const seed of seeds(20)) {
      const random = seededNumbers(seed);
      const bitsPerSecond = 10 ** (3 + random() * 9);
      const burst = Math.floor(1500 + 10 ** (random() * 6));
      const { charge } = create(bitsPerSecond, burst);
      const bucket = createBucket(bitsPerSecond, burst);
      let now = 0;
      let disagreements = 0;
      for (let packet = 0; packet < 3000; packet++) {
        const idle = random() < 0.01 ? 10 ** (random() * 8) : 0;
        const bytes = Math.floor(40 + random() * 1460);
        now += ((bytes * 8000) / bitsPerSecond) * random() * 1.8 + idle;
        if ((charge(bytes, now) === 1) !== bucket(bytes, now)) disagreements++;
      }
      // The clock's time is a whole number of bytes: what is due within that byte may go either way.
      expect(disagreements, `seed ${seed}`).toBeLessThanOrEqual(60);
    }
  });

  it("is full again after any idleness, wherever its clock has come to", () => {
    for (const seed of seeds(10)) {
      const random = seededNumbers(seed);
      const bitsPerSecond = 10 ** (3 + random() * 9);
      const { charge } = create(bitsPerSecond, 100_000);
      let now = 0;
      for (let round = 0; round < 200; round++) {
        expect(charge(1000, now, 1000)).toBe(100);
        expect(charge(1000, now, 1000)).toBe(0);
        now += (100_000 * 8000) / bitsPerSecond + 8 + 10 ** (random() * 9);
      }
    }
  });

  it("accepts as many segments of a super-packet as conform", () => {
    const { charge } = create(8_000_000, 10_000);
    expect(charge(1400, 0, 44)).toBe(7);
    expect(charge(1400, 1, 44)).toBe(0);
    expect(charge(200, 1, 44)).toBe(6);
    expect(charge(1400, 3, 44)).toBe(1);
  });

  it("lets a packet longer than the burst through when nothing is owed", () => {
    const { charge } = create(8_000_000, 1500);
    expect(charge(9000, 0)).toBe(1);
    expect(charge(40, 7)).toBe(0);
    expect(charge(9000, 7)).toBe(0);
    expect(charge(9000, 9)).toBe(1);
  });

  it("holds a new rate from the next packet on, and gives no second burst", () => {
    const { charge, limit, memory } = create(1_000_000, 10_000);
    expect(charge(1000, 0, 100)).toBe(10);
    limit(8_000_000, 20_000, 0);
    expect(charge(1000, 0, 100)).toBe(0);
    expect(charge(1000, 5, 100)).toBe(5);
    limit(8_000_000, 3000, 5);
    expect(charge(1000, 5, 100)).toBe(0);
    expect(charge(1000, 100, 100)).toBe(3);
    limit(80_000, 3000, 100);
    limit(8_000_000, 3000, 100);
    expect(charge(1000, 100, 100)).toBe(0);
    limit(8_000_000, 3000, 103);
    expect(charge(1000, 103, 100)).toBe(3);
    writeRate(memory, at, undefined, 103);
    expect(charge(1000, 103, 100)).toBe(100);
  });

  it("does not take a thread's late clock for long idleness", () => {
    const { charge } = create(1e9, 100_000);
    expect(charge(1000, 500, 200)).toBe(100);
    for (let late = 0; late < 300; late += 10) expect(charge(1000, 500 - late, 200)).toBe(0);
  });

  it("keeps one limit for two threads that charge it at once", async () => {
    const { memory } = create(1e9, 200_000);
    const source = `
      const { parentPort, workerData } = require("node:worker_threads");
      Promise.all([import(workerData.rate), import(workerData.memory)]).then(([{ createLimiter }, { attachMemory }]) => {
        const { charge } = createLimiter(attachMemory(workerData.shared));
        parentPort.once("message", (end) => {
          let passed = 0;
          let offered = 0;
          for (let now = performance.now(); now < end; now = performance.now()) {
            for (let i = 0; i < 50; i++) { offered += 3; passed += charge(${at}, 700, 3, now); }
          }
          parentPort.postMessage({ passed, offered });
          parentPort.close();
        });
        parentPort.postMessage("ready");
      });`;
    const rate = compiledUrl("./rate.js", import.meta.url).href;
    const memoryModule = compiledUrl("../../system/memory.js", import.meta.url).href;
    const workerData = { rate, memory: memoryModule, shared: memory.shared };
    const workers = [1, 2].map(() => new Worker(source, { eval: true, workerData }));
    await Promise.all(workers.map((worker) => once(worker, "message")));
    const start = performance.now();
    writeRate(memory, at, { bitsPerSecond: 1e9, burst: 200_001 }, start);
    const answers = await Promise.all(
      workers.map(async (worker): Promise<{ passed: number; offered: number }> => {
        worker.postMessage(start + 600);
        const [answer] = await once(worker, "message");
        return answer;
      }),
    );
    const bytes = answers.reduce((sum, { passed }) => sum + passed, 0) * 700;
    expect(bytes).toBeLessThanOrEqual(600 * 125_000 + 200_001);
    expect(bytes).toBeGreaterThan(50 * 125_000);
    for (const { offered } of answers) expect(offered).toBeGreaterThan(1000);
  });
});
