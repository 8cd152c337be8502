import { seededWords } from "../../../src/random.js";

/** Seeded random choices, so that a run can be repeated. */
export interface Random {
  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  bytes(length: number): Uint8Array;
}

export function createRandom(seed: number): Random {
  const next = seededWords(seed);
  const below = (bound: number) => next() % bound;
  return {
    below,
    chance: (probability) => next() < probability * 2 ** 32,
    pick: (from) => from[below(from.length)]!,
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
  };
}
