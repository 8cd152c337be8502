/** Random numbers that a seed determines, for simulation and for runs that are to be repeated (mulberry32). */

/** 32-bit unsigned numbers. */
export function seededWords(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Numbers from 0 (inclusive) to 1. */
export function seededNumbers(seed: number): () => number {
  const next = seededWords(seed);
  return () => next() / 2 ** 32;
}
