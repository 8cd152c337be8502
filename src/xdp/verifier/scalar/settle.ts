/**
 * What the five views of a number tell each other: bits give bounds, bounds give bits, unsigned bounds give signed ones and back, and
 * the whole number and its lower word bound each other.
 */
import type { Scalar } from "./bounds.js";
import { bitLength, greatestTo, leastFrom, type Tnum } from "./tnum.js";

const sign = 1n << 63n;
const all = (1n << 64n) - 1n;
const two64 = 1n << 64n;
const wordSpan = 1n << 32n;
const low = wordSpan - 1n;
const two32 = 2 ** 32;
const two31 = 2 ** 31;

/** Each round only tightens, so that stopping early is safe; hardly anything takes more than three. */
const mostRounds = 8;

const lowOf = (value: bigint): number => Number(BigInt.asUintN(32, value));

/** The tightest that we can say of the numbers that fit all the bounds; undefined: there is none. */
export function settle(
  bits: Tnum,
  umin: bigint,
  umax: bigint,
  smin: bigint,
  smax: bigint,
  u32min: number,
  u32max: number,
  s32min: number,
  s32max: number,
): Scalar | undefined {
  let { value, mask } = bits;
  for (let round = 0; round < mostRounds; round += 1) {
    const [value0, mask0, umin0, umax0, smin0, smax0] = [value, mask, umin, umax, smin, smax];
    const [u32min0, u32max0, s32min0, s32max0] = [u32min, u32max, s32min, s32max];

    // Bits to bounds.
    const most = value | mask;
    if (value > umin) umin = value;
    if (most < umax) umax = most;
    const negative = BigInt.asIntN(64, value | (mask & sign));
    if (negative > smin) smin = negative;
    const positive = BigInt.asIntN(64, (mask & sign) === 0n ? most : most ^ sign);
    if (positive < smax) smax = positive;
    const lowValue = lowOf(value);
    const lowMask = lowOf(mask);
    if (lowValue > u32min) u32min = lowValue;
    const lowMost = (lowValue | lowMask) >>> 0;
    if (lowMost < u32max) u32max = lowMost;
    const lowNegative = lowValue | (lowMask & 0x8000_0000);
    if (lowNegative > s32min) s32min = lowNegative;
    const lowPositive = lowMask >>> 31 === 0 ? lowMost | 0 : lowMost & 0x7fff_ffff;
    if (lowPositive < s32max) s32max = lowPositive;

    // Unsigned and signed, each half of the circle on its own.
    {
      const plusMin = smin > 0n && smin > umin ? smin : umin;
      const plusMax = smax < umax ? smax : umax;
      const below = umin >= sign ? umin - two64 : -sign;
      const minusMin = smin > below ? smin : below;
      let minusMax = umax - two64;
      if (smax < minusMax) minusMax = smax;
      const plus = plusMin <= plusMax;
      const minus = minusMin <= minusMax;
      if (plus) {
        umin = plusMin;
        smax = plusMax;
        if (minus) {
          umax = minusMax + two64;
          smin = minusMin;
        } else {
          umax = plusMax;
          smin = plusMin;
        }
      } else if (minus) {
        umin = minusMin + two64;
        umax = minusMax + two64;
        smin = minusMin;
        smax = minusMax;
      } else return undefined;
    }

    // The lower word of a range that is shorter than a word's.
    if (umax - umin < wordSpan) {
      const first = lowOf(umin);
      const last = lowOf(umax);
      if (first <= last) {
        if (first > u32min) u32min = first;
        if (last < u32max) u32max = last;
      } else if ((first | 0) <= (last | 0)) {
        if ((first | 0) > s32min) s32min = first | 0;
        if ((last | 0) < s32max) s32max = last | 0;
      }
    } else if (smax - smin < wordSpan) {
      const first = lowOf(smin) | 0;
      const last = lowOf(smax) | 0;
      if (first <= last) {
        if (first > s32min) s32min = first;
        if (last < s32max) s32max = last;
      }
    }
    const plus32Min = Math.max(s32min, u32min);
    const plus32Max = Math.min(s32max, u32max);
    const below32 = u32min >= 0x8000_0000 ? u32min - two32 : -0x8000_0000;
    const minus32Min = Math.max(s32min, below32);
    const minus32Max = Math.min(s32max, u32max - two32);
    const plus32 = plus32Min <= plus32Max;
    const minus32 = minus32Min <= minus32Max;
    if (plus32) {
      u32min = plus32Min;
      s32max = plus32Max;
      u32max = minus32 ? minus32Max + two32 : plus32Max;
      s32min = minus32 ? minus32Min : plus32Min;
    } else if (minus32) {
      u32min = minus32Min + two32;
      u32max = minus32Max + two32;
      s32min = minus32Min;
      s32max = minus32Max;
    } else return undefined;

    // Bounds move inwards to the next number whose lower word is allowed. The words allowed, as unsigned numbers, are u32min to
    // u32max, but for a gap between what is not negative and what is.
    const full = u32min === 0 && u32max === two32 - 1 && (!plus32 || !minus32 || s32max - s32min === two32 - 1);
    if (!full) {
      const gapFrom = plus32 && minus32 ? s32max + 1 : two32;
      const gapTo = plus32 && minus32 ? s32min + two32 : two32;
      umin = raise(umin, u32min, u32max, gapFrom, gapTo);
      smin = raise(smin, u32min, u32max, gapFrom, gapTo);
      umax = lower(umax, u32min, u32max, gapFrom, gapTo);
      smax = lower(smax, u32min, u32max, gapFrom, gapTo);
      if (umin > umax || smin > smax) return undefined;
    }

    // And to the next number whose known bits are right.
    if (value !== 0n || mask !== all) {
      if (((umin ^ value) & ~mask) !== 0n || ((umax ^ value) & ~mask) !== 0n) {
        const first = leastFrom({ value, mask }, umin);
        const last = greatestTo({ value, mask }, umax);
        if (first === undefined || last === undefined || first > last) return undefined;
        umin = first;
        umax = last;
      }
      // Where the sign is not known, adding 2^63 brings signed numbers in order and leaves the known bits.
      if ((mask & sign) !== 0n && ((((smin ^ value) & ~mask & all) | ((smax ^ value) & ~mask & all)) & ~sign) !== 0n) {
        const first = leastFrom({ value, mask }, smin + sign);
        const last = greatestTo({ value, mask }, smax + sign);
        if (first === undefined || last === undefined || first > last) return undefined;
        smin = first - sign;
        smax = last - sign;
      }
      const lowKnown = ~lowOf(mask);
      const lowRight = lowOf(value);
      if (((u32min ^ lowRight) & lowKnown) !== 0 || ((u32max ^ lowRight) & lowKnown) !== 0) {
        const word = { value: value & low, mask: mask & low };
        const first = leastFrom(word, BigInt(u32min));
        const last = greatestTo(word, BigInt(u32max));
        if (first === undefined || last === undefined || first > last) return undefined;
        u32min = Number(first);
        u32max = Number(last);
      }
      if (lowKnown >= 0 && (((s32min ^ lowRight) & lowKnown) !== 0 || ((s32max ^ lowRight) & lowKnown) !== 0)) {
        const word = { value: value & low, mask: mask & low };
        const first = leastFrom(word, BigInt(s32min + two31));
        const last = greatestTo(word, BigInt(s32max + two31));
        if (first === undefined || last === undefined || first > last) return undefined;
        s32min = Number(first) - two31;
        s32max = Number(last) - two31;
      }
    }

    // Bounds to bits: whatever the bounds share from the top.
    if (umin !== value || umax !== (value | mask)) {
      const rangeMask = (1n << BigInt(bitLength(umin ^ umax))) - 1n;
      if (((value ^ umin) & ~mask & ~rangeMask & all) !== 0n) return undefined;
      value = (value | (umin & ~rangeMask)) & ~(mask & rangeMask);
      mask &= rangeMask;
    }
    const wordMask = u32min === u32max ? 0n : low >> BigInt(Math.clz32(u32min ^ u32max));
    if ((mask & low & ~wordMask) !== 0n || (value & low & ~wordMask) !== (BigInt(u32min) & ~wordMask)) {
      const known = low & ~wordMask;
      if (((value ^ BigInt(u32min)) & ~mask & known) !== 0n) return undefined;
      value |= BigInt(u32min) & known & mask;
      mask &= ~known;
    }

    if (
      mask === mask0 &&
      umin === umin0 &&
      umax === umax0 &&
      smin === smin0 &&
      smax === smax0 &&
      u32min === u32min0 &&
      u32max === u32max0 &&
      s32min === s32min0 &&
      s32max === s32max0 &&
      value === value0
    ) {
      break;
    }
  }
  return { tnum: { value, mask }, umin, umax, smin, smax, u32min, u32max, s32min, s32max };
}

/** The least number from `bound` on whose lower word is from min to max and not in the gap (`from` inclusive, `to` exclusive). */
function raise(bound: bigint, min: number, max: number, from: number, to: number): bigint {
  const word = lowOf(bound);
  if (word < min) return bound + BigInt(min - word);
  if (word > max) return bound + BigInt(min - word) + wordSpan;
  return word >= from && word < to ? bound + BigInt(to - word) : bound;
}

/** The greatest number up to `bound` of that kind. */
function lower(bound: bigint, min: number, max: number, from: number, to: number): bigint {
  const word = lowOf(bound);
  if (word > max) return bound - BigInt(word - max);
  if (word < min) return bound - BigInt(word - max) - wordSpan;
  return word >= from && word < to ? bound - BigInt(word - from + 1) : bound;
}
