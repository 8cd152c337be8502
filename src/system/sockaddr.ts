/**
 * Socket addresses between their text ("192.0.2.1:1701", "[2001:db8::1]:1701") and the bytes of struct sockaddr_in and
 * sockaddr_in6. Both directions remember a bounded number of answers, since peers repeat.
 */
import { isIPv4, isIPv6 } from "node:net";
import { JunctorError } from "../errors.js";
import { formatAddress as formatIpv4 } from "../wire/ipv4.js";
import { formatGroups, groupsOf } from "../wire/ipv6.js";
import { c, sockaddrIn, sockaddrIn6 } from "./structs.js";

export interface SocketAddress {
  readonly family: 4 | 6;
  /** Without brackets. */
  readonly address: string;
  readonly port: number;
}

const remembered = 8192;

function remember<K, V>(known: Map<K, V>, key: K, value: V): V {
  if (known.size >= remembered) known.clear();
  known.set(key, value);
  return value;
}

/** @throws JunctorError EINVAL when the text is no socket address. */
export function splitSocketAddress(text: string): SocketAddress {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, Math.max(colon, 0));
  const port = Number(text.slice(colon + 1));
  const portIsGood = /^\d{1,5}$/.test(text.slice(colon + 1)) && port <= 0xffff;
  if (portIsGood && isIPv4(host)) return { family: 4, address: host, port };
  const inner = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : "";
  if (portIsGood && isIPv6(inner)) return { family: 6, address: inner, port };
  throw new JunctorError("EINVAL", `"${text}" is no socket address`, "write ADDRESS:PORT or [IPV6]:PORT");
}

export const joinSocketAddress = ({ family, address, port }: SocketAddress): string =>
  family === 4 ? `${address}:${port}` : `[${address}]:${port}`;

/** Whether this is 0.0.0.0 or [::]. */
export function isWildcard(text: string): boolean {
  const bytes = encodeSocketAddress(text);
  return addressOfSockaddr(bytes).every((byte) => byte === 0);
}

const addressOfSockaddr = (bytes: Uint8Array): Uint8Array =>
  bytes.length === sockaddrIn.size
    ? bytes.subarray(sockaddrIn.address, sockaddrIn.address + 4)
    : bytes.subarray(sockaddrIn6.address, sockaddrIn6.address + 16);

/** The address alone, in network order: 4 or 16 bytes. */
export const addressBytes = (text: string): Uint8Array => addressOfSockaddr(encodeSocketAddress(text));

const encoded = new Map<string, Uint8Array>();

/** The 16 or 28 bytes of the sockaddr. Do not write to them: they are remembered. @throws JunctorError EINVAL */
export function encodeSocketAddress(text: string): Uint8Array {
  const known = encoded.get(text);
  if (known !== undefined) return known;
  const { family, address, port } = splitSocketAddress(text);
  const bytes = new Uint8Array(family === 4 ? sockaddrIn.size : sockaddrIn6.size);
  const view = new DataView(bytes.buffer);
  view.setUint16(sockaddrIn.family, family === 4 ? c.AF_INET : c.AF_INET6, true);
  view.setUint16(sockaddrIn.port, port);
  if (family === 4) bytes.set(address.split(".").map(Number), sockaddrIn.address);
  else {
    const [host = "", zone] = address.split("%");
    groupsOf(host).forEach((group, index) => {
      view.setUint16(sockaddrIn6.address + 2 * index, group);
    });
    if (zone !== undefined) view.setUint32(sockaddrIn6.scopeId, Number(zone) || 0, true);
  }
  return remember(encoded, text, bytes);
}

const decoded4 = new Map<number, string>();
const decoded6 = new Map<string, string>();

/** The text of the sockaddr at `at`; undefined when its family is neither AF_INET nor AF_INET6. */
export function decodeSocketAddress(view: DataView, at: number): string | undefined {
  const family = view.getUint16(at + sockaddrIn.family, true);
  const port = view.getUint16(at + sockaddrIn.port);
  if (family === c.AF_INET) return socketAddress4(view.getUint32(at + sockaddrIn.address), port);
  if (family !== c.AF_INET6) return undefined;
  return socketAddress6(view, at + sockaddrIn6.address, port, view.getUint32(at + sockaddrIn6.scopeId, true));
}

/** `address` in network order read as one number. */
export function socketAddress4(address: number, port: number): string {
  const key = address * 65536 + port;
  const known = decoded4.get(key);
  if (known !== undefined) return known;
  return remember(decoded4, key, `${formatIpv4(address)}:${port}`);
}

/** The 16 bytes of the address lie at `at`. */
export function socketAddress6(view: DataView, at: number, port: number, scope = 0): string {
  const words = [0, 4, 8, 12].map((offset) => view.getUint32(at + offset));
  const key = `${words.join(",")},${port},${scope}`;
  const known = decoded6.get(key);
  if (known !== undefined) return known;
  return remember(
    decoded6,
    key,
    `[${formatGroups(words.flatMap((word) => [word >>> 16, word & 0xffff]))}${scope === 0 ? "" : `%${scope}`}]:${port}`,
  );
}
