import { randomBytes } from "node:crypto";

/** Random bytes for ids and challenges: the system's or, with a seed, the same again in every run. */
export function randomSource(seed: number | undefined): (length: number) => Uint8Array {
  if (seed === undefined) return (length) => randomBytes(length);
  let state = seed >>> 0;
  const next = (): number => {
    // mulberry32
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return mixed ^ (mixed >>> 14);
  };
  return (length) => Uint8Array.from({ length }, () => next() & 0xff);
}
