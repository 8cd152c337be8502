/**
 * IPv4 header (RFC 791 §3.1) and addresses.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |Version|  IHL  |Type of Service|          Total Length         |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |         Identification        |Flags|      Fragment Offset    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Time to Live |    Protocol   |         Header Checksum       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                       Source Address                          |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                    Destination Address                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                    Options                    |    Padding    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { checksum } from "./checksum.js";
import { type Malformed, malformed } from "./malformed.js";
import { putU16, putU32, u16, u32 } from "./octets.js";

/** Octets of a header without options. */
export const headerLength = 20;

/** Where the fields are that others than this file touch in place. */
export const offset = {
  tos: 1,
  length: 2,
  identification: 4,
  fragment: 6,
  ttl: 8,
  protocol: 9,
  checksum: 10,
  source: 12,
  destination: 16,
} as const;

/** Bits of the flags and fragment offset word. */
export const fragment = { dontFragment: 0x4000, moreFragments: 0x2000, offsetMask: 0x1fff } as const;

// --- Addresses ---

/** A dotted address as one number, or undefined when the text is none. No leading zeros, as inet_pton has it. */
export function parseAddress(text: string): number | undefined {
  let address = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - zero;
    if (digit >= 0 && digit <= 9) {
      octet = octet * 10 + digit;
      digits++;
      if (octet > 255 || (digits > 1 && octet < 10 ** (digits - 1))) return undefined;
    } else {
      if (text.charCodeAt(at) !== dot || digits === 0 || dots === 3) return undefined;
      address = address * 256 + octet;
      octet = digits = 0;
      dots++;
    }
  }
  return dots === 3 && digits > 0 ? address * 256 + octet : undefined;
}

const zero = 0x30;
const dot = 0x2e;

export const formatAddress = (address: number): string =>
  `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;

// --- Value: whole packets, for the control plane. ---

export interface Packet {
  readonly protocol: number;
  readonly ttl: number;
  readonly tos: number;
  readonly identification: number;
  /** Flags and fragment offset as they are on the wire. */
  readonly fragment: number;
  readonly source: number;
  readonly destination: number;
  readonly payload: Uint8Array;
}

/** Reads a packet; `payload` is a view into `bytes`. Octets after Total Length are padding. The checksum is verified. */
export function parse(bytes: Uint8Array): Packet | Malformed {
  if (bytes.length < headerLength) return malformed("ipv4", "truncated header", bytes.length);
  if (bytes[0]! >> 4 !== 4) return malformed("ipv4", "version", bytes[0]! >> 4);
  const header = (bytes[0]! & 15) * 4;
  const length = u16(bytes, offset.length);
  if (header < headerLength) return malformed("ipv4", "header length", header);
  if (length < header) return malformed("ipv4", "length within header", length);
  if (length > bytes.length) return malformed("ipv4", "length beyond packet", length);
  const sum = checksum(bytes, 0, header);
  if (sum !== 0) return malformed("ipv4", "header checksum", sum);
  return {
    protocol: bytes[offset.protocol]!,
    ttl: bytes[offset.ttl]!,
    tos: bytes[offset.tos]!,
    identification: u16(bytes, offset.identification),
    fragment: u16(bytes, offset.fragment),
    source: u32(bytes, offset.source),
    destination: u32(bytes, offset.destination),
    payload: bytes.subarray(header, length),
  };
}

/** A packet without options. */
export function encode(packet: Packet): Uint8Array {
  const bytes = new Uint8Array(headerLength + packet.payload.length);
  bytes[0] = 0x45;
  bytes[offset.tos] = packet.tos;
  putU16(bytes, offset.length, bytes.length);
  putU16(bytes, offset.identification, packet.identification);
  putU16(bytes, offset.fragment, packet.fragment);
  bytes[offset.ttl] = packet.ttl;
  bytes[offset.protocol] = packet.protocol;
  putU32(bytes, offset.source, packet.source);
  putU32(bytes, offset.destination, packet.destination);
  putU16(bytes, offset.checksum, checksum(bytes, 0, headerLength));
  bytes.set(packet.payload, headerLength);
  return bytes;
}
