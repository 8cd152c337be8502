/**
 * Arithmetic (RFC 9669 §4.1) on what is known of the operands: the result holds whatever the operation can give for any numbers that
 * the operands may be. Division by zero gives zero, modulo zero the dividend, and shift counts are cut to five or six bits.
 */
import type { Scalar } from "./bounds.js";
import { fold } from "./fold.js";
import { type Range32, range32 } from "./range32.js";
import { type BinaryOperation as Binary, full64, type Range64, range64 } from "./range64.js";
import { constant, signedRange, unknown } from "./scalar.js";
import { settle } from "./settle.js";
import {
  type Tnum,
  tnumAdd,
  tnumAnd,
  tnumArsh,
  tnumCast,
  tnumConst,
  tnumLsh,
  tnumLshAtLeast,
  tnumMul,
  tnumOr,
  tnumRsh,
  tnumSignExtend,
  tnumSub,
  tnumSubreg,
  tnumSwap,
  tnumUnknown,
  tnumXor,
} from "./tnum.js";

/** `to…` are the byte order conversions: `tole` cuts, `tobe` and `bswap` swap and cut, this being a little-endian machine. */
type Unary =
  | "neg"
  | "movsx8"
  | "movsx16"
  | "movsx32"
  | "tole16"
  | "tole32"
  | "tole64"
  | "tobe16"
  | "tobe32"
  | "tobe64"
  | "bswap16"
  | "bswap32"
  | "bswap64";
export type AluOperation = Binary | "mov" | Unary;

const zero = constant(0n);
const isZero = (a: Tnum): boolean => a.value === 0n && a.mask === 0n;
const isPowerOfTwo = (a: Tnum): boolean => a.mask === 0n && a.value !== 0n && (a.value & (a.value - 1n)) === 0n;

/** The known bits of a shift count. */
const count = (b: Tnum, bits: 32 | 64): number => Number(b.value & (bits === 32 ? 31n : 63n));

type TnumRule = (a: Tnum, b: Tnum, bits: 32 | 64) => Tnum;

/** Of 32-bit operations: of operands cut to their lower words; the result is cut afterwards. */
const tnumRules: Record<Binary, TnumRule> = {
  add: tnumAdd,
  sub: tnumSub,
  mul: tnumMul,
  and: tnumAnd,
  or: tnumOr,
  xor: tnumXor,
  lsh: (a, b, bits) => (b.mask === 0n ? tnumLsh(a, count(b, bits)) : tnumLshAtLeast(a, count(b, bits))),
  rsh: (a, b, bits) => (b.mask === 0n ? tnumRsh(a, count(b, bits)) : tnumUnknown),
  arsh: (a, b, bits) => (b.mask === 0n ? tnumArsh(a, count(b, bits), bits) : tnumUnknown),
  div: (a, b) => (isPowerOfTwo(b) ? tnumRsh(a, b.value.toString(2).length - 1) : tnumUnknown),
  mod: (a, b) => (isZero(b) ? a : isPowerOfTwo(b) ? tnumAnd(a, tnumConst(b.value - 1n)) : tnumUnknown),
  sdiv: () => tnumUnknown,
  smod: (a, b) => (isZero(b) ? a : tnumUnknown),
};

/** Whose result's lower word depends on the operands' lower words alone, in the same way. */
const wordwise: Partial<Record<Binary, (a: Scalar, b: Scalar) => Range32>> = {
  add: range32.add,
  sub: range32.sub,
  mul: range32.mul,
  and: range32.and,
  or: range32.or,
  xor: range32.xor,
};

const settled = (bits: Tnum, r: Range64, w: Range32 | undefined): Scalar =>
  (w === undefined
    ? settle(bits, r.umin, r.umax, r.smin, r.smax, 0, 0xffff_ffff, -0x8000_0000, 0x7fff_ffff)
    : settle(bits, r.umin, r.umax, r.smin, r.smax, w.u32min, w.u32max, w.s32min, w.s32max)) ?? unknown();

const binary64 = (op: Binary, a: Scalar, b: Scalar): Scalar => {
  if (a.tnum.mask === 0n && b.tnum.mask === 0n) return constant(fold(op, a.umin, b.umin, 64));
  if (op === "lsh" && a.tnum.mask !== 0n && b.umin === b.umax && b.umin < 32n) {
    return settled(tnumRules.lsh(a.tnum, b.tnum, 64), range64.lsh(a, b), range32.lsh(a, b));
  }
  return settled(tnumRules[op](a.tnum, b.tnum, 64), range64[op](a, b), wordwise[op]?.(a, b));
};

const binary32 = (op: Binary, a: Scalar, b: Scalar): Scalar =>
  a.u32min === a.u32max && b.u32min === b.u32max
    ? constant(fold(op, BigInt(a.u32min), BigInt(b.u32min), 32))
    : settled(tnumSubreg(tnumRules[op](tnumSubreg(a.tnum), tnumSubreg(b.tnum), 32)), full64, range32[op](a, b));

/** The lower word, zero-extended: what a 32-bit move or load leaves. */
export const zeroExtend = (a: Scalar): Scalar => (a.umax <= 0xffff_ffffn ? a : settled(tnumSubreg(a.tnum), full64, a));

/** The lower 8, 16 or 32 bits, sign-extended. */
export function signExtend(a: Scalar, bits: 8 | 16 | 32): Scalar {
  const half = 1n << BigInt(bits - 1);
  if (a.smin >= -half && a.smax < half) return a;
  const shift = BigInt(bits);
  const [low, high] = bits === 32 ? [BigInt(a.s32min), BigInt(a.s32max)] : lowerBits(a, half, shift);
  const range = signedRange(low, high);
  return settled(tnumSignExtend(a.tnum, bits), range, bits === 32 ? a : range);
}

/** Bounds of the lower 8 or 16 bits as a signed number, from those of the lower word and of the whole. */
function lowerBits(a: Scalar, half: bigint, shift: bigint): readonly [bigint, bigint] {
  const candidates = [
    [a.smin, a.smax],
    [a.umin, a.umax],
    [BigInt(a.s32min), BigInt(a.s32max)],
    [BigInt(a.u32min), BigInt(a.u32max)],
  ] as const;
  let [low, high] = [-half, half - 1n];
  for (const [first, last] of candidates) {
    // On the same turn of the smaller circle, both bounds stay in order.
    if ((first + half) >> shift !== (last + half) >> shift) continue;
    const [from, to] = [BigInt.asIntN(Number(shift), first), BigInt.asIntN(Number(shift), last)];
    if (from > low) low = from;
    if (to < high) high = to;
  }
  return [low, high];
}

/** The lower 16, 32 or 64 bits, zero-extended. */
function cut(a: Scalar, bits: 16 | 32 | 64): Scalar {
  if (bits === 64) return a;
  const word = zeroExtend(a);
  if (bits === 32 || word.u32max <= 0xffff) return word;
  const sameTop = word.u32min >>> 16 === word.u32max >>> 16;
  const range = sameTop
    ? { u32min: word.u32min & 0xffff, u32max: word.u32max & 0xffff }
    : { u32min: 0, u32max: 0xffff };
  return settled(tnumCast(word.tnum, 2), full64, { ...range, s32min: 0, s32max: 0xffff });
}

const swapped = (a: Scalar, bits: 16 | 32 | 64): Scalar =>
  settled(tnumSwap(cut(a, bits).tnum, bits / 8), full64, undefined);

const unary: Record<Unary, (a: Scalar) => Scalar> = {
  neg: (a) => binary64("sub", zero, a),
  movsx8: (a) => signExtend(a, 8),
  movsx16: (a) => signExtend(a, 16),
  movsx32: (a) => signExtend(a, 32),
  tole16: (a) => cut(a, 16),
  tole32: (a) => cut(a, 32),
  tole64: (a) => a,
  tobe16: (a) => swapped(a, 16),
  tobe32: (a) => swapped(a, 32),
  tobe64: (a) => swapped(a, 64),
  bswap16: (a) => swapped(a, 16),
  bswap32: (a) => swapped(a, 32),
  bswap64: (a) => swapped(a, 64),
};

const isUnary = (op: AluOperation): op is Unary => op in unary;

/** On 64 bits: `a` is the destination's old value, `b` the source (which `neg` and the conversions take no notice of; moves take it alone). */
export function alu64(op: AluOperation, a: Scalar, b: Scalar): Scalar {
  if (op === "mov") return b;
  if (op === "movsx8" || op === "movsx16" || op === "movsx32") return unary[op](b);
  if (isUnary(op)) return unary[op](a);
  return binary64(op, a, b);
}

/** On the lower words; the upper one of the result is zero. */
export function alu32(op: AluOperation, a: Scalar, b: Scalar): Scalar {
  if (op === "mov") return zeroExtend(b);
  if (op === "movsx8" || op === "movsx16" || op === "movsx32") return zeroExtend(unary[op](b));
  if (op === "neg") return binary32("sub", zero, a);
  if (isUnary(op)) return unary[op](a);
  return binary32(op, a, b);
}
