/** Calls: of the program's own functions, of helpers by the host, and of those that are done in place. */
import { JunctorError } from "../../errors.js";
import { kfuncById } from "../helpers/kfuncs.js";
import type { Signature } from "../helpers/signature.js";
import { helperById } from "../helpers/table.js";
import { callKind, frameBytes, type Instruction } from "../insn/instruction.js";
import { pushAddress } from "../maps/placed.js";
import { fault, state as field } from "../run/state.js";
import type { CallFacts } from "../verifier/result.js";
import { i32, i64 } from "../wasm/builder.js";
import { importModule, maximumTailCalls } from "./abi.js";
import { writeAddress } from "./access.js";
import { loadFuel, reloadPacket, type Scope, saveFuel, writeFault, writeFaultIf } from "./context.js";
import { forgetArguments, forgetPacket } from "./known.js";
import { pushElement, writeLookup, writeRemove, writeUpdate } from "./map-calls.js";
import { writeRedirect, writeRedirectMap } from "./redirects.js";
import { writeCommit, writeOutput, writeReserve } from "./ring-calls.js";
import { addWork, hostWork } from "./work.js";

const maximumRounds = 1 << 23;
const [E2BIG, EINVAL] = [7, 22];

/** @param leave Goes away with r0 on the stack. */
export function writeCall(scope: Scope, insn: Instruction, slot: number, leave: () => void): void {
  if (insn.src === callKind.local) {
    writeLocal(scope, slot + 1 + insn.imm, slot);
    forgetPacket(scope.known);
  } else if (insn.src === callKind.kfunc) {
    const signature = kfuncById(insn.imm);
    if (signature === undefined) writeFault(scope, fault.unknown, slot);
    else writeHost(scope, `kfunc_${signature.id}`, signature, slot);
  } else {
    const signature = helperById(insn.imm);
    if (signature === undefined || insn.src !== callKind.helper || (insn.opcode & 8) !== 0) {
      throw new JunctorError("EINVAL", `instruction ${slot}: there is no helper ${insn.imm} to call`);
    }
    const inPlace = own[insn.imm];
    if (inPlace === undefined || !inPlace(scope, scope.verified.calls.get(slot), slot, leave)) {
      writeHost(scope, `helper_${signature.id}`, signature, slot);
    }
    // A callback may have moved the packet.
    if (signature.callback !== undefined) forgetPacket(scope.known);
  }
  forgetArguments(scope.known);
}

function writeHost(scope: Scope, name: string, signature: Signature, slot: number): void {
  const { f, registers, state } = scope;
  const map = scope.verified.calls.get(slot)?.map ?? -1;
  let words = 1;
  f.get(state);
  signature.arguments.forEach((kind, argument) => {
    // The state block is the context.
    if (kind === "context") return;
    const register = registers[argument + 1]!;
    const binding = kind === "map" ? scope.bindings[map] : undefined;
    if (binding !== undefined) pushAddress(f, binding, binding.record);
    else f.get(register).i32WrapI64();
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
  if (signature.changesPacket !== true) return;
  reloadPacket(scope, field);
  forgetPacket(scope.known);
}

/** Leaves the frame of a callee, `frames` below this one, or ends the run when there is no room for it. */
function pushFrame(scope: Scope, frames: number, slot: number): void {
  const { f, frame, state } = scope;
  writeFaultIf(scope, fault.unknown, slot, () => {
    f.get(frame)
      .get(state)
      .i32Sub()
      .i32Const(field.stack + (frames + 1) * frameBytes)
      .i32LtU();
  });
  f.get(frame)
    .i32Const(frames * frameBytes)
    .i32Sub();
}

function writeLocal(scope: Scope, target: number, slot: number): void {
  const { f, registers, state } = scope;
  const callee = scope.functions.get(target);
  if (callee === undefined) throw new JunctorError("EINVAL", `instruction ${slot}: no function begins at ${target}`);
  saveFuel(scope, field);
  f.get(state);
  pushFrame(scope, 1, slot);
  for (let register = 1; register <= 5; register++) f.get(registers[register]!);
  f.call(callee).set(registers[0]!);
  loadFuel(scope, field);
  reloadPacket(scope, field);
}

/** Writes a helper in place; false: it is the host's after all. */
type InPlace = (scope: Scope, facts: CallFacts | undefined, slot: number, leave: () => void) => boolean;

const own: Readonly<Record<number, InPlace>> = {
  1: writeLookup,
  2: writeUpdate,
  3: writeRemove,
  5: writeTime,
  8: ({ f, registers, state }) => {
    f.get(state).i64Load32U(field.cpu).set(registers[0]!);
    return true;
  },
  12: writeTailCall,
  23: writeRedirect,
  51: writeRedirectMap,
  93: writeLock,
  94: writeUnlock,
  125: writeTime,
  130: writeOutput,
  131: writeReserve,
  132: (scope) => writeCommit(scope, "submit"),
  133: (scope) => writeCommit(scope, "discard"),
  160: writeTime,
  164: writeForEach,
  181: writeLoop,
};

/** All clocks show the time of the batch's begin. */
function writeTime({ f, registers, state }: Scope): boolean {
  f.get(state).i64Load(field.time).set(registers[0]!);
  return true;
}

function writeTailCall(scope: Scope, facts: CallFacts | undefined, _slot: number, leave: () => void): boolean {
  const { f, registers, state, frame, counter } = scope;
  const r0 = registers[0]!;
  saveFuel(scope, field);
  const next = scope.module.importFunction(importModule, "tail_call", [i32, i32, i32], [i64]);
  scope.bindings.forEach((binding, map) => {
    if (binding.spec.type !== "prog_array") return;
    if (facts !== undefined && facts.map >= 0 && facts.map !== map) return;
    const none = f.block();
    pushAddress(f.get(registers[2]!).i32WrapI64(), binding, binding.record).i32Ne().brIf(none);
    f.get(registers[3]!).i32WrapI64().tee(counter).i32Const(binding.spec.maxEntries).i32GeU().brIf(none);
    f.get(state).i32Load(field.tailCalls).i32Const(maximumTailCalls).i32GeU().brIf(none);
    pushAddress(f.get(counter).i32Const(binding.stride).i32Mul(), binding, binding.values).i32Add();
    f.i32AtomicLoad(0).tee(counter);
    f.i32Eqz().brIf(none);
    f.get(state).get(state).i32Load(field.tailCalls).i32Const(1).i32Add().i32Store(field.tailCalls);
    f.get(state).get(frame).get(counter).i32Const(1).i32Sub().call(next).set(r0);
    // A slot without a program says so, and nothing has happened.
    f.get(state).i32Load(field.vacant).i32Eqz().if();
    f.get(r0);
    leave();
    f.end();
    f.get(state).i32Const(0).i32Store(field.vacant);
    f.end();
  });
  f.i64Const(0).set(r0);
  return true;
}

function writeAligned({ f, address }: Scope): void {
  f.get(address).i32Const(3).i32And();
}

/** Waits for a lock, but not for ever: who holds it may have been ended. One that is held already is given back first, as nobody else would. */
function writeLock(scope: Scope, facts: CallFacts | undefined, slot: number): boolean {
  const { f, registers, state, address, counter } = scope;
  writeAddress(scope, 1, 0, 4, facts?.memory[0], true, slot);
  writeFaultIf(scope, fault.alignment, slot, () => writeAligned(scope));
  writeRelease(scope);
  f.i32Const(scope.patience).set(counter);
  const taken = f.block();
  const again = f.loop();
  f.get(address).i32Const(0).i32Const(1).i32AtomicRmwCmpxchg(0).i32Eqz().brIf(taken);
  f.get(counter).i32Const(1).i32Sub().tee(counter).brIf(again).end();
  writeFault(scope, fault.fuel, slot);
  f.end().get(state).get(address).i32Store(field.lock).i64Const(0).set(registers[0]!);
  return true;
}

/** Whatever the program says, it can only give back what it holds. */
function writeUnlock(scope: Scope): boolean {
  writeRelease(scope);
  scope.f.i64Const(0).set(scope.registers[0]!);
  return true;
}

/** Gives back the lock that is held, if any. */
export function writeRelease({ f, state }: Pick<Scope, "f" | "state">): void {
  f.get(state).i32Load(field.lock).if();
  f.get(state).i32Load(field.lock).i32Const(0).i32AtomicStore(0);
  f.get(state).i32Const(0).i32Store(field.lock).end();
}

/** Takes work from what is left. */
export function writeSpend(scope: Scope, work: number, slot: number): void {
  const { f, fuel } = scope;
  if (fuel === undefined) throw new JunctorError("EINVAL", `instruction ${slot}: a loop where none was seen`);
  writeFaultIf(scope, fault.fuel, slot, () => {
    f.get(fuel).i32Const(work).i32Sub().tee(fuel).i32Const(0).i32LtS();
  });
}

function writeLoop(scope: Scope, facts: CallFacts | undefined, slot: number): boolean {
  const { f, registers, state, counter } = scope;
  const start = facts?.callback ?? -1;
  const callee = scope.functions.get(start);
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
  writeSpend(scope, addWork(scope.weight(start), 1), slot);
  saveFuel(scope, field);
  f.get(state);
  pushFrame(scope, 1, slot);
  f.get(counter).i64ExtendI32U().get(registers[3]!).i64Const(0).i64Const(0).i64Const(0).call(callee);
  loadFuel(scope, field);
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
  const start = facts?.callback ?? -1;
  const callee = scope.functions.get(start);
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
    pushAddress(f.get(state), binding, binding.record).get(address).get(counter).call(scope.host("for_each_next", 4));
    f.i64ExtendI32U().tee(wide).i64Eqz().brIf(done);
    f.get(state).i32Load(field.returnHigh).set(counter);
  }
  writeSpend(scope, addWork(scope.weight(start), hostWork), slot);
  saveFuel(scope, field);
  f.get(state).get(address);
  pushAddress(f, binding, binding.record)
    .i64ExtendI32U()
    .get(address)
    .i64ExtendI32U()
    .get(wide)
    .get(registers[3]!)
    .i64Const(0)
    .call(callee);
  loadFuel(scope, field);
  f.get(rounds).i32Const(1).i32Add().tee(rounds).i64ExtendI32U().set(r0);
  f.i64Eqz().brIf(again).end().end();
  reloadPacket(scope, field);
  return true;
}
