/** The operations on numbers that are known. */
import type { BinaryOperation } from "./range64.js";

type Fold = (a: bigint, b: bigint, bits: 32 | 64) => bigint;

const count = (b: bigint, bits: number): bigint => b & BigInt(bits - 1);
const signed = (a: bigint, bits: number): bigint => BigInt.asIntN(bits, a);

const folds: Record<BinaryOperation, Fold> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  lsh: (a, b, bits) => a << count(b, bits),
  rsh: (a, b, bits) => a >> count(b, bits),
  arsh: (a, b, bits) => signed(a, bits) >> count(b, bits),
  div: (a, b) => (b === 0n ? 0n : a / b),
  mod: (a, b) => (b === 0n ? a : a % b),
  sdiv: (a, b, bits) => (b === 0n ? 0n : signed(a, bits) / signed(b, bits)),
  smod: (a, b, bits) => (b === 0n ? a : signed(a, bits) % signed(b, bits)),
};

/** Of unsigned operands of that many bits; the result is unsigned and of as many. */
export const fold = (op: keyof typeof folds, a: bigint, b: bigint, bits: 32 | 64): bigint =>
  BigInt.asUintN(bits, folds[op](a, b, bits));
