/** Threads that use one map at once: compiled JavaScript, out of dist/. */
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { long } from "../../../test/seed.js";
import { createXdpMemory, wasmPage } from "../memory.js";
import type { MapTypeName } from "../spec.js";
import { createMapStore } from "./store.js";

const rounds = long ? 2_000_000 : 300_000;
const built = (module: string) => JSON.stringify(new URL(`../../../dist/xdp/${module}`, import.meta.url).href);

/**
 * Keys 1 to 8 stay; others come and go. A value is its key's number twice (low, high word), so that a torn one shows. Each thread tells how
 * often it missed a key that is there throughout, and how many values it read made no sense.
 */
const source = `
import { parentPort, workerData } from "node:worker_threads";
import { viewMemory } from ${built("memory.js")};
import { attachMap } from ${built("maps/attach.js")};
const { shared, record, cpu, rounds, type } = workerData;
const memory = viewMemory(shared);
const map = attachMap(memory, record, cpu);
const { u32, view } = memory;
const key = 4096 + cpu * 1024, value = key + 256, out = key + 512;
let state = cpu + 1;
const random = () => { state = Math.imul(state, 1664525) + 1013904223 | 0; return state >>> 8; };
const result = { missed: 0, torn: 0, errors: 0, sum: 0, taken: 0, busy: 0 };
const lpm = type === "lpm_trie";
const setKey = (number) => {
  if (lpm) { view.setUint32(key, 32, true); view.setUint32(key + 4, number, false); } else view.setUint32(key, number, true);
};
for (let round = 0; round < rounds; round++) {
  if (type === "ringbuf") {
    const number = round + 1;
    const bytes = 8 + random() % 64;
    const at = map.reserve(bytes);
    if (at === 0) { result.missed++; continue; }
    for (let offset = 0; offset < (bytes & ~3); offset += 4) view.setUint32(at + offset, number, true);
    if (random() % 8 === 0) map.discard(at, 0); else { result.sum += number; result.taken++; map.submit(at, 0); }
  } else if (type === "queue") {
    if (random() % 2 === 0) {
      const number = random() + 1;
      view.setUint32(value, number, true); view.setUint32(value + 4, number, true);
      if (map.push(value, 0) === 0) { result.sum += number; result.taken++; }
    } else if (map.pop(value) === 0) {
      const number = view.getUint32(value, true);
      if (view.getUint32(value + 4, true) !== number) result.torn++;
      result.sum -= number; result.taken--;
    }
  } else {
    const what = random() % 4;
    if (what < 2) {
      const number = 1 + random() % 8;
      setKey(number);
      if (map.lookup(key) === 0) result.missed++;
    } else {
      const stays = random() % 3 === 0;
      const number = stays ? 1 + random() % 8 : 100 + random() % 60;
      setKey(number);
      if (lpm && !stays) view.setUint32(key, 24 + random() % 9, true);
      view.setUint32(value, number, true); view.setUint32(value + 4, number, true);
      const answer = stays || what === 2 ? map.update(key, value, 0) : map.remove(key);
      if (answer === -16) result.busy++;
      else if (answer !== 0 && answer !== -2 && answer !== -7 && answer !== -28) result.errors++;
    }
  }
}
parentPort.postMessage(result);
`;

interface Result {
  readonly missed: number;
  readonly torn: number;
  readonly errors: number;
  readonly sum: number;
  readonly taken: number;
  readonly busy: number;
}

test.each(["hash", "lru_hash", "lpm_trie", "queue", "ringbuf"] as MapTypeName[])(
  "%s: two workers and the control thread",
  async (type) => {
    const memory = createXdpMemory(1 << 22);
    const maps = createMapStore({ memory, region: { start: wasmPage, bytes: (1 << 22) - wasmPage }, cpus: 2 });
    const lpm = type === "lpm_trie";
    const map = maps.create({
      name: "m",
      type,
      keySize: type === "queue" || type === "ringbuf" ? 0 : lpm ? 8 : 4,
      valueSize: type === "ringbuf" ? 0 : 8,
      maxEntries: type === "ringbuf" ? 4096 : type === "lru_hash" ? 300 : type === "queue" ? 100 : 10,
      flags: lpm ? 1 : 0,
    });
    const keyOf = (number: number) => {
      const key = new Uint8Array(lpm ? 8 : 4);
      const view = new DataView(key.buffer);
      if (lpm) view.setUint32(0, 32, true);
      view.setUint32(lpm ? 4 : 0, number, !lpm);
      return key;
    };
    const valueFor = (number: number) => new Uint8Array(Uint32Array.of(number, number).buffer);
    const keyed = map.spec.keySize > 0;
    if (keyed) for (let number = 1; number <= 8; number++) map.update(keyOf(number), valueFor(number));

    let open = 2;
    const results = await (async () => {
      const done = [0, 1].map(
        (cpu) =>
          new Promise<Result>((good, bad) => {
            const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
              workerData: { shared: memory.shared, record: map.record, cpu, rounds, type },
            });
            worker.once("message", good);
            worker.once("error", bad);
            worker.once("exit", () => open--);
          }),
      );
      const seen = { missed: 0, torn: 0, errors: 0, sum: 0, taken: 0, busy: 0 };
      const consume = () =>
        map.consume((data) => {
          const words = new Uint32Array(data.slice(0, data.length & ~3).buffer);
          if (words.some((word) => word !== words[0])) seen.torn++;
          seen.sum -= words[0]!;
          seen.taken--;
        });
      while (open > 0) {
        if (keyed) {
          for (let number = 1; number <= 8; number++) {
            const value = map.lookup(keyOf(number));
            if (value === undefined) seen.missed++;
            else if (value.join() !== valueFor(number).join()) seen.torn++;
          }
          for (const [, value] of map.entries()) {
            const words = new Uint32Array(value.buffer);
            if (words[0] !== words[1]) seen.torn++;
          }
        } else if (type === "ringbuf") consume();
        await new Promise((turn) => setTimeout(turn, 1));
      }
      if (type === "ringbuf") consume();
      for (let value = type === "queue" ? map.pop() : undefined; value !== undefined; value = map.pop()) {
        seen.sum -= new Uint32Array(value.buffer)[0]!;
        seen.taken--;
      }
      return [...(await Promise.all(done)), seen];
    })();
    const total = (of: keyof Result) => results.reduce((sum, one) => sum + one[of], 0);
    expect(total("torn")).toBe(0);
    expect(total("errors")).toBe(0);
    // A holder of the lock may be off its processor for long where there are more threads than processors.
    expect(total("busy")).toBeLessThan(rounds / 1000);
    if (keyed) expect(total("missed")).toBe(0);
    expect(total("sum")).toBe(0);
    expect(total("taken")).toBe(0);
  },
  60_000,
);
