/**
 * Instructions as text, in the syntax of the kernel's verifier log. Three things differ, so that the assembler reads back what was
 * written: a 64-bit constant ends in ` ll`, maps and callbacks are named, and kfuncs are told from helpers (`kernelStyle` drops the
 * first and last). What is no well-formed instruction comes out as `.insn opcode dst src offset imm`.
 */
import type { Instruction } from "./instruction.js";
import { instructionSet, type Operand, type Operation, type TextPart, textParts } from "./set.js";
import { operationOf, validateInstruction } from "./validate.js";

export interface DisassemblerOptions {
  /** Name of a helper with its bpf_, as `bpf_map_lookup_elem` for 1. */
  readonly helperName?: (id: number) => string | undefined;
  readonly kfuncName?: (id: number) => string | undefined;
  /** Name of a map by its index in the program's maps. */
  readonly mapName?: (index: number) => string | undefined;
  /** As the kernel prints it: no ` ll`, no `kfunc`. */
  readonly kernelStyle?: boolean;
}

const signed = (value: number): string => (value < 0 ? `${value}` : `+${value}`);
const partsOf: ReadonlyMap<Operation, readonly TextPart[]> = new Map(
  instructionSet.map((row) => [row, textParts(row.text)]),
);

/** Names that the assembler would not take for a name are given as numbers. */
const named = (name: string | undefined): string | undefined =>
  name !== undefined && /^[A-Za-z_.][\w.$]*$/.test(name) ? name : undefined;

const operandText: Readonly<
  Record<Operand, (insn: Instruction, high: number, options: DisassemblerOptions) => string>
> = {
  rd: (insn) => `r${insn.dst}`,
  wd: (insn) => `w${insn.dst}`,
  rs: (insn) => `r${insn.src}`,
  ws: (insn) => `w${insn.src}`,
  imm: (insn) => `${insn.imm}`,
  hex: (insn) => `0x${(insn.imm >>> 0).toString(16)}`,
  shift: (insn) => `${insn.imm}`,
  off: (insn) => signed(insn.offset),
  jump: (insn) => `pc${signed(insn.offset)}`,
  jumpl: (insn) => `pc${signed(insn.imm)}`,
  helper: (insn, _, options) => `${named(options.helperName?.(insn.imm)) ?? "unknown"}#${insn.imm}`,
  kfunc: (insn, _, options) => `${named(options.kfuncName?.(insn.imm)) ?? "unknown"}#${insn.imm}`,
  local: (insn) => `pc${signed(insn.imm)}`,
  wide: (insn, high) => `0x${((BigInt(high >>> 0) << 32n) | BigInt(insn.imm >>> 0)).toString(16)}`,
  map: (insn, _, options) => named(options.mapName?.(insn.imm)) ?? `${insn.imm}`,
  value: (_, high) => signed(high),
  function: (insn) => signed(insn.imm),
  number: (insn) => `${insn.imm}`,
};

export interface Disassembled {
  readonly text: string;
  /** Slots that it takes: 1 or 2. */
  readonly slots: number;
}

const rawText = (insn: Instruction): string =>
  `.insn 0x${insn.opcode.toString(16).padStart(2, "0")} r${insn.dst} r${insn.src} ${insn.offset} ${insn.imm}`;

/** The instruction at `slot`, which must exist. Never throws, whatever the slot holds. */
export function disassembleInstruction(
  insns: readonly Instruction[],
  slot: number,
  options: DisassemblerOptions = {},
): Disassembled {
  const insn = insns[slot] as Instruction;
  const row = operationOf(insn);
  if (row === undefined || validateInstruction(insns, slot, { refused: true }) !== undefined) {
    return { text: rawText(insn), slots: 1 };
  }
  const wide = insn.opcode === 0x18;
  const high = wide ? (insns[slot + 1]?.imm ?? 0) : 0;
  let text = "";
  for (const part of partsOf.get(row) as readonly TextPart[]) {
    text += part.kind === "literal" ? part.text : operandText[part.operand](insn, high, options);
  }
  if (options.kernelStyle === true) {
    text = text.replace(/ ll$/, "").replace(/^call kfunc /, "call ");
  }
  return { text, slots: wide ? 2 : 1 };
}

const opcodeText = (insn: Instruction): string => `(${insn.opcode.toString(16).padStart(2, "0")})`;

/** A program as lines `slot: (opcode) text`, as the kernel's log has them; the assembler reads them. */
export function listProgram(insns: readonly Instruction[], options: DisassemblerOptions = {}): string[] {
  const lines: string[] = [];
  for (let slot = 0; slot < insns.length; ) {
    const { text, slots } = disassembleInstruction(insns, slot, options);
    lines.push(`${slot}: ${opcodeText(insns[slot] as Instruction)} ${text}`);
    slot += slots;
  }
  return lines;
}

/** A program as text for the assembler, an instruction on a line. */
export function disassemble(insns: readonly Instruction[], options: DisassemblerOptions = {}): string {
  const lines: string[] = [];
  for (let slot = 0; slot < insns.length; ) {
    const { text, slots } = disassembleInstruction(insns, slot, options);
    lines.push(text);
    slot += slots;
  }
  return lines.join("\n");
}
