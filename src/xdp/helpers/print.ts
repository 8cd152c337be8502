/** Helpers that format text: trace_printk, trace_vprintk, snprintf. */
import { state } from "../run/state.js";
import type { HelperEnv, HelperGroup } from "./env.js";
import { errno } from "./errno.js";
import { formatText, type ReadBytes } from "./format.js";

const longestFormat = 4096;
const maximumArguments = 12;

export function printHelpers({ memory, host, windows }: HelperEnv): HelperGroup {
  const { u8, u32, view } = memory;

  /** Text up to a 0 within `size` bytes; undefined where there is none. */
  function text(pointer: number, size: number): string | undefined {
    const start = pointer >>> 0;
    let result = "";
    for (let index = 0; index < Math.min(size >>> 0, longestFormat); index++) {
      const byte = u8[start + index];
      if (byte === undefined) return undefined;
      if (byte === 0) return result;
      result += String.fromCharCode(byte);
    }
    return undefined;
  }

  const reader =
    (block: number): ReadBytes =>
    (pointer, size) =>
      windows.mayTouch(block, pointer, size, false) ? u8.slice(pointer, pointer + size) : undefined;

  function trace(block: number, format: number, size: number, values: readonly bigint[]): number {
    if (!windows.mayTouch(block, format, size, false)) return -errno.EFAULT;
    const template = text(format, size);
    if (template === undefined) return -errno.EINVAL;
    const line = formatText(template, values, reader(block));
    if (typeof line === "number") return line;
    host.trace?.(line.endsWith("\n") ? line.slice(0, -1) : line, u32[(block + state.cpu) >>> 2]!);
    return line.length;
  }

  /** Arguments of 8 bytes each in memory; an errno if they cannot be. */
  function list(block: number, data: number, bytes: number): readonly bigint[] | number {
    if ((bytes & 7) !== 0 || bytes >>> 0 > maximumArguments * 8 || (bytes !== 0 && data === 0)) return -errno.EINVAL;
    if (bytes !== 0 && !windows.mayTouch(block, data, bytes, false)) return -errno.EFAULT;
    return Array.from({ length: bytes >>> 3 }, (_, index) => view.getBigUint64((data >>> 0) + index * 8, true));
  }

  return {
    // long bpf_trace_printk(const char *fmt, u32 fmt_size, ...)
    helper_6: (block, format = 0, size = 0, ...words) =>
      trace(block, format, size, [join(words, 0), join(words, 2), join(words, 4)]),
    // long bpf_trace_vprintk(const char *fmt, u32 fmt_size, const void *data, u32 data_len)
    helper_177: (block, format = 0, size = 0, data = 0, bytes = 0) => {
      const values = list(block, data, bytes);
      return typeof values === "number" ? values : trace(block, format, size, values);
    },
    // long bpf_snprintf(char *str, u32 str_size, const char *fmt, u64 *data, u32 data_len)
    helper_165: (block, to = 0, room = 0, format = 0, data = 0, bytes = 0) => {
      const values = list(block, data, bytes);
      if (typeof values === "number") return values;
      if (room !== 0 && !windows.mayTouch(block, to, room, true)) return -errno.EFAULT;
      const template = windows.isConstant(format, 1) ? text(format, longestFormat) : undefined;
      if (template === undefined || !windows.isConstant(format, template.length + 1)) return -errno.EINVAL;
      const result = formatText(template, values, reader(block));
      if (typeof result === "number") return result;
      const shown = Math.min(result.length, (room >>> 0) - 1);
      for (let index = 0; index < shown; index++) u8[(to >>> 0) + index] = result.charCodeAt(index);
      if (room !== 0) u8[(to >>> 0) + shown] = 0;
      return result.length + 1;
    },
  };
}

const join = (words: readonly number[], at: number): bigint =>
  (BigInt((words[at + 1] ?? 0) >>> 0) << 32n) | BigInt((words[at] ?? 0) >>> 0);
