/** Packets that were not taken, by reason. Most machines never count any, and have no counters then. */
export type Counters = Record<string, number>;

export function counted(counters: Counters | undefined, reason: string): Counters {
  const all = counters ?? {};
  all[reason] = (all[reason] ?? 0) + 1;
  return all;
}
