/** Arithmetic and conditions (RFC 9669 §4). */
import { JunctorError } from "../../errors.js";
import { aluOp, type Instruction, insnClass, jmpOp, sourceX } from "../insn/instruction.js";
import { i32, i64 } from "../wasm/builder.js";
import type { Scope } from "./context.js";

const simple = {
  [aluOp.add]: ["i32Add", "i64Add"],
  [aluOp.sub]: ["i32Sub", "i64Sub"],
  [aluOp.mul]: ["i32Mul", "i64Mul"],
  [aluOp.or]: ["i32Or", "i64Or"],
  [aluOp.and]: ["i32And", "i64And"],
  [aluOp.xor]: ["i32Xor", "i64Xor"],
  [aluOp.lsh]: ["i32Shl", "i64Shl"],
  [aluOp.rsh]: ["i32ShrU", "i64ShrU"],
  [aluOp.arsh]: ["i32ShrS", "i64ShrS"],
} as const satisfies Readonly<Record<number, readonly [string, string]>>;

const unknown = (insn: Instruction): JunctorError =>
  new JunctorError("EINVAL", `opcode 0x${insn.opcode.toString(16)} is no instruction that is compiled`);

function pushSource(scope: Scope, insn: Instruction, narrow: boolean): void {
  const { f, registers } = scope;
  if ((insn.opcode & sourceX) !== 0) {
    f.get(registers[insn.src]!);
    if (narrow) f.i32WrapI64();
  } else if (narrow) f.i32Const(insn.imm);
  else f.i64Const(insn.imm);
}

function pushTarget({ f, registers }: Scope, insn: Instruction, narrow: boolean): void {
  f.get(registers[insn.dst]!);
  if (narrow) f.i32WrapI64();
}

function setTarget({ f, registers }: Scope, insn: Instruction, narrow: boolean): void {
  if (narrow) f.i64ExtendI32U();
  f.set(registers[insn.dst]!);
}

export function writeAlu(scope: Scope, insn: Instruction): void {
  const { f } = scope;
  const narrow = (insn.opcode & 7) === insnClass.alu;
  const operation = insn.opcode & 0xf0;
  const plain = (simple as Readonly<Record<number, (typeof simple)[keyof typeof simple]>>)[operation];
  if (plain !== undefined) {
    pushTarget(scope, insn, narrow);
    pushSource(scope, insn, narrow);
    f[narrow ? plain[0] : plain[1]]();
    setTarget(scope, insn, narrow);
  } else if (operation === aluOp.div || operation === aluOp.mod) writeDivision(scope, insn, narrow);
  else if (operation === aluOp.mov) {
    pushSource(scope, insn, narrow);
    if (insn.offset === 8) narrow ? f.i32Extend8S() : f.i64Extend8S();
    else if (insn.offset === 16) narrow ? f.i32Extend16S() : f.i64Extend16S();
    else if (insn.offset === 32 && !narrow) f.i64Extend32S();
    else if (insn.offset !== 0) throw unknown(insn);
    setTarget(scope, insn, narrow);
  } else if (operation === aluOp.neg) {
    narrow ? f.i32Const(0) : f.i64Const(0);
    pushTarget(scope, insn, narrow);
    narrow ? f.i32Sub() : f.i64Sub();
    setTarget(scope, insn, narrow);
  } else if (operation === aluOp.end) writeByteOrder(scope, insn);
  else throw unknown(insn);
}

/** Division by zero gives 0, its remainder is the dividend; the most negative number by -1 gives itself and 0. */
function writeDivision(scope: Scope, insn: Instruction, narrow: boolean): void {
  const { f } = scope;
  const remainder = (insn.opcode & 0xf0) === aluOp.mod;
  const signed = insn.offset === 1;
  const type = narrow ? i32 : i64;
  const constant = (value: number): void => void (narrow ? f.i32Const(value) : f.i64Const(value));
  const constantDivisor = (insn.opcode & sourceX) === 0;
  const divide = (): void => {
    pushTarget(scope, insn, narrow);
    pushSource(scope, insn, narrow);
    if (narrow) remainder ? (signed ? f.i32RemS() : f.i32RemU()) : signed ? f.i32DivS() : f.i32DivU();
    else remainder ? (signed ? f.i64RemS() : f.i64RemU()) : signed ? f.i64DivS() : f.i64DivU();
  };
  const byZero = (): void => {
    if (remainder) pushTarget(scope, insn, narrow);
    else constant(0);
  };
  /** Only the quotient overflows: WebAssembly's remainder of it is 0. */
  const byMinusOne = (): void => {
    constant(0);
    pushTarget(scope, insn, narrow);
    narrow ? f.i32Sub() : f.i64Sub();
  };
  if (constantDivisor) {
    if (insn.imm === 0) byZero();
    else if (insn.imm === -1 && signed && !remainder) byMinusOne();
    else divide();
  } else {
    pushSource(scope, insn, narrow);
    narrow ? f.i32Eqz() : f.i64Eqz();
    f.if(type);
    byZero();
    f.else();
    if (signed && !remainder) {
      pushSource(scope, insn, narrow);
      constant(-1);
      narrow ? f.i32Eq() : f.i64Eq();
      f.if(type);
      byMinusOne();
      f.else();
      divide();
      f.end();
    } else divide();
    f.end();
  }
  setTarget(scope, insn, narrow);
}

/** le, be (class alu) and bswap (class alu64) on a little-endian machine, as WebAssembly is one. */
function writeByteOrder(scope: Scope, insn: Instruction): void {
  const { f, registers } = scope;
  const target = registers[insn.dst]!;
  const swap = (insn.opcode & 7) === insnClass.alu64 || (insn.opcode & sourceX) !== 0;
  if (insn.imm !== 16 && insn.imm !== 32 && insn.imm !== 64) throw unknown(insn);
  if (!swap) {
    if (insn.imm === 16) f.get(target).i64Const(0xffff).i64And().set(target);
    else if (insn.imm === 32) f.get(target).i32WrapI64().i64ExtendI32U().set(target);
    return;
  }
  if (insn.imm === 16) {
    f.get(target).i64Const(8).i64ShrU().i64Const(0xff).i64And();
    f.get(target).i64Const(0xff).i64And().i64Const(8).i64Shl().i64Or().set(target);
  } else if (insn.imm === 32) {
    swap32(scope, target, 0);
    f.i64ExtendI32U().set(target);
  } else {
    swap32(scope, target, 0);
    f.i64ExtendI32U().i64Const(32).i64Shl();
    swap32(scope, target, 32);
    f.i64ExtendI32U().i64Or().set(target);
  }
}

/** Leaves a register's word from bit `shift` on, swapped. */
function swap32({ f, address }: Scope, register: number, shift: number): void {
  f.get(register);
  if (shift > 0) f.i64Const(shift).i64ShrU();
  f.i32WrapI64().set(address);
  f.get(address).i32Const(8).i32Rotl().i32Const(0x00ff_00ff).i32And();
  f.get(address).i32Const(8).i32Rotr().i32Const(0xff00_ff00).i32And().i32Or();
}

const conditions = {
  [jmpOp.jeq]: ["i32Eq", "i64Eq"],
  [jmpOp.jne]: ["i32Ne", "i64Ne"],
  [jmpOp.jgt]: ["i32GtU", "i64GtU"],
  [jmpOp.jge]: ["i32GeU", "i64GeU"],
  [jmpOp.jlt]: ["i32LtU", "i64LtU"],
  [jmpOp.jle]: ["i32LeU", "i64LeU"],
  [jmpOp.jsgt]: ["i32GtS", "i64GtS"],
  [jmpOp.jsge]: ["i32GeS", "i64GeS"],
  [jmpOp.jslt]: ["i32LtS", "i64LtS"],
  [jmpOp.jsle]: ["i32LeS", "i64LeS"],
} as const;

/** Leaves the condition of a jump, a word that is not 0 if it is taken. */
export function writeCondition(scope: Scope, insn: Instruction): void {
  const { f } = scope;
  const narrow = (insn.opcode & 7) === insnClass.jmp32;
  const operation = insn.opcode & 0xf0;
  pushTarget(scope, insn, narrow);
  pushSource(scope, insn, narrow);
  if (operation === jmpOp.jset) {
    if (narrow) f.i32And();
    else f.i64And().i64Const(0).i64Ne();
    return;
  }
  const names = (conditions as Readonly<Record<number, (typeof conditions)[keyof typeof conditions]>>)[operation];
  if (names === undefined) throw unknown(insn);
  f[narrow ? names[0] : names[1]]();
}
