import { expect, test } from "vitest";
import { seed } from "../../../../test/seed.js";
import { seededWords } from "../../../random.js";
import { createXdpMemory, wasm, type XdpMemory } from "../../memory.js";
import { state } from "../../run/state.js";
import type { MapSpec, MapTypeName } from "../../spec.js";
import { i32, moduleBuilder } from "../../wasm/builder.js";
import { attachMap } from "../attach.js";
import { createMapStore, type XdpMap } from "../store.js";
import { inlineRoutine } from "./routines.js";

if (wasm === undefined) throw new Error("this test needs WebAssembly");
const api = wasm;

/** Compiles for one map what is to run on another of the same shape. */
function compile(memory: XdpMemory, one: XdpMap, other: XdpMap): (state: number, key: number) => number {
  const module = moduleBuilder();
  const pages = memory.size / 65536;
  module.importMemory("env", "memory", { pages, maximum: pages, shared: true });
  const base = module.importGlobal("env", "map", i32);
  const lookup = inlineRoutine(module, { memory, record: one.record, base }, "lookup", () => {
    throw new Error("a lookup asks nobody");
  });
  if (lookup === undefined) throw new Error("nothing to inline");
  module.exportFunction("lookup", lookup);
  const instance = new api.Instance(new api.Module(module.finish()), {
    env: { memory: memory.shared, map: other.record },
  });
  const run = instance.exports.lookup as (state: number, key: number, record: number) => number;
  return (state, key) => run(state, key, other.record);
}

const cases: [MapTypeName, number, number][] = [
  ["array", 4, 50],
  ["percpu_array", 4, 50],
  ...[1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 40].map((size): [MapTypeName, number, number] => ["hash", size, 50]),
  ["percpu_hash", 6, 50],
  ["lru_hash", 4, 50],
  ["lru_percpu_hash", 4, 50],
  ["lpm_trie", 8, 20],
  ["lpm_trie", 8, 400],
  ["lpm_trie", 8, 3000],
  ["lpm_trie", 20, 400],
  ["lpm_trie", 20, 3000],
  ["lpm_trie", 5, 40],
  ["lpm_trie", 11, 100],
];

test.each(cases)(
  "%s with keys of %i bytes and %i entries: compiled lookups answer what others do",
  (type, keySize, maxEntries) => {
    const memory = createXdpMemory(1 << 25);
    const maps = createMapStore({ memory, region: { start: 65536, bytes: (1 << 25) - 65536 }, cpus: 2 });
    const lpm = type === "lpm_trie";
    const spec: MapSpec = { name: "m", type, keySize, valueSize: 12, maxEntries, flags: lpm ? 1 : 0 };
    const [twin, map] = [maps.create(spec), maps.create(spec)];
    const lookup = compile(memory, twin, map);
    const access = attachMap(memory, map.record, 1);
    const random = seededWords(seed + keySize);
    const [thread, key] = [8192, 4097];
    memory.u32[(thread + state.cpu) >>> 2] = 1;
    const fill = () => {
      for (let at = 0; at < keySize; at++) memory.u8[key + at] = random() % 4 === 0 ? random() : random() % 3;
      if (type.endsWith("hash")) {
        memory.u8.fill(1, key, key + keySize);
        memory.u8[key + (random() % keySize)] = random() % Math.ceil(90 / keySize);
      }
      if (type.endsWith("array")) memory.view.setUint32(key, random() % 60, true);
      if (lpm) memory.view.setUint32(key, random() % ((keySize - 4) * 8 + 1), true);
    };
    let hits = 0;
    for (let round = 0; round < 12_000; round++) {
      fill();
      if (round % 4 === 0) access.update(key, 1024, 0);
      else if (round % 16 === 1) access.remove(key);
      else {
        if (lpm && round % 8 !== 2) memory.view.setUint32(key, (keySize - 4) * 8 + (round % 64 === 3 ? 1 : 0), true);
        const expected = access.lookup(key);
        if (expected !== 0) hits++;
        expect(lookup(thread, key)).toBe(expected);
      }
    }
    expect(hits).toBeGreaterThan(10);
  },
);
