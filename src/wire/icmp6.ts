/**
 * ICMPv6 (RFC 4443 §2.1) and the Neighbor Discovery messages of a router on a point-to-point link (RFC 4861 §4, RFC 8106 §5.1).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Type      |     Code      |          Checksum             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                         Message Body                          |
 */
import { checksum } from "./checksum.js";
import * as ipv6 from "./ipv6.js";
import { type Malformed, malformed } from "./malformed.js";
import { copyOf, putU16, putU32, u16, u32 } from "./octets.js";

export const headerLength = 4;

export const type = {
  packetTooBig: 2,
  echoRequest: 128,
  echoReply: 129,
  routerSolicitation: 133,
  routerAdvertisement: 134,
  neighborSolicitation: 135,
  neighborAdvertisement: 136,
} as const;

/** Neighbor Discovery packets have come over no router when they have this (RFC 4861 §6.1). */
export const discoveryHopLimit = 255;

export interface Message {
  readonly type: number;
  readonly code: number;
  /** What follows the checksum. */
  readonly body: Uint8Array;
}

/** Reads the ICMPv6 message that an IPv6 packet carries; `body` is a view into it. */
export function parse({ source, destination, payload }: ipv6.Packet): Message | Malformed {
  if (payload.length < headerLength) return malformed("icmpv6", "truncated header", payload.length);
  const pseudoHeader = ipv6.pseudoHeaderSum(source, destination, payload.length, ipv6.nextHeader.icmpv6);
  const sum = checksum(payload, 0, payload.length, pseudoHeader);
  if (sum !== 0) return malformed("icmpv6", "checksum", sum);
  return { type: payload[0]!, code: payload[1]!, body: payload.subarray(headerLength) };
}

/** A whole IPv6 packet. */
export function encode(
  { type: kind, code, body }: Message,
  { source, destination, hopLimit }: Pick<ipv6.Packet, "source" | "destination" | "hopLimit">,
): Uint8Array {
  const payload = new Uint8Array(headerLength + body.length);
  payload[0] = kind;
  payload[1] = code;
  payload.set(body, headerLength);
  const pseudoHeader = ipv6.pseudoHeaderSum(source, destination, payload.length, ipv6.nextHeader.icmpv6);
  putU16(payload, 2, checksum(payload, 0, payload.length, pseudoHeader));
  return ipv6.encode({ nextHeader: ipv6.nextHeader.icmpv6, hopLimit, source, destination, payload });
}

// --- Neighbor Discovery options (RFC 4861 §4.6): type, length in units of 8 octets, value ---

const option = { sourceLinkLayer: 1, prefixInformation: 3, mtu: 5, recursiveDns: 25 } as const;

interface Option {
  readonly type: number;
  /** What follows type and length. */
  readonly value: Uint8Array;
}

/** An option of length 0 or one that overruns makes the whole message invalid (RFC 4861 §6.1). */
function parseOptions(body: Uint8Array, from: number): readonly Option[] | Malformed {
  const found: Option[] = [];
  for (let at = from; at < body.length; ) {
    const length = (body[at + 1] ?? 0) * 8;
    if (length === 0) return malformed("icmpv6", "option of no length", body[at]!);
    if (at + length > body.length) return malformed("icmpv6", "option beyond message", body[at]!);
    found.push({ type: body[at]!, value: body.subarray(at + 2, at + length) });
    at += length;
  }
  return found;
}

// --- Router Solicitation (RFC 4861 §4.1): 4 reserved octets, options ---

const solicitationLength = 4;

export interface RouterSolicitation {
  readonly hasLinkLayerAddress: boolean;
}

export function parseRouterSolicitation(body: Uint8Array): RouterSolicitation | Malformed {
  if (body.length < solicitationLength) return malformed("icmpv6", "truncated router solicitation", body.length);
  const options = parseOptions(body, solicitationLength);
  if ("malformed" in options) return options;
  return { hasLinkLayerAddress: options.some((each) => each.type === option.sourceLinkLayer) };
}

// --- Neighbor Solicitation and Advertisement (RFC 4861 §4.3, §4.4): 4 octets of flags, 16 of target, options ---

const targetAt = 4;
const neighborLength = 20;

export const neighborFlag = { router: 0x8000_0000, solicited: 0x4000_0000, override: 0x2000_0000 } as const;

/** The target address. */
export function parseNeighborSolicitation(body: Uint8Array): Uint8Array | Malformed {
  if (body.length < neighborLength) return malformed("icmpv6", "truncated neighbor solicitation", body.length);
  const options = parseOptions(body, neighborLength);
  return "malformed" in options ? options : body.subarray(targetAt, neighborLength);
}

/** The body of an advertisement without a link-layer address: a point-to-point link has none. */
export function encodeNeighborAdvertisement(flags: number, target: Uint8Array): Uint8Array {
  const body = new Uint8Array(neighborLength);
  putU32(body, 0, flags);
  body.set(target, targetAt);
  return body;
}

/**
 * Router Advertisement (RFC 4861 §4.2), after the checksum.
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Cur Hop Limit |M|O|  Reserved |       Router Lifetime         |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                         Reachable Time                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                          Retrans Timer                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   Options ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-
 */
const advertisement = { hopLimit: 0, flags: 1, lifetime: 2, reachable: 4, retransmit: 8, size: 12 } as const;
const advertisementFlag = { managed: 0x80, other: 0x40 } as const;

/**
 * Prefix Information (RFC 4861 §4.6.2).
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Type      |    Length     | Prefix Length |L|A| Reserved1 |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                         Valid Lifetime                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                       Preferred Lifetime                      |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                           Reserved2                           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                          Prefix (16)                          |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
const prefixInformation = { length: 2, flags: 3, valid: 4, preferred: 8, prefix: 16, size: 32 } as const;
const prefixFlag = { onLink: 0x80, autonomous: 0x40 } as const;

const mtuSize = 8;
/** RDNSS (RFC 8106 §5.1): type, length, 2 reserved, lifetime, addresses. */
const dns = { lifetime: 4, addresses: 8 } as const;

/** Lifetimes in seconds; 0xffffffff is for ever. */
export interface AdvertisedPrefix {
  readonly prefix: Uint8Array;
  readonly length: number;
  readonly onLink: boolean;
  readonly autonomous: boolean;
  readonly valid: number;
  readonly preferred: number;
}

export interface RouterAdvertisement {
  readonly hopLimit: number;
  readonly managed: boolean;
  readonly other: boolean;
  /** Seconds; 0: no default router. */
  readonly lifetime: number;
  readonly prefixes: readonly AdvertisedPrefix[];
  readonly mtu: number | undefined;
  readonly dns: { readonly lifetime: number; readonly servers: readonly Uint8Array[] } | undefined;
}

/** The body of the message. Reachable Time and Retrans Timer are unspecified. */
export function encodeRouterAdvertisement(value: RouterAdvertisement): Uint8Array {
  const dnsSize = value.dns === undefined ? 0 : dns.addresses + ipv6.addressLength * value.dns.servers.length;
  const size =
    advertisement.size +
    prefixInformation.size * value.prefixes.length +
    (value.mtu === undefined ? 0 : mtuSize) +
    dnsSize;
  const body = new Uint8Array(size);
  body[advertisement.hopLimit] = value.hopLimit;
  body[advertisement.flags] =
    (value.managed ? advertisementFlag.managed : 0) | (value.other ? advertisementFlag.other : 0);
  putU16(body, advertisement.lifetime, value.lifetime);

  let at: number = advertisement.size;
  const begin = (kind: number, length: number): number => {
    body[at] = kind;
    body[at + 1] = length / 8;
    at += length;
    return at - length;
  };
  for (const each of value.prefixes) {
    const start = begin(option.prefixInformation, prefixInformation.size);
    body[start + prefixInformation.length] = each.length;
    body[start + prefixInformation.flags] =
      (each.onLink ? prefixFlag.onLink : 0) | (each.autonomous ? prefixFlag.autonomous : 0);
    putU32(body, start + prefixInformation.valid, each.valid);
    putU32(body, start + prefixInformation.preferred, each.preferred);
    body.set(each.prefix, start + prefixInformation.prefix);
  }
  if (value.mtu !== undefined) putU32(body, begin(option.mtu, mtuSize) + 4, value.mtu);
  if (value.dns !== undefined) {
    const start = begin(option.recursiveDns, dnsSize);
    putU32(body, start + dns.lifetime, value.dns.lifetime);
    value.dns.servers.forEach((server, index) => {
      body.set(server, start + dns.addresses + ipv6.addressLength * index);
    });
  }
  return body;
}

/** Reads the body. Of several MTU or RDNSS options the first counts; unknown options are ignored. */
export function parseRouterAdvertisement(body: Uint8Array): RouterAdvertisement | Malformed {
  if (body.length < advertisement.size) return malformed("icmpv6", "truncated router advertisement", body.length);
  const options = parseOptions(body, advertisement.size);
  if ("malformed" in options) return options;
  const flags = body[advertisement.flags]!;
  const first = (kind: number, size: number) =>
    options.find((each) => each.type === kind && each.value.length >= size - 2)?.value;
  const mtu = first(option.mtu, mtuSize);
  const servers = first(option.recursiveDns, dns.addresses + ipv6.addressLength);
  return {
    hopLimit: body[advertisement.hopLimit]!,
    managed: (flags & advertisementFlag.managed) !== 0,
    other: (flags & advertisementFlag.other) !== 0,
    lifetime: u16(body, advertisement.lifetime),
    prefixes: options.flatMap(({ type: kind, value }) =>
      kind === option.prefixInformation && value.length === prefixInformation.size - 2 ? [parsePrefix(value)] : [],
    ),
    mtu: mtu && u32(mtu, 2),
    dns: servers && {
      lifetime: u32(servers, dns.lifetime - 2),
      servers: Array.from(
        { length: Math.floor((servers.length + 2 - dns.addresses) / ipv6.addressLength) },
        (_, index) => {
          const at = dns.addresses - 2 + ipv6.addressLength * index;
          return copyOf(servers, at, at + ipv6.addressLength);
        },
      ),
    },
  };
}

function parsePrefix(value: Uint8Array): AdvertisedPrefix {
  const at = (field: number): number => field - 2;
  const flags = value[at(prefixInformation.flags)]!;
  return {
    prefix: copyOf(value, at(prefixInformation.prefix), at(prefixInformation.size)),
    length: value[at(prefixInformation.length)]!,
    onLink: (flags & prefixFlag.onLink) !== 0,
    autonomous: (flags & prefixFlag.autonomous) !== 0,
    valid: u32(value, at(prefixInformation.valid)),
    preferred: u32(value, at(prefixInformation.preferred)),
  };
}
