import { describe, expect, test } from "vitest";
import { createHeapKeeper } from "./heap.js";

/** Runs one interval after the other, given the milliseconds of work in each; answers how often the heap was collected. */
function collections(used: number, ...busy: number[]): number {
  const rest = [...busy];
  let count = 0;
  const check = createHeapKeeper({ used: () => used, busy: () => rest.shift() ?? 0, collect: () => count++ });
  for (const _ of busy) check();
  return count;
}

const large = 200 << 20;

describe("heap of the daemon", () => {
  test("is collected a few times when much work is followed by none", () => {
    expect(collections(large, 900, 900, 0, 0, 0, 0, 0)).toBe(3);
    expect(collections(large, 2000, 0, 0, 0, 0, 2000, 0, 0, 0, 0)).toBe(6);
  });

  test("is left alone while there is work", () => {
    expect(collections(large, 2000, 2000, 2000)).toBe(0);
  });

  test("is left alone when little work is all there ever is", () => {
    expect(collections(large, ...new Array<number>(100).fill(50))).toBe(0);
    expect(collections(large, 200, 0, 0)).toBe(0);
  });

  test("is left alone while it is small", () => {
    expect(collections(1 << 20, 2000, 0)).toBe(0);
  });
});
