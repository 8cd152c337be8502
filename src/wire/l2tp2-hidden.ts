/**
 * Hiding of AVP values (RFC 2661 §4.3). The Hidden AVP Subformat is exclusive-ored with a chain of MD5 digests, the first
 * over attribute type, shared secret and the Random Vector before it, each further one over the secret and the 16 octets
 * of cipher text before it.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   Length of Original Value    |   Original Attribute Value ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    ...                            |   Padding ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { md5 } from "./md5.js";
import { u16 } from "./octets.js";

const block = 16;
/** Octets of the Length of Original Value. */
export const subformatHeader = 2;

/** Hides in place the subformat that lies in `bytes` from `at` to `end`. */
export function hide(
  bytes: Uint8Array,
  at: number,
  end: number,
  type: number,
  secret: Uint8Array,
  vector: Uint8Array,
): void {
  let pad = firstPad(type, secret, vector);
  for (let from = at; from < end; from += block) {
    const to = Math.min(from + block, end);
    for (let i = from; i < to; i++) bytes[i] = bytes[i]! ^ pad[i - from]!;
    if (to < end) pad = nextPad(secret, bytes.subarray(from, to));
  }
}

/** The subformat that hides in `bytes` from `at` to `end`, as a new array. */
export function unhide(
  bytes: Uint8Array,
  at: number,
  end: number,
  type: number,
  secret: Uint8Array,
  vector: Uint8Array,
): Uint8Array {
  const plain = new Uint8Array(end - at);
  let pad = firstPad(type, secret, vector);
  for (let from = at; from < end; from += block) {
    const to = Math.min(from + block, end);
    for (let i = from; i < to; i++) plain[i - at] = bytes[i]! ^ pad[i - from]!;
    if (to < end) pad = nextPad(secret, bytes.subarray(from, to));
  }
  return plain;
}

/** Where the original value ends in a subformat (it begins after two octets), or undefined: the wrong secret, most likely. */
export function originalEnd(subformat: Uint8Array): number | undefined {
  if (subformat.length < subformatHeader) return undefined;
  const end = subformatHeader + u16(subformat, 0);
  return end <= subformat.length ? end : undefined;
}

const firstPad = (type: number, secret: Uint8Array, vector: Uint8Array): Uint8Array =>
  md5(Uint8Array.of(type >>> 8, type), secret, vector);

const nextPad = (secret: Uint8Array, cipher: Uint8Array): Uint8Array => md5(secret, cipher);
