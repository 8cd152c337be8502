/** Conditional jumps (RFC 9669 §4.3): what is known of both operands where the jump is taken, and where it is not. */
import type { Scalar } from "./bounds.js";
import { contains } from "./scalar.js";
import { settle } from "./settle.js";
import type { Tnum } from "./tnum.js";

export type BranchOperation =
  | "jeq"
  | "jne"
  | "jgt"
  | "jge"
  | "jlt"
  | "jle"
  | "jsgt"
  | "jsge"
  | "jslt"
  | "jsle"
  | "jset";

export interface Pair {
  readonly a: Scalar;
  readonly b: Scalar;
}

/** undefined: that way is never gone. */
export interface Branches {
  readonly taken: Pair | undefined;
  readonly fallthrough: Pair | undefined;
}

/** jset's opposite has no name in the instruction set. */
type Condition = BranchOperation | "jnset";

const opposite: Record<BranchOperation, Condition> = {
  jeq: "jne",
  jne: "jeq",
  jgt: "jle",
  jge: "jlt",
  jlt: "jge",
  jle: "jgt",
  jsgt: "jsle",
  jsge: "jslt",
  jslt: "jsge",
  jsle: "jsgt",
  jset: "jnset",
};

const mirror: Partial<Record<Condition, Condition>> = { jgt: "jlt", jge: "jle", jsgt: "jslt", jsge: "jsle" };

const word = 0xffff_ffffn;

interface Bounds {
  readonly tnum: Tnum;
  readonly umin: bigint;
  readonly umax: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
  readonly u32min: number;
  readonly u32max: number;
  readonly s32min: number;
  readonly s32max: number;
}

const tighten = (b: Bounds): Scalar | undefined =>
  settle(b.tnum, b.umin, b.umax, b.smin, b.smax, b.u32min, b.u32max, b.s32min, b.s32max);

const least = <T extends bigint | number>(a: T, b: T): T => (a < b ? a : b);
const most = <T extends bigint | number>(a: T, b: T): T => (a > b ? a : b);

function same(a: Scalar, b: Scalar, is32: boolean): Pair | undefined {
  // Most comparisons are with a constant.
  if (!is32 && b.tnum.mask === 0n) return contains(a, b.tnum.value) ? { a: b, b } : undefined;
  const common = is32 ? word : word | (word << 32n);
  if (((a.tnum.value ^ b.tnum.value) & ~a.tnum.mask & ~b.tnum.mask & common) !== 0n) return undefined;
  const bits = (own: Tnum, other: Tnum): Tnum => {
    const known = ~other.mask & common;
    const mask = own.mask & ~known;
    return { value: (own.value | (other.value & known)) & ~mask, mask };
  };
  const words = {
    u32min: most(a.u32min, b.u32min),
    u32max: least(a.u32max, b.u32max),
    s32min: most(a.s32min, b.s32min),
    s32max: least(a.s32max, b.s32max),
  };
  if (is32) {
    const left = tighten({ ...a, ...words, tnum: bits(a.tnum, b.tnum) });
    const right = tighten({ ...b, ...words, tnum: bits(b.tnum, a.tnum) });
    return left && right && { a: left, b: right };
  }
  const both = tighten({
    ...words,
    tnum: bits(a.tnum, b.tnum),
    umin: most(a.umin, b.umin),
    umax: least(a.umax, b.umax),
    smin: most(a.smin, b.smin),
    smax: least(a.smax, b.smax),
  });
  return both && { a: both, b: both };
}

/** Without one number: a bound that it is moves by one. */
function without(a: Scalar, b: Scalar, is32: boolean): Scalar | undefined {
  if (is32) {
    if (b.u32min !== b.u32max) return a;
    const [unsigned, signed] = [b.u32min, b.s32min];
    if (a.u32min !== unsigned && a.u32max !== unsigned && a.s32min !== signed && a.s32max !== signed) return a;
    if (a.u32min === a.u32max) return undefined;
    return tighten({
      ...a,
      u32min: a.u32min === unsigned ? unsigned + 1 : a.u32min,
      u32max: a.u32max === unsigned ? unsigned - 1 : a.u32max,
      s32min: a.s32min === signed ? signed + 1 : a.s32min,
      s32max: a.s32max === signed ? signed - 1 : a.s32max,
    });
  }
  if (b.umin !== b.umax) return a;
  const [unsigned, signed] = [b.umin, b.smin];
  if (a.umin !== unsigned && a.umax !== unsigned && a.smin !== signed && a.smax !== signed) return a;
  if (a.umin === a.umax) return undefined;
  return tighten({
    ...a,
    umin: a.umin === unsigned ? unsigned + 1n : a.umin,
    umax: a.umax === unsigned ? unsigned - 1n : a.umax,
    smin: a.smin === signed ? signed + 1n : a.smin,
    smax: a.smax === signed ? signed - 1n : a.smax,
  });
}

function different(a: Scalar, b: Scalar, is32: boolean): Pair | undefined {
  const left = without(a, b, is32);
  const right = without(b, a, is32);
  return left && right && { a: left, b: right };
}

/** Some bit of both is one. If `b` allows one bit only, that one. */
function meeting(a: Scalar, b: Scalar, is32: boolean): Pair | undefined {
  const common = is32 ? word : word | (word << 32n);
  const bits = (a.tnum.value | a.tnum.mask) & (b.tnum.value | b.tnum.mask) & common;
  if (bits === 0n) return undefined;
  if ((bits & (bits - 1n)) !== 0n) return { a, b };
  const withBit = (x: Scalar): Scalar | undefined =>
    (x.tnum.mask & bits) === 0n
      ? x
      : tighten({ ...x, tnum: { value: x.tnum.value | bits, mask: x.tnum.mask & ~bits } });
  const [left, right] = [withBit(a), withBit(b)];
  return left && right && { a: left, b: right };
}

/** No bit of both is one: what is known one in either is zero in the other. */
function disjoint(a: Scalar, b: Scalar, is32: boolean): Pair | undefined {
  const common = is32 ? word : word | (word << 32n);
  if ((a.tnum.value & b.tnum.value & common) !== 0n) return undefined;
  const clear = (x: Scalar, ones: bigint): Scalar | undefined =>
    (x.tnum.mask & ones) === 0n ? x : tighten({ ...x, tnum: { value: x.tnum.value, mask: x.tnum.mask & ~ones } });
  const [left, right] = [clear(a, b.tnum.value & common), clear(b, a.tnum.value & common)];
  return left && right && { a: left, b: right };
}

/** a < b, or a <= b with `gap` 0. */
function less(a: Scalar, b: Scalar, is32: boolean, signed: boolean, gap: 0 | 1): Pair | undefined {
  let left: Scalar | undefined = a;
  let right: Scalar | undefined = b;
  if (is32 && signed) {
    if (a.s32max > b.s32max - gap) left = tighten({ ...a, s32max: b.s32max - gap });
    if (b.s32min < a.s32min + gap) right = tighten({ ...b, s32min: a.s32min + gap });
  } else if (is32) {
    if (a.u32max > b.u32max - gap) left = tighten({ ...a, u32max: b.u32max - gap });
    if (b.u32min < a.u32min + gap) right = tighten({ ...b, u32min: a.u32min + gap });
  } else if (signed) {
    const [top, bottom] = [b.smax - BigInt(gap), a.smin + BigInt(gap)];
    if (a.smax > top) left = tighten({ ...a, smax: top });
    if (b.smin < bottom) right = tighten({ ...b, smin: bottom });
  } else {
    const [top, bottom] = [b.umax - BigInt(gap), a.umin + BigInt(gap)];
    if (a.umax > top) left = tighten({ ...a, umax: top });
    if (b.umin < bottom) right = tighten({ ...b, umin: bottom });
  }
  return left && right && { a: left, b: right };
}

function hold(condition: Condition, a: Scalar, b: Scalar, is32: boolean): Pair | undefined {
  const mirrored = mirror[condition];
  if (mirrored !== undefined) {
    const pair = hold(mirrored, b, a, is32);
    return pair && { a: pair.b, b: pair.a };
  }
  switch (condition) {
    case "jeq":
      return same(a, b, is32);
    case "jne":
      return different(a, b, is32);
    case "jset":
      return meeting(a, b, is32);
    case "jnset":
      return disjoint(a, b, is32);
    case "jlt":
      return less(a, b, is32, false, 1);
    case "jle":
      return less(a, b, is32, false, 0);
    case "jslt":
      return less(a, b, is32, true, 1);
    default:
      return less(a, b, is32, true, 0);
  }
}

/** What each way of the jump `if a OP b` says of a and b; with `is32`, their lower words are compared. */
export const refine = (op: BranchOperation, a: Scalar, b: Scalar, is32: boolean): Branches => ({
  taken: hold(op, a, b, is32),
  fallthrough: hold(opposite[op], a, b, is32),
});
