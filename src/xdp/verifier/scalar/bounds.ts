/**
 * What the verifier knows of a number in a register: which bits are known, and between which bounds it lies as an unsigned and as a
 * signed 64-bit number, and its lower word as an unsigned and as a signed 32-bit number. The set meant is that of the numbers that
 * fit all five. Values are immutable; each is as tight as `settle` makes it, and none is empty.
 */
import type { Tnum } from "./tnum.js";

export interface Scalar {
  readonly tnum: Tnum;
  readonly umin: bigint;
  readonly umax: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
  /** Bounds of the lower word are plain numbers. */
  readonly u32min: number;
  readonly u32max: number;
  readonly s32min: number;
  readonly s32max: number;
}

export const u64max = 0xffff_ffff_ffff_ffffn;
export const s64min = -0x8000_0000_0000_0000n;
export const s64max = 0x7fff_ffff_ffff_ffffn;
export const u32max = 0xffff_ffff;
export const s32min = -0x8000_0000;
export const s32max = 0x7fff_ffff;
