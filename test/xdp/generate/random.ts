import { seededWords } from "../../../src/random.js";

/** Draws that a seed determines. */
export interface Draw {
  word(): number;
  /** From 0 to `limit` - 1. */
  below(limit: number): number;
  /** From `least` to `most`, both inclusive. */
  between(least: number, most: number): number;
  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** One of [weight, value]. */
  weighed<T>(from: readonly (readonly [number, T])[]): T;
  /** 32 bits, signed, with a preference for those that break things: small ones, powers of two, their neighbours. */
  immediate(): number;
}

export function createDraw(seed: number): Draw {
  const word = seededWords(seed);
  const below = (limit: number): number => word() % limit;
  const draw: Draw = {
    word,
    below,
    between: (least, most) => least + below(most - least + 1),
    chance: (percent) => below(100) < percent,
    pick: (from) => from[below(from.length)]!,
    weighed(from) {
      let left = below(from.reduce((sum, [weight]) => sum + weight, 0));
      for (const [weight, value] of from) {
        left -= weight;
        if (left < 0) return value;
      }
      return from[0]![1];
    },
    immediate() {
      switch (below(6)) {
        case 0:
          return below(16);
        case 1:
          return -1 - below(16);
        case 2:
          return (1 << below(32)) | 0;
        case 3:
          return ((1 << below(32)) - 1) | 0;
        case 4:
          return draw.pick([0x7fff_ffff, -0x8000_0000, 0xffff, 0x1_0000, 0xff, 0x100]);
        default:
          return word() | 0;
      }
    },
  };
  return draw;
}
