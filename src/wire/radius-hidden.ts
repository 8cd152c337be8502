/**
 * Values that only those who know the secret can read: User-Password (RFC 2865 §5.2), and with a salt Tunnel-Password
 * (RFC 2868 §3.5) and the keys of RFC 2548. Each block of 16 octets is exclusive-ored with a digest over the secret and the
 * block of cipher text before it; in place of that the first has the request's authenticator (and the salt).
 */
import { md5 } from "./md5.js";
import { copyOf } from "./octets.js";

const block = 16;
export const longestPassword = 128;
export const saltLength = 2;

/** Undefined: the password is longer than an Access-Request can carry. */
export function hidePassword(
  password: Uint8Array,
  secret: Uint8Array,
  authenticator: Uint8Array,
): Uint8Array | undefined {
  if (password.length > longestPassword) return undefined;
  return cipher(password, secret, [authenticator]);
}

/** Trailing zeros are padding. Undefined: not whole blocks. */
export function revealPassword(
  value: Uint8Array,
  secret: Uint8Array,
  authenticator: Uint8Array,
): Uint8Array | undefined {
  if (value.length === 0 || value.length % block !== 0 || value.length > longestPassword) return undefined;
  const plain = decipher(value, secret, [authenticator]);
  let end = plain.length;
  while (end > 0 && plain[end - 1] === 0) end--;
  return copyOf(plain, 0, end);
}

/** Salt and cipher text. The salt's first bit is to be set, and no two in a packet may be equal. */
export function hideSalted(
  plain: Uint8Array,
  salt: Uint8Array,
  secret: Uint8Array,
  authenticator: Uint8Array,
): Uint8Array {
  const counted = new Uint8Array(1 + plain.length);
  counted[0] = plain.length;
  counted.set(plain, 1);
  const hidden = cipher(counted, secret, [authenticator, salt]);
  const value = new Uint8Array(saltLength + hidden.length);
  value.set(salt);
  value.set(hidden, saltLength);
  return value;
}

/** What hides in salt and cipher text. Undefined: not whole blocks, or the wrong secret, most likely. */
export function revealSalted(value: Uint8Array, secret: Uint8Array, authenticator: Uint8Array): Uint8Array | undefined {
  const hidden = value.subarray(saltLength);
  if (hidden.length === 0 || hidden.length % block !== 0) return undefined;
  const counted = decipher(hidden, secret, [authenticator, value.subarray(0, saltLength)]);
  const end = 1 + counted[0]!;
  return end <= counted.length ? copyOf(counted, 1, end) : undefined;
}

function cipher(plain: Uint8Array, secret: Uint8Array, start: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(Math.max(1, Math.ceil(plain.length / block)) * block);
  bytes.set(plain);
  for (let at = 0; at < bytes.length; at += block) {
    const pad = at === 0 ? md5(secret, ...start) : md5(secret, bytes.subarray(at - block, at));
    for (let i = 0; i < block; i++) bytes[at + i] = bytes[at + i]! ^ pad[i]!;
  }
  return bytes;
}

function decipher(hidden: Uint8Array, secret: Uint8Array, start: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(hidden.length);
  for (let at = 0; at < bytes.length; at += block) {
    const pad = at === 0 ? md5(secret, ...start) : md5(secret, hidden.subarray(at - block, at));
    for (let i = 0; i < block; i++) bytes[at + i] = hidden[at + i]! ^ pad[i]!;
  }
  return bytes;
}
