/** Numbers and text in network byte order, in place. The caller has checked that the bytes are there. */

export const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

export const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** A copy that is a plain Uint8Array whatever `bytes` is (`slice` of a Buffer would be a view). */
export function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const copy = new Uint8Array(to - from);
  copy.set(bytes.subarray(from, to));
  return copy;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();
const escapeBase = 0xdc00;

/**
 * UTF-8 as a string. Text that is not valid UTF-8 keeps its bytes: each one above 0x7f becomes the lone surrogate
 * U+DC00 + byte, which `encodeText` turns back, so that a switch hands on exactly what it was given.
 */
export function decodeText(bytes: Uint8Array, at: number, end: number): string {
  let ascii = "";
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return decodeBeyondAscii(bytes.subarray(at, end));
    ascii += String.fromCharCode(byte);
  }
  return ascii;
}

function decodeBeyondAscii(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte > 0x7f ? escapeBase + byte : byte);
    return text;
  }
}

/** Writes `text` at `at`, at most `room` bytes of it; returns how many were written. The inverse of `decodeText`. */
export function encodeText(into: Uint8Array, at: number, room: number, text: string): number {
  const whole = Math.min(text.length, room);
  for (let i = 0; i < whole; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return encodeBeyondAscii(into, at, room, text);
    into[at + i] = unit;
  }
  return whole;
}

function encodeBeyondAscii(into: Uint8Array, at: number, room: number, text: string): number {
  let used = 0;
  for (const character of text) {
    const point = character.codePointAt(0)!;
    const escaped = point >= escapeBase + 0x80 && point <= escapeBase + 0xff;
    const encoded = escaped ? Uint8Array.of(point - escapeBase) : utf8.encode(character);
    if (used + encoded.length > room) break;
    into.set(encoded, at + used);
    used += encoded.length;
  }
  return used;
}
