/** Dynptrs: two stack slots that stand for memory of a size known at run time. */
import type { Signature } from "../helpers/signature.js";
import { type Analysis, newId } from "./analysis.js";
import { refuse } from "./refusal.js";
import { describe, pointer, type Register } from "./register.js";
import { type Dynptr, markRead, slotOf } from "./slot.js";
import { fillStack, stackRange } from "./stack.js";

const bytes = 16;

const upperSlot = (from: number): number => (-from - 1) >> 3;

function found(analysis: Analysis, register: Register, index: number): Dynptr {
  if (register.kind !== "stack")
    return refuse(`R${index} is ${describe(register)}, where a dynptr on the stack is needed`);
  const range = stackRange(analysis, register, index, 0, bytes);
  if (!range.exact || (range.from & 7) !== 0) return refuse(`R${index} does not point to the start of a dynptr`);
  const first = range.frame.stack[upperSlot(range.from)];
  const second = range.frame.stack[upperSlot(range.from) - 1];
  if (first?.dynptr === undefined || !first.dynptr.first || second?.dynptr?.id !== first.dynptr.id) {
    return refuse(`R${index} points to no initialized dynptr`);
  }
  markRead(first);
  markRead(second);
  return first.dynptr;
}

/** The reference that it holds, 0 for none. */
export function dynptrArgument(analysis: Analysis, register: Register, index: number, signature: Signature): number {
  const dynptr = found(analysis, register, index);
  if (signature.releases === true && dynptr.type !== "ringbuf")
    refuse(`R${index} of bpf_${signature.name} is no dynptr of a ring buffer`);
  if (signature.name === "dynptr_write" && !dynptr.writable) refuse(`R${index}: this dynptr may only be read`);
  return dynptr.reference;
}

const types: Readonly<Record<string, Dynptr["type"]>> = {
  ringbuf_reserve_dynptr: "ringbuf",
  dynptr_from_mem: "local",
  bpf_dynptr_from_xdp: "xdp",
};

/** The helper made one where register `index` points. */
export function dynptrResult(analysis: Analysis, signature: Signature, index: number, reference: number): void {
  const frame = analysis.state.frames[analysis.state.frames.length - 1];
  const register = frame?.registers[index];
  if (register?.kind !== "stack") refuse(`R${index} must point to 16 bytes of stack for a dynptr`);
  const source = frame?.registers[1];
  if (signature.name === "dynptr_from_mem" && source?.kind !== "value")
    refuse("bpf_dynptr_from_mem takes memory in a map value only");
  const range = stackRange(analysis, register, index, 0, bytes);
  if (!range.exact || (range.from & 7) !== 0)
    refuse(`R${index}: a dynptr must lie at a multiple of 8 bytes on the stack`);
  fillStack(range, "m");
  const id = newId(analysis);
  const type = types[signature.name] ?? "local";
  const lower = upperSlot(range.from);
  const one = (first: boolean) =>
    slotOf("dddddddd", undefined, undefined, { id, type, reference, first, writable: true });
  range.frame.stack[lower] = one(true);
  range.frame.stack[lower - 1] = one(false);
}

/** What bpf_dynptr_data gives. */
export function dynptrData(analysis: Analysis, register: Register, size: number): Register {
  const dynptr = found(analysis, register, 1);
  if (dynptr.type === "xdp")
    refuse("bpf_dynptr_data cannot be used with a dynptr of the frame", "use bpf_dynptr_slice or bpf_dynptr_read");
  return pointer("memory", {
    range: size,
    record: dynptr.type === "ringbuf",
    slice: true,
    nullable: true,
    id: newId(analysis),
    reference: dynptr.reference,
  });
}
