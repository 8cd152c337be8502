/** Bounds of the results of 64-bit operations, from bounds of the operands. Each is an unsigned and a signed range for the same number. */
import { type Scalar, s64max, s64min, u64max } from "./bounds.js";

export interface Range64 {
  readonly umin: bigint;
  readonly umax: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
}

export const full64: Range64 = { umin: 0n, umax: u64max, smin: s64min, smax: s64max };

const unsigned = (umin: bigint, umax: bigint): Range64 => ({ umin, umax, smin: s64min, smax: s64max });
const signed = (smin: bigint, smax: bigint): Range64 => ({ umin: 0n, umax: u64max, smin, smax });

/** Exact results that lie between these; if all overflow alike, they are in order after it too. */
function wrapped(ulow: bigint, uhigh: bigint, slow: bigint, shigh: bigint): Range64 {
  const uwraps = ulow < 0n || uhigh > u64max;
  const swraps = slow < s64min || shigh > s64max;
  const ufits = !uwraps || ulow >> 64n === uhigh >> 64n;
  const sfits = !swraps || (slow - s64min) >> 64n === (shigh - s64min) >> 64n;
  return {
    umin: ufits ? (uwraps ? BigInt.asUintN(64, ulow) : ulow) : 0n,
    umax: ufits ? (uwraps ? BigInt.asUintN(64, uhigh) : uhigh) : u64max,
    smin: sfits ? (swraps ? BigInt.asIntN(64, slow) : slow) : s64min,
    smax: sfits ? (swraps ? BigInt.asIntN(64, shigh) : shigh) : s64max,
  };
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const magnitude = (a: bigint): bigint => (a < 0n ? -a : a);

/** Least and greatest of what a function that is monotone in both operands gives on their bounds. */
function corners(a: readonly bigint[], b: readonly bigint[], f: (x: bigint, y: bigint) => bigint): [bigint, bigint] {
  let [low, high] = [f(a[0]!, b[0]!), f(a[0]!, b[0]!)];
  for (const x of a) {
    for (const y of b) {
      const result = f(x, y);
      if (result < low) low = result;
      if (result > high) high = result;
    }
  }
  return [low, high];
}

/** Shift counts: only their lower six bits count. */
function counts(b: Scalar): readonly [bigint, bigint] {
  return b.umax <= 63n ? [b.umin, b.umax] : b.umin === b.umax ? [b.umin & 63n, b.umin & 63n] : [0n, 63n];
}

export const range64 = {
  add: (a: Scalar, b: Scalar) => wrapped(a.umin + b.umin, a.umax + b.umax, a.smin + b.smin, a.smax + b.smax),

  sub: (a: Scalar, b: Scalar) => wrapped(a.umin - b.umax, a.umax - b.umin, a.smin - b.smax, a.smax - b.smin),

  mul(a: Scalar, b: Scalar) {
    const [low, high] = corners([a.smin, a.smax], [b.smin, b.smax], (x, y) => x * y);
    return wrapped(a.umin * b.umin, a.umax * b.umax, low, high);
  },

  and: (a: Scalar, b: Scalar) => unsigned(0n, least(a.umax, b.umax)),
  or: (a: Scalar, b: Scalar) => unsigned(most(a.umin, b.umin), u64max),
  xor: () => full64,

  lsh(a: Scalar, b: Scalar) {
    const [k0, k1] = counts(b);
    // From 32 on, the lower word alone is what remains.
    if (k0 >= 32n) {
      const [slow, shigh] = corners([BigInt(a.s32min), BigInt(a.s32max)], [k0, k1], (x, k) => x << k);
      return wrapped(BigInt(a.u32min) << k0, BigInt(a.u32max) << k1, slow, shigh);
    }
    const [slow, shigh] = corners([a.smin, a.smax], [k0, k1], (x, k) => x << k);
    return wrapped(a.umin << k0, a.umax << k1, slow, shigh);
  },

  rsh(a: Scalar, b: Scalar) {
    const [k0, k1] = counts(b);
    return unsigned(a.umin >> k1, a.umax >> k0);
  },

  arsh(a: Scalar, b: Scalar) {
    const [k0, k1] = counts(b);
    return signed(a.smin >> (a.smin < 0n ? k0 : k1), a.smax >> (a.smax < 0n ? k1 : k0));
  },

  /** By zero: zero. */
  div(a: Scalar, b: Scalar) {
    if (b.umax === 0n) return unsigned(0n, 0n);
    return b.umin === 0n ? unsigned(0n, a.umax) : unsigned(a.umin / b.umax, a.umax / b.umin);
  },

  /** By zero: the dividend. */
  mod(a: Scalar, b: Scalar): Range64 {
    if (b.umax === 0n || a.umax < b.umin) return a;
    return unsigned(0n, b.umin === 0n ? a.umax : least(a.umax, b.umax - 1n));
  },

  /** Rounds towards zero. The least number by -1: itself. */
  sdiv(a: Scalar, b: Scalar) {
    const divisors: bigint[] = [];
    if (b.smin < 0n) divisors.push(b.smin, least(b.smax, -1n));
    if (b.smax > 0n) divisors.push(most(b.smin, 1n), b.smax);
    if (divisors.length === 0) return unsigned(0n, 0n);
    let [low, high] = corners([a.smin, a.smax], divisors, (x, y) => x / y);
    if (high > s64max) return full64;
    if (b.smin <= 0n && b.smax >= 0n) [low, high] = [least(low, 0n), most(high, 0n)];
    return signed(low, high);
  },

  /** Has the dividend's sign. */
  smod(a: Scalar, b: Scalar): Range64 {
    const mayBeZero = b.smin <= 0n && b.smax >= 0n;
    const smallest = mayBeZero ? 0n : least(magnitude(b.smin), magnitude(b.smax));
    if ((b.smin === 0n && b.smax === 0n) || most(magnitude(a.smin), magnitude(a.smax)) < smallest) return a;
    const bound = mayBeZero ? 1n << 63n : most(magnitude(b.smin), magnitude(b.smax)) - 1n;
    return signed(a.smin < 0n ? most(a.smin, -bound) : 0n, a.smax > 0n ? least(a.smax, bound) : 0n);
  },
} satisfies Record<string, (a: Scalar, b: Scalar) => Range64>;

export type BinaryOperation = keyof typeof range64;
