/** Helpers of maps that are done in the module where the map is known. Each answers false if it is the host's after all. */
import { pushAddress } from "../maps/placed.js";
import { state as field } from "../run/state.js";
import type { CallFacts } from "../verifier/result.js";
import { i32 } from "../wasm/builder.js";
import { writeAddress, writeCheck } from "./access.js";
import type { PlacedMap } from "./bindings.js";
import type { Scope } from "./context.js";

/** Leaves the address of an element whose index is in `counter`. */
export function pushElement({ f, state, counter }: Scope, binding: PlacedMap): void {
  pushAddress(f.get(counter).i32Const(binding.stride).i32Mul(), binding, binding.values).i32Add();
  if (binding.cpuStride > 0) f.get(state).i32Load(field.cpu).i32Const(binding.cpuStride).i32Mul().i32Add();
}

export function writeLookup(scope: Scope, facts: CallFacts | undefined, slot: number): boolean {
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
    const routine = scope.routine(map, "lookup");
    if (routine === undefined) return false;
    writeAddress(scope, 2, 0, spec.keySize, facts?.memory[1], false, slot);
    pushAddress(f.get(state).get(address), binding, binding.record).call(routine);
  }
  f.i64ExtendI32U().set(registers[0]!);
  return true;
}

/** Leaves the word on the stack as the helper's answer. */
function setAnswer({ f, registers }: Scope): void {
  f.i64ExtendI32S().set(registers[0]!);
}

export function writeUpdate(scope: Scope, facts: CallFacts | undefined, slot: number): boolean {
  const { f, registers, state, address } = scope;
  const map = facts?.map ?? -1;
  const binding = scope.bindings[map];
  const routine = binding && scope.routine(map, "update");
  if (binding === undefined || routine === undefined) return false;
  const { spec } = binding;
  writeCheck(scope, 3, 0, spec.valueSize, facts?.memory[2], false, slot);
  writeAddress(scope, 2, 0, spec.keySize, facts?.memory[1], false, slot);
  const flags = registers[4]!;
  f.get(state).get(address).get(registers[3]!).i32WrapI64();
  f.get(flags).i32WrapI64().get(flags).i64Const(32).i64ShrU().i32WrapI64();
  pushAddress(f, binding, binding.record).call(routine);
  setAnswer(scope);
  return true;
}

export function writeRemove(scope: Scope, facts: CallFacts | undefined, slot: number): boolean {
  const { f, state, address } = scope;
  const map = facts?.map ?? -1;
  const binding = scope.bindings[map];
  const routine = binding && scope.routine(map, "remove");
  if (binding === undefined || routine === undefined) return false;
  const { spec } = binding;
  writeAddress(scope, 2, 0, spec.keySize, facts?.memory[1], false, slot);
  pushAddress(f.get(state).get(address), binding, binding.record).call(routine);
  setAnswer(scope);
  return true;
}
