/** Whether instructions are well-formed: what can be said of each without regard to the others. */
import { type Instruction, isWideLoad } from "./instruction.js";
import { type Field, instructionSet, type Operation, operandsOf, operationsOf } from "./set.js";

export interface InstructionProblem {
  /** Slot. */
  readonly insn: number;
  /** Names slot and instruction, and what is wrong. */
  readonly message: string;
}

export interface ValidateOptions {
  /** Accepts operations that are known but not allowed in programs (`Operation.refused`). */
  readonly refused?: boolean;
}

const registers = 11;
const fields = ["dst", "src", "offset", "imm"] as const;
const hex = (opcode: number) => `0x${opcode.toString(16).padStart(2, "0")}`;

const selects = (row: Operation, insn: Instruction): boolean =>
  (row.src ?? insn.src) === insn.src &&
  (row.offset ?? insn.offset) === insn.offset &&
  (row.imm ?? insn.imm) === insn.imm;

/** The row of the instruction set that an instruction is of, going by opcode and the fields that tell operations apart. */
export const operationOf = (insn: Instruction): Operation | undefined =>
  operationsOf[insn.opcode]?.find((row) => selects(row, insn));

function noSuchOperation(insn: Instruction): string {
  const rows = operationsOf[insn.opcode] ?? [];
  if (rows.length === 0) {
    return `opcode ${hex(insn.opcode)} is not in RFC 9669`;
  }
  for (const field of ["src", "offset", "imm"] as const) {
    const values = [...new Set(rows.flatMap((row) => row[field] ?? []))];
    if (values.length > 0 && !values.includes(insn[field])) {
      return `${field} is ${insn[field]}, and must be ${list(values.sort((a, b) => a - b))} with opcode ${hex(insn.opcode)}`;
    }
  }
  return `opcode ${hex(insn.opcode)} with src ${insn.src}, offset ${insn.offset} and imm ${insn.imm} is no operation`;
}

const list = (values: readonly number[]): string =>
  values.length === 1 ? `${values[0]}` : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;

/** What is wrong with the fields of an instruction whose operation is known. */
function fieldProblem(row: Operation, insn: Instruction): string | undefined {
  const used = operandsOf.get(row) as ReadonlySet<Field>;
  for (const field of fields) {
    if (!used.has(field) && row[field as "src" | "offset" | "imm"] === undefined && insn[field] !== 0) {
      return `field ${field} is reserved and must be 0, but is ${insn[field]}`;
    }
  }
  for (const field of ["dst", "src"] as const) {
    if (used.has(field) && insn[field] >= registers) {
      return `there is no register r${insn[field]}; the last is r10`;
    }
  }
  if (row.width !== undefined && (insn.imm < 0 || insn.imm >= row.width)) {
    return `a shift by ${insn.imm} is out of range: 0 to ${row.width - 1}`;
  }
  return undefined;
}

function secondSlotProblem(row: Operation, second: Instruction | undefined): string | undefined {
  if (second === undefined) {
    return "the program ends within this instruction of two slots";
  }
  if (second.opcode !== 0 || second.dst !== 0 || second.src !== 0 || second.offset !== 0) {
    return "its second slot must be zero but for imm";
  }
  if (second.imm !== 0 && operandsOf.get(row)?.has("high") !== true) {
    return `imm of its second slot is reserved and must be 0, but is ${second.imm}`;
  }
  return undefined;
}

/** What is wrong with the instruction at `slot`; undefined: nothing. The second slot of a wide load is judged with the first. */
export function validateInstruction(
  insns: readonly Instruction[],
  slot: number,
  options: ValidateOptions = {},
): InstructionProblem | undefined {
  const insn = insns[slot];
  if (insn === undefined) {
    return { insn: slot, message: `insn ${slot}: there is no such slot` };
  }
  const row = operationOf(insn);
  if (row === undefined) {
    return { insn: slot, message: `insn ${slot}: ${noSuchOperation(insn)}` };
  }
  const problem =
    (row.refused === undefined || options.refused === true ? undefined : row.refused) ??
    fieldProblem(row, insn) ??
    (isWideLoad(insn) ? secondSlotProblem(row, insns[slot + 1]) : undefined);
  return problem === undefined ? undefined : { insn: slot, message: `insn ${slot} (${row.name}): ${problem}` };
}

/** The first problem of a program; undefined: every instruction of it is well-formed. */
export function validateProgram(
  insns: readonly Instruction[],
  options: ValidateOptions = {},
): InstructionProblem | undefined {
  for (let slot = 0; slot < insns.length; slot += 1) {
    const problem = validateInstruction(insns, slot, options);
    if (problem !== undefined) {
      return problem;
    }
    if (insns[slot]?.opcode === 0x18) {
      slot += 1;
    }
  }
  return undefined;
}

/** Rows that programs may use. */
export const allowedInstructions: readonly Operation[] = instructionSet.filter((row) => row.refused === undefined);
