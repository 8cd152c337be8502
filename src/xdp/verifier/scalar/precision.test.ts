/** What is known after a few steps, written as the kernel's log writes it; test/host/xdp-scalar-precision.test.ts compares with a kernel. */
import { expect, test } from "vitest";
import { type AluOperation, alu32, alu64 } from "./alu.js";
import { type BranchOperation, refine } from "./branch.js";
import { formatScalar } from "./format.js";
import { constant, ofSize, type Scalar, unknown } from "./scalar.js";

type Step =
  | readonly [op: AluOperation, imm: bigint, bits?: 32]
  | readonly [op: BranchOperation, imm: bigint, taken: boolean];

const branches = new Set(["jeq", "jne", "jgt", "jge", "jlt", "jle", "jsgt", "jsge", "jslt", "jsle", "jset"]);

function follow(from: Scalar, steps: readonly Step[]): string {
  let value = from;
  for (const [op, imm, how] of steps) {
    if (branches.has(op)) {
      const { taken, fallthrough } = refine(op as BranchOperation, value, constant(imm), false);
      const way = how === true ? taken : fallthrough;
      if (way === undefined) return "never";
      value = way.a;
    } else {
      value = (how === 32 ? alu32 : alu64)(op as AluOperation, value, op.startsWith("mov") ? value : constant(imm));
    }
  }
  return formatScalar(value);
}

const u8 = ofSize(1);
const any = unknown();

test.each<readonly [string, Scalar, readonly Step[], string]>([
  ["a mask", any, [["and", 0xf0n]], "scalar(smin=smin32=0,smax=umax=smax32=umax32=240,var_off=(0x0; 0xf0))"],
  [
    "a mask, then an addition",
    u8,
    [
      ["and", 0x3cn],
      ["add", 14n],
    ],
    "scalar(smin=umin=smin32=umin32=14,smax=umax=smax32=umax32=74,var_off=(0x2; 0x7c))",
  ],
  ["a subtraction below zero", u8, [["sub", 10n]], "scalar(smin=smin32=-10,smax=smax32=245)"],
  [
    "back again, and known to be no more than it was",
    u8,
    [
      ["sub", 10n],
      ["add", 10n],
    ],
    "scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))",
  ],
  [
    "a shift and back",
    any,
    [
      ["lsh", 32n],
      ["rsh", 32n],
    ],
    "scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))",
  ],
  [
    "a shift and back with sign",
    any,
    [
      ["lsh", 32n],
      ["arsh", 32n],
    ],
    "scalar(smin=0xffffffff80000000,smax=0x7fffffff)",
  ],
  ["a product", u8, [["mul", 12n]], "scalar(smin=smin32=0,smax=umax=smax32=umax32=3060,var_off=(0x0; 0xffc))"],
  ["the lower word", any, [["mov", 0n, 32]], "scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))"],
  ["a byte with sign", any, [["movsx8", 0n]], "scalar(smin=smin32=-128,smax=smax32=127)"],
  ["a remainder", any, [["mod", 10n]], "scalar(smin=smin32=0,smax=umax=smax32=umax32=9,var_off=(0x0; 0xf))"],
  ["a quotient", any, [["div", 0x100000000n]], "scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))"],
  ["a signed remainder", any, [["smod", 10n]], "scalar(smin=smin32=-9,smax=smax32=9)"],
  ["no more than", any, [["jgt", 63n, false]], "scalar(smin=smin32=0,smax=umax=smax32=umax32=63,var_off=(0x0; 0x3f))"],
  ["a signed comparison alone", any, [["jsgt", 63n, false]], "scalar(smax=63)"],
  [
    "both signed comparisons",
    any,
    [
      ["jsgt", 63n, false],
      ["jslt", 0n, false],
    ],
    "scalar(smin=smin32=0,smax=umax=smax32=umax32=63,var_off=(0x0; 0x3f))",
  ],
  [
    "not zero",
    u8,
    [["jeq", 0n, false]],
    "scalar(smin=umin=smin32=umin32=1,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))",
  ],
  [
    "not its greatest",
    u8,
    [["jne", 255n, true]],
    "scalar(smin=smin32=0,smax=umax=smax32=umax32=254,var_off=(0x0; 0xff))",
  ],
  [
    "a bit that is set",
    u8,
    [["jset", 0x80n, true]],
    "scalar(smin=umin=smin32=umin32=128,smax=umax=smax32=umax32=255,var_off=(0x80; 0x7f))",
  ],
  [
    "a bit that is not set",
    u8,
    [["jset", 0x80n, false]],
    "scalar(smin=smin32=0,smax=umax=smax32=umax32=127,var_off=(0x0; 0x7f))",
  ],
  [
    "one number left",
    u8,
    [
      ["and", 0x40n],
      ["jne", 0n, true],
    ],
    "64",
  ],
  ["none left", u8, [["jgt", 255n, true]], "never"],
  [
    "negative",
    any,
    [
      ["jslt", 0n, true],
      ["jsge", -8n, true],
    ],
    "scalar(smin=smin32=-8,smax=smax32=-1,umin=0xfffffffffffffff8,umin32=0xfffffff8,var_off=(0xfffffffffffffff8; 0x7))",
  ],
  ["swapped", u8, [["tobe16", 0n]], "scalar(smin=smin32=0,smax=umax=smax32=umax32=0xff00,var_off=(0x0; 0xff00))"],
  ["negated", u8, [["neg", 0n]], "scalar(smin=smin32=-255,smax=smax32=0)"],
])("%s", (_, from, steps, expected) => {
  expect(follow(from, steps)).toBe(expected);
});
