/** The last used of what can be made again. */

export interface Recent<V> {
  /** What was made for the key, or what `make` makes now. What it throws is nobody's but the caller's. */
  get(key: string, make: () => V): V;
  readonly count: number;
  readonly bytes: number;
}

export interface RecentLimits<V> {
  readonly count: number;
  /** The sum of what all weigh; one that is heavier than that is not kept. */
  readonly bytes: number;
  readonly weigh: (value: V) => number;
}

/** Keeps at most so many; those that were asked for last. */
export function createRecent<V>({ count, bytes, weigh }: RecentLimits<V>): Recent<V> {
  /** Oldest first. */
  const kept = new Map<string, V>();
  let sum = 0;

  function drop(key: string, value: V): void {
    kept.delete(key);
    sum -= weigh(value);
  }

  return {
    get count() {
      return kept.size;
    },
    get bytes() {
      return sum;
    },
    get(key, make) {
      const known = kept.get(key);
      const value = known ?? make();
      if (known !== undefined) drop(key, known);
      kept.set(key, value);
      sum += weigh(value);
      for (const [oldest, dropped] of kept) {
        if (kept.size <= count && sum <= bytes) break;
        drop(oldest, dropped);
      }
      return value;
    },
  };
}
