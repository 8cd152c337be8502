/** Stack slots of eight bytes, each byte of a kind. */
import type { Register } from "./register.js";

/**
 * `bytes` has a letter for each byte, the lowest address first: `.` never written, `m` anything, `0` zero, `s` of `spill` (a scalar's
 * lower bytes or a whole pointer), `d` of a dynptr.
 */
export interface Slot {
  readonly bytes: string;
  readonly spill: Register | undefined;
  readonly dynptr: Dynptr | undefined;
  /** Whether it is read later; then so are its parents, of which some of its bytes are. */
  read: boolean;
  parent: Slot | undefined;
}

export interface Dynptr {
  readonly id: number;
  readonly type: "local" | "ringbuf" | "xdp";
  readonly reference: number;
  /** The first of its two slots (the lower address). */
  readonly first: boolean;
  readonly writable: boolean;
}

export const slotOf = (bytes: string, spill?: Register, parent?: Slot, dynptr?: Dynptr): Slot => ({
  bytes,
  spill,
  dynptr,
  read: false,
  parent,
});

export function markRead(slot: Slot | undefined): void {
  for (let next = slot; next !== undefined && !next.read; ) {
    next.read = true;
    const parent: Slot | undefined = next.parent;
    next.parent = undefined;
    next = parent;
  }
}

export const spilledBytes = (slot: Slot): number => {
  let count = 0;
  while (count < 8 && slot.bytes[count] === "s") count += 1;
  return count;
};

/** The bytes without what a spilled register told of them. */
export const scrubbed = (bytes: string): string => bytes.replaceAll("s", "m");

export const replaceBytes = (bytes: string, from: number, to: number, letter: string): string =>
  bytes.slice(0, from) + letter.repeat(to - from) + bytes.slice(to);
