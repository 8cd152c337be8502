/** For tests of hash tables. */
import { expect } from "vitest";
import type { XdpMemory } from "../memory.js";
import { recordWord } from "./access.js";
import { mapRecord } from "./descriptor.js";
import { hashCore, hashWord } from "./hash.js";

/** Expects each node to be in one bucket's list, or once among the free ones, and no more to be in use than may be. */
export function checkNodes(memory: XdpMemory, record: number): void {
  const word = (index: number) => recordWord(memory, record, index);
  const core = hashCore(memory, record);
  const nodes = word(hashWord.nodeCount);
  const seen: number[] = [];
  for (let index = core.after(-1); index >= 0 && seen.length <= nodes; index = core.after(index)) seen.push(index);
  expect(seen.length).toBe(word(mapRecord.count));
  expect(seen.length).toBeLessThanOrEqual(word(mapRecord.maxEntries));
  for (let place = 0; place < word(hashWord.freeCount); place++) {
    seen.push(memory.i32[(word(hashWord.free) >>> 2) + ((word(hashWord.freeFirst) + place) % nodes)] as number);
  }
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: nodes }, (_, index) => index));
  expect(word(mapRecord.lock)).toBe(0);
}
