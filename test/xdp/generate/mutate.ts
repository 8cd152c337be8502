/** One mistake in a program that was right: most are refused, and those that are not show where a verifier is too strict. */
import { type Code, jump } from "./code.js";
import type { Draw } from "./random.js";

type Mutation = (draw: Draw, insn: Code) => Code | undefined;

const classOf = (insn: Code): number => insn.opcode & 7;
const isJump = (insn: Code): boolean => {
  const op = insn.opcode & 0xf0;
  return (classOf(insn) === 5 || classOf(insn) === 6) && op !== 0x80 && op !== 0x90 && op !== 0x00;
};
const isMemory = (insn: Code): boolean => classOf(insn) >= 1 && classOf(insn) <= 3;
const isAlu = (insn: Code): boolean => classOf(insn) === 4 || classOf(insn) === 7;

const mutations: Readonly<Record<string, Mutation>> = {
  "a check is missing": (_draw, insn) => (isJump(insn) ? jump(0) : undefined),
  "a jump always goes": (_draw, insn) => (isJump(insn) ? jump(insn.offset) : undefined),
  "a jump goes elsewhere": (draw, insn) =>
    isJump(insn) ? { ...insn, offset: insn.offset + draw.between(-3, 3) } : undefined,
  "an operator of a jump is another": (draw, insn) =>
    isJump(insn) ? { ...insn, opcode: (insn.opcode & 0x0f) | (draw.between(1, 13) << 4) } : undefined,
  "an offset is one off": (draw, insn) =>
    isMemory(insn) ? { ...insn, offset: insn.offset + draw.pick([-1, 1]) } : undefined,
  "an offset is far off": (draw, insn) =>
    isMemory(insn) ? { ...insn, offset: draw.pick([-520, -513, 64, 512, 0x7fff, -0x8000]) } : undefined,
  "an access is wider": (draw, insn) =>
    isMemory(insn) ? { ...insn, opcode: insn.opcode ^ draw.pick([0x08, 0x10, 0x18]) } : undefined,
  "a constant is one off": (draw, insn) =>
    insn.opcode !== 0 && insn.imm !== 0 ? { ...insn, imm: (insn.imm + draw.pick([-1, 1])) | 0 } : undefined,
  "a constant is large": (draw, insn) => (isAlu(insn) ? { ...insn, imm: draw.immediate() } : undefined),
  "a register is another": (draw, insn) => (insn.opcode !== 0 ? { ...insn, dst: draw.below(11) } : undefined),
  "a source is another": (draw, insn) =>
    insn.opcode !== 0 && insn.opcode !== 0x85 ? { ...insn, src: draw.below(11) } : undefined,
  "an operation is another": (draw, insn) =>
    isAlu(insn) ? { ...insn, opcode: (insn.opcode & 0x0f) | (draw.below(14) << 4) } : undefined,
  "an instruction is missing": (_draw, insn) => (isAlu(insn) || isMemory(insn) ? jump(0) : undefined),
  "a width is the other": (_draw, insn) => (isAlu(insn) ? { ...insn, opcode: insn.opcode ^ 3 } : undefined),
  "a bit is flipped": (draw, insn) => ({ ...insn, opcode: insn.opcode ^ (1 << draw.below(8)) }),
};
const names = Object.keys(mutations);

/** Alters one instruction of `code`; answers what was done. */
export function mutate(draw: Draw, code: Code[]): string {
  for (let tries = 0; tries < 64; tries++) {
    const name = draw.pick(names);
    const slot = draw.below(code.length);
    // The second half of a wide load is nobody's to alter.
    if (code[slot]!.opcode === 0) continue;
    // What a wide load loads is an index of a map or a function: it stays one.
    if (code[slot]!.opcode === 0x18 && name !== "a register is another") continue;
    const altered = mutations[name]!(draw, code[slot]!);
    if (altered === undefined) continue;
    // A call of a kfunc of ours, which the kernel has not.
    if (altered.opcode === 0x85 && altered.src === 2) continue;
    code[slot] = altered;
    return `${name} (slot ${slot})`;
  }
  return "nothing";
}
