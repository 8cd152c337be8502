/** What is known of a number, as the kernel's verifier log writes it: bounds that say nothing are left out, equal ones share a number. */
import { type Scalar, s32max, s32min, s64max, s64min, u32max, u64max } from "./bounds.js";

const isShort = (value: bigint): boolean => value >= -0x8000n && value <= 0x7fffn;
const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;
const signed = (value: bigint): string => (isShort(value) ? value.toString() : hex(value));
const unsigned = (value: bigint): string => (value <= 0xffffn ? value.toString() : hex(value));

interface Bound {
  readonly name: string;
  readonly value: bigint;
  readonly says: boolean;
}

/** A negative lower word that is written in hexadecimal has 8 digits, not the 16 of its sign extension. */
function signedWord(value: number): bigint {
  const wide = BigInt(value);
  return isShort(wide) ? wide : BigInt.asUintN(32, wide);
}

const boundsOf = (a: Scalar): readonly Bound[] => [
  { name: "smin", value: a.smin, says: a.smin !== s64min },
  { name: "smax", value: a.smax, says: a.smax !== s64max },
  { name: "umin", value: a.umin, says: a.umin !== 0n },
  { name: "umax", value: a.umax, says: a.umax !== u64max },
  { name: "smin32", value: signedWord(a.s32min), says: a.s32min !== s32min },
  { name: "smax32", value: signedWord(a.s32max), says: a.s32max !== s32max },
  { name: "umin32", value: BigInt(a.u32min), says: a.u32min !== 0 },
  { name: "umax32", value: BigInt(a.u32max), says: a.u32max !== u32max },
];

/** The bounds and bits alone, parted by commas: `smin=0,smax=umax=255,var_off=(0x0; 0xff)`. Empty: nothing is known. */
export function formatBounds(a: Scalar): string {
  const bounds = boundsOf(a);
  const written = new Set<Bound>();
  const parts: string[] = [];
  bounds.forEach((bound, index) => {
    if (!bound.says || written.has(bound)) return;
    const isSigned = bound.name.startsWith("s");
    const negative = isSigned && bound.value < 0n;
    // Minima share with minima, which are at even places, and a negative number never with one that is not.
    const sharing = bounds.filter(
      (other, place) =>
        place > index &&
        (place - index) % 2 === 0 &&
        other.says &&
        !written.has(other) &&
        other.value === bound.value &&
        (other.name.startsWith("s") && other.value < 0n) === negative,
    );
    for (const other of sharing) written.add(other);
    const names = [bound, ...sharing].map(({ name }) => name).join("=");
    parts.push(`${names}=${isSigned ? signed(bound.value) : unsigned(bound.value)}`);
  });
  if (a.tnum.value !== 0n || a.tnum.mask !== u64max) {
    parts.push(`var_off=(0x${a.tnum.value.toString(16)}; 0x${a.tnum.mask.toString(16)})`);
  }
  return parts.join(",");
}

/** `7`, `scalar()`, `scalar(smin=0,…)`. */
export const formatScalar = (a: Scalar): string => (a.tnum.mask === 0n ? signed(a.smin) : `scalar(${formatBounds(a)})`);
