/** The kernel's subset of printf for programs: %d %i %u %x %X with l and ll, %c, %s, %p, %pI4, %pi4, %pI6, %pi6, %%, widths. */
import { errno } from "./errno.js";

/** Bytes that a program may read; undefined: not these. */
export type ReadBytes = (pointer: number, size: number) => Uint8Array | undefined;

const specifier = /%(?:%|([0+\- #]*)(\d*)(?:(p[iI][46])|(p[KxsS]?)(?![A-Za-z0-9])|(s)|(c)|(l{0,2})([diuxX])))/y;
/** Longest line of the trace, as in the kernel. */
export const maximumLine = 1023;
const longestString = 512;
const maximumWidth = 64;

/** Formats, or says with a negative errno why not. `values` are the arguments, 64 bits each. */
export function formatText(format: string, values: readonly bigint[], read: ReadBytes): string | number {
  let text = "";
  let next = 0;
  for (let at = 0; at < format.length; ) {
    const code = format.charCodeAt(at);
    if (code !== 0x25) {
      if ((code < 32 && (code < 9 || code > 13)) || code > 126) return -errno.EINVAL;
      text += format[at++];
      continue;
    }
    specifier.lastIndex = at;
    const match = specifier.exec(format);
    if (match === null) return -errno.EINVAL;
    at = specifier.lastIndex;
    if (match[0] === "%%") {
      text += "%";
      continue;
    }
    if (next >= values.length) return -errno.EINVAL;
    text += one(match, values[next++]!, read);
  }
  return text.length > maximumLine ? text.slice(0, maximumLine) : text;
}

function one(match: RegExpExecArray, value: bigint, read: ReadBytes): string {
  const [, flags = "", width = "", address, pointer, string, character, long, conversion] = match;
  if (address !== undefined) return pad(ipAddress(address, value, read), flags.replace("0", ""), width);
  if (pointer !== undefined) return BigInt.asUintN(64, value).toString(16).padStart(16, "0");
  if (string !== undefined) return pad(stringAt(value, read), flags.replace("0", ""), width);
  if (character !== undefined) return pad(String.fromCharCode(Number(value & 0xffn)), flags.replace("0", ""), width);
  const bits = long === "" ? 32 : 64;
  const signed = conversion === "d" || conversion === "i";
  const number = signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
  if (conversion === "x" || conversion === "X") {
    const digits = number.toString(16);
    const prefix = flags.includes("#") ? "0x" : "";
    return pad(prefix + (conversion === "X" ? digits.toUpperCase() : digits), flags, width);
  }
  const sign = signed && number >= 0n ? (flags.includes("+") ? "+" : flags.includes(" ") ? " " : "") : "";
  return pad(sign + number.toString(), flags, width);
}

function pad(text: string, flags: string, width: string): string {
  const columns = Math.min(Number(width), maximumWidth);
  if (flags.includes("-")) return text.padEnd(columns);
  if (!flags.includes("0")) return text.padStart(columns);
  const sign = /^(?:[+\- ]|0x)?/.exec(text)![0];
  return sign + text.slice(sign.length).padStart(columns - sign.length, "0");
}

function stringAt(value: bigint, read: ReadBytes): string {
  const start = Number(BigInt.asUintN(32, value));
  let text = "";
  for (let index = 0; index < longestString; index++) {
    const byte = read(start + index, 1)?.[0];
    if (byte === undefined || byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}

function ipAddress(kind: string, value: bigint, read: ReadBytes): string {
  const version6 = kind.endsWith("6");
  const bytes = read(Number(BigInt.asUintN(32, value)), version6 ? 16 : 4);
  if (bytes === undefined) return "(fault)";
  const plain = kind[1] === "i";
  if (!version6) return Array.from(bytes, (byte) => (plain ? String(byte).padStart(3, "0") : String(byte))).join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[index * 2]! << 8) | bytes[index * 2 + 1]!).toString(16).padStart(4, "0"),
  );
  return groups.join(plain ? "" : ":");
}
