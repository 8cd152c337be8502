/** Addresses as the configuration, the data plane and the machines write them: 192.0.2.1:1701, [2001:db8::1]:1701. */
import { BlockList, isIP, SocketAddress } from "node:net";

/** The registered port of L2TP (RFC 2661 §8.1). */
export const l2tpPort = 1701;

const portRange = 0xffff;

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
}

/** Reads ADDRESS, [ADDRESS], ADDRESS:PORT or [ADDRESS]:PORT; IP addresses alone, no host names. */
export function splitAddress(text: string, defaultPort: number = l2tpPort): Address | undefined {
  if (isIP(text) === 6) return { host: text, port: defaultPort, family: 6 };
  const parts = /^(?:\[(.+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (!parts) return undefined;
  const family = parts[1] === undefined ? 4 : 6;
  const host = parts[1] ?? parts[2] ?? "";
  const port = parts[3] === undefined ? defaultPort : Number(parts[3]);
  if (isIP(host) !== family || port > portRange) return undefined;
  return { host, port, family };
}

/** The one spelling of an address that all layers compare: IPv6 shortened and in brackets. */
export function formatAddress(address: Address): string {
  if (address.family === 4) return `${address.host}:${address.port}`;
  const [host = "", zone] = address.host.split("%");
  const short = new SocketAddress({ address: host, family: "ipv6" }).address;
  return `[${short}${zone === undefined ? "" : `%${zone}`}]:${address.port}`;
}

/** `formatAddress` of `splitAddress`; undefined if it is no address. */
export function canonicalAddress(text: string, defaultPort: number = l2tpPort): string | undefined {
  const address = splitAddress(text, defaultPort);
  return address && formatAddress(address);
}

/** ADDRESS or ADDRESS/BITS. */
export function isPrefix(text: string): boolean {
  const [host = "", bits, ...rest] = text.split("/");
  const family = isIP(host);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

export interface PrefixList {
  /** Whether the address part of ADDRESS:PORT is in one of the prefixes. */
  has(address: string): boolean;
}

/** Prefixes to match a sender against; the texts have passed `isPrefix`. */
export function parsePrefixes(prefixes: readonly string[]): PrefixList {
  const list = new BlockList();
  for (const prefix of prefixes) {
    const [host = "", bits] = prefix.split("/");
    const family = isIP(host);
    list.addSubnet(host, Number(bits ?? (family === 4 ? 32 : 128)), family === 4 ? "ipv4" : "ipv6");
  }
  return {
    has(text) {
      const address = splitAddress(text);
      if (!address) return false;
      const [host = ""] = address.host.split("%");
      return list.check(host, address.family === 4 ? "ipv4" : "ipv6");
    },
  };
}
