/** The Internet checksum (RFC 1071). */

/** Sum of the 16-bit words from `from` to `end`, an odd last octet padded with zero, added to `initial`; not yet folded. */
export function sumOf(bytes: Uint8Array, from: number, end: number, initial = 0): number {
  let sum = initial;
  let at = from;
  for (; at + 1 < end; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  return at < end ? sum + (bytes[at]! << 8) : sum;
}

/** The one's complement of the folded sum: what goes into the header, and 0 over octets whose checksum is right. */
export function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + Math.floor(rest / 0x10000);
  return ~rest & 0xffff;
}

export const checksum = (bytes: Uint8Array, from: number, end: number, initial = 0): number =>
  folded(sumOf(bytes, from, end, initial));
