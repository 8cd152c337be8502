/**
 * Marks of what is needed: numbers whose bounds something depended on (`precise`), slots that were read. They lie on registers and slots,
 * which states share, and are carried to whatever those were made of, so that each checkpoint on the way knows what was needed after it.
 */
import { markPrecise, type Register, renewed } from "./register.js";
import { markRead, slotOf } from "./slot.js";
import type { State } from "./state.js";

/**
 * What was needed before a checkpoint says nothing of what is needed after it: marks begin anew there. With `all`, every number and slot
 * is the checkpoint's own: what another way from before it needs does not mark it. Without, only those marked already, which makes it
 * need more than it does. Tells how many are new.
 */
export function renewMarks(state: State, live: readonly number[], all: boolean): number {
  let count = 0;
  state.frames.forEach(({ registers, stack }, depth) => {
    const mask = live[depth] as number;
    for (let index = 0; index < 10; index += 1) {
      const register = registers[index] as Register;
      if (register.kind !== "scalar" || !(register.precise || (all && (mask & (1 << index)) !== 0))) continue;
      registers[index] = renewed(register);
      count += 1;
    }
    for (let index = 0; index < stack.length; index += 1) {
      const slot = stack[index];
      if (slot === undefined || !(all || slot.read || slot.spill?.precise === true)) continue;
      const spill = slot.spill?.kind === "scalar" ? renewed(slot.spill) : slot.spill;
      stack[index] = slotOf(slot.bytes, spill, slot.read ? undefined : slot, slot.dynptr);
      count += 2;
    }
  });
  return count;
}

/** Everything is needed. */
export function markAll(state: State): void {
  for (const { registers, stack } of state.frames) {
    for (const register of registers) markPrecise(register);
    for (const slot of stack) {
      markRead(slot);
      if (slot?.spill !== undefined) markPrecise(slot.spill);
    }
  }
}

/** What the ways from `old` needed, those from `current` (which was found like it) need too. Tells whether any mark is new. */
export function adoptMarks(old: State, current: State, live: readonly number[]): boolean {
  let changed = false;
  const need = (from: Register | undefined, to: Register | undefined): void => {
    if (from?.precise !== true || to === undefined || to.kind !== "scalar" || to.precise) return;
    markPrecise(to);
    changed = true;
  };
  old.frames.forEach(({ registers, stack }, depth) => {
    const other = current.frames[depth];
    if (other === undefined) return;
    const mask = live[depth] as number;
    for (let index = 0; index < 10; index += 1) {
      if ((mask & (1 << index)) !== 0) need(registers[index], other.registers[index]);
    }
    for (let index = 0; index < stack.length; index += 1) {
      const slot = stack[index];
      if (slot?.read !== true) continue;
      const counterpart = other.stack[index];
      if (counterpart?.read === false) {
        markRead(counterpart);
        changed = true;
      }
      need(slot.spill, counterpart?.spill);
    }
  });
  return changed;
}
