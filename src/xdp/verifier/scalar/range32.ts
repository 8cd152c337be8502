/** Bounds of the results of 32-bit operations, from bounds of the operands' lower words. See range64.ts, whose rules these are. */
import { type Scalar, s32max, s32min, u32max } from "./bounds.js";

export interface Range32 {
  readonly u32min: number;
  readonly u32max: number;
  readonly s32min: number;
  readonly s32max: number;
}

export const full32: Range32 = { u32min: 0, u32max, s32min, s32max };

const unsigned = (low: number, high: number): Range32 => ({ u32min: low, u32max: high, s32min, s32max });
const signed = (low: number, high: number): Range32 => ({ u32min: 0, u32max, s32min: low, s32max: high });

const span = 2 ** 32;
const sameTurn = (low: number, high: number): boolean => Math.floor(low / span) === Math.floor(high / span);

/** Results that are exact below 2^53 in magnitude; those beyond are only told to be beyond. */
function wrapped(ulow: number, uhigh: number, slow: number, shigh: number): Range32 {
  const ufits = Math.max(-ulow, uhigh) <= Number.MAX_SAFE_INTEGER && sameTurn(ulow, uhigh);
  const sfits = Math.max(-slow, shigh) <= Number.MAX_SAFE_INTEGER / 2 && sameTurn(slow - s32min, shigh - s32min);
  return {
    u32min: ufits ? ulow >>> 0 : 0,
    u32max: ufits ? uhigh >>> 0 : u32max,
    s32min: sfits ? slow | 0 : s32min,
    s32max: sfits ? shigh | 0 : s32max,
  };
}

function corners(a: readonly number[], b: readonly number[], f: (x: number, y: number) => number): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const x of a) {
    for (const y of b) {
      // Adding zero makes -0 an ordinary zero.
      const result = f(x, y) + 0;
      if (result < low) low = result;
      if (result > high) high = result;
    }
  }
  return [low, high];
}

/** Shift counts: only their lower five bits count. */
function counts(b: Scalar): readonly [number, number] {
  return b.u32max <= 31 ? [b.u32min, b.u32max] : b.u32min === b.u32max ? [b.u32min & 31, b.u32min & 31] : [0, 31];
}

export const range32 = {
  add: (a: Scalar, b: Scalar) =>
    wrapped(a.u32min + b.u32min, a.u32max + b.u32max, a.s32min + b.s32min, a.s32max + b.s32max),

  sub: (a: Scalar, b: Scalar) =>
    wrapped(a.u32min - b.u32max, a.u32max - b.u32min, a.s32min - b.s32max, a.s32max - b.s32min),

  mul(a: Scalar, b: Scalar) {
    const [low, high] = corners([a.s32min, a.s32max], [b.s32min, b.s32max], (x, y) => x * y);
    return wrapped(a.u32min * b.u32min, a.u32max * b.u32max, low, high);
  },

  and: (a: Scalar, b: Scalar) => unsigned(0, Math.min(a.u32max, b.u32max)),
  or: (a: Scalar, b: Scalar) => unsigned(Math.max(a.u32min, b.u32min), u32max),
  xor: () => full32,

  lsh(a: Scalar, b: Scalar) {
    const [k0, k1] = counts(b);
    const [slow, shigh] = corners([a.s32min, a.s32max], [k0, k1], (x, k) => x * 2 ** k);
    return wrapped(a.u32min * 2 ** k0, a.u32max * 2 ** k1, slow, shigh);
  },

  rsh(a: Scalar, b: Scalar) {
    const [k0, k1] = counts(b);
    return unsigned(a.u32min >>> k1, a.u32max >>> k0);
  },

  arsh(a: Scalar, b: Scalar) {
    const [k0, k1] = counts(b);
    return signed(a.s32min >> (a.s32min < 0 ? k0 : k1), a.s32max >> (a.s32max < 0 ? k1 : k0));
  },

  div(a: Scalar, b: Scalar) {
    if (b.u32max === 0) return unsigned(0, 0);
    if (b.u32min === 0) return unsigned(0, a.u32max);
    return unsigned(Math.floor(a.u32min / b.u32max), Math.floor(a.u32max / b.u32min));
  },

  mod(a: Scalar, b: Scalar): Range32 {
    if (b.u32max === 0 || a.u32max < b.u32min) return a;
    return unsigned(0, b.u32min === 0 ? a.u32max : Math.min(a.u32max, b.u32max - 1));
  },

  sdiv(a: Scalar, b: Scalar) {
    const divisors: number[] = [];
    if (b.s32min < 0) divisors.push(b.s32min, Math.min(b.s32max, -1));
    if (b.s32max > 0) divisors.push(Math.max(b.s32min, 1), b.s32max);
    if (divisors.length === 0) return unsigned(0, 0);
    let [low, high] = corners([a.s32min, a.s32max], divisors, (x, y) => Math.trunc(x / y));
    if (high > s32max) return full32;
    if (b.s32min <= 0 && b.s32max >= 0) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
    return signed(low, high);
  },

  smod(a: Scalar, b: Scalar): Range32 {
    const mayBeZero = b.s32min <= 0 && b.s32max >= 0;
    const smallest = mayBeZero ? 0 : Math.min(Math.abs(b.s32min), Math.abs(b.s32max));
    if ((b.s32min === 0 && b.s32max === 0) || Math.max(Math.abs(a.s32min), Math.abs(a.s32max)) < smallest) return a;
    const bound = mayBeZero ? 2 ** 31 : Math.max(Math.abs(b.s32min), Math.abs(b.s32max)) - 1;
    return signed(a.s32min < 0 ? Math.max(a.s32min, -bound) : 0, a.s32max > 0 ? Math.min(a.s32max, bound) : 0);
  },
} satisfies Record<string, (a: Scalar, b: Scalar) => Range32>;
