/** Prefixes behind a subscriber, as Framed-Route (RFC 2865 §5.22) and Framed-IPv6-Route (RFC 3162 §2.5) write them. */
import * as ipv4 from "../../wire/ipv4.js";
import * as ipv6 from "../../wire/ipv6.js";

/**
 * PREFIX[/LENGTH] [GATEWAY [METRIC…]], or NETWORK MASK [GATEWAY [METRIC…]]; without a length that of the address's class.
 * The gateway is the subscriber, whatever is said. Answers the prefix alone, without host bits.
 */
export function parseFramedRoute(text: string): string | undefined {
  const [first = "", second] = text.trim().split(/\s+/);
  const [host = "", length] = first.split("/");
  const address = ipv4.parseAddress(host);
  if (address === undefined) return undefined;
  const bits =
    length === undefined
      ? (maskLength(second) ?? classLength(address))
      : (numberUpTo(length, 32) ?? maskLength(length));
  return bits === undefined ? undefined : `${ipv4.formatAddress((address & maskOf(bits)) >>> 0)}/${bits}`;
}

/** PREFIX/LENGTH [GATEWAY [METRIC…]]. */
export function parseFramedIpv6Route(text: string): string | undefined {
  const [first = ""] = text.trim().split(/\s+/);
  const [host = "", length = ""] = first.split("/");
  const address = ipv6.parseAddress(host);
  const bits = numberUpTo(length, 128);
  if (address === undefined || bits === undefined) return undefined;
  const network = address.map((octet, index) => octet & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * index))));
  return `${ipv6.formatAddress(network)}/${bits}`;
}

const numberUpTo = (text: string, most: number): number | undefined =>
  /^\d{1,3}$/.test(text) && Number(text) <= most ? Number(text) : undefined;

const maskOf = (bits: number): number => (bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0);

/** A dotted mask's ones, if they come first and there are any: else it is a gateway. */
function maskLength(text: string | undefined): number | undefined {
  const mask = text === undefined ? undefined : ipv4.parseAddress(text);
  if (mask === undefined || mask === 0) return undefined;
  const bits = Math.clz32(~mask);
  return maskOf(bits) === mask ? bits : undefined;
}

/** A, B, C (RFC 791 §2.3); the rest is no network. */
function classLength(address: number): number | undefined {
  const first = address >>> 24;
  if (first < 128) return 8;
  if (first < 192) return 16;
  return first < 224 ? 24 : undefined;
}
