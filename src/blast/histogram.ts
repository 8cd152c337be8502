/**
 * A histogram of unsigned values with a relative error of at most 1/32, whatever their size: each power of two is divided
 * into 32 buckets. Its buckets may lie in shared memory, where one thread records and another reads.
 */
const subBits = 5;
const sub = 1 << subBits;

/** Buckets needed for values below 2^32. */
export const bucketCount = sub * (33 - subBits);

export interface Percentiles {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export const emptyHistogram = (): Uint32Array => new Uint32Array(new SharedArrayBuffer(bucketCount * 4));

function bucketOf(value: number): number {
  const bits = 32 - Math.clz32(value);
  if (bits <= subBits) return value;
  const shift = bits - subBits - 1;
  return (shift + 1) * sub + ((value >>> shift) & (sub - 1));
}

/** The middle of a bucket. */
function middleOf(bucket: number): number {
  if (bucket < 2 * sub) return bucket;
  const shift = Math.floor(bucket / sub) - 1;
  return (sub + (bucket % sub)) * 2 ** shift + 2 ** (shift - 1);
}

/** Records an unsigned 32-bit value. */
export function record(buckets: Uint32Array, value: number): void {
  buckets[bucketOf(value)]!++;
}

/** What the histogram holds, each value multiplied by `scale`. */
export function percentiles(buckets: Uint32Array, scale = 1): Percentiles {
  const count = buckets.reduce((sum, n) => sum + n, 0);
  const at = (share: number): number => {
    let left = Math.ceil(count * share);
    for (let bucket = 0; bucket < buckets.length; bucket++) {
      left -= buckets[bucket]!;
      if (left <= 0 && count > 0) return middleOf(bucket) * scale;
    }
    return 0;
  };
  const mean = count === 0 ? 0 : buckets.reduce((sum, n, bucket) => sum + n * middleOf(bucket), 0) / count;
  return { count, mean: mean * scale, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
