/** The same operations on a map here and on one in the running kernel: results and errors must be the same. */
import { afterEach, describe, expect, it } from "vitest";
import { seededWords } from "../../src/random.js";
import {
  bpfMissing,
  closeDescriptor,
  createBpfMap,
  deleteBpfMap,
  lookupBpfMap,
  popBpfMap,
  updateBpfMap,
} from "../../src/system/bpf.js";
import { createMapStore } from "../../src/xdp/maps/store.js";
import { createXdpMemory } from "../../src/xdp/memory.js";
import { type MapTypeName, mapTypes } from "../../src/xdp/spec.js";
import { long, seed } from "../seed.js";

const reason = bpfMissing();
if (reason !== undefined) console.warn(`skipped: maps against the kernel's: ${reason}`);

const open: number[] = [];
afterEach(() => {
  for (const descriptor of open.splice(0)) closeDescriptor(descriptor);
});

/** What an operation answers, or the name of its error. */
function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

const cases: [MapTypeName, number, number, number][] = [
  ["array", 4, 5, 0],
  ["hash", 4, 5, 0],
  ["hash", 7, 12, 0],
  ["lpm_trie", 8, 4, 1],
  ["lpm_trie", 20, 4, 1],
  ["queue", 0, 6, 0],
  ["stack", 0, 6, 0],
];

describe.skipIf(reason !== undefined)("maps here and in the kernel", () => {
  it.each(cases)("%s with keys of %i and values of %i bytes", (type, keySize, valueSize, flags) => {
    const maxEntries = 20;
    const kernel = createBpfMap({ type: mapTypes[type], keySize, valueSize, maxEntries, flags, name: "m" });
    open.push(kernel);
    const maps = createMapStore({
      memory: createXdpMemory(1 << 21),
      region: { start: 65536, bytes: 1 << 20 },
      cpus: 1,
    });
    const map = maps.create({ name: "m", type, keySize, valueSize, maxEntries, flags });
    const random = seededWords(seed);
    const lpm = type === "lpm_trie";
    for (let round = 0; round < (long ? 200_000 : 8000); round++) {
      const key = new Uint8Array(keySize);
      if (keySize > 0) key[keySize - 1] = random() % 3;
      if (lpm) {
        for (let at = 4; at < keySize; at++) key[at] = random() % 8 === 0 ? random() : 0;
        const bits = (keySize - 4) * 8;
        new DataView(key.buffer).setUint32(0, random() % 3 === 0 ? bits : random() % (bits + 2), true);
      } else if (keySize > 0) {
        key.fill(0);
        key[0] = random() % 30;
      }
      const value = Uint8Array.from({ length: valueSize }, () => random());
      const flag = random() % 2 === 0 ? 0 : random() % 6;
      const what = random() % 4;
      const room = new Uint8Array(valueSize);
      let here: unknown;
      let there: unknown;
      if (what < 2) {
        here = outcome(() => {
          map.update(key, value, flag);
          return true;
        });
        there = outcome(() => updateBpfMap(kernel, key, value, flag));
        // The system call's wrapper answers false for what flags refuse.
        if (there === false && (here === "EEXIST" || here === "ENOENT")) here = false;
      } else if (what === 2) {
        if (keySize === 0) {
          here = outcome(() => map.lookupAndDelete(key)?.join() ?? false);
          there = outcome(() => (popBpfMap(kernel, room) ? room.join() : false));
        } else {
          here = outcome(() => map.delete(key));
          there = outcome(() => deleteBpfMap(kernel, key));
        }
      } else {
        here = outcome(() => map.lookup(key)?.join() ?? false);
        there = outcome(() => (lookupBpfMap(kernel, key, room) ? room.join() : false));
      }
      expect(here, `round ${round}, operation ${what}, key ${key.join()}, flags ${flag}`).toEqual(there);
    }
  });
});
