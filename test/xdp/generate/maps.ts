import { type MapSpec, mapFlag } from "../../../src/xdp/spec.js";

/** Maps of generated programs. Small, so that they fill up. */
export const generatedMaps = [
  { name: "arr", type: "array", keySize: 4, valueSize: 32, maxEntries: 4, flags: 0 },
  { name: "tab", type: "hash", keySize: 8, valueSize: 24, maxEntries: 8, flags: 0 },
  { name: "cpu", type: "percpu_array", keySize: 4, valueSize: 16, maxEntries: 2, flags: 0 },
  { name: "lpm", type: "lpm_trie", keySize: 8, valueSize: 16, maxEntries: 8, flags: mapFlag.noPrealloc },
  { name: "odd", type: "hash", keySize: 5, valueSize: 13, maxEntries: 4, flags: mapFlag.noPrealloc },
] as const satisfies readonly MapSpec[];
