/**
 * MD5 (RFC 1321), which RFC 2661 builds hiding of AVPs (§4.3) and tunnel authentication (§5.1.1) on, CHAP (RFC 1994) its
 * proof, and RADIUS its authenticators; and HMAC-MD5 (RFC 2104). Digests come out of node:crypto as text, since there a
 * buffer costs more than the digest itself.
 */
import { hash } from "node:crypto";

const blockLength = 64;
const digestLength = 16;

/** What is digested is put together here, if it fits. */
const scratch = new Uint8Array(8192);

/** The digest of `parts`, one after the other: 16 octets. */
export const md5 = (...parts: readonly Uint8Array[]): Uint8Array => digest(parts, 0);

/** HMAC-MD5 of `parts`, one after the other: 16 octets. */
export function hmacMd5(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const short = key.length > blockLength ? md5(key) : key;
  putPad(short, 0x36);
  const inner = digest(parts, blockLength);
  putPad(short, 0x5c);
  return digest([inner], blockLength);
}

function putPad(key: Uint8Array, pad: number): void {
  scratch.fill(pad, 0, blockLength);
  for (let i = 0; i < key.length; i++) scratch[i] = key[i]! ^ pad;
}

/** Digests the first `kept` octets of the scratch and then `parts`. */
function digest(parts: readonly Uint8Array[], kept: number): Uint8Array {
  let length = kept;
  for (const part of parts) length += part.length;
  const whole = length <= scratch.length ? scratch : new Uint8Array(length);
  if (whole !== scratch) whole.set(scratch.subarray(0, kept));
  let at = kept;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  const text = hash("md5", whole.subarray(0, length), "binary");
  const bytes = new Uint8Array(digestLength);
  for (let i = 0; i < digestLength; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
