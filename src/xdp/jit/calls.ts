/** Calls: of the program's own functions, of helpers by the host, and of those that are done in place. */
import { JunctorError } from "../../errors.js";
import { kfuncById } from "../helpers/kfuncs.js";
import type { Signature } from "../helpers/signature.js";
import { helperById } from "../helpers/table.js";
import { callKind, frameBytes, type Instruction } from "../insn/instruction.js";
import { fault, state as field } from "../run/state.js";
import type { CallFacts } from "../verifier/result.js";
import { i32 } from "../wasm/builder.js";
import { maximumTailCalls } from "./abi.js";
import { writeAddress } from "./access.js";
import type { MapBinding } from "./bindings.js";
import { reloadPacket, type Scope, writeFault } from "./context.js";

const maximumRounds = 1 << 23;
const [E2BIG, EINVAL] = [7, 22];
const spins = 1 << 22;

export function writeCall(scope: Scope, insn: Instruction, slot: number): void {
  if (insn.src === callKind.local) {
    writeLocal(scope, slot + 1 + insn.imm, slot);
    return;
  }
  if (insn.src === callKind.kfunc) {
    const signature = kfuncById(insn.imm);
    if (signature === undefined) writeFault(scope, fault.unknown, slot);
    else writeHost(scope, `kfunc_${signature.id}`, signature);
    return;
  }
  const signature = helperById(insn.imm);
  if (signature === undefined || insn.src !== callKind.helper || (insn.opcode & 8) !== 0) {
    throw new JunctorError("EINVAL", `instruction ${slot}: there is no helper ${insn.imm} to call`);
  }
  const inPlace = own[insn.imm];
  if (inPlace === undefined || !inPlace(scope, scope.verified.calls.get(slot), slot)) {
    writeHost(scope, `helper_${signature.id}`, signature);
  }
}

function writeHost(scope: Scope, name: string, signature: Signature): void {
  const { f, registers, state } = scope;
  let words = 1;
  f.get(state);
  signature.arguments.forEach((kind, argument) => {
    // The state block is the context.
    if (kind === "context") return;
    const register = registers[argument + 1]!;
    f.get(register).i32WrapI64();
    words++;
    if (signature.wide?.includes(argument) !== true) return;
    f.get(register).i64Const(32).i64ShrU().i32WrapI64();
    words++;
  });
  f.call(scope.host(name, words));
  if (signature.returns === "void") f.drop().i64Const(0);
  else if (signature.returns === "integer") f.i64ExtendI32S();
  else {
    f.i64ExtendI32U();
    if (signature.returns === "wide") f.get(state).i64Load32U(field.returnHigh).i64Const(32).i64Shl().i64Or();
  }
  f.set(registers[0]!);
  if (signature.changesPacket === true) reloadPacket(scope, field);
}

/** Leaves the frame of a callee, `frames` below this one, or ends the run when there is no room for it. */
function pushFrame(scope: Scope, frames: number, slot: number): void {
  const { f, frame, state } = scope;
  f.get(frame)
    .get(state)
    .i32Sub()
    .i32Const(field.stack + (frames + 1) * frameBytes)
    .i32LtU()
    .if();
  writeFault(scope, fault.unknown, slot);
  f.end()
    .get(frame)
    .i32Const(frames * frameBytes)
    .i32Sub();
}

function writeLocal(scope: Scope, target: number, slot: number): void {
  const { f, registers, state } = scope;
  const callee = scope.functions.get(target);
  if (callee === undefined) throw new JunctorError("EINVAL", `instruction ${slot}: no function begins at ${target}`);
  f.get(state);
  pushFrame(scope, 1, slot);
  for (let register = 1; register <= 5; register++) f.get(registers[register]!);
  f.call(callee).set(registers[0]!);
  reloadPacket(scope, field);
}

/** Writes a helper in place; false: it is the host's after all. */
type InPlace = (scope: Scope, facts: CallFacts | undefined, slot: number) => boolean;

const own: Readonly<Record<number, InPlace>> = {
  1: writeLookup,
  8: ({ f, registers, state }) => {
    f.get(state).i64Load32U(field.cpu).set(registers[0]!);
    return true;
  },
  12: writeTailCall,
  93: writeLock,
  94: (scope, facts, slot) => {
    const { f, registers, state, address } = scope;
    writeAddress(scope, 1, 0, 4, facts?.memory[0], true, slot);
    f.get(address).i32Const(3).i32And().if();
    writeFault(scope, fault.alignment, slot);
    f.end().get(address).i32Const(0).i32AtomicStore(0);
    f.get(state).i32Const(0).i32Store(field.lock).i64Const(0).set(registers[0]!);
    return true;
  },
  164: writeForEach,
  181: writeLoop,
};

/** Leaves the address of an element whose index is in `counter`. */
function pushElement({ f, state, counter }: Scope, binding: MapBinding): void {
  f.get(counter).i32Const(binding.stride).i32Mul().i32Const(binding.values).i32Add();
  if (binding.cpuStride > 0) f.get(state).i32Load(field.cpu).i32Const(binding.cpuStride).i32Mul().i32Add();
}

function writeLookup(scope: Scope, facts: CallFacts | undefined, slot: number): boolean {
  const { f, registers, state, address, counter } = scope;
  const map = facts?.map ?? -1;
  const binding = scope.bindings[map];
  if (binding === undefined) return false;
  const { spec } = binding;
  const array = (spec.type === "array" || spec.type === "percpu_array") && spec.keySize === 4;
  if (array && facts?.key !== undefined) {
    if (facts.key >>> 0 >= spec.maxEntries) f.i32Const(0);
    else {
      f.i32Const(facts.key).set(counter);
      pushElement(scope, binding);
    }
  } else if (array) {
    writeAddress(scope, 2, 0, 4, facts?.memory[1], false, slot);
    f.get(address).i32Load(0, 0).tee(counter).i32Const(spec.maxEntries).i32LtU().if(i32);
    pushElement(scope, binding);
    f.else().i32Const(0).end();
  } else {
    const routine = scope.lookup(map);
    if (routine === undefined) return false;
    writeAddress(scope, 2, 0, spec.keySize, facts?.memory[1], false, slot);
    f.get(state).get(address).call(routine);
  }
  f.i64ExtendI32U().set(registers[0]!);
  return true;
}

function writeTailCall(scope: Scope, facts: CallFacts | undefined): boolean {
  const { f, registers, state, counter } = scope;
  scope.bindings.forEach((binding, map) => {
    if (binding.spec.type !== "prog_array") return;
    if (facts !== undefined && facts.map >= 0 && facts.map !== map) return;
    const none = f.block();
    f.get(registers[2]!).i32WrapI64().i32Const(binding.record).i32Ne().brIf(none);
    f.get(registers[3]!).i32WrapI64().tee(counter).i32Const(binding.spec.maxEntries).i32GeU().brIf(none);
    f.get(state).i32Load(field.tailCalls).i32Const(maximumTailCalls).i32GeU().brIf(none);
    f.get(counter).i32Const(binding.stride).i32Mul().i32Const(binding.values).i32Add().i32AtomicLoad(0).tee(counter);
    f.i32Eqz().brIf(none);
    f.get(state).get(state).i32Load(field.tailCalls).i32Const(1).i32Add().i32Store(field.tailCalls);
    f.get(state).get(counter).i32Const(1).i32Sub().callIndirect([i32], [i32]).i64ExtendI32U().set(registers[0]!);
    // A slot without a program says so, and nothing has happened.
    f.get(state).i32Load(field.vacant).i32Eqz().if();
    f.get(registers[0]!).return().end();
    f.get(state).i32Const(0).i32Store(field.vacant);
    f.end();
  });
  f.i64Const(0).set(registers[0]!);
  return true;
}

function writeLock(scope: Scope, facts: CallFacts | undefined, slot: number): boolean {
  const { f, registers, state, address, counter } = scope;
  writeAddress(scope, 1, 0, 4, facts?.memory[0], true, slot);
  f.get(address).i32Const(3).i32And().if();
  writeFault(scope, fault.alignment, slot);
  f.end().i32Const(spins).set(counter);
  const taken = f.block();
  const again = f.loop();
  f.get(address).i32Const(0).i32Const(1).i32AtomicRmwCmpxchg(0).i32Eqz().brIf(taken);
  f.get(counter).i32Const(1).i32Sub().tee(counter).brIf(again).end();
  writeFault(scope, fault.fuel, slot);
  f.end().get(state).get(address).i32Store(field.lock).i64Const(0).set(registers[0]!);
  return true;
}

/** Takes one of the fuel. */
export function writeSpend(scope: Scope, slot: number): void {
  const { f, fuel } = scope;
  f.getGlobal(fuel).i32Eqz().if();
  writeFault(scope, fault.fuel, slot);
  f.end().getGlobal(fuel).i32Const(1).i32Sub().setGlobal(fuel);
}

function writeLoop(scope: Scope, facts: CallFacts | undefined, slot: number): boolean {
  const { f, registers, state, counter } = scope;
  const callee = scope.functions.get(facts?.callback ?? -1);
  if (callee === undefined) {
    writeFault(scope, fault.unknown, slot);
    return true;
  }
  const r0 = registers[0]!;
  const count = registers[1]!;
  const done = f.block();
  f.i64Const(-EINVAL).set(r0).get(registers[4]!).i64Eqz().i32Eqz().brIf(done);
  f.i64Const(-E2BIG).set(r0).get(count).i32WrapI64().i32Const(maximumRounds).i32GtU().brIf(done);
  f.i64Const(0).set(r0).i32Const(0).set(counter);
  const again = f.loop();
  f.get(counter).get(count).i32WrapI64().i32GeU().brIf(done);
  writeSpend(scope, slot);
  f.get(state);
  pushFrame(scope, 1, slot);
  f.get(counter).i64ExtendI32U().get(registers[3]!).i64Const(0).i64Const(0).i64Const(0).call(callee);
  f.get(counter).i32Const(1).i32Add().tee(counter).i64ExtendI32U().set(r0);
  f.i64Eqz().brIf(again).end().end();
  reloadPacket(scope, field);
  return true;
}

/**
 * For arrays in place. For other maps the host goes on: `for_each_next(state, record, key, cursor) -> value`, 0 at the end, copies the
 * element's key to `key`, and leaves the next cursor at `state.returnHigh`; the first one is 0. The key lies in a frame of its own.
 */
function writeForEach(scope: Scope, facts: CallFacts | undefined, slot: number): boolean {
  const { f, registers, state, counter, wide, address } = scope;
  const callee = scope.functions.get(facts?.callback ?? -1);
  const binding = scope.bindings[facts?.map ?? -1];
  if (callee === undefined || binding === undefined || binding.spec.keySize > frameBytes) {
    writeFault(scope, fault.unknown, slot);
    return true;
  }
  const array = binding.spec.type === "array" || binding.spec.type === "percpu_array";
  const r0 = registers[0]!;
  const rounds = f.local(i32);
  const done = f.block();
  f.i64Const(-EINVAL).set(r0).get(registers[4]!).i64Eqz().i32Eqz().brIf(done);
  f.i64Const(0).set(r0).i32Const(0).set(counter).i32Const(0).set(rounds);
  const again = f.loop();
  pushFrame(scope, 2, slot);
  f.set(address);
  if (array) {
    f.get(counter).i32Const(binding.spec.maxEntries).i32GeU().brIf(done);
    f.get(address).get(counter).i32Store(0, 0);
    pushElement(scope, binding);
    f.i64ExtendI32U().set(wide);
    f.get(counter).i32Const(1).i32Add().set(counter);
  } else {
    f.get(state).i32Const(binding.record).get(address).get(counter).call(scope.host("for_each_next", 4));
    f.i64ExtendI32U().tee(wide).i64Eqz().brIf(done);
    f.get(state).i32Load(field.returnHigh).set(counter);
  }
  writeSpend(scope, slot);
  f.get(state).get(address);
  f.i64Const(binding.record).get(address).i64ExtendI32U().get(wide).get(registers[3]!).i64Const(0).call(callee);
  f.get(rounds).i32Const(1).i32Add().tee(rounds).i64ExtendI32U().set(r0);
  f.i64Eqz().brIf(again).end().end();
  reloadPacket(scope, field);
  return true;
}
