/**
 * Which frames of a flow arrived, by their sequence numbers: the highest one and, below it, a window of bits. A frame that
 * is older than the window is late and counts as lost, since nothing is known any more of whether it came before.
 */
const windowWords = 8;
/** Frames of a flow that may overtake one another and still be told apart. */
export const windowSize = windowWords * 32;

export type Verdict = 0 | 1 | 2 | 3;
export const verdict = { inOrder: 0, reordered: 1, duplicate: 2, late: 3 } as const satisfies Record<string, Verdict>;

/** State of many flows. `next` is one above the highest sequence number seen, 0 at first. */
export interface SequenceTable {
  readonly next: Uint32Array;
  readonly seen: Uint32Array;
}

export const createSequences = (flows: number): SequenceTable => ({
  next: new Uint32Array(new SharedArrayBuffer(flows * 4)),
  seen: new Uint32Array(new SharedArrayBuffer(flows * 4 * windowWords)),
});

/** Notes that a frame arrived, and says how. */
export function arrived({ next, seen }: SequenceTable, flow: number, sequence: number): Verdict {
  const expected = next[flow]!;
  const word = flow * windowWords + ((sequence >>> 5) % windowWords);
  const bit = 1 << (sequence & 31);
  if (sequence >= expected) {
    const forgotten = Math.min(sequence - expected, windowSize);
    for (let gone = sequence - forgotten; gone < sequence; gone++) {
      seen[flow * windowWords + ((gone >>> 5) % windowWords)]! &= ~(1 << (gone & 31));
    }
    next[flow] = sequence + 1;
    seen[word]! |= bit;
    return verdict.inOrder;
  }
  if (expected - sequence > windowSize) return verdict.late;
  if ((seen[word]! & bit) !== 0) return verdict.duplicate;
  seen[word]! |= bit;
  return verdict.reordered;
}
