/** What a subscriber's router is called on its link, and the prefix that the subscriber's hosts form addresses in. */
import * as ipv6 from "../../wire/ipv6.js";
import type { SubscriberIpv6 } from "./types.js";

/** A prefix in octets. */
export interface Prefix {
  readonly address: Uint8Array;
  readonly length: number;
}

const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits.padStart(16, "0"), "hex"));

/** `prefix` in the upper, the interface identifier (16 hexadecimal digits) in the lower 64 bits. */
export function joined(prefix: Uint8Array, interfaceId: string): Uint8Array {
  const address = new Uint8Array(ipv6.addressLength);
  address.set(prefix.subarray(0, 8));
  address.set(hex(interfaceId), 8);
  return address;
}

const linkLocalPrefix = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0);

/** fe80::/64 and our interface identifier (RFC 5072 §5). */
export const routerAddress = ({ localInterfaceId }: SubscriberIpv6): Uint8Array =>
  joined(linkLocalPrefix, localInterfaceId);

export const allNodes = ipv6.parseAddress("ff02::1")!;
export const allRouters = ipv6.parseAddress("ff02::2")!;
/** All_DHCP_Relay_Agents_and_Servers (RFC 8415 §7.1). */
export const allDhcpServers = ipv6.parseAddress("ff02::1:2")!;

export const same = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((octet, index) => octet === b[index]);

export function parsePrefix(text: string | undefined): Prefix | undefined {
  const [host = "", length = ""] = text?.split("/") ?? [];
  const address = ipv6.parseAddress(host);
  return address && { address, length: Number(length) };
}

/** The link's /64: of a shorter prefix the first one. A longer one leaves no room for interface identifiers. */
export function linkPrefix({ prefix }: SubscriberIpv6): Uint8Array | undefined {
  const parsed = parsePrefix(prefix);
  return parsed !== undefined && parsed.length <= 64 ? parsed.address : undefined;
}

/**
 * Seconds. A subscriber that comes back with other prefixes without telling its own network (RFC 9096 §3.1) is rid of the old ones
 * after a day at most; advertisements and renewals keep those in use fresh.
 */
export const leaseLifetime = { preferred: 14_400, valid: 86_400 } as const;
