/** Arithmetic instructions on numbers and pointers. */
import { aluOp, type Instruction, insnClass, sourceX } from "../insn/instruction.js";
import { type Analysis, newId, read, write } from "./analysis.js";
import { refuse } from "./refusal.js";
import {
  change,
  constantScalar,
  describe,
  isPacket,
  isScalar,
  markPrecise,
  type Register,
  scalar,
  unknownScalar,
} from "./register.js";
import { type AluOperation, alu32, alu64 } from "./scalar/alu.js";
import { isConstant, ofSize, s64min } from "./scalar/scalar.js";
import { linkedCopy } from "./stack.js";
import { classOf, operationOf } from "./structure.js";

const names: Readonly<Record<number, AluOperation>> = {
  [aluOp.add]: "add",
  [aluOp.sub]: "sub",
  [aluOp.mul]: "mul",
  [aluOp.div]: "div",
  [aluOp.or]: "or",
  [aluOp.and]: "and",
  [aluOp.lsh]: "lsh",
  [aluOp.rsh]: "rsh",
  [aluOp.mod]: "mod",
  [aluOp.xor]: "xor",
  [aluOp.arsh]: "arsh",
};

const offsetLimit = 1n << 29n;

function checkOffset(register: Register, of: Register): void {
  const { value } = register;
  const isPlain = register.kind === "scalar";
  if (isConstant(value) && (value.smin >= offsetLimit || value.smin <= -offsetLimit)) {
    refuse(`arithmetic between ${describe(of)} and ${value.smin} leads too far`);
  }
  if (!isPlain && Math.abs(register.fixed) >= Number(offsetLimit))
    refuse(`${describe(of)} with offset ${register.fixed} is too far away`);
  if (value.smin === s64min) {
    refuse(
      `arithmetic between ${describe(of)} and a number without lower bound`,
      "use an unsigned number, or compare it with constants first",
    );
  }
  if (value.smin >= offsetLimit || value.smin <= -offsetLimit)
    refuse(`arithmetic between ${describe(of)} and ${value.smin} or more leads too far`);
}

const movable = new Set(["context", "packet", "meta", "stack", "value", "key", "memory"]);

/** `pointer OP number`, or with `swapped` `number OP pointer`. */
function pointerArithmetic(
  analysis: Analysis,
  operation: number,
  wide: boolean,
  base: Register,
  number: Register,
  index: number,
  swapped: boolean,
): Register {
  if (!wide) {
    if (operation === aluOp.sub) return unknownScalar();
    refuse(`32-bit arithmetic on R${index}, which holds ${describe(base)}`);
  }
  const step = isConstant(number.value) ? number.value.smin : undefined;
  if (base.nullable) refuse(`arithmetic on R${index}, which may be null here`, "compare it with 0 first");
  const unmoved = step === 0n && operation === aluOp.add;
  if (!movable.has(base.kind) && !((base.kind === "map" || base.kind === "function") && unmoved))
    refuse(`arithmetic on R${index}, which holds ${describe(base)}`);
  checkOffset(number, base);
  checkOffset(base, base);
  if (operation !== aluOp.add && operation !== aluOp.sub) {
    refuse(`R${index} holds ${describe(base)}: only addition and subtraction are possible`);
  }
  const subtract = operation === aluOp.sub;
  if (subtract && swapped) refuse(`R${index}: a pointer cannot be subtracted from a number`);
  if (subtract && base.kind === "stack")
    refuse(`R${index}: nothing can be subtracted from a pointer to the stack`, "add a negative constant");
  let result: Register;
  const moved = step === undefined ? 0n : BigInt(base.fixed) + (subtract ? -step : step);
  if (step !== undefined && moved === BigInt.asIntN(32, moved)) {
    // What lies at or beyond the end does so no more when it is moved; bytes that are there stay there.
    const range = isPacket(base) && base.range < 0 && step !== 0n ? 0 : base.range;
    result = change(base, { fixed: Number(moved), range });
  } else {
    const value = alu64(subtract ? "sub" : "add", base.value, number.value);
    result = change(base, { value });
    if (isPacket(base)) {
      const keeps = subtract && number.value.smin >= 0n;
      result = change(result, { id: newId(analysis), range: keeps ? Math.max(base.range, 0) : 0 });
    }
  }
  checkOffset(result, base);
  return result;
}

const shifts = new Set<number>([aluOp.lsh, aluOp.rsh, aluOp.arsh]);

/** The kernel knows nothing of what divisions and shifts by unknown counts give; neither may we, or we accept what it refuses. */
function isFollowed(operation: number, b: Register, wide: boolean): boolean {
  if (operation === aluOp.div || operation === aluOp.mod) return false;
  if (!shifts.has(operation)) return true;
  return wide ? isConstant(b.value) && b.value.umax < 64n : b.value.u32min === b.value.u32max && b.value.u32max < 32;
}

function binary(analysis: Analysis, insn: Instruction, wide: boolean): Register {
  const operation = operationOf(insn);
  const a = read(analysis, insn.dst);
  const useX = (insn.opcode & sourceX) !== 0;
  const b = useX ? read(analysis, insn.src) : constantScalar(wide ? BigInt(insn.imm) : BigInt(insn.imm >>> 0));
  if (!useX && insn.imm === 0 && (operation === aluOp.div || operation === aluOp.mod)) refuse("division by zero");
  if (!isScalar(a) && !isScalar(b)) {
    if (operation === aluOp.sub) return unknownScalar();
    refuse(`arithmetic between two pointers, R${insn.dst} and R${insn.src}`);
  }
  if (!isScalar(b)) {
    markPrecise(a);
    return pointerArithmetic(analysis, operation, wide, b, a, insn.dst, true);
  }
  if (!isScalar(a)) {
    markPrecise(b);
    return pointerArithmetic(analysis, operation, wide, a, b, insn.dst, false);
  }
  const base = names[operation];
  if (base === undefined) return unknownScalar();
  if (!isFollowed(operation, b, wide)) return unknownScalar();
  const value = wide ? alu64(base, a.value, b.value) : alu32(base, a.value, b.value);
  const result = scalar(value, useX ? [a, b] : [a]);
  // A constant added to one of several equal numbers: what is learned of it is learned of them.
  if (wide && operation === aluOp.add && a.id !== 0 && !a.linked && isConstant(b.value)) {
    const step = b.value.umin;
    if (step <= 0x7fffffffn)
      return { ...result, parents: result.parents ?? [a], id: a.id, linked: true, fixed: Number(step) };
  }
  return result;
}

function move(analysis: Analysis, insn: Instruction, wide: boolean): Register {
  if ((insn.opcode & sourceX) === 0) return constantScalar(wide ? BigInt(insn.imm) : BigInt(insn.imm >>> 0));
  const from = read(analysis, insn.src);
  if (!isScalar(from)) {
    if (wide && insn.offset === 0) return from;
    // Root may have a pointer's bits as a number.
    return wide ? unknownScalar() : scalar(ofSize(4));
  }
  const bits = insn.offset;
  const name = bits === 0 ? "mov" : bits === 8 ? "movsx8" : bits === 16 ? "movsx16" : "movsx32";
  const value = wide ? alu64(name, from.value, from.value) : alu32(name, from.value, from.value);
  const keeps = bits === 0 ? wide || from.value.umax <= 0xffff_ffffn : from.value.umax < 1n << BigInt(bits - 1);
  if (!keeps) return scalar(value, [from]);
  const linked = linkedCopy(analysis, from);
  if (linked !== from) write(analysis, insn.src, linked);
  return linked;
}

/** Executes an instruction of class alu or alu64. */
export function arithmetic(analysis: Analysis, insn: Instruction): void {
  const wide = classOf(insn) === insnClass.alu64;
  const operation = operationOf(insn);
  if (operation === aluOp.mov) {
    write(analysis, insn.dst, move(analysis, insn, wide));
    return;
  }
  if (operation === aluOp.neg || operation === aluOp.end) {
    const old = read(analysis, insn.dst);
    if (!isScalar(old)) {
      // Root may have a pointer's bits as a number.
      write(analysis, insn.dst, unknownScalar());
      return;
    }
    const order = wide ? "bswap" : (insn.opcode & sourceX) !== 0 ? "tobe" : "tole";
    const name = operation === aluOp.neg ? "neg" : (`${order}${insn.imm}` as AluOperation);
    const value = wide ? alu64(name, old.value, old.value) : alu32(name, old.value, old.value);
    write(analysis, insn.dst, scalar(value, [old]));
    return;
  }
  write(analysis, insn.dst, binary(analysis, insn, wide));
}
