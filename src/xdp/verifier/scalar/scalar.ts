/** Making and comparing what is known of numbers. */
import { type Scalar, s32max, s32min, s64max, s64min, u32max, u64max } from "./bounds.js";
import { settle } from "./settle.js";
import { type Tnum, tnumIn, tnumUnion } from "./tnum.js";

export { type Scalar, s32max, s32min, s64max, s64min, u32max, u64max } from "./bounds.js";

const anything: Scalar = {
  tnum: { value: 0n, mask: u64max },
  umin: 0n,
  umax: u64max,
  smin: s64min,
  smax: s64max,
  u32min: 0,
  u32max,
  s32min,
  s32max,
};

/** Any number. */
export const unknown = (): Scalar => anything;

function make(value: bigint): Scalar {
  const unsigned = BigInt.asUintN(64, value);
  const signed = BigInt.asIntN(64, value);
  const word = Number(BigInt.asUintN(32, value));
  return {
    tnum: { value: unsigned, mask: 0n },
    umin: unsigned,
    umax: unsigned,
    smin: signed,
    smax: signed,
    u32min: word,
    u32max: word,
    s32min: word | 0,
    s32max: word | 0,
  };
}

/** The constants that programs are full of, made once. */
const leastCommon = -512;
const common = Array.from({ length: 4096 + 1 - leastCommon }, (_, index) => make(BigInt(index + leastCommon)));

/** One number, signed or unsigned; its lower 64 bits count. */
export function constant(value: bigint): Scalar {
  return (value >= leastCommon && value <= 4096n ? common[Number(value) - leastCommon] : undefined) ?? make(value);
}

const settled = (tnum: Tnum, umin: bigint, umax: bigint, smin: bigint, smax: bigint): Scalar =>
  settle(tnum, umin, umax, smin, smax, 0, u32max, s32min, s32max) ?? anything;

/** From least to most, as unsigned numbers; least <= most. */
export const unsignedRange = (least: bigint, most: bigint): Scalar =>
  settled(anything.tnum, least, most, s64min, s64max);

/** From least to most, as signed numbers; least <= most. */
export const signedRange = (least: bigint, most: bigint): Scalar => settled(anything.tnum, 0n, u64max, least, most);

const widths = [1, 2, 4] as const;
const zeroExtended = new Map(
  widths.map((bytes) => [bytes as number, unsignedRange(0n, (1n << BigInt(bytes * 8)) - 1n)]),
);
const signExtended = new Map(
  widths.map((bytes) => {
    const half = 1n << BigInt(bytes * 8 - 1);
    return [bytes as number, signedRange(-half, half - 1n)];
  }),
);

/** What a load of 1, 2, 4 or 8 bytes can give, zero-extended or sign-extended. */
export const ofSize = (bytes: number, signExtend = false): Scalar =>
  (signExtend ? signExtended : zeroExtended).get(bytes) ?? anything;

export const isConstant = (a: Scalar): boolean => a.tnum.mask === 0n;

/** The unsigned number that it is, or undefined if it may be several. */
export const constantOf = (a: Scalar): bigint | undefined => (a.tnum.mask === 0n ? a.tnum.value : undefined);

/** Whether the lower word is known. */
export const isConstant32 = (a: Scalar): boolean => a.u32min === a.u32max;

/** Whether it may be this number, given with either sign. */
export function contains(a: Scalar, value: bigint): boolean {
  const unsigned = BigInt.asUintN(64, value);
  const signed = BigInt.asIntN(64, value);
  const word = Number(BigInt.asUintN(32, value));
  return (
    (unsigned & ~a.tnum.mask) === a.tnum.value &&
    unsigned >= a.umin &&
    unsigned <= a.umax &&
    signed >= a.smin &&
    signed <= a.smax &&
    word >= a.u32min &&
    word <= a.u32max &&
    (word | 0) >= a.s32min &&
    (word | 0) <= a.s32max
  );
}

export const equal = (a: Scalar, b: Scalar): boolean =>
  a === b ||
  (a.u32min === b.u32min &&
    a.u32max === b.u32max &&
    a.s32min === b.s32min &&
    a.s32max === b.s32max &&
    a.tnum.value === b.tnum.value &&
    a.tnum.mask === b.tnum.mask &&
    a.umin === b.umin &&
    a.umax === b.umax &&
    a.smin === b.smin &&
    a.smax === b.smax);

/** Whether `old` covers `next`: what was found safe for old is safe for next. */
export const within = (old: Scalar, next: Scalar): boolean =>
  old === next ||
  old === anything ||
  (old.u32min <= next.u32min &&
    old.u32max >= next.u32max &&
    old.s32min <= next.s32min &&
    old.s32max >= next.s32max &&
    old.umin <= next.umin &&
    old.umax >= next.umax &&
    old.smin <= next.smin &&
    old.smax >= next.smax &&
    tnumIn(old.tnum, next.tnum));

const least = <T extends bigint | number>(a: T, b: T): T => (a < b ? a : b);
const most = <T extends bigint | number>(a: T, b: T): T => (a > b ? a : b);

/** Covers both. */
export function join(a: Scalar, b: Scalar): Scalar {
  if (within(a, b)) return a;
  if (within(b, a)) return b;
  return {
    tnum: tnumUnion(a.tnum, b.tnum),
    umin: least(a.umin, b.umin),
    umax: most(a.umax, b.umax),
    smin: least(a.smin, b.smin),
    smax: most(a.smax, b.smax),
    u32min: least(a.u32min, b.u32min),
    u32max: most(a.u32max, b.u32max),
    s32min: least(a.s32min, b.s32min),
    s32max: most(a.s32max, b.s32max),
  };
}

/** Covers both, and gives up each bound that moves from `old` to `next`, so that a loop's values stand still after a few rounds. */
export function widen(old: Scalar, next: Scalar): Scalar {
  if (within(old, next)) return old;
  const tnum = tnumUnion(old.tnum, next.tnum);
  // Known bits that vary at all give up everything above the lowest of them: what remains known is alignment.
  const moved = tnum.mask & ~old.tnum.mask;
  const mask = moved === 0n ? tnum.mask : BigInt.asUintN(64, tnum.mask | -(moved & -moved));
  // Not settled: that could take back what was just given up, and so go on for long.
  return {
    tnum: { value: tnum.value & ~mask, mask },
    umin: next.umin < old.umin ? 0n : old.umin,
    umax: next.umax > old.umax ? u64max : old.umax,
    smin: next.smin < old.smin ? s64min : old.smin,
    smax: next.smax > old.smax ? s64max : old.smax,
    u32min: next.u32min < old.u32min ? 0 : old.u32min,
    u32max: next.u32max > old.u32max ? u32max : old.u32max,
    s32min: next.s32min < old.s32min ? s32min : old.s32min,
    s32max: next.s32max > old.s32max ? s32max : old.s32max,
  };
}
