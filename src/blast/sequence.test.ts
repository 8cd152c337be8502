import fc from "fast-check";
import { expect, test } from "vitest";
import { arrived, createSequences, verdict, windowSize } from "./sequence.js";

test("frames in order, repeated, swapped and late are told apart", () => {
  const table = createSequences(2);
  const verdicts = (...sequence: number[]) => sequence.map((n) => arrived(table, 1, n));
  const { inOrder, reordered, duplicate, late } = verdict;
  expect(verdicts(0, 1, 1, 4, 2, 3, 2, 0)).toEqual([
    inOrder,
    inOrder,
    duplicate,
    inOrder,
    reordered,
    reordered,
    duplicate,
    duplicate,
  ]);
  expect(verdicts(1000, 999, 1000 - windowSize, 1001 - windowSize, 4)).toEqual([
    inOrder,
    reordered,
    late,
    reordered,
    late,
  ]);
  expect(arrived(table, 0, 0)).toBe(inOrder);
});

test("within the window, the count of distinct frames is exact", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: windowSize - 1 }), { maxLength: 600 }), (sequence) => {
      const table = createSequences(1);
      const fresh = sequence.map((n) => arrived(table, 0, n)).filter((v) => v !== verdict.duplicate).length;
      expect(fresh).toBe(new Set(sequence).size);
    }),
  );
});

test("a sliding flow with repetitions is counted exactly", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -100, max: 300 }), { maxLength: 300 }), (steps) => {
      const table = createSequences(1);
      const seen = new Set<number>();
      let top = 1000;
      for (const step of steps) {
        const n = top + step;
        const expected = n >= top && step >= 0 && n >= Math.max(-1, ...seen) + 1 ? verdict.inOrder : undefined;
        const highest = Math.max(-1, ...seen);
        const is = arrived(table, 0, n);
        if (highest - n >= windowSize) expect(is).toBe(verdict.late);
        else if (seen.has(n)) expect(is).toBe(verdict.duplicate);
        else expect(is).toBe(n > highest ? verdict.inOrder : verdict.reordered);
        if (expected !== undefined) expect(is).toBe(expected);
        if (highest - n < windowSize) seen.add(n);
        top = Math.max(top, n);
      }
    }),
  );
});
