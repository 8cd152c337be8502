/** Instructions under construction, and what is known of registers and stack where they are put. */
import {
  aluOp,
  type Instruction,
  insnClass,
  jmpOp,
  memMode,
  memSize,
  sourceX,
} from "../../../src/xdp/insn/instruction.js";

/** `calls`: index of a function of the program, whose place is not known yet. */
export type Code = { -readonly [Field in keyof Instruction]: Instruction[Field] } & { calls?: number };

const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Code => ({ opcode, dst, src, offset, imm });

export type AluName = keyof typeof aluOp;
export type JumpName = Exclude<keyof typeof jmpOp, "ja" | "call" | "exit">;
export type Size = keyof typeof memSize;
export const sizeBytes: Readonly<Record<Size, number>> = { b: 1, h: 2, w: 4, dw: 8 };

const aluClass = (wide: boolean): number => (wide ? insnClass.alu64 : insnClass.alu);
const jumpClass = (wide: boolean): number => (wide ? insnClass.jmp : insnClass.jmp32);

export const aluImm = (op: AluName, dst: number, imm: number, wide = true, offset = 0): Code =>
  insn(aluClass(wide) | aluOp[op], dst, 0, offset, imm);
export const aluReg = (op: AluName, dst: number, src: number, wide = true, offset = 0): Code =>
  insn(aluClass(wide) | aluOp[op] | sourceX, dst, src, offset);
export const movImm = (dst: number, imm: number, wide = true): Code => aluImm("mov", dst, imm, wide);
export const movReg = (dst: number, src: number): Code => aluReg("mov", dst, src);
export const byteSwap = (dst: number, bits: number, kind: "le" | "be" | "swap"): Code =>
  insn(aluClass(kind === "swap") | aluOp.end | (kind === "be" ? sourceX : 0), dst, 0, 0, bits);
export const negate = (dst: number, wide: boolean): Code => insn(aluClass(wide) | aluOp.neg, dst);
export const jumpImm = (op: JumpName, dst: number, imm: number, by: number, wide = true): Code =>
  insn(jumpClass(wide) | jmpOp[op], dst, 0, by, imm);
export const jumpReg = (op: JumpName, dst: number, src: number, by: number, wide = true): Code =>
  insn(jumpClass(wide) | jmpOp[op] | sourceX, dst, src, by);
export const jump = (by: number): Code => insn(insnClass.jmp | jmpOp.ja, 0, 0, by);
/** The long form, with its distance in imm. */
export const jumpLong = (by: number): Code => insn(insnClass.jmp32 | jmpOp.ja, 0, 0, 0, by);
export const load = (size: Size, dst: number, src: number, offset: number): Code =>
  insn(insnClass.ldx | memMode.mem | memSize[size], dst, src, offset);
export const loadSigned = (size: "b" | "h" | "w", dst: number, src: number, offset: number): Code =>
  insn(insnClass.ldx | memMode.memsx | memSize[size], dst, src, offset);
export const store = (size: Size, dst: number, offset: number, src: number): Code =>
  insn(insnClass.stx | memMode.mem | memSize[size], dst, src, offset);
export const storeImm = (size: Size, dst: number, offset: number, imm: number): Code =>
  insn(insnClass.st | memMode.mem | memSize[size], dst, 0, offset, imm);
export const atomic = (size: "w" | "dw", dst: number, offset: number, src: number, op: number): Code =>
  insn(insnClass.stx | memMode.atomic | memSize[size], dst, src, offset, op);
export const call = (helper: number): Code => insn(insnClass.jmp | jmpOp.call, 0, 0, 0, helper);
export const callLocal = (calls: number): Code => ({ ...insn(insnClass.jmp | jmpOp.call, 0, 1), calls });
export const exit = (): Code => insn(insnClass.jmp | jmpOp.exit);
export const wide = (dst: number, low: number, high: number): Code[] => [
  insn(0x18, dst, 0, 0, low),
  insn(0, 0, 0, 0, high),
];
export const loadMap = (dst: number, map: number): Code[] => [insn(0x18, dst, 1, 0, map), insn(0)];
/** Address of a function: a callback. */
export const loadFunction = (dst: number, calls: number): Code[] => [{ ...insn(0x18, dst, 4), calls }, insn(0)];

/** Which registers hold numbers, and which bytes of the stack are numbers: all else is taboo. */
export interface State {
  readonly scalars: Set<number>;
  /** By byte below the frame pointer: 1 at index n is the byte at fp - 1 - n. */
  readonly stack: Uint8Array;
  /** Registers that statements leave alone: what they hold is not a number, or somebody counts on it. */
  readonly reserved: Set<number>;
  /** r6 is the context and r7 points to this many bytes of packet; undefined: neither is there. */
  packet: number | undefined;
  /** Whether the packet's begin was moved: metadata would then uncover bytes of it, which the kernel leaves and we clear. */
  adjusted: boolean;
  /** Inside of a loop: no other loop, and nothing else that a verifier walks through many times over. */
  readonly looping: boolean;
  /** Statements deep. */
  readonly depth: number;
}

export const fork = (state: State, changes: Partial<State> = {}): State => ({
  ...state,
  scalars: new Set(state.scalars),
  stack: state.stack.slice(),
  reserved: new Set(state.reserved),
  depth: state.depth + 1,
  ...changes,
});

/** What holds whichever way was taken. */
export function join(into: State, ways: readonly State[]): void {
  const [first, ...others] = ways;
  if (first === undefined) return;
  into.scalars.clear();
  for (const reg of first.scalars) if (others.every(({ scalars }) => scalars.has(reg))) into.scalars.add(reg);
  into.stack.set(first.stack.map((byte, index) => (others.every(({ stack }) => stack[index] === 1) ? byte : 0)));
  into.adjusted = ways.some(({ adjusted }) => adjusted);
  into.packet = ways.every(({ packet }) => packet !== undefined)
    ? Math.min(...ways.map(({ packet }) => packet ?? 0))
    : undefined;
}

export const afterCall = (state: State, returns = true): void => {
  for (let reg = 1; reg <= 5; reg++) state.scalars.delete(reg);
  if (returns) state.scalars.add(0);
  else state.scalars.delete(0);
};

/** Marks `bytes` at fp + offset as numbers. */
export const initialize = ({ stack }: State, offset: number, bytes: number): void => {
  stack.fill(1, -offset - bytes, -offset);
};
export const isInitialized = ({ stack }: State, offset: number, bytes: number): boolean =>
  stack.subarray(-offset - bytes, -offset).every((byte) => byte === 1);
