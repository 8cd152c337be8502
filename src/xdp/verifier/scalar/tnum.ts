/**
 * Numbers of which some bits are known ("tristate numbers"): the set of all 64-bit x with `x & ~mask == value`. Addition, subtraction
 * and the bitwise operations give the smallest such set that holds every result (Vishwanathan et al., "Sound, Precise, and Fast
 * Abstract Interpretation with Tristate Numbers", CGO 2022); multiplication gives a set that holds them.
 */
export interface Tnum {
  /** The known ones, unsigned; no bit of it is in mask. */
  readonly value: bigint;
  /** The unknown bits, unsigned. */
  readonly mask: bigint;
}

const all = 0xffff_ffff_ffff_ffffn;
const lowWord = 0xffff_ffffn;
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

export const tnum = (value: bigint, mask: bigint): Tnum => ({ value, mask });
export const tnumUnknown: Tnum = tnum(0n, all);
export const tnumConst = (value: bigint): Tnum => tnum(u64(value), 0n);
export const isTnumConst = (a: Tnum): boolean => a.mask === 0n;

/** Bits that are needed to write the unsigned number: 0 for 0, 64 for one of 2^63 and above. */
export function bitLength(value: bigint): number {
  const high = Number(value >> 32n);
  return high === 0 ? 32 - Math.clz32(Number(value & lowWord)) : 64 - Math.clz32(high);
}

const trailingZeros = (value: bigint): number => (value === 0n ? 64 : bitLength(value & -value) - 1);

/** The smallest that holds min to max (unsigned, min <= max): the bits that both share from the top. */
export function tnumRange(min: bigint, max: bigint): Tnum {
  const mask = (1n << BigInt(bitLength(min ^ max))) - 1n;
  return tnum(min & ~mask, mask);
}

export function tnumAdd(a: Tnum, b: Tnum): Tnum {
  const least = u64(a.value + b.value);
  const mask = (u64(least + a.mask + b.mask) ^ least) | a.mask | b.mask;
  return tnum(least & ~mask, mask);
}

export function tnumSub(a: Tnum, b: Tnum): Tnum {
  const middle = u64(a.value - b.value);
  const mask = (u64(middle + a.mask) ^ u64(middle - b.mask)) | a.mask | b.mask;
  return tnum(middle & ~mask, mask);
}

export function tnumAnd(a: Tnum, b: Tnum): Tnum {
  const value = a.value & b.value;
  return tnum(value, (a.value | a.mask) & (b.value | b.mask) & ~value);
}

export function tnumOr(a: Tnum, b: Tnum): Tnum {
  const value = a.value | b.value;
  return tnum(value, (a.mask | b.mask) & ~value);
}

export function tnumXor(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask | b.mask;
  return tnum((a.value ^ b.value) & ~mask, mask);
}

/** The smallest that holds both. */
export function tnumUnion(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask | b.mask | (a.value ^ b.value);
  return tnum(a.value & ~mask, mask);
}

/** What is in both; undefined: nothing is. */
export function tnumIntersect(a: Tnum, b: Tnum): Tnum | undefined {
  if (((a.value ^ b.value) & ~a.mask & ~b.mask) !== 0n) return undefined;
  const mask = a.mask & b.mask;
  return tnum((a.value | b.value) & ~mask, mask);
}

/** Long multiplication: a partial sum for each bit of `a` that may be one, joined with the sum without it if it may be zero. */
function longMultiply(a: Tnum, b: Tnum): Tnum {
  let sum = tnumConst(0n);
  for (let bits = a.value | a.mask; bits !== 0n; ) {
    const bit = bits & -bits;
    bits ^= bit;
    const shift = BigInt(bitLength(bit) - 1);
    const more = tnumAdd(sum, tnumShiftLeft(b, shift));
    sum = (a.mask & bit) === 0n ? more : tnumUnion(sum, more);
  }
  return sum;
}

/** The product of the known parts, and for each unknown bit of one side what it may add. */
function splitMultiply(a: Tnum, b: Tnum): Tnum {
  let sum = tnumConst(a.value * b.value);
  const addUnknown = (unknown: bigint, times: bigint): void => {
    for (let bits = unknown; bits !== 0n && times !== 0n; ) {
      const bit = bits & -bits;
      bits ^= bit;
      sum = tnumAdd(sum, tnum(0n, u64(times * bit)));
    }
  };
  addUnknown(a.mask, b.mask | b.value);
  addUnknown(b.mask, a.value);
  return sum;
}

/** No way of multiplying is the best for all operands; the result is what all agree on. */
export function tnumMul(a: Tnum, b: Tnum): Tnum {
  if (a.mask === 0n && b.mask === 0n) return tnumConst(a.value * b.value);
  if ((a.mask | a.value) === 0n || (b.mask | b.value) === 0n) return tnumConst(0n);
  if (a.mask === all && b.mask === all) return tnumUnknown;
  let product = longMultiply(b, a);
  if (product.mask === 0n) return product;
  if (a.mask !== all) product = tnumIntersect(product, longMultiply(a, b)) ?? product;
  return tnumIntersect(product, splitMultiply(a, b)) ?? product;
}

const tnumShiftLeft = (a: Tnum, count: bigint): Tnum => tnum(u64(a.value << count), u64(a.mask << count));

/** By 0 to 63. */
export const tnumLsh = (a: Tnum, count: number): Tnum => tnumShiftLeft(a, BigInt(count));

export const tnumRsh = (a: Tnum, count: number): Tnum => tnum(a.value >> BigInt(count), a.mask >> BigInt(count));

const arithmetic = (value: bigint, count: number, bits: 32 | 64): bigint =>
  BigInt.asUintN(bits, BigInt.asIntN(bits, value) >> BigInt(count));

/** With 32 bits: of the lower word, which is what the result has. */
export const tnumArsh = (a: Tnum, count: number, bits: 32 | 64 = 64): Tnum =>
  tnum(arithmetic(a.value, count, bits), arithmetic(a.mask, count, bits));

/** Shifted left by an unknown count of `least` or more: zeros at the end are what remains known. */
export function tnumLshAtLeast(a: Tnum, least: number): Tnum {
  const zeros = Math.min(64, trailingZeros(a.value | a.mask) + least);
  return tnum(0n, u64(all << BigInt(zeros)));
}

/** The lower `bytes` (1 to 8), zero-extended. */
export const tnumCast = (a: Tnum, bytes: number): Tnum =>
  tnum(BigInt.asUintN(bytes * 8, a.value), BigInt.asUintN(bytes * 8, a.mask));

/** The lower `bits` sign-extended. */
export const tnumSignExtend = (a: Tnum, bits: number): Tnum =>
  tnum(u64(BigInt.asIntN(bits, a.value)), u64(BigInt.asIntN(bits, a.mask)));

/** The lower word. */
export const tnumSubreg = (a: Tnum): Tnum => tnum(a.value & lowWord, a.mask & lowWord);
export const tnumClearSubreg = (a: Tnum): Tnum => tnum(a.value & ~lowWord, a.mask & ~lowWord);
export const tnumWithSubreg = (a: Tnum, low: Tnum): Tnum => tnumOr(tnumClearSubreg(a), tnumSubreg(low));

function swapBytes(value: bigint, bytes: number): bigint {
  let swapped = 0n;
  for (let index = 0, rest = value; index < bytes; index += 1, rest >>= 8n) swapped = (swapped << 8n) | (rest & 0xffn);
  return swapped;
}

/** The lower `bytes` in reverse order, zero-extended. */
export const tnumSwap = (a: Tnum, bytes: number): Tnum => tnum(swapBytes(a.value, bytes), swapBytes(a.mask, bytes));

/** Whether all are multiples of size, a power of two; 0 is taken as 1. */
export const isAligned = (a: Tnum, size: bigint): boolean => size === 0n || ((a.value | a.mask) & (size - 1n)) === 0n;

/** Whether the value (of either sign) is in the set. */
export const tnumContains = (a: Tnum, value: bigint): boolean => (u64(value) & ~a.mask) === a.value;

/** Whether every number of `inner` is in `outer`. */
export const tnumIn = (outer: Tnum, inner: Tnum): boolean =>
  (inner.mask & ~outer.mask) === 0n && (inner.value & ~outer.mask) === outer.value;

/** The least member that is not below `bound` (unsigned); undefined: all are below. */
export function leastFrom(a: Tnum, bound: bigint): bigint | undefined {
  const wrong = (a.value ^ bound) & ~a.mask;
  if (wrong === 0n) return bound;
  const place = 1n << BigInt(bitLength(wrong) - 1);
  // A one where the bound has a zero: what is above agrees, and everything below may be least.
  let raised = place;
  if ((a.value & place) === 0n) {
    // A zero where the bound has a one: the next zero above that may be a one makes up for it.
    const free = a.mask & ~bound & ~(place * 2n - 1n);
    if (free === 0n) return undefined;
    raised = free & -free;
  }
  return (bound & ~(raised * 2n - 1n)) | raised | (a.value & (raised - 1n));
}

/** The greatest member that is not above `bound` (unsigned); undefined: all are above. */
export function greatestTo(a: Tnum, bound: bigint): bigint | undefined {
  // Complements are in the opposite order, and known bits stay known.
  const least = leastFrom({ value: all & ~a.value & ~a.mask, mask: a.mask }, all & ~bound);
  return least === undefined ? undefined : all & ~least;
}
