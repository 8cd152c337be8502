import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketCount, emptyHistogram, percentiles, record } from "./histogram.js";

test("any value is kept to within one part in 32", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
      const buckets = emptyHistogram();
      record(buckets, value);
      const { count, max, p50 } = percentiles(buckets);
      expect(count).toBe(1);
      expect(p50).toBe(max);
      expect(Math.abs(max - value)).toBeLessThanOrEqual(value / 32);
    }),
  );
});

test("percentiles of a known spread", () => {
  const buckets = emptyHistogram();
  for (let value = 1; value <= 1000; value++) record(buckets, value);
  const { p50, p90, p99, max, mean } = percentiles(buckets, 0.001);
  for (const [is, should] of [
    [p50, 0.5],
    [p90, 0.9],
    [p99, 0.99],
    [max, 1],
    [mean, 0.5],
  ] as const) {
    expect(Math.abs(is - should)).toBeLessThan(should / 30);
  }
  expect(percentiles(emptyHistogram())).toMatchObject({ count: 0, mean: 0, max: 0 });
  expect(buckets).toHaveLength(bucketCount);
});
