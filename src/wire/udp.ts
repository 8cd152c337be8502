/**
 * UDP header (RFC 768).
 *
 *    0      7 8     15 16    23 24    31
 *   +--------+--------+--------+--------+
 *   |   Source Port   | Destination Port|
 *   +--------+--------+--------+--------+
 *   |     Length      |    Checksum     |
 *   +--------+--------+--------+--------+
 */
import { checksum } from "./checksum.js";
import { type Malformed, malformed } from "./malformed.js";
import { putU16, u16 } from "./octets.js";

export const headerLength = 8;

/** Where the fields are that others than this file touch in place. */
export const offset = { source: 0, destination: 2, length: 4, checksum: 6 } as const;

export interface Datagram {
  readonly source: number;
  readonly destination: number;
  readonly payload: Uint8Array;
}

/** Sum of the pseudo-header for a datagram of so many octets: what the checksum begins with. */
export type PseudoHeader = (length: number) => number;

/**
 * Reads a datagram over IPv6, where there must be a checksum (RFC 8200 §8.1). `payload` is a view into `bytes`; octets after
 * Length are not part of it.
 */
export function parse(bytes: Uint8Array, pseudoHeader: PseudoHeader): Datagram | Malformed {
  if (bytes.length < headerLength) return malformed("udp", "truncated header", bytes.length);
  const length = u16(bytes, offset.length);
  if (length < headerLength) return malformed("udp", "length within header", length);
  if (length > bytes.length) return malformed("udp", "length beyond packet", length);
  const told = u16(bytes, offset.checksum);
  if (told === 0) return malformed("udp", "no checksum", 0);
  if (checksum(bytes, 0, length, pseudoHeader(length)) !== 0) return malformed("udp", "checksum", told);
  return {
    source: u16(bytes, offset.source),
    destination: u16(bytes, offset.destination),
    payload: bytes.subarray(headerLength, length),
  };
}

export function encode(datagram: Datagram, pseudoHeader: PseudoHeader): Uint8Array {
  const bytes = new Uint8Array(headerLength + datagram.payload.length);
  putU16(bytes, offset.source, datagram.source);
  putU16(bytes, offset.destination, datagram.destination);
  putU16(bytes, offset.length, bytes.length);
  bytes.set(datagram.payload, headerLength);
  // Zero would mean that there is none (RFC 768).
  putU16(bytes, offset.checksum, checksum(bytes, 0, bytes.length, pseudoHeader(bytes.length)) || 0xffff);
  return bytes;
}
