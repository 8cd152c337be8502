import { expect, test } from "vitest";
import { seed } from "../../../../test/seed.js";
import { seededWords } from "../../../random.js";
import { createXdpMemory, wasm, type XdpMemory } from "../../memory.js";
import { state } from "../../run/state.js";
import type { MapSpec, MapTypeName } from "../../spec.js";
import { i32, moduleBuilder } from "../../wasm/builder.js";
import { recordWord } from "../access.js";
import { attachMap } from "../attach.js";
import { mapRecord } from "../descriptor.js";
import { hashWord } from "../hash.js";
import { checkNodes } from "../nodes.fixture.js";
import { createMapStore, type XdpMap } from "../store.js";
import { inlineRoutine, type MapOperation } from "./routines.js";

if (wasm === undefined) throw new Error("this test needs WebAssembly");
const api = wasm;
const thread = 8192;

type Routine = (...words: number[]) => number;

/** The routines of a map, compiled for another one of its shape if there is one, with `host` in the place of the helpers. */
function compile(
  memory: XdpMemory,
  map: XdpMap,
  host: Routine,
  shape = map,
): Readonly<Partial<Record<MapOperation, Routine>>> {
  const module = moduleBuilder();
  const pages = memory.size / 65536;
  module.importMemory("env", "memory", { pages, maximum: pages, shared: true });
  const helper = (name: string, words: number) => module.importFunction("env", name, new Array(words).fill(i32), [i32]);
  const base = module.importGlobal("env", "map", i32);
  const operations = (["update", "remove"] as const).filter((operation) => {
    const routine = inlineRoutine(module, { memory, record: shape.record, base }, operation, helper);
    if (routine !== undefined) module.exportFunction(operation, routine);
    return routine !== undefined;
  });
  const env = { memory: memory.shared, map: map.record, helper_2: host, helper_3: host };
  const { exports } = new api.Instance(new api.Module(module.finish()), { env });
  return Object.fromEntries(
    operations.map((operation) => {
      const routine = exports[operation] as Routine;
      return [operation, (...words: number[]) => routine(...words, map.record)];
    }),
  );
}

/** All that the operations of a hash table write: what they did is the same if this is. */
function image(memory: XdpMemory, record: number): Readonly<Record<string, string>> {
  const word = (index: number) => recordWord(memory, record, index);
  const nodes = word(hashWord.nodeCount);
  const bytes = (at: number, length: number) => memory.u8.slice(at, at + length).join();
  return {
    words: [mapRecord.count, mapRecord.lock, hashWord.freeFirst, hashWord.freeCount, hashWord.hand].map(word).join(),
    buckets: bytes(word(mapRecord.table), (word(mapRecord.mask) + 1) * 8),
    nodes: bytes(word(hashWord.nodes), nodes * word(hashWord.nodeStride)),
    values: bytes(word(mapRecord.values), nodes * word(mapRecord.stride)),
    last: bytes(word(mapRecord.values) + word(mapRecord.cpuStride) * (cpus - 1), nodes * word(mapRecord.stride)),
    free: bytes(word(hashWord.free), nodes * 4),
  };
}

const cpus = 3;
const hostAnswer = -1000;
const none = -1;
const cases: [type: MapTypeName, keySize: number, valueSize: number, maxEntries: number, spinLock: number][] = [
  ["array", 4, 13, 20, none],
  ["array", 4, 24, 20, 8],
  ["array", 4, 200, 20, none],
  ["percpu_array", 4, 12, 20, none],
  ["hash", 4, 8, 1, none],
  ["hash", 8, 16, 20, none],
  ["hash", 13, 200, 20, none],
  ["hash", 4, 16, 20, 4],
  ["hash", 150, 7, 40, none],
  ["percpu_hash", 5, 12, 20, none],
  ["percpu_hash", 4, 200, 20, none],
  ["lru_hash", 4, 8, 1, none],
  ["lru_hash", 4, 8, 20, none],
  ["lru_hash", 4, 8, 300, none],
  ["lru_percpu_hash", 4, 12, 20, none],
];

test.each(cases)(
  "%s with keys of %i and values of %i bytes, %i entries, lock at %i: compiled changes are what others are",
  (type, keySize, valueSize, maxEntries, spinLock) => {
    const memory = createXdpMemory(1 << 22);
    const maps = createMapStore({ memory, region: { start: 65536, bytes: (1 << 22) - 65536 }, cpus });
    const lock = spinLock === none ? {} : { spinLockOffset: spinLock };
    // The same seeds, so that a failure comes again.
    const flags = type.endsWith("hash") ? 64 : 0;
    const spec: MapSpec = { name: "m", type, keySize, valueSize, maxEntries, flags, ...lock };
    const [mixed, plain] = [maps.create(spec), maps.create(spec)];
    const routines = compile(memory, mixed, () => hostAnswer, plain);
    expect(Object.keys(routines)).toEqual(type.endsWith("array") ? ["update"] : ["update", "remove"]);
    const [cpu, key, value] = [1, 4097, 4611];
    memory.u32[(thread + state.cpu) >>> 2] = cpu;
    const accesses = [attachMap(memory, mixed.record, cpu), attachMap(memory, plain.record, cpu)] as const;
    const random = seededWords(seed + keySize * 3 + valueSize + maxEntries);
    const entries = (map: XdpMap) => [...map.entries()].map(([key, value]) => `${key.join()}: ${value.join()}`).sort();
    const wanted = new Set([0, -1]);
    for (let round = 0; round < 2500; round++) {
      for (let at = 0; at < valueSize; at++) memory.u8[value + at] = random();
      memory.u8.fill(1, key, key + keySize);
      memory.view.setUint32(key, random() % Math.ceil(maxEntries * 1.3 + 1), true);
      const compiled = random() % 2 === 0;
      const what = random() % 8;
      const flags = [0, 0, 1, 2][random() % 4] as number;
      let answers: readonly number[];
      if (what < 4) {
        const update = compiled ? (routines.update as Routine) : undefined;
        const other = () => accesses[0].update(key, value, flags);
        answers = [update?.(thread, key, value, flags, 0) ?? other(), accesses[1].update(key, value, flags)];
      } else if (what < 6) {
        const remove = compiled ? routines.remove : undefined;
        answers = [remove?.(thread, key) ?? accesses[0].remove(key), accesses[1].remove(key)];
      } else answers = accesses.map((access) => Math.sign(access.lookup(key)));
      expect(answers[0], `round ${round}, operation ${what}, flags ${flags}, compiled ${compiled}`).toBe(answers[1]);
      wanted.add(answers[0] as number);
      if (round % 40 === 0) {
        expect(entries(mixed)).toEqual(entries(plain));
        if (type.endsWith("hash")) {
          checkNodes(memory, mixed.record);
          expect(image(memory, mixed.record)).toEqual(image(memory, plain.record));
        }
      }
      // Another CPU's values are there to be cleared, and a held lock in a value to be left alone.
      if (random() % 4 === 0) {
        for (const access of accesses) {
          const at = mixed.spec.type.includes("percpu") ? access.lookupCpu(key, 2) : 0;
          if (at !== 0) memory.u8[at] = round;
          const place = spinLock === none ? 0 : access.lookup(key);
          if (place !== 0) memory.u32[(place + spinLock) >>> 2] = 1;
        }
      }
    }
    if (spinLock !== none) {
      for (let number = 0; number <= maxEntries; number++) {
        memory.view.setUint32(key, number, true);
        const [one, other] = accesses.map((access) => access.lookup(key)) as [number, number];
        if (one !== 0) expect(memory.u32[(one + spinLock) >>> 2]).toBe(memory.u32[(other + spinLock) >>> 2]);
      }
    }
    expect(wanted.size).toBeGreaterThan(4);
    expect(recordWord(memory, mixed.record, mapRecord.lock)).toBe(0);
  },
);

test("what is rare is the host's: flags beyond those of entries, and a lock that is held", () => {
  const memory = createXdpMemory(1 << 20);
  const maps = createMapStore({ memory, region: { start: 65536, bytes: (1 << 20) - 65536 }, cpus: 1 });
  for (const type of ["array", "hash", "lru_hash"] as const) {
    const map = maps.create({ name: "m", type, keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 });
    const calls: number[][] = [];
    const { update, remove } = compile(memory, map, (...words) => {
      calls.push(words);
      return hostAnswer;
    });
    for (const [flags, high] of [
      [4, 0],
      [3, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ] as const) {
      expect(update?.(thread, 4096, 4104, flags, high)).toBe(hostAnswer);
      expect(calls.pop()).toEqual([thread, map.record, 4096, 4104, flags, high]);
    }
    if (remove === undefined) continue;
    memory.i32[(map.record >>> 2) + mapRecord.lock] = 77;
    expect(update?.(thread, 4096, 4104, 1, 0)).toBe(hostAnswer);
    expect(calls.pop()).toEqual([thread, map.record, 4096, 4104, 1, 0]);
    expect(remove(thread, 4096)).toBe(hostAnswer);
    expect(calls.pop()).toEqual([thread, map.record, 4096]);
    expect(recordWord(memory, map.record, mapRecord.lock)).toBe(77);
    memory.i32[(map.record >>> 2) + mapRecord.lock] = 0;
    expect(update?.(thread, 4096, 4104, 0, 0)).toBe(0);
  }
});

test("the count of nodes taken begins anew where the ring of free nodes does", () => {
  const memory = createXdpMemory(1 << 20);
  const maps = createMapStore({ memory, region: { start: 65536, bytes: (1 << 20) - 65536 }, cpus: 1 });
  const map = maps.create({ name: "m", type: "hash", keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 });
  const { update, remove } = compile(memory, map, () => hostAnswer) as Record<MapOperation, Routine>;
  const access = attachMap(memory, map.record, 0);
  const nodes = recordWord(memory, map.record, hashWord.nodeCount);
  memory.i32[(map.record >>> 2) + hashWord.freeFirst] = Math.floor(2 ** 30 / nodes) * nodes - nodes;
  const before = recordWord(memory, map.record, hashWord.freeFirst);
  for (let round = 0; round < nodes * 4; round++) {
    memory.view.setUint32(4096, round % 3, true);
    if (round % 5 === 4) expect(round % 2 === 0 ? access.remove(4096) : remove(thread, 4096)).toBe(0);
    else expect(round % 2 === 0 ? access.update(4096, 4104, 0) : update(thread, 4096, 4104, 0, 0)).toBe(0);
    checkNodes(memory, map.record);
  }
  expect(recordWord(memory, map.record, hashWord.freeFirst)).toBeLessThan(before);
});
