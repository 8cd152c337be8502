/**
 * PPP frames as tunnels carry them (RFC 1661 §2, RFC 1662 §3.1 without flags, transparency and FCS).
 *
 *   +---------+---------+----------+-------------+---------+
 *   | Address | Control | Protocol | Information | Padding |
 *   |   ff    |   03    | 8/16 bits|      *      |    *    |
 *   +---------+---------+----------+-------------+---------+
 *
 * Address and control may be missing (ACFC, RFC 1661 §6.6), and a protocol below 0x100 may have one octet (PFC, §6.5): an
 * octet that is odd ends the protocol field.
 */
import { putU16 } from "./octets.js";

export const address = 0xff;
export const control = 0x03;

/** Octets of the header that we write: address, control, and a whole protocol field. */
export const frameHeaderLength = 4;

/** Protocol numbers that somebody here knows. */
export const pppProtocol = {
  ipv4: 0x0021,
  ipv6: 0x0057,
  multilink: 0x003d,
  mplsUnicast: 0x0281,
  mplsMulticast: 0x0283,
  ipcp: 0x8021,
  ipv6cp: 0x8057,
  mplscp: 0x8281,
  ccp: 0x80fd,
  ecp: 0x8053,
  lcp: 0xc021,
  pap: 0xc023,
  lqr: 0xc025,
  chap: 0xc223,
  eap: 0xc227,
} as const;

const names: ReadonlyMap<number, string> = new Map([
  [pppProtocol.ipv4, "IPv4"],
  [pppProtocol.ipv6, "IPv6"],
  [pppProtocol.multilink, "MP"],
  [pppProtocol.mplsUnicast, "MPLS"],
  [pppProtocol.mplsMulticast, "MPLS multicast"],
  [pppProtocol.ipcp, "IPCP"],
  [pppProtocol.ipv6cp, "IPv6CP"],
  [pppProtocol.mplscp, "MPLSCP"],
  [pppProtocol.ccp, "CCP"],
  [pppProtocol.ecp, "ECP"],
  [pppProtocol.lcp, "LCP"],
  [pppProtocol.pap, "PAP"],
  [pppProtocol.lqr, "LQR"],
  [pppProtocol.chap, "CHAP"],
  [pppProtocol.eap, "EAP"],
]);

/** The name that engineers use, or the number in hexadecimal. */
export const protocolName = (protocol: number): string =>
  names.get(protocol) ?? `0x${protocol.toString(16).padStart(4, "0")}`;

/** Protocols that belong to one link, not to the bundle or its networks (RFC 1661 §2: 0xc000 and above). */
export const isLinkProtocol = (protocol: number): boolean => protocol >= 0xc000;

/** Where the information of a frame begins, and its protocol. Undefined: these bytes are no PPP frame. */
export function parseFrame(bytes: Uint8Array): { protocol: number; at: number } | undefined {
  const start = bytes[0] === address && bytes[1] === control ? 2 : 0;
  const first = bytes[start];
  if (first === undefined || first === address) return undefined;
  if (first & 1) return { protocol: first, at: start + 1 };
  const second = bytes[start + 1];
  if (second === undefined || !(second & 1)) return undefined;
  return { protocol: (first << 8) | second, at: start + 2 };
}

/** A frame of `length` octets of information, which are to be written from `frameHeaderLength` on. */
export function emptyFrame(protocol: number, length: number): Uint8Array {
  const frame = new Uint8Array(frameHeaderLength + length);
  frame[0] = address;
  frame[1] = control;
  putU16(frame, 2, protocol);
  return frame;
}

export function encodeFrame(protocol: number, information: Uint8Array): Uint8Array {
  const frame = emptyFrame(protocol, information.length);
  frame.set(information, frameHeaderLength);
  return frame;
}
