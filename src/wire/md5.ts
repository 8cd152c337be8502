/** MD5 (RFC 1321), which RFC 2661 builds hiding of AVPs (§4.3) and tunnel authentication (§5.1.1) on. */
import { hash } from "node:crypto";

/** The digest of `parts`, one after the other: 16 octets. */
export function md5(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return hash("md5", whole, "buffer");
}
