/** Loads, stores and atomics (RFC 9669 §5), each held to what the verifier says of it. */
import { JunctorError } from "../../errors.js";
import { atomicOp, frameBytes, framePointer, type Instruction, insnClass, memMode } from "../insn/instruction.js";
import { fault, state as field } from "../run/state.js";
import { mapFlag } from "../spec.js";
import type { Access } from "../verifier/result.js";
import { type Scope, writeFault } from "./context.js";

const bytesOf: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };
export const accessBytes = (insn: Instruction): number => bytesOf[insn.opcode & 0x18]!;

/** `any`: what is not said of is asked for at run time. */
export type Reach = Access | undefined;

/**
 * Sets `address` to the lower word of a register and an offset, and ends the run if `size` bytes from there on are not within what
 * `access` names. The upper word never matters.
 */
export function writeAddress(
  scope: Scope,
  register: number,
  offset: number,
  size: number,
  access: Reach,
  write: boolean,
  slot: number,
): void {
  const { f, state, registers, address, packetStart, packetBytes, bindings } = scope;
  f.get(registers[register]!).i32WrapI64();
  if (offset !== 0) f.i32Const(offset).i32Add();
  f.set(address);
  const fail = (): void => {
    f.if();
    writeFault(scope, fault.bounds, slot);
    f.end();
  };
  const kind = access?.kind ?? "any";
  if (kind === "stack") {
    if (register === framePointer && offset >= -frameBytes && offset + size <= 0) return;
    f.get(address).get(state).i32Sub().i32Const(field.stack).i32Sub();
    f.i32Const(field.stackTop - field.stack - size).i32GtU();
    fail();
    return;
  }
  if (kind === "packet") {
    f.get(address).get(packetStart).i32Sub().i64ExtendI32U().i64Const(size).i64Add().get(packetBytes).i64GtU();
    fail();
    return;
  }
  if (access?.kind === "map") {
    const binding = bindings[access.map];
    if (binding === undefined) throw new JunctorError("EINVAL", `instruction ${slot}: there is no map ${access.map}`);
    const bytes = binding.cpuStride > 0 ? binding.cpuStride * binding.cpus : binding.valuesBytes;
    const refused =
      write && (binding.spec.flags & mapFlag.readOnlyProgram) !== 0
        ? true
        : (binding.spec.flags & mapFlag.writeOnlyProgram) !== 0 && !write;
    if (bytes < size || refused) {
      writeFault(scope, fault.bounds, slot);
      return;
    }
    f.get(address)
      .i32Const(binding.values)
      .i32Sub()
      .i32Const(bytes - size)
      .i32GtU();
    fail();
    return;
  }
  f.get(state)
    .get(address)
    .i32Const(size)
    .i32Const(write ? 1 : 0)
    .call(scope.host("check_access", 4))
    .i32Eqz();
  fail();
}

export function writeMemory(scope: Scope, insn: Instruction, slot: number): void {
  const { f, registers, address, state } = scope;
  const size = accessBytes(insn);
  const mode = insn.opcode & 0xe0;
  const kind = insn.opcode & 7;
  const access = scope.verified.accesses[slot];
  if (access === undefined) {
    writeFault(scope, fault.unknown, slot);
    return;
  }
  const load = kind === insnClass.ldx;
  const base = load ? insn.src : insn.dst;
  if (access.kind === "context") {
    if (!load || mode !== memMode.mem || insn.offset < 0 || insn.offset + size > field.xdpMdBytes) {
      throw new JunctorError("EINVAL", `instruction ${slot}: the context has no such field, or it is written to`);
    }
    f.get(state);
    loads[size]!(scope, insn.offset);
    f.set(registers[insn.dst]!);
    return;
  }
  writeAddress(scope, base, insn.offset, size, access, !load, slot);
  if (mode === memMode.atomic) {
    writeAtomic(scope, insn, size, slot);
    return;
  }
  f.get(address);
  if (load) {
    if (mode === memMode.memsx) signedLoads[size]!(scope, 0);
    else loads[size]!(scope, 0);
    f.set(registers[insn.dst]!);
    return;
  }
  if (kind === insnClass.st) f.i64Const(insn.imm);
  else f.get(registers[insn.src]!);
  if (size === 1) f.i64Store8(0, 0);
  else if (size === 2) f.i64Store16(0, 0);
  else if (size === 4) f.i64Store32(0, 0);
  else f.i64Store(0, 0);
}

type Load = (scope: Scope, offset: number) => void;
const loads: Readonly<Record<number, Load>> = {
  1: ({ f }, offset) => f.i64Load8U(offset, 0),
  2: ({ f }, offset) => f.i64Load16U(offset, 0),
  4: ({ f }, offset) => f.i64Load32U(offset, 0),
  8: ({ f }, offset) => f.i64Load(offset, 0),
};
const signedLoads: Readonly<Record<number, Load>> = {
  1: ({ f }, offset) => f.i64Load8S(offset, 0),
  2: ({ f }, offset) => f.i64Load16S(offset, 0),
  4: ({ f }, offset) => f.i64Load32S(offset, 0),
  8: ({ f }, offset) => f.i64Load(offset, 0),
};

const atomics = {
  [atomicOp.add]: ["i64AtomicRmw32AddU", "i64AtomicRmwAdd"],
  [atomicOp.or]: ["i64AtomicRmw32OrU", "i64AtomicRmwOr"],
  [atomicOp.and]: ["i64AtomicRmw32AndU", "i64AtomicRmwAnd"],
  [atomicOp.xor]: ["i64AtomicRmw32XorU", "i64AtomicRmwXor"],
} as const;

/** On the address checked before. Those of a word act on the lower half of the register and zero the upper one of what they fetch. */
function writeAtomic(scope: Scope, insn: Instruction, size: number, slot: number): void {
  const { f, registers, address } = scope;
  const source = registers[insn.src]!;
  f.get(address)
    .i32Const(size - 1)
    .i32And()
    .if();
  writeFault(scope, fault.alignment, slot);
  f.end().get(address);
  if (insn.imm === atomicOp.cmpxchg) {
    f.get(registers[0]!);
    if (size === 4) f.i32WrapI64().i64ExtendI32U().get(source).i64AtomicRmw32CmpxchgU(0).set(registers[0]!);
    else f.get(source).i64AtomicRmwCmpxchg(0).set(registers[0]!);
    return;
  }
  f.get(source);
  if (insn.imm === atomicOp.xchg) {
    if (size === 4) f.i64AtomicRmw32XchgU(0);
    else f.i64AtomicRmwXchg(0);
    f.set(source);
    return;
  }
  const names = (atomics as Readonly<Record<number, (typeof atomics)[keyof typeof atomics]>>)[insn.imm & 0xf0];
  if (names === undefined || (size !== 4 && size !== 8)) {
    throw new JunctorError("EINVAL", `instruction ${slot}: there is no atomic operation ${insn.imm}`);
  }
  f[size === 4 ? names[0] : names[1]](0);
  if ((insn.imm & atomicOp.fetch) !== 0) f.set(source);
  else f.drop();
}
