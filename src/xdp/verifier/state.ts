/** What is known at one point of one way through a program. */
import type { MapSpec } from "../spec.js";
import { notInitialized, pointer, type Register } from "./register.js";
import { type Slot, slotOf } from "./slot.js";

export interface Frame {
  readonly registers: Register[];
  /** By slot: the first is the eight bytes below the frame's top. */
  readonly stack: (Slot | undefined)[];
  readonly subprogram: number;
  /** Slot of the call that made it; -1: the first frame. */
  readonly callsite: number;
  /** Called back by a helper. */
  readonly callback: boolean;
  /** Rounds of callbacks that this frame's call in hand has made. */
  rounds: number;
  /** The register that told it from a later state; to be compared first. */
  telling: number;
}

export interface Reference {
  readonly id: number;
  readonly insn: number;
}

export interface Lock {
  readonly id: number;
  readonly map: MapSpec;
}

/** A state that was passed, to compare later ones with. */
export interface Checkpoint {
  readonly insn: number;
  readonly state: State;
  /** The one before on its way; undefined too when no way from here is still to be walked. */
  parent: Checkpoint | undefined;
  /** Ways from here that are not walked to their end. */
  branches: number;
  hits: number;
  misses: number;
  /** How many checkpoints the way here came through. */
  readonly depth: number;
  /** The checkpoint (itself, or before it) whose loop must be at its end before its marks are known. */
  waits: Checkpoint | undefined;
  /** Its loop is at its end. */
  settled: boolean;
}

export interface State {
  frames: Frame[];
  references: readonly Reference[];
  lock: Lock | undefined;
  insn: number;
  previous: number;
  parent: Checkpoint | undefined;
  unrolled: number;
}

export const framePointerOf = (index: number): Register => pointer("stack", { frame: index });

export function newFrame(index: number, subprogram: number, callsite: number, callback = false): Frame {
  const registers = Array.from({ length: 11 }, () => notInitialized);
  registers[10] = framePointerOf(index);
  return { registers, stack: [], subprogram, callsite, callback, rounds: 0, telling: 0 };
}

export const copyFrame = (frame: Frame): Frame => ({
  registers: frame.registers.slice(),
  stack: frame.stack.slice(),
  subprogram: frame.subprogram,
  callsite: frame.callsite,
  callback: frame.callback,
  rounds: frame.rounds,
  telling: 0,
});

export const copyState = (state: State): State => ({
  frames: state.frames.map(copyFrame),
  references: state.references,
  lock: state.lock,
  insn: state.insn,
  previous: state.previous,
  parent: state.parent,
  unrolled: state.unrolled,
});

export const topFrame = (state: State): Frame => state.frames[state.frames.length - 1] as Frame;

/** Replaces each register of all frames, spilled ones too, by what `rule` makes of it (the same: no change). */
export function mapRegisters(state: State, rule: (register: Register) => Register): void {
  for (const frame of state.frames) {
    const { registers, stack } = frame;
    for (let index = 0; index < 10; index += 1) {
      const before = registers[index] as Register;
      if (before.kind === "none") continue;
      const after = rule(before);
      if (after !== before) registers[index] = after;
    }
    for (let index = 0; index < stack.length; index += 1) {
      const slot = stack[index];
      if (slot?.spill === undefined) continue;
      const after = rule(slot.spill);
      if (after !== slot.spill) {
        // Not a read: only if it is read later is what it was before of interest.
        stack[index] = slotOf(slot.bytes, after, slot);
      }
    }
  }
}
