/** Loads from and stores to stack frames, with what was stored remembered by the byte. */
import { frameBytes } from "../insn/instruction.js";
import { type Analysis, newId } from "./analysis.js";
import { refuse } from "./refusal.js";
import {
  change,
  constantScalar,
  isNull,
  isScalar,
  markPrecise,
  type Register,
  scalar,
  unknownScalar,
} from "./register.js";
import { isConstant, type Scalar } from "./scalar/scalar.js";
import { markRead, replaceBytes, type Slot, scrubbed, slotOf, spilledBytes } from "./slot.js";
import type { Frame } from "./state.js";

const untouched = "........";
const variableLimit = 1n << 29n;

export interface StackRange {
  readonly frame: Frame;
  /** Bytes from the frame's top, negative: the first, and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** Whether it is exactly there, not somewhere within. */
  readonly exact: boolean;
}

/** Where an access of `size` bytes at `offset` from a stack pointer may be. Throws a Refusal if that is not all in the frame. */
export function stackRange(
  analysis: Analysis,
  pointer: Register,
  index: number,
  offset: number,
  size: number,
): StackRange {
  const frame = analysis.state.frames[pointer.frame];
  if (frame === undefined) return refuse(`R${index} points to the stack of a function that has ended`);
  const { value } = pointer;
  if (value.smax >= variableLimit || value.smin <= -variableLimit) {
    refuse(`the offset of the stack access through R${index} has no bounds`, "compare the index with constants first");
  }
  const from = pointer.fixed + offset + Number(value.smin);
  const to = pointer.fixed + offset + Number(value.smax) + size;
  if (from < -frameBytes || from > -1 || to > 0) {
    refuse(
      `invalid access to the stack through R${index}: bytes ${from} to ${to - 1} of the frame, which has -${frameBytes} to -1`,
    );
  }
  const routine = analysis.structure.routines[frame.subprogram];
  if (routine !== undefined && -from > routine.stack) routine.stack = -from;
  return { frame, from, to, exact: isConstant(value) };
}

const slotIndex = (at: number): number => (-at - 1) >> 3;
const byteIndex = (at: number): number => at & 7;

/** The slots that a range touches, and which of their bytes. */
function eachSlot(range: StackRange, visit: (index: number, first: number, last: number) => void): void {
  for (let at = range.from; at < range.to; ) {
    const first = byteIndex(at);
    const last = Math.min(8, first + range.to - at);
    visit(slotIndex(at), first, last);
    at += last - first;
  }
}

function endDynptr(frame: Frame, index: number): void {
  const { dynptr } = frame.stack[index] as Slot;
  if (dynptr === undefined) return;
  if (dynptr.reference !== 0) refuse("cannot overwrite a dynptr that holds a reference", "submit or discard it first");
  for (let at = 0; at < frame.stack.length; at += 1) {
    const slot = frame.stack[at];
    if (slot?.dynptr?.id === dynptr.id) frame.stack[at] = slotOf("mmmmmmmm", undefined, slot);
  }
}

/** Makes bytes be of a kind, whatever was there. */
export function fillStack(range: StackRange, letter: "m" | "0"): void {
  const { stack } = range.frame;
  eachSlot(range, (index, first, last) => {
    if (stack[index]?.dynptr !== undefined) endDynptr(range.frame, index);
    const old = stack[index];
    if (range.exact && first === 0 && last === 8) {
      stack[index] = slotOf(letter.repeat(8));
      return;
    }
    const before = scrubbed(old?.bytes ?? untouched);
    let bytes: string;
    if (range.exact) bytes = replaceBytes(before, first, last, letter);
    else {
      // Only some of the bytes are written: zero stays only where zero is written.
      bytes = before;
      for (let at = first; at < last; at += 1) {
        if (letter !== "0" || before[at] !== "0") bytes = replaceBytes(bytes, at, at + 1, "m");
      }
    }
    stack[index] = slotOf(bytes, undefined, old);
  });
}

const fits = (value: Scalar, size: number): boolean => size === 8 || value.umax < 1n << BigInt(size * 8);

/** Stores a register; `immediate` tells that it is a constant of the instruction. */
export function storeStack(
  analysis: Analysis,
  range: StackRange,
  size: number,
  register: Register,
  immediate: boolean,
): void {
  const { frame, from } = range;
  const { stack } = frame;
  const zero = isNull(register);
  if (range.exact && byteIndex(from) === 0 && (isScalar(register) || size === 8)) {
    const index = slotIndex(from);
    if (stack[index]?.dynptr !== undefined) endDynptr(frame, index);
    if (register.kind === "stack" && analysis.state.frames[register.frame] !== frame) {
      if (register.frame >= analysis.state.frames.indexOf(frame)) {
        refuse("a pointer to the stack cannot be stored in the frame of a caller, which outlives it");
      }
    }
    const old = stack[index];
    let spilled = register;
    if (isScalar(register) && !immediate && !fits(register.value, size))
      spilled = change(register, { id: 0, linked: false, fixed: 0 });
    const bytes = size === 8 ? "ssssssss" : `${"s".repeat(size)}${scrubbed(old?.bytes ?? untouched).slice(size)}`;
    stack[index] = slotOf(bytes, spilled, size === 8 ? undefined : old);
    return;
  }
  if (!isScalar(register) && size !== 8) refuse(`a pointer cannot be stored in part (${size} bytes)`);
  if (zero) markPrecise(register);
  fillStack(range, zero ? "0" : "m");
}

const readable = (slot: Slot | undefined): void => {
  if (slot?.dynptr !== undefined) refuse("part of a dynptr on the stack is read as bytes", "use bpf_dynptr_read");
};

/** What a load of `size` bytes gives, before it is cut to size. */
export function loadStack(range: StackRange, size: number): Register {
  const { stack } = range.frame;
  const slot = stack[slotIndex(range.from)];
  if (range.exact && slot !== undefined && slot.spill !== undefined) {
    const spilled = spilledBytes(slot);
    const at = byteIndex(range.from);
    if (at === 0 && size === 8 && spilled === 8) {
      markRead(slot);
      return slot.spill;
    }
    if (slot.spill.kind !== "scalar") {
      return refuse(`a stored pointer is read in part (${size} bytes)`, "load all eight bytes of it");
    }
    if (at === 0 && size <= spilled) {
      markRead(slot);
      const narrow = !fits(slot.spill.value, size);
      return narrow ? change(slot.spill, { id: 0, linked: false, fixed: 0 }) : slot.spill;
    }
    if (isNull(slot.spill) && at + size <= spilled) {
      markRead(slot);
      return scalar(slot.spill.value, [slot.spill]);
    }
  }
  let zeros = 0;
  const parents: Register[] = [];
  eachSlot(range, (index, first, last) => {
    const one = stack[index];
    readable(one);
    markRead(one);
    for (let at = first; at < last; at += 1) {
      if (one?.bytes[at] === "0") zeros += 1;
      else if (one?.bytes[at] === "s" && !range.exact && one.spill !== undefined && isNull(one.spill)) {
        zeros += 1;
        parents.push(one.spill);
      }
    }
  });
  if (zeros !== range.to - range.from) return unknownScalar();
  for (const parent of parents) markPrecise(parent);
  return constantScalar(0n);
}

/** A helper reads bytes. */
export function readStack(range: StackRange): void {
  eachSlot(range, (index) => {
    readable(range.frame.stack[index]);
    markRead(range.frame.stack[index]);
  });
}

/** A constant of `size` bytes (4 or 8) that lies at one place; marked as relied on if `rely`. */
export function constantOnStack(range: StackRange, size: number): bigint | undefined {
  if (!range.exact) return undefined;
  const slot = range.frame.stack[slotIndex(range.from)];
  if (slot === undefined) return undefined;
  const at = byteIndex(range.from);
  if (at + size > 8) return undefined;
  if (slot.bytes.slice(at, at + size) === "0".repeat(size)) return 0n;
  if (at !== 0 || slot.spill === undefined || slot.spill.kind !== "scalar" || spilledBytes(slot) !== size)
    return undefined;
  const { tnum } = slot.spill.value;
  if (tnum.mask !== 0n) return undefined;
  markPrecise(slot.spill);
  return BigInt.asUintN(size * 8, tnum.value);
}

/** Scalars that are copied get an id, so that what is learned of one is learned of all. */
export function linkedCopy(analysis: Analysis, register: Register): Register {
  if (!isScalar(register) || isConstant(register.value)) return register;
  if (register.id !== 0 && !register.linked) return register;
  return change(register, { id: newId(analysis), linked: false, fixed: 0 });
}
