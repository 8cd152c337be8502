/** Threads that use one map at once: compiled JavaScript, out of dist/. */
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { long } from "../../../test/seed.js";
import { createXdpMemory, wasmPage } from "../memory.js";
import type { MapTypeName } from "../spec.js";
import { checkNodes } from "./nodes.fixture.js";
import { createMapStore } from "./store.js";

const rounds = long ? 2_000_000 : 300_000;
const built = (module: string) => JSON.stringify(new URL(`../../../dist/xdp/${module}`, import.meta.url).href);

/**
 * Each thread works through the routines of compiled programs and through the operations in JavaScript in turns. Keys 1 to 8 stay; a few belong
 * to one thread, which knows what it last did to them; others come and go. A value is its key's number and a stamp, many times, so that a torn
 * one shows. Each thread tells how often it missed a key that is there throughout, and how many values it read made no sense.
 */
const valueBytes = 320;
const source = `
const valueBytes = ${valueBytes};
import { parentPort, workerData } from "node:worker_threads";
import { viewMemory } from ${built("memory.js")};
import { attachMap } from ${built("maps/attach.js")};
import { inlineRoutine } from ${built("maps/inline/routines.js")};
import { state as field } from ${built("run/state.js")};
import { i32, moduleBuilder } from ${built("wasm/builder.js")};
const { shared, record, cpu, rounds, type, evicts } = workerData;
const memory = viewMemory(shared);
const map = attachMap(memory, record, cpu);
const { u32, view } = memory;
const key = 4096 + cpu * 1024, value = key + 512, block = 32768 + cpu * 8192;
u32[(block + field.cpu) >>> 2] = cpu;
const module = moduleBuilder();
const pages = memory.size / 65536;
module.importMemory("env", "memory", { pages, maximum: pages, shared: true });
const host = (name, words) => module.importFunction("env", name, new Array(words).fill(i32), [i32]);
const base = module.importGlobal("env", "map", i32);
for (const operation of ["lookup", "update", "remove", "reserve", "submit", "discard", "output"]) {
  const routine = inlineRoutine(module, { memory, record, base }, operation, host);
  if (routine !== undefined) module.exportFunction(operation, routine);
}
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: {
  memory: shared,
  map: record,
  helper_2: (_, record, key, value, flags) => map.update(key, value, flags),
  helper_3: (_, record, key) => map.remove(key),
  helper_131: (_, record, bytes) => map.reserve(bytes),
  ring_wake: () => { map.wake(); return 0; },
} });
let seed = cpu + 1;
const random = () => { seed = Math.imul(seed, 1664525) + 1013904223 | 0; return seed >>> 8; };
const either = (routine, operation) => (...words) =>
  routine !== undefined && random() % 2 === 0 ? routine(block, ...words, record) : operation(...words);
const lookup = either(exports.lookup, (key) => map.lookup(key));
const update = either(exports.update && ((block, key, value, flags, record) => exports.update(block, key, value, flags, 0, record)), (...words) => map.update(...words));
const remove = either(exports.remove, (key) => map.remove(key));
const reserve = either(exports.reserve && ((block, bytes, record) => exports.reserve(block, bytes, 0, 0, record)), (bytes) => map.reserve(bytes));
const submit = either(exports.submit, (...words) => map.submit(...words));
const discard = either(exports.discard, (...words) => map.discard(...words));
const output = either(exports.output && ((block, data, bytes, flags, record) => exports.output(block, data, bytes, flags, 0, record)), (...words) => map.output(...words));
const result = { missed: 0, torn: 0, errors: 0, lost: 0, sum: 0, taken: 0, busy: 0 };
const lpm = type === "lpm_trie", keyed = type !== "queue" && type !== "ringbuf";
const setKey = (number) => {
  if (lpm) { view.setUint32(key, 32, true); view.setUint32(key + 4, number, false); } else view.setUint32(key, number, true);
};
const setValue = (number, stamp) => {
  for (let at = 0; at < (keyed ? valueBytes : 8); at += 8) { view.setUint32(value + at, number, true); view.setUint32(value + at + 4, stamp, true); }
};
/** Stamps of the thread's own keys; undefined: it is not there. */
const own = new Array(4).fill(undefined);
for (let round = 0; round < rounds; round++) {
  if (type === "ringbuf") {
    const number = round + 1;
    const bytes = 8 + random() % 64;
    if (random() % 4 === 0) {
      for (let offset = 0; offset < bytes; offset += 4) view.setUint32(value + offset, number, true);
      if (output(value, bytes, random() % 3) !== 0) result.missed++;
      else { result.sum += number; result.taken++; }
      continue;
    }
    const at = reserve(bytes);
    if (at === 0) { result.missed++; continue; }
    for (let offset = 0; offset < (bytes & ~3); offset += 4) view.setUint32(at + offset, number, true);
    if (random() % 8 === 0) discard(at, 0); else { result.sum += number; result.taken++; submit(at, 0); }
  } else if (type === "queue") {
    if (random() % 2 === 0) {
      const number = random() + 1;
      setValue(number, number);
      if (map.push(value, 0) === 0) { result.sum += number; result.taken++; }
    } else if (map.pop(value) === 0) {
      const number = view.getUint32(value, true);
      if (view.getUint32(value + 4, true) !== number) result.torn++;
      result.sum -= number; result.taken--;
    }
  } else {
    const what = random() % 8;
    if (what < 3) {
      setKey(1 + random() % 8);
      if (lookup(key) === 0 && !evicts) result.missed++;
    } else if (what < 6) {
      const stays = random() % 3 === 0;
      const number = stays ? 1 + random() % 8 : 100 + random() % 60;
      setKey(number);
      if (lpm && !stays) view.setUint32(key, 24 + random() % 9, true);
      setValue(number, random());
      const answer = stays || what < 5 ? update(key, value, 0) : remove(key);
      if (answer === -16) result.busy++;
      else if (answer !== 0 && answer !== -2 && answer !== -7 && answer !== -28) result.errors++;
    } else {
      const which = random() % own.length;
      const number = 1000 + cpu * 100 + which;
      setKey(number);
      const stamp = random();
      setValue(number, stamp);
      const removing = random() % 3 === 0;
      const answer = removing ? remove(key) : update(key, value, 0);
      if (answer === -16) { result.busy++; continue; }
      if (evicts) {
        if (answer !== 0 && !(removing && answer === -2)) result.errors++;
        continue;
      }
      // Only this thread has to do with the key.
      const full = answer === -7 || answer === -28;
      const right = removing ? answer === (own[which] === undefined ? -2 : 0) : answer === 0 || (full && own[which] === undefined);
      if (!right) result.errors++;
      own[which] = removing || full ? undefined : stamp;
      const at = lookup(key);
      const held = at === 0 ? undefined : view.getUint32(at + 4, true);
      if (held !== own[which]) result.lost++;
    }
  }
}
parentPort.postMessage(result);
`;

interface Result {
  readonly missed: number;
  readonly torn: number;
  readonly errors: number;
  readonly lost: number;
  readonly sum: number;
  readonly taken: number;
  readonly busy: number;
}

const cases: readonly [type: MapTypeName, maxEntries: number][] = [
  ["hash", 24],
  ["percpu_hash", 24],
  ["lru_hash", 300],
  ["lru_hash", 24],
  ["lru_hash", 1],
  ["lpm_trie", 24],
  ["queue", 100],
  ["ringbuf", 4096],
];

test.each(cases)("%s of %i: two workers and the control thread", { timeout: 120_000 }, async (type, maxEntries) => {
  const memory = createXdpMemory(1 << 22);
  const maps = createMapStore({ memory, region: { start: wasmPage, bytes: (1 << 22) - wasmPage }, cpus: 2 });
  const lpm = type === "lpm_trie";
  const keyed = type !== "queue" && type !== "ringbuf";
  const evicts = type === "lru_hash" && maxEntries < 300;
  const map = maps.create({
    name: "m",
    type,
    keySize: keyed ? (lpm ? 8 : 4) : 0,
    valueSize: type === "ringbuf" ? 0 : keyed ? valueBytes : 8,
    maxEntries,
    flags: lpm ? 1 : 0,
  });
  const keyOf = (number: number) => {
    const key = new Uint8Array(lpm ? 8 : 4);
    const view = new DataView(key.buffer);
    if (lpm) view.setUint32(0, 32, true);
    view.setUint32(lpm ? 4 : 0, number, !lpm);
    return key;
  };
  const numberIn = (key: Uint8Array) => new DataView(key.buffer).getUint32(0, true);
  /** User space sees a value of each CPU while that CPU writes it. A prefix is shorter than the number it was made of. */
  const isTorn = (key: Uint8Array, value: Uint8Array): boolean => {
    const words = new Uint32Array(value.buffer);
    const foreign = lpm ? false : words[0] !== numberIn(key);
    return type !== "percpu_hash" && (foreign || words.some((word, index) => word !== words[index % 2]));
  };
  const first = (number: number) => {
    const value = new Uint8Array(map.userValueSize);
    new Uint32Array(value.buffer).forEach((_, index, words) => {
      words[index] = index % 2 === 0 ? number : 7;
    });
    return value;
  };
  if (keyed) for (let number = 1; number <= 8; number++) map.update(keyOf(number), first(number));

  let open = 2;
  const done = [0, 1].map(
    (cpu) =>
      new Promise<Result>((good, bad) => {
        const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
          workerData: { shared: memory.shared, record: map.record, cpu, rounds, type, evicts },
        });
        worker.once("message", good);
        worker.once("error", bad);
        worker.once("exit", () => open--);
      }),
  );
  const seen = { missed: 0, torn: 0, errors: 0, lost: 0, sum: 0, taken: 0, busy: 0 };
  const consume = () =>
    map.consume((data) => {
      const words = new Uint32Array(data.slice(0, data.length & ~3).buffer);
      if (words.some((word) => word !== words[0])) seen.torn++;
      seen.sum -= words[0]!;
      seen.taken--;
    });
  while (open > 0) {
    if (keyed) {
      for (let turn = 0; turn < 400; turn++) {
        const number = 1 + (turn % 8);
        const value = map.lookup(keyOf(number));
        if (value === undefined) seen.missed += evicts ? 0 : 1;
        else if (isTorn(keyOf(number), value)) seen.torn++;
      }
      let count = 0;
      for (const [key, value] of map.entries()) {
        count++;
        if (isTorn(key, value)) seen.torn++;
      }
      if (count > maxEntries || map.count > maxEntries) seen.errors++;
    } else if (type === "ringbuf") consume();
    await new Promise((turn) => setTimeout(turn, 1));
  }
  if (type === "ringbuf") consume();
  for (let value = type === "queue" ? map.pop() : undefined; value !== undefined; value = map.pop()) {
    seen.sum -= new Uint32Array(value.buffer)[0]!;
    seen.taken--;
  }
  const results = [...(await Promise.all(done)), seen];
  const total = (of: keyof Result) => results.reduce((sum, one) => sum + one[of], 0);
  expect(total("torn"), "torn").toBe(0);
  expect(total("errors"), "errors").toBe(0);
  expect(total("lost"), "lost").toBe(0);
  // A holder of the lock may be off its processor for long where there are more threads than processors.
  expect(total("busy")).toBeLessThan(rounds / 1000);
  if (keyed) expect(total("missed"), "missed").toBe(0);
  expect(total("sum")).toBe(0);
  expect(total("taken")).toBe(0);
  if (type.endsWith("hash")) checkNodes(memory, map.record);
});
