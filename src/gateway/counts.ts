/** Named counts that only grow. */
export interface Counts {
  add(name: string, by?: number): void;
  values(): Readonly<Record<string, number>>;
}

export function createCounts(): Counts {
  const counts = new Map<string, number>();
  return {
    add(name, by = 1) {
      counts.set(name, (counts.get(name) ?? 0) + by);
    },
    values: () => Object.fromEntries(counts),
  };
}
