import { type MapSpec, mapFlag } from "../../../src/xdp/spec.js";

/** Maps of generated programs. Small, so that they fill up. The device map and the table of programs stay empty. */
export const generatedMaps = [
  { name: "arr", type: "array", keySize: 4, valueSize: 32, maxEntries: 4, flags: 0 },
  { name: "tab", type: "hash", keySize: 8, valueSize: 24, maxEntries: 8, flags: 0 },
  { name: "cpu", type: "percpu_array", keySize: 4, valueSize: 16, maxEntries: 2, flags: 0 },
  { name: "lpm", type: "lpm_trie", keySize: 8, valueSize: 16, maxEntries: 8, flags: mapFlag.noPrealloc },
  { name: "odd", type: "hash", keySize: 5, valueSize: 13, maxEntries: 4, flags: mapFlag.noPrealloc },
  { name: "que", type: "queue", keySize: 0, valueSize: 8, maxEntries: 3, flags: 0 },
  { name: "sta", type: "stack", keySize: 0, valueSize: 24, maxEntries: 3, flags: 0 },
  { name: "dev", type: "devmap", keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 },
  { name: "cpus", type: "percpu_hash", keySize: 8, valueSize: 16, maxEntries: 8, flags: 0 },
  { name: "jumps", type: "prog_array", keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 },
] as const satisfies readonly MapSpec[];

/** Indexes of the maps whose values a program reads and writes by key. */
export const keyedMaps: readonly number[] = generatedMaps.flatMap(({ type }, index) =>
  ["array", "hash", "percpu_array", "percpu_hash", "lpm_trie"].includes(type) ? [index] : [],
);

export const indexOfMap = (name: (typeof generatedMaps)[number]["name"]): number =>
  generatedMaps.findIndex((map) => map.name === name);
