/**
 * Whatever numbers the operands are, the result is among what is said of it. Sets are made around numbers drawn first, so that
 * members are known; small sets are also gone through whole.
 */
import { describe, expect, test, vi } from "vitest";
import { long, seed } from "../../../../test/seed.js";
import { seededWords } from "../../../random.js";
import { type AluOperation, alu32, alu64 } from "./alu.js";
import { type BranchOperation, refine } from "./branch.js";
import { concrete, holds } from "./concrete.fixture.js";
import { formatScalar } from "./format.js";
import {
  constant,
  contains,
  equal,
  join,
  ofSize,
  type Scalar,
  signedRange,
  unknown,
  unsignedRange,
  widen,
  within,
} from "./scalar.js";
import { settle } from "./settle.js";
import { isAligned, tnumContains } from "./tnum.js";

vi.setConfig({ testTimeout: 600_000 });

const samples = long ? 1_000_000 : 4_000;
const next = seededWords(seed);
const below = (count: number): number => next() % count;
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const wide = (): bigint => (BigInt(next()) << 32n) | BigInt(next());

const edges = [0n, 1n << 31n, 1n << 32n, 1n << 63n, (1n << 31n) - 8n, (1n << 33n) + (1n << 31n), 255n, 65536n];

/** Numbers near the places where something changes, or anywhere, or short. */
function number(): bigint {
  switch (below(4)) {
    case 0:
      return u64(pick(edges) + BigInt(below(17) - 8));
    case 1:
      return u64(wide() >> BigInt(below(64)));
    case 2:
      return u64(-(wide() >> BigInt(below(64))));
    default:
      return BigInt(below(70));
  }
}

const around = (value: bigint): readonly [bigint, bigint] => {
  const spread = (): bigint => wide() >> BigInt(below(64));
  return [value - (below(3) === 0 ? 0n : spread()), value + (below(3) === 0 ? 0n : spread())];
};

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const clamp = (value: bigint, low: bigint, high: bigint): bigint => (value < low ? low : value > high ? high : value);

/** A set that the given numbers are in, bounded in a few of the five ways. */
function scalarAround(members: readonly bigint[]): Scalar {
  const bits = (): { value: bigint; mask: bigint } => {
    let mask = below(2) === 0 ? wide() & wide() : wide() >> BigInt(below(64));
    for (const member of members) mask |= member ^ members[0]!;
    return { value: members[0]! & ~mask, mask };
  };
  const hull = (view: (value: bigint) => bigint, low: bigint, high: bigint): readonly [bigint, bigint] => {
    if (below(3) === 0) return [low, high];
    const all = members.flatMap((member) => around(view(member)));
    return [clamp(all.reduce(least), low, high), clamp(all.reduce(most), low, high)];
  };
  const unsigned = hull((x) => x, 0n, (1n << 64n) - 1n);
  const signed = hull((x) => BigInt.asIntN(64, x), -(1n << 63n), (1n << 63n) - 1n);
  const unsigned32 = hull((x) => BigInt.asUintN(32, x), 0n, (1n << 32n) - 1n).map(Number);
  const signed32 = hull((x) => BigInt.asIntN(32, x), -(1n << 31n), (1n << 31n) - 1n).map(Number);
  const made = settle(
    below(2) === 0 ? bits() : unknown().tnum,
    ...unsigned,
    ...signed,
    unsigned32[0]!,
    unsigned32[1]!,
    signed32[0]!,
    signed32[1]!,
  );
  expect(made).toBeDefined();
  return made!;
}

function draw(): { readonly scalar: Scalar; readonly members: readonly bigint[] } {
  const members = Array.from({ length: 1 + below(3) }, number);
  const scalar = below(8) === 0 && members.length === 1 ? constant(members[0]!) : scalarAround(members);
  return { scalar, members };
}

const show = (value: bigint): string => `0x${u64(value).toString(16)}`;

const operations: readonly AluOperation[] = [
  ...(["add", "sub", "mul", "and", "or", "xor", "lsh", "rsh", "arsh", "div", "mod", "sdiv", "smod"] as const),
  ...(["mov", "neg", "movsx8", "movsx16", "movsx32", "tole16", "tole32", "tole64"] as const),
  ...(["tobe16", "tobe32", "tobe64", "bswap16", "bswap32", "bswap64"] as const),
];
const branches: readonly BranchOperation[] = [
  ...(["jeq", "jne", "jgt", "jge", "jlt", "jle", "jsgt", "jsge", "jslt", "jsle", "jset"] as const),
];

/** The smallest views of the members, which whatever is settled must lie around, and which themselves agree with each other. */
function consistent(a: Scalar): boolean {
  return (
    a.umin <= a.umax &&
    a.smin <= a.smax &&
    a.u32min <= a.u32max &&
    a.s32min <= a.s32max &&
    (a.tnum.value & a.tnum.mask) === 0n
  );
}

test("settling keeps every member, and settling again changes nothing", () => {
  for (let index = 0; index < samples; index += 1) {
    const { scalar, members } = draw();
    for (const member of members) {
      if (!contains(scalar, member)) expect.fail(`${show(member)} not in ${formatScalar(scalar)}`);
      expect(tnumContains(scalar.tnum, member)).toBe(true);
    }
    expect(consistent(scalar)).toBe(true);
    const { tnum, umin, umax, smin, smax, u32min, u32max, s32min, s32max } = scalar;
    const again = settle(tnum, umin, umax, smin, smax, u32min, u32max, s32min, s32max);
    if (again === undefined || !equal(again, scalar)) expect.fail(`not settled: ${formatScalar(scalar)}`);
  }
});

describe.each([64, 32] as const)("arithmetic on %d bits", (bits) => {
  test.each(operations)("%s", (op) => {
    const abstract = bits === 64 ? alu64 : alu32;
    for (let index = 0; index < samples / 8; index += 1) {
      const [a, b] = [draw(), draw()];
      const result = abstract(op, a.scalar, b.scalar);
      for (const x of a.members) {
        for (const y of b.members) {
          const exact = concrete(op, x, y, bits);
          if (!contains(result, exact)) {
            expect.fail(
              `${op}${bits} ${show(x)} ${show(y)} = ${show(exact)} not in ${formatScalar(result)}; of ${formatScalar(a.scalar)}, ${formatScalar(b.scalar)}`,
            );
          }
        }
      }
      expect(consistent(result)).toBe(true);
    }
  });
});

describe.each([false, true])("branches, on 32 bits: %s", (is32) => {
  test.each(branches)("%s", (op) => {
    for (let index = 0; index < samples / 8; index += 1) {
      const a = draw();
      const b = below(4) === 0 ? a : draw();
      const { taken, fallthrough } = refine(op, a.scalar, b.scalar, is32);
      for (const x of a.members) {
        for (const y of b.members) {
          const way = holds(op, x, y, is32) ? taken : fallthrough;
          if (way === undefined || !contains(way.a, x) || !contains(way.b, y)) {
            expect.fail(
              `${op} ${show(x)} ${show(y)}: ${way && formatScalar(way.a)}, ${way && formatScalar(way.b)}; of ${formatScalar(a.scalar)}, ${formatScalar(b.scalar)}`,
            );
          }
        }
      }
      for (const way of [taken, fallthrough]) {
        if (way === undefined) continue;
        expect(within(a.scalar, way.a) && within(b.scalar, way.b)).toBe(true);
      }
    }
  });
});

test("joining and widening cover both, and widening ends", () => {
  for (let index = 0; index < samples / 4; index += 1) {
    const [a, b] = [draw(), draw()];
    const joined = join(a.scalar, b.scalar);
    let wider = widen(a.scalar, b.scalar);
    for (const member of [...a.members, ...b.members]) {
      expect(contains(joined, member) && contains(wider, member)).toBe(true);
    }
    let steps = 0;
    for (; steps < 80; steps += 1) {
      const moved = alu64("add", wider, constant(BigInt(1 + below(9))));
      if (within(wider, moved)) break;
      wider = widen(wider, moved);
    }
    expect(steps).toBeLessThan(80);
  }
});

test("within is inclusion: what covers has every member", () => {
  for (let index = 0; index < samples; index += 1) {
    const [a, b] = [draw(), draw()];
    if (!within(a.scalar, b.scalar)) continue;
    for (const member of b.members) expect(contains(a.scalar, member)).toBe(true);
  }
});

/** Sets of few numbers, all of which are tried: those of a few unknown bits at several places, and short ranges. */
const small: readonly (readonly [Scalar, readonly bigint[]])[] = (() => {
  const masks = [0x5n, 0x8000_0001n, 0x1_8000_0000n, 0x8000_0000_0000_0001n];
  const values = [0n, 2n, 0x7fff_fff0n, 0xffff_ffff_0000_0000n];
  const sets: (readonly [Scalar, readonly bigint[]])[] = [];
  const { umin, umax, smin, smax, u32min, u32max, s32min, s32max } = unknown();
  for (const mask of masks) {
    for (const value of values) {
      const tnum = { value: value & ~mask, mask };
      const scalar = settle(tnum, umin, umax, smin, smax, u32min, u32max, s32min, s32max)!;
      const members: bigint[] = [];
      for (let part = mask; ; part = (part - 1n) & mask) {
        members.push(tnum.value | part);
        if (part === 0n) break;
      }
      sets.push([scalar, members]);
    }
  }
  for (const first of [
    -5n,
    -1n,
    0n,
    3n,
    0x7fff_fffen,
    0xffff_fffen,
    -0x8000_0002n,
    0x7fff_ffff_ffff_fffen,
    -(1n << 63n),
  ]) {
    const members = Array.from({ length: 5 }, (_, index) => first + BigInt(index));
    const signed = members.every((member) => member === BigInt.asIntN(64, member));
    sets.push([signed ? signedRange(first, first + 4n) : unsignedRange(first, first + 4n), members]);
  }
  return sets;
})();

test.each(operations)("%s of every pair of small sets, all members", (op) => {
  for (const bits of [64, 32] as const) {
    for (const [a, as] of small) {
      for (const [b, bs] of small) {
        const result = (bits === 64 ? alu64 : alu32)(op, a, b);
        for (const x of as) {
          for (const y of bs) {
            const exact = concrete(op, u64(x), u64(y), bits);
            if (!contains(result, exact)) {
              expect.fail(`${op}${bits} ${show(x)} ${show(y)} = ${show(exact)} not in ${formatScalar(result)}`);
            }
          }
        }
      }
    }
  }
});

test.each(branches)("%s of every pair of small sets: a way that no pair goes is hardly ever thought possible", (op) => {
  let [ways, spare] = [0, 0];
  for (const is32 of [false, true]) {
    for (const [a, as] of small) {
      for (const [b, bs] of small) {
        const { taken, fallthrough } = refine(op, a, b, is32);
        const outcomes = as.flatMap((x) => bs.map((y) => holds(op, u64(x), u64(y), is32)));
        if (taken === undefined) expect(outcomes).not.toContain(true);
        else if (!outcomes.includes(true)) spare += 1;
        if (fallthrough === undefined) expect(outcomes).not.toContain(false);
        else if (!outcomes.includes(false)) spare += 1;
        ways += 2;
      }
    }
  }
  expect(spare / ways).toBeLessThan(0.1);
});

test("loads give what their size allows, and alignment is that of the unknown bits", () => {
  expect(formatScalar(ofSize(1))).toBe("scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))");
  expect([contains(ofSize(2, true), -32768n), contains(ofSize(2, true), 32768n)]).toEqual([true, false]);
  expect(ofSize(8)).toBe(unknown());
  expect(isAligned(alu64("mul", ofSize(1), constant(4n)).tnum, 4n)).toBe(true);
});
