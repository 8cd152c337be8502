/** Whether a state is covered by one that was walked before. */
import { known, type Register } from "./register.js";
import { equal, unknown, within } from "./scalar/scalar.js";
import { type Slot, spilledBytes } from "./slot.js";
import type { Frame, State } from "./state.js";

/**
 * `needed`: numbers that nothing depended on may differ, slots that nobody read too (old is walked to its end). `covers`: everything of
 * old covers the new (old is still walked). `exact`: they are the same.
 */
export type Comparison = "needed" | "covers" | "exact";

/** Pairs of ids: of the old state, and what stands for them in the new one. Linear, as there are few; made once, as comparisons are many. */
interface Pairs {
  readonly old: number[];
  readonly now: number[];
  count: number;
}

const pointers: Pairs = { old: [], now: [], count: 0 };
const numbers: Pairs = { old: [], now: [], count: 0 };

function pair(pairs: Pairs, old: number, now: number): true {
  pairs.old[pairs.count] = old;
  pairs.now[pairs.count] = now;
  pairs.count += 1;
  return true;
}

/** The same ids must be alike in both. */
function same(old: number, now: number): boolean {
  if (old === 0 || now === 0) return old === now;
  for (let at = 0; at < pointers.count; at += 1) {
    if (pointers.old[at] === old) return pointers.now[at] === now;
    if (pointers.now[at] === now) return false;
  }
  return pair(pointers, old, now);
}

/** Several numbers that are equal in old must be so in the new one; more that are equal do no harm. */
function links(old: number, now: number): boolean {
  if (old === 0) return true;
  for (let at = 0; at < numbers.count; at += 1) {
    if (numbers.old[at] === old) return numbers.now[at] === now && now !== 0;
  }
  return pair(numbers, old, now);
}

function sameRegister(old: Register, now: Register, how: Comparison): boolean {
  if (old.kind === "none") return true;
  if (old === now && how !== "needed" && old.id === 0) return true;
  if (old.kind !== now.kind || old.nullable !== now.nullable) return false;
  if (old.kind === "scalar") {
    if (how === "needed" && !old.precise) return true;
    if (how === "exact") {
      return (
        equal(old.value, now.value) && old.linked === now.linked && old.fixed === now.fixed && same(old.id, now.id)
      );
    }
    if (old.id !== 0 && (old.linked !== now.linked || old.fixed !== now.fixed)) {
      return known(now) !== undefined && within(old.value, now.value) && links(old.id, 0);
    }
    return within(old.value, now.value) && links(old.id, now.id);
  }
  if (
    old.fixed !== now.fixed ||
    old.map !== now.map ||
    old.frame !== now.frame ||
    old.writable !== now.writable ||
    old.record !== now.record ||
    old.slice !== now.slice ||
    !same(old.id, now.id) ||
    !same(old.reference, now.reference)
  ) {
    return false;
  }
  if (how === "exact") return old.range === now.range && equal(old.value, now.value);
  if (old.kind === "packet" || old.kind === "meta") {
    if (old.range < 0 || now.range < 0 ? old.range !== now.range : old.range > now.range) return false;
  } else if (old.range !== now.range) return false;
  return within(old.value, now.value);
}

const anySlot: Slot = { bytes: "mmmmmmmm", spill: undefined, dynptr: undefined, read: false, parent: undefined };

/** A slot of anything is as good as one with an unknown number. */
const numberIn = (slot: Slot): Register | undefined =>
  slot.spill?.kind === "scalar" && spilledBytes(slot) === 8 ? slot.spill : undefined;

function sameSlot(old: Slot | undefined, now: Slot | undefined, how: Comparison): boolean {
  if (old === now && (old?.spill === undefined || old.spill.id === 0) && old?.dynptr === undefined) return true;
  if (how === "exact") {
    if (old === undefined || now === undefined || old.bytes !== now.bytes) return false;
  } else {
    if (old === undefined || (how === "needed" && !old.read)) return true;
    now ??= { ...anySlot, bytes: "........" };
    const number = numberIn(old);
    if (number !== undefined && !(now.bytes === "ssssssss")) {
      // Old had any number; now there is memory that reads as any number.
      return now.dynptr === undefined && ((how === "needed" && !number.precise) || within(number.value, unknown()));
    }
    for (let at = 0; at < 8; at += 1) {
      const was = old.bytes[at];
      const is = now.bytes[at];
      if (was === is || was === ".") continue;
      if (was === "m" && is !== "d") continue;
      return false;
    }
    if (!old.bytes.includes("s") && !old.bytes.includes("d")) return true;
  }
  if (old.bytes.includes("s")) {
    if (old.spill === undefined || now.spill === undefined) return false;
    if (spilledBytes(old) !== spilledBytes(now) && how !== "needed") return false;
    return sameRegister(old.spill, now.spill, how);
  }
  if (old.bytes.includes("d")) {
    const [a, b] = [old.dynptr, now.dynptr];
    return (
      a !== undefined &&
      b !== undefined &&
      a.type === b.type &&
      a.first === b.first &&
      a.writable === b.writable &&
      same(a.id, b.id) &&
      same(a.reference, b.reference)
    );
  }
  return true;
}

function sameFrame(old: Frame, now: Frame, live: number, how: Comparison): boolean {
  if (old.callsite !== now.callsite || old.subprogram !== now.subprogram || old.callback !== now.callback) return false;
  if (old.rounds > now.rounds) return false;
  for (let index = 0; index < 10; index += 1) {
    if ((live & (1 << index)) === 0) continue;
    if (!sameRegister(old.registers[index] as Register, now.registers[index] as Register, how)) {
      old.telling = index;
      return false;
    }
  }
  const slots = how === "exact" ? Math.max(old.stack.length, now.stack.length) : old.stack.length;
  for (let index = 0; index < slots; index += 1) {
    if (!sameSlot(old.stack[index], now.stack[index], how)) return false;
  }
  return true;
}

/** What told the innermost frames apart last time does so again more often than not. */
function toldApart(old: Frame, now: Frame, live: number, how: Comparison): boolean {
  const { telling } = old;
  if ((live & (1 << telling)) === 0) return false;
  pointers.count = 0;
  numbers.count = 0;
  return !sameRegister(old.registers[telling] as Register, now.registers[telling] as Register, how);
}

/** `live` has the registers of each frame that may be read, as bits. Quick where the states are much alike or quite different. */
export function covers(old: State, now: State, live: readonly number[], how: Comparison): boolean {
  if (old.frames.length !== now.frames.length || old.references.length !== now.references.length) return false;
  if ((old.lock === undefined) !== (now.lock === undefined)) return false;
  const top = old.frames.length - 1;
  if (toldApart(old.frames[top] as Frame, now.frames[top] as Frame, live[top] as number, how)) return false;
  pointers.count = 0;
  numbers.count = 0;
  if (old.lock !== undefined && now.lock !== undefined) {
    if (old.lock.map !== now.lock.map || !same(old.lock.id, now.lock.id)) return false;
  }
  for (let depth = 0; depth < old.frames.length; depth += 1) {
    if (!sameFrame(old.frames[depth] as Frame, now.frames[depth] as Frame, live[depth] as number, how)) return false;
  }
  return old.references.every((one, index) => same(one.id, now.references[index]?.id ?? 0));
}
