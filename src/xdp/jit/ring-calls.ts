/** Helpers of ring buffers that are done in the module. Each answers false if it is the host's after all. */
import { pushAddress } from "../maps/placed.js";
import type { CallFacts } from "../verifier/result.js";
import { i32 } from "../wasm/builder.js";
import type { Scope } from "./context.js";

const EFAULT = 14;

/** Leaves the lower word of a register on the stack. */
const push = ({ f, registers }: Scope, register: number): void => void f.get(registers[register]!).i32WrapI64();

/** Both words of a register. */
function pushBoth(scope: Scope, register: number): void {
  push(scope, register);
  scope.f.get(scope.registers[register]!).i64Const(32).i64ShrU().i32WrapI64();
}

export function writeReserve(scope: Scope, facts: CallFacts | undefined): boolean {
  const { f, registers, state } = scope;
  const map = facts?.map ?? -1;
  const binding = scope.bindings[map];
  const routine = binding && scope.routine(map, "reserve");
  if (binding === undefined || routine === undefined) return false;
  f.get(state);
  push(scope, 2);
  pushBoth(scope, 3);
  pushAddress(f, binding, binding.record).call(routine).i64ExtendI32U().set(registers[0]!);
  return true;
}

export function writeOutput(scope: Scope, facts: CallFacts | undefined): boolean {
  const { f, registers, state } = scope;
  const map = facts?.map ?? -1;
  const binding = scope.bindings[map];
  const routine = binding && scope.routine(map, "output");
  if (binding === undefined || routine === undefined) return false;
  push(scope, 3);
  f.i32Eqz().get(state);
  push(scope, 2);
  push(scope, 3);
  f.call(scope.reaches(false, true)).i32Or().if(i32);
  f.get(state);
  push(scope, 2);
  push(scope, 3);
  pushBoth(scope, 4);
  pushAddress(f, binding, binding.record)
    .call(routine)
    .else()
    .i32Const(-EFAULT)
    .end()
    .i64ExtendI32S()
    .set(registers[0]!);
  return true;
}

/** Whose record it is shows at run time; one of a ring that the program does not name is the host's. */
export function writeCommit(scope: Scope, operation: "submit" | "discard"): boolean {
  const { f, registers, state } = scope;
  const rings = scope.bindings.flatMap((binding, map) => {
    const routine = scope.routine(map, operation);
    return routine === undefined ? [] : { binding, routine };
  });
  if (rings.length === 0) return false;
  const pushArguments = () => {
    f.get(state);
    push(scope, 1);
    push(scope, 2);
  };
  const done = f.block();
  for (const { binding, routine } of rings) {
    pushArguments();
    pushAddress(f, binding, binding.record).call(routine).brIf(done);
  }
  pushArguments();
  f.call(scope.host(operation === "submit" ? "helper_132" : "helper_133", 3)).drop();
  f.end().i64Const(0).set(registers[0]!);
  return true;
}
