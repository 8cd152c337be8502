/** strtol and strtoul: text of the frame or a map to a number of 64 bits. What is taken and refused is as in kernel/bpf/helpers.c. */
import type { HelperEnv, HelperGroup } from "./env.js";
import { errno } from "./errno.js";

/** As many characters behind the sign are looked at. */
const longest = 63;
const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13) || code === 0xa0;
const minus = 45;
const zero = 48;
const x = 120;

/** Value of a digit; 255: it is none. */
function digitOf(code: number): number {
  if (code >= zero && code < zero + 10) return code - zero;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : 255;
}

interface Read {
  readonly negative: boolean;
  readonly value: bigint;
  /** Characters taken, or an errno. */
  readonly taken: number;
}

export function numberHelpers({ memory, windows }: HelperEnv): HelperGroup {
  const { u8, view } = memory;
  const failed = (taken: number): Read => ({ negative: false, value: 0n, taken });

  function read(start: number, bytes: number, flags: number, flagsHigh: number): Read {
    let base = flags & 31;
    if (flagsHigh !== 0 || (flags & ~31) !== 0 || ![0, 8, 10, 16].includes(base)) return failed(-errno.EINVAL);
    let at = start;
    const end = start + bytes;
    while (at < end && isSpace(u8[at]!)) at++;
    const negative = at < end && u8[at] === minus;
    if (negative) at++;
    const last = Math.min(end, at + longest);
    const next = (ahead: number): number => (at + ahead < last ? u8[at + ahead]! : 0);
    const prefixed = next(0) === zero && (next(1) | 32) === x;
    if (base === 0) base = next(0) !== zero ? 10 : prefixed && digitOf(next(2)) < 16 ? 16 : 8;
    if (base === 16 && prefixed) at += 2;
    const first = at;
    let value = 0n;
    while (at < last && digitOf(u8[at]!) < base) {
      value = value * BigInt(base) + BigInt(digitOf(u8[at]!));
      at++;
    }
    if (at === first) return failed(-errno.EINVAL);
    if (value >= 1n << 64n) return failed(-errno.ERANGE);
    return { negative, value, taken: at - start };
  }

  const convert =
    (signed: boolean) =>
    (block: number, text = 0, bytes = 0, flags = 0, flagsHigh = 0, to = 0): number => {
      if (!windows.mayTouch(block, text, bytes, false) || !windows.mayTouch(block, to, 8, true)) return -errno.EFAULT;
      const target = to >>> 0;
      view.setBigUint64(target, 0n, true);
      const { negative, value, taken } = read(text >>> 0, bytes >>> 0, flags, flagsHigh);
      if (taken < 0) return taken;
      const limit = 1n << 63n;
      if (!signed && negative) return -errno.EINVAL;
      if (signed && value > (negative ? limit : limit - 1n)) return -errno.ERANGE;
      view.setBigInt64(target, BigInt.asIntN(64, negative ? -value : value), true);
      return taken;
    };
  return {
    // long bpf_strtol(const char *buf, size_t buf_len, u64 flags, s64 *res)
    helper_105: convert(true),
    // long bpf_strtoul(const char *buf, size_t buf_len, u64 flags, u64 *res)
    helper_106: convert(false),
  };
}
