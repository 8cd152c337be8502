/**
 * Answers pings (RFC 792, RFC 4443 §4) for a virtual device that no host is behind.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Type      |     Code      |          Checksum             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |           Identifier          |        Sequence Number        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Data ...
 *   +-+-+-+-+-
 */
import { checksum } from "./checksum.js";
import * as icmp6 from "./icmp6.js";
import * as ipv4 from "./ipv4.js";
import * as ipv6 from "./ipv6.js";
import { isMalformed } from "./malformed.js";
import { copyOf, putU16 } from "./octets.js";

export const protocol = 1;
export const type = { echoReply: 0, destinationUnreachable: 3, echoRequest: 8 } as const;

const echoLength = 8;
const ttl = 64;
const firstMulticast = 0xe000_0000;

/**
 * The reply to an echo request (a whole IP packet) that is for one of `addresses`; undefined: it is something else, a fragment,
 * or broken.
 */
export function answerEcho(packet: Uint8Array, addresses: readonly string[]): Uint8Array | undefined {
  switch ((packet[0] ?? 0) >> 4) {
    case 4:
      return answerIpv4(packet, addresses);
    case 6:
      return answerIpv6(packet, addresses);
    default:
      return undefined;
  }
}

function answerIpv4(bytes: Uint8Array, addresses: readonly string[]): Uint8Array | undefined {
  const packet = ipv4.parse(bytes);
  if (isMalformed(packet) || packet.protocol !== protocol) return undefined;
  const { source, destination, payload, fragment } = packet;
  if ((fragment & (ipv4.fragment.moreFragments | ipv4.fragment.offsetMask)) !== 0) return undefined;
  if (payload.length < echoLength || payload[0] !== type.echoRequest || payload[1] !== 0) return undefined;
  if (checksum(payload, 0, payload.length) !== 0) return undefined;
  if (source === 0 || source >= firstMulticast) return undefined;
  if (!addresses.some((address) => ipv4.parseAddress(address) === destination)) return undefined;
  const reply = copyOf(payload, 0, payload.length);
  reply[0] = type.echoReply;
  putU16(reply, 2, 0);
  putU16(reply, 2, checksum(reply, 0, reply.length));
  return ipv4.encode({ ...packet, ttl, fragment: 0, source: destination, destination: source, payload: reply });
}

function answerIpv6(bytes: Uint8Array, addresses: readonly string[]): Uint8Array | undefined {
  const packet = ipv6.parse(bytes);
  if (isMalformed(packet) || packet.nextHeader !== ipv6.nextHeader.icmpv6) return undefined;
  const { source, destination } = packet;
  const ours = addresses.some((address) => {
    const octets = ipv6.parseAddress(address);
    return octets?.every((octet, index) => octet === destination[index]) === true;
  });
  return ours ? answerEcho6(packet, source, destination) : undefined;
}

/** The reply to an ICMPv6 echo request, whoever it was sent to, from `ourAddress`; undefined: it is none. */
export function answerEcho6(
  packet: ipv6.Packet,
  destination: Uint8Array,
  ourAddress: Uint8Array,
): Uint8Array | undefined {
  const message = icmp6.parse(packet);
  if (isMalformed(message) || message.type !== icmp6.type.echoRequest || message.code !== 0) return undefined;
  if (message.body.length < echoLength - icmp6.headerLength) return undefined;
  if (ipv6.isMulticast(destination) || ipv6.isUnspecified(destination)) return undefined;
  return icmp6.encode({ ...message, type: icmp6.type.echoReply }, { source: ourAddress, destination, hopLimit: ttl });
}
