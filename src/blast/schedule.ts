/**
 * The order in which legs send. Frames that follow one another on the same path leave in one system call, so the order has
 * runs of one path; and each path comes as often as it has legs, evenly spread, so that no leg waits behind many others.
 */
const runLength = 32;
const longest = 1 << 16;

/** One round: every leg of `legs` equally often, given the path of each leg. */
export function sendOrder(legs: readonly number[], pathOf: (leg: number) => number): Int32Array {
  const byPath = new Map<number, number[]>();
  for (const leg of legs) {
    const path = pathOf(leg);
    const group = byPath.get(path);
    if (group === undefined) byPath.set(path, [leg]);
    else group.push(leg);
  }
  const groups = [...byPath.values()];
  const fewest = Math.min(...groups.map((group) => group.length));
  const repeats = Math.max(1, Math.min(Math.ceil(runLength / fewest), Math.floor(longest / legs.length)));

  const runs = groups.flatMap((group) => {
    const total = group.length * repeats;
    return Array.from({ length: Math.ceil(total / runLength) }, (_, run) => {
      const from = run * runLength;
      const count = Math.min(runLength, total - from);
      return { group, from, count, when: (from + count / 2) / total };
    });
  });
  runs.sort((a, b) => a.when - b.when);
  return Int32Array.from(
    runs.flatMap(({ group, from, count }) =>
      Array.from({ length: count }, (_, step) => group[(from + step) % group.length]!),
    ),
  );
}
