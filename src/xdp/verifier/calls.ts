/** Calls between functions of the program, callbacks, and returns. */
import { type Instruction, maximumFrames } from "../insn/instruction.js";
import type { MapSpec } from "../spec.js";
import { type Analysis, frameOf, read } from "./analysis.js";
import { push } from "./branches.js";
import { prototypeOf } from "./globals.js";
import { checkHelperMemory } from "./helper-memory.js";
import { checkFixed } from "./memory.js";
import { refuse } from "./refusal.js";
import {
  change,
  describe,
  isNull,
  isPacket,
  isScalar,
  markPrecise,
  notInitialized,
  pointer,
  type Register,
  unknownScalar,
} from "./register.js";
import { equal, unknown } from "./scalar/scalar.js";
import { slotOf } from "./slot.js";
import { copyState, type Frame, mapRegisters, newFrame, type State, topFrame } from "./state.js";
import type { Routine } from "./structure.js";

/** After a call nothing is in R1 to R5; R0 is what it answered. */
export function afterCall(frame: Frame, result: Register): void {
  frame.registers[0] = result;
  for (let index = 1; index <= 5; index += 1) frame.registers[index] = notInitialized;
}

export const forgetPacket = (state: State): void => {
  mapRegisters(state, (register) => (isPacket(register) || register.kind === "end" ? unknownScalar() : register));
};

function enter(state: State, routine: number, callback: boolean): Frame {
  if (state.frames.length >= maximumFrames) refuse(`calls are more than ${maximumFrames} frames deep`);
  const frame = newFrame(state.frames.length, routine, state.insn, callback);
  state.frames.push(frame);
  return frame;
}

function checkArguments(analysis: Analysis, routine: Routine): Register {
  const prototype = prototypeOf(analysis, routine);
  prototype.parameters.forEach((parameter, position) => {
    const index = position + 1;
    const register = read(analysis, index);
    if (parameter.kind === "scalar") {
      if (!isScalar(register)) refuse(`R${index} is ${describe(register)}, where ${routine.name} wants a number`);
    } else if (parameter.kind === "context") {
      if (register.kind !== "context")
        refuse(`R${index} is ${describe(register)}, where ${routine.name} wants the context`);
      checkFixed(register, index);
    } else if (!isNull(register)) {
      const whole = register.nullable ? change(register, { nullable: false }) : register;
      checkHelperMemory(analysis, whole, index, parameter.bytes, { reads: true, writes: true, packet: true });
    }
  });
  return prototype.returnsVoid ? notInitialized : unknownScalar();
}

/** Executes a call of a function of the program. */
export function localCall(analysis: Analysis, insn: Instruction): void {
  const { state, structure } = analysis;
  const target = state.insn + 1 + insn.imm;
  const index = structure.routineOf[target] as number;
  const routine = structure.routines[index] as Routine;
  if (routine.global) {
    if (state.lock !== undefined) refuse("a global function is called while a spin lock is held", "make it static");
    const result = checkArguments(analysis, routine);
    analysis.wanted.add(index);
    afterCall(frameOf(analysis), result);
    if (routine.changesPacket) forgetPacket(state);
    state.insn += 1;
    return;
  }
  const caller = topFrame(state);
  const callee = enter(state, index, false);
  for (let one = 1; one <= 5; one += 1) callee.registers[one] = caller.registers[one] as Register;
  afterCall(caller, notInitialized);
  state.insn = target;
}

/** A helper calls a function back: one more round waits to be walked; the state in hand goes on as if there were none. */
export function callBack(
  analysis: Analysis,
  kind: "loop" | "for-each-map",
  callback: Register,
  context: Register,
  map: MapSpec | undefined,
): void {
  const { state, structure } = analysis;
  const round = copyState(state);
  const caller = topFrame(round);
  caller.rounds += 1;
  round.unrolled += 1;
  round.previous = state.insn;
  const target = callback.fixed;
  const callee = enter(round, structure.routineOf[target] as number, true);
  if (kind === "loop") {
    callee.registers[1] = unknownScalar();
    callee.registers[2] = context;
  } else {
    callee.registers[1] = pointer("map", { map });
    callee.registers[2] = pointer("key", { map });
    callee.registers[3] = pointer("value", { map });
    callee.registers[4] = context;
  }
  round.insn = target;
  push(analysis, round);
  topFrame(state).rounds = 0;
}

/** Numbers that change from round to round and that nothing depends on may be any, so that rounds become alike. */
function widenRounds(state: State): void {
  let checkpoint = state.parent;
  while (checkpoint !== undefined) {
    const { frames } = checkpoint.state;
    if (
      checkpoint.insn === state.insn &&
      frames.length === state.frames.length &&
      frames.every((frame, at) => frame.callsite === state.frames[at]?.callsite)
    )
      break;
    checkpoint = checkpoint.parent;
  }
  if (checkpoint === undefined) return;
  const widened = (old: Register | undefined, now: Register): Register => {
    if (old === undefined || old.kind !== "scalar" || now.kind !== "scalar") return now;
    if (old.precise || now.precise || (equal(old.value, now.value) && old.id === now.id)) return now;
    return { ...unknownScalar(), value: unknown(), parents: undefined };
  };
  state.frames.forEach((frame, depth) => {
    const old = checkpoint.state.frames[depth] as Frame;
    for (let index = 0; index < 10; index += 1) {
      frame.registers[index] = widened(old.registers[index], frame.registers[index] as Register);
    }
    frame.stack.forEach((slot, index) => {
      if (slot?.spill === undefined) return;
      const spill = widened(old.stack[index]?.spill, slot.spill);
      if (spill !== slot.spill) frame.stack[index] = slotOf(slot.bytes, spill, slot);
    });
  });
}

/**
 * A tail call of a called function: if it finds a program, that one ends in its place, and the caller goes on with whatever that answers
 * and a frame that it may have changed.
 */
export function leaveByTailCall(analysis: Analysis): void {
  const { state } = analysis;
  if (state.frames.length < 2) return;
  const other = copyState(state);
  const { callsite } = other.frames.pop() as Frame;
  forgetPacket(other);
  topFrame(other).registers[0] = unknownScalar();
  other.previous = state.insn;
  other.insn = callsite + 1;
  push(analysis, other);
}

/** Executes exit. True: this way is at its end. */
export function leave(analysis: Analysis): boolean {
  const { state } = analysis;
  const frame = topFrame(state);
  const result = frame.registers[0] as Register;
  const main = state.frames.length === 1;
  if (main) {
    const routine = analysis.structure.routines[frame.subprogram] as Routine;
    const isVoid = routine.global && prototypeOf(analysis, routine).returnsVoid;
    if (state.lock !== undefined)
      refuse(`it ends while the spin lock of map ${state.lock.map.name} is held`, "call bpf_spin_unlock on every way");
    const [reference] = state.references;
    if (reference !== undefined) {
      refuse(
        `the reference taken at instruction ${reference.insn} is never given back`,
        "submit or discard it on every way",
      );
    }
    if (!isVoid) {
      if (result.kind === "none") refuse("R0 has no value at exit", "return a verdict on every way");
      if (routine.global && !isScalar(result))
        refuse(`global function ${routine.name} returns ${describe(result)}, not a number`);
    }
    return true;
  }
  if (result.kind === "stack") refuse("a pointer to the stack is returned from the function whose stack it is");
  const caller = state.frames[state.frames.length - 2] as Frame;
  if (frame.callback) {
    if (!isScalar(result))
      refuse(`a callback returns ${describe(result)}, not a number`, "return 0 to go on, 1 to stop");
    markPrecise(result);
    if (result.value.umax > 1n)
      refuse(`a callback returns ${result.value.smin} to ${result.value.smax}`, "return 0 to go on, 1 to stop");
    state.frames.pop();
    state.insn = frame.callsite;
    widenRounds(state);
    return false;
  }
  state.frames.pop();
  caller.registers[0] = result;
  state.insn = frame.callsite + 1;
  return false;
}
