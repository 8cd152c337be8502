import { describe, expect, test } from "vitest";
import { pooled } from "./random-pool.js";

describe("pooled random bytes", () => {
  test("are those of the source, each given out once", () => {
    let next = 0;
    const asked: number[] = [];
    const random = pooled((length) => {
      asked.push(length);
      return Uint8Array.from({ length }, () => next++ & 0xff);
    });
    const [first, second] = [random(3), random(2)];
    expect([...first, ...second]).toEqual([0, 1, 2, 3, 4]);
    first.fill(9);
    expect([...second]).toEqual([3, 4]);
    expect(asked).toEqual([4096]);
  });

  test("never end in the middle of what is asked for, and what is longer than a portion comes from the source", () => {
    const asked: number[] = [];
    const random = pooled((length) => {
      asked.push(length);
      return new Uint8Array(length).fill(asked.length);
    });
    expect(random(4000).length).toBe(4000);
    expect([...new Set(random(100))]).toEqual([2]);
    expect(random(5000).length).toBe(5000);
    expect(asked).toEqual([4096, 4096, 5000]);
  });
});
