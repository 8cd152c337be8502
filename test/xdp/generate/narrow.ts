/**
 * Numbers brought into bounds in ways that a verifier follows or does not: masks, shifts, comparisons signed and unsigned, in 64 and 32 bits,
 * with arithmetic in between. Whether the kernel accepts what comes out is its own affair; that the verdicts agree is ours.
 */
import { aluImm, aluReg, byteSwap, type Code, type JumpName, jumpImm, jumpReg, movReg, negate } from "./code.js";
import type { Draw } from "./random.js";

/** Steps that narrow `reg`; a jump whose offset is `leave` goes past whatever is done with it. */
export const leave = 0x7abc;

const small = (draw: Draw): number => draw.pick([0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 24, 28, 31, 32, 33]);

/** A comparison after which the number is small where it falls through, mostly. */
const compare = (draw: Draw, reg: number): Code[] => {
  const op = draw.weighed<JumpName>([
    [6, "jgt"],
    [6, "jge"],
    [5, "jsgt"],
    [5, "jsge"],
    [3, "jslt"],
    [3, "jsle"],
    [2, "jset"],
    [2, "jlt"],
    [2, "jle"],
    [2, "jne"],
    [1, "jeq"],
  ]);
  const imm =
    op === "jset"
      ? draw.pick([~31, ~15, ~7, -32, 0xffe0])
      : op.startsWith("jsl")
        ? draw.pick([0, 0, 1, 4, -1])
        : small(draw);
  return [jumpImm(op, reg, imm, leave, draw.chance(65))];
};

const steps: readonly (readonly [number, (draw: Draw, reg: number, other: number) => Code[]])[] = [
  [8, compare],
  [5, (draw, reg) => [aluImm("and", reg, draw.pick([7, 15, 24, 28, 31, 31, 63, 0x1c, 0xff, -8]), draw.chance(60))]],
  [2, (draw, reg) => [aluImm("rsh", reg, draw.between(57, 63))]],
  [2, (draw, reg) => [aluImm("rsh", reg, draw.between(24, 31), false)]],
  [2, (draw, reg) => [aluImm("lsh", reg, draw.between(1, 3), draw.chance(70))]],
  [1, (draw, reg) => [aluImm("lsh", reg, 32), aluImm(draw.pick(["rsh", "arsh"]), reg, 32)]],
  [1, (draw, reg) => [aluImm("arsh", reg, draw.between(1, 63))]],
  [3, (draw, reg) => [aluImm(draw.pick(["add", "sub"]), reg, draw.between(-9, 9), draw.chance(70))]],
  [1, (draw, reg) => [aluImm("mul", reg, draw.between(0, 5), draw.chance(70))]],
  [1, (draw, reg) => [aluImm(draw.pick(["or", "xor"]), reg, draw.below(32), draw.chance(70))]],
  [1, (draw, reg) => [aluImm(draw.pick(["div", "mod"]), reg, draw.between(1, 40), draw.chance(70))]],
  [1, (draw, reg) => [negate(reg, draw.chance(70))]],
  [1, (_draw, reg) => [aluReg("mov", reg, reg, false)]],
  [1, (draw, reg) => [aluReg("mov", reg, reg, true, draw.pick([8, 16, 32]))]],
  [1, (draw, reg) => [byteSwap(reg, 16, draw.pick(["be", "swap"]))]],
  // Two registers that are known to be equal or apart: what is learnt of one is learnt of the other.
  [2, (draw, reg, other) => [movReg(other, reg), ...compare(draw, other)]],
  [
    1,
    (draw, reg, other) => [
      movReg(other, reg),
      aluImm("and", other, 31),
      jumpReg("jne", reg, other, leave, draw.chance(70)),
    ],
  ],
  [
    1,
    (draw, reg, other) => [movReg(other, reg), aluImm("and", other, 15), aluReg(draw.pick(["and", "sub"]), reg, other)],
  ],
  [
    1,
    (draw, reg, other) => [
      movReg(other, reg),
      aluImm("rsh", other, 60),
      jumpReg(draw.pick(["jgt", "jge"]), reg, other, leave),
    ],
  ],
];

/** Some steps, and often one at the end that does it. `other` is a number that may be overwritten, or `reg` itself if there is none. */
export function narrow(draw: Draw, reg: number, other: number, room: number): Code[] {
  const code: Code[] = [];
  const usable = other === reg ? steps.slice(0, -4) : steps;
  for (let left = draw.between(1, 4); left > 0; left--) code.push(...draw.weighed(usable)(draw, reg, other));
  if (draw.chance(40)) code.push(jumpImm("jgt", reg, room, leave, draw.chance(80)));
  return code;
}

/** Lets the jumps out of `code` go to its end. */
export function land(code: Code[]): Code[] {
  for (const [slot, insn] of code.entries()) if (insn.offset === leave) insn.offset = code.length - slot - 1;
  return code;
}
