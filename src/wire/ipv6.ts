/**
 * IPv6 header (RFC 8200 §3) and addresses.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |Version| Traffic Class |           Flow Label                  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |         Payload Length        |  Next Header  |   Hop Limit   |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                        Source Address (16)                    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                     Destination Address (16)                  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { isIPv6 } from "node:net";
import { sumOf } from "./checksum.js";
import { parseAddress as parseIpv4 } from "./ipv4.js";
import { type Malformed, malformed } from "./malformed.js";
import { putU16, u16 } from "./octets.js";

export const headerLength = 40;
export const addressLength = 16;

/** Where the fields are that others than this file touch in place. */
export const offset = { payloadLength: 4, nextHeader: 6, hopLimit: 7, source: 8, destination: 24 } as const;

export const nextHeader = { hopByHop: 0, udp: 17, icmpv6: 58 } as const;

// --- Addresses ---

/** The 16 octets of an address (RFC 4291 §2.2), or undefined when the text is none, or has a zone. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const bytes = new Uint8Array(addressLength);
  groupsOf(text).forEach((group, index) => {
    putU16(bytes, 2 * index, group);
  });
  return bytes;
}

/** The eight groups of a text that `isIPv6` has approved, without a zone. */
export function groupsOf(text: string): readonly number[] {
  const dotted = text.lastIndexOf(":") + 1;
  const ipv4 = text.includes(".") ? parseIpv4(text.slice(dotted)) : undefined;
  const plain =
    ipv4 === undefined ? text : `${text.slice(0, dotted)}${(ipv4 >>> 16).toString(16)}:${(ipv4 & 0xffff).toString(16)}`;
  const [head = "", tail] = plain.split("::");
  const parse = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return parse(head);
  const [left, right] = [parse(head), parse(tail)];
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

export const formatAddress = (bytes: Uint8Array, at = 0): string =>
  formatGroups(Array.from({ length: 8 }, (_, index) => u16(bytes, at + 2 * index)));

/** RFC 5952 §4: lower case, no leading zeros, the longest run of zero groups (at least two, the first if equal) as "::". */
export function formatGroups(groups: readonly number[]): string {
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return best.length < 2 ? hex(0, 8) : `${hex(0, best.start)}::${hex(best.start + best.length, 8)}`;
}

/** fe80::/10 (RFC 4291 §2.5.6). */
export const isLinkLocal = (address: Uint8Array): boolean => address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
export const isMulticast = (address: Uint8Array): boolean => address[0] === 0xff;
export const isUnspecified = (address: Uint8Array): boolean => address.every((octet) => octet === 0);

// --- Value: whole packets, for the control plane. ---

export interface Packet {
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly payload: Uint8Array;
}

/** Reads a packet; addresses and `payload` are views into `bytes`. Octets after Payload Length are padding. */
export function parse(bytes: Uint8Array): Packet | Malformed {
  if (bytes.length < headerLength) return malformed("ipv6", "truncated header", bytes.length);
  if (bytes[0]! >> 4 !== 6) return malformed("ipv6", "version", bytes[0]! >> 4);
  const end = headerLength + u16(bytes, offset.payloadLength);
  if (end > bytes.length) return malformed("ipv6", "length beyond packet", end);
  return {
    nextHeader: bytes[offset.nextHeader]!,
    hopLimit: bytes[offset.hopLimit]!,
    source: bytes.subarray(offset.source, offset.destination),
    destination: bytes.subarray(offset.destination, headerLength),
    payload: bytes.subarray(headerLength, end),
  };
}

/** A packet of traffic class and flow label 0. */
export function encode(packet: Packet): Uint8Array {
  const bytes = new Uint8Array(headerLength + packet.payload.length);
  bytes[0] = 0x60;
  putU16(bytes, offset.payloadLength, packet.payload.length);
  bytes[offset.nextHeader] = packet.nextHeader;
  bytes[offset.hopLimit] = packet.hopLimit;
  bytes.set(packet.source, offset.source);
  bytes.set(packet.destination, offset.destination);
  bytes.set(packet.payload, headerLength);
  return bytes;
}

/** Sum of the pseudo-header (RFC 8200 §8.1), to begin the checksum of an upper layer with. */
export function pseudoHeaderSum(source: Uint8Array, destination: Uint8Array, length: number, protocol: number): number {
  return sumOf(destination, 0, addressLength, sumOf(source, 0, addressLength, length + protocol));
}
