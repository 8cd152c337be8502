/** Statements of generated programs that need nothing but numbers in registers and on the stack. */
import { atomicOp } from "../../../src/xdp/insn/instruction.js";
import {
  type AluName,
  aluImm,
  aluReg,
  atomic,
  byteSwap,
  type Code,
  initialize,
  isInitialized,
  type JumpName,
  load,
  loadSigned,
  movImm,
  movReg,
  negate,
  type Size,
  type State,
  sizeBytes,
  store,
  storeImm,
  wide,
} from "./code.js";
import type { Draw } from "./random.js";

/** Code, after which the state is as the statement left it. */
export type Statement = (draw: Draw, state: State) => Code[];

const plain: readonly AluName[] = ["add", "sub", "mul", "or", "and", "xor", "mov", "div", "mod"];
const shifts: readonly AluName[] = ["lsh", "rsh", "arsh"];
export const sizes: readonly Size[] = ["b", "h", "w", "dw"];
export const jumps: readonly JumpName[] = [
  "jeq",
  "jgt",
  "jge",
  "jset",
  "jne",
  "jsgt",
  "jsge",
  "jlt",
  "jle",
  "jslt",
  "jsle",
];

/** A register that may be written; the frame pointer never. */
export function freeRegister(draw: Draw, state: State): number {
  const free = [0, 1, 2, 3, 4, 5, 8, 9].filter((reg) => !state.reserved.has(reg));
  if (state.packet === undefined) free.push(...[6, 7].filter((reg) => !state.reserved.has(reg)));
  return draw.pick(free);
}

/** A number in a register; puts one there where there is none. */
export function scalar(draw: Draw, state: State, code: Code[]): number {
  const known = [...state.scalars];
  if (known.length > 0) return draw.pick(known);
  const reg = freeRegister(draw, state);
  code.push(movImm(reg, draw.immediate()));
  state.scalars.add(reg);
  return reg;
}

/** A number that may be overwritten. */
export function changeable(draw: Draw, state: State, code: Code[]): number {
  const known = [...state.scalars].filter((reg) => !state.reserved.has(reg));
  if (known.length > 0) return draw.pick(known);
  const reg = freeRegister(draw, state);
  code.push(movImm(reg, draw.immediate()));
  state.scalars.add(reg);
  return reg;
}

const arithmetic: Statement = (draw, state) => {
  const code: Code[] = [];
  const dst = changeable(draw, state, code);
  const isWide = draw.chance(60);
  if (draw.chance(25)) {
    const op = draw.pick(shifts);
    const amount = draw.below(isWide ? 64 : 32);
    if (draw.chance(70)) return [...code, aluImm(op, dst, amount, isWide)];
    const src = scalar(draw, state, code);
    return [...code, aluReg(op, dst, src, isWide)];
  }
  const op = draw.pick(plain);
  const divides = op === "div" || op === "mod";
  const signed = divides && draw.chance(40) ? 1 : 0;
  if (draw.chance(50)) {
    const imm = draw.immediate();
    return [...code, aluImm(op, dst, divides && imm === 0 ? 7 : imm, isWide, signed)];
  }
  const src = scalar(draw, state, code);
  if (op === "mov")
    return [...code, aluReg(op, dst, src, isWide, draw.chance(50) ? draw.pick(isWide ? [8, 16, 32] : [8, 16]) : 0)];
  return [...code, aluReg(op, dst, src, isWide, signed)];
};

const unary: Statement = (draw, state) => {
  const code: Code[] = [];
  const dst = changeable(draw, state, code);
  if (draw.chance(30)) return [...code, negate(dst, draw.chance(50))];
  return [...code, byteSwap(dst, draw.pick([16, 32, 64]), draw.pick(["le", "be", "swap"]))];
};

const constant: Statement = (draw, state) => {
  const dst = freeRegister(draw, state);
  state.scalars.add(dst);
  if (draw.chance(30)) return wide(dst, draw.immediate(), draw.immediate());
  return [movImm(dst, draw.immediate(), draw.chance(60))];
};

const copy: Statement = (draw, state) => {
  const code: Code[] = [];
  const src = scalar(draw, state, code);
  const dst = freeRegister(draw, state);
  state.scalars.add(dst);
  return [...code, draw.chance(70) ? movReg(dst, src) : aluReg("mov", dst, src, false)];
};

/** fp - 8 … fp - 64 are for statements like this; below are buffers of calls. */
const slot = (draw: Draw, bytes: number): number => -(draw.below(Math.floor(64 / bytes)) + 1) * bytes;

const spill: Statement = (draw, state) => {
  const code: Code[] = [];
  const size = draw.pick(sizes);
  const offset = slot(draw, sizeBytes[size]);
  if (draw.chance(30)) code.push(storeImm(size, 10, offset, draw.immediate()));
  else code.push(store(size, 10, offset, scalar(draw, state, code)));
  initialize(state, offset, sizeBytes[size]);
  return code;
};

const fill: Statement = (draw, state) => {
  const size = draw.pick(sizes);
  const code: Code[] = [];
  let offset = slot(draw, sizeBytes[size]);
  for (let tries = 0; tries < 8 && !isInitialized(state, offset, sizeBytes[size]); tries++)
    offset = slot(draw, sizeBytes[size]);
  if (!isInitialized(state, offset, sizeBytes[size])) {
    code.push(storeImm(size, 10, offset, draw.immediate()));
    initialize(state, offset, sizeBytes[size]);
  }
  const dst = freeRegister(draw, state);
  state.scalars.add(dst);
  return [...code, size !== "dw" && draw.chance(25) ? loadSigned(size, dst, 10, offset) : load(size, dst, 10, offset)];
};

export const atomics = [
  atomicOp.add,
  atomicOp.or,
  atomicOp.and,
  atomicOp.xor,
  atomicOp.add | atomicOp.fetch,
  atomicOp.or | atomicOp.fetch,
  atomicOp.and | atomicOp.fetch,
  atomicOp.xor | atomicOp.fetch,
  atomicOp.xchg,
  atomicOp.cmpxchg,
];

/** An atomic instruction on memory at base + offset. */
export function atomicAt(draw: Draw, state: State, base: number, offset: number, size: "w" | "dw"): Code[] {
  const code: Code[] = [];
  const op = draw.pick(atomics);
  const candidates = [...state.scalars].filter((reg) => reg !== base && (!state.reserved.has(reg) || (op & 1) === 0));
  if (candidates.length === 0) return code;
  const src = draw.pick(candidates);
  if (op === atomicOp.cmpxchg) {
    if (base === 0 || state.reserved.has(0)) return code;
    if (!state.scalars.has(0)) code.push(movImm(0, draw.immediate()));
    state.scalars.add(0);
  }
  return [...code, atomic(size, base, offset, src, op)];
}

const atomicOnStack: Statement = (draw, state) => {
  const size = draw.pick(["w", "dw"] as const);
  const offset = slot(draw, sizeBytes[size]);
  const code: Code[] = [];
  if (!isInitialized(state, offset, sizeBytes[size])) code.push(storeImm(size, 10, offset, draw.immediate()));
  initialize(state, offset, sizeBytes[size]);
  return [...code, ...atomicAt(draw, state, 10, offset, size)];
};

export const plainStatements: readonly (readonly [number, Statement])[] = [
  [40, arithmetic],
  [8, unary],
  [10, constant],
  [8, copy],
  [10, spill],
  [10, fill],
  [4, atomicOnStack],
];
