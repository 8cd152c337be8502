/** IP packets in a short form. They need not be whole, nor their checksums right: what is there is shown. */
import * as ipv4 from "../wire/ipv4.js";
import * as ipv6 from "../wire/ipv6.js";
import { u16, u32 } from "../wire/octets.js";
import { number } from "./text.js";

interface Inner {
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  /** Octets that the packet says that it has. */
  readonly length: number;
  /** Where what it carries begins; undefined: not in this part of it. */
  readonly at: number | undefined;
  readonly icmp: Readonly<Record<number, string>>;
}

const icmpTypes: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "unreachable",
  5: "redirect",
  8: "echo request",
  11: "time exceeded",
};

const icmpv6Types: Readonly<Record<number, string>> = {
  1: "unreachable",
  2: "packet too big",
  3: "time exceeded",
  128: "echo request",
  129: "echo reply",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbor solicitation",
  136: "neighbor advertisement",
  143: "multicast listener report",
};

const protocols = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

export function decodeIpv4(bytes: Uint8Array): string {
  if (bytes.length < ipv4.headerLength || bytes[0]! >> 4 !== 4) return `IPv4 malformed, ${bytes.length} octets`;
  const header = (bytes[0]! & 15) * 4;
  const first = (u16(bytes, ipv4.offset.fragment) & ipv4.fragment.offsetMask) === 0;
  return short("IPv4", bytes, {
    protocol: bytes[ipv4.offset.protocol]!,
    source: ipv4.formatAddress(u32(bytes, ipv4.offset.source)),
    destination: ipv4.formatAddress(u32(bytes, ipv4.offset.destination)),
    length: u16(bytes, ipv4.offset.length),
    at: first ? header : undefined,
    icmp: icmpTypes,
  });
}

export function decodeIpv6(bytes: Uint8Array): string {
  if (bytes.length < ipv6.headerLength || bytes[0]! >> 4 !== 6) return `IPv6 malformed, ${bytes.length} octets`;
  return short("IPv6", bytes, {
    protocol: bytes[ipv6.offset.nextHeader]!,
    source: ipv6.formatAddress(bytes, ipv6.offset.source),
    destination: ipv6.formatAddress(bytes, ipv6.offset.destination),
    length: ipv6.headerLength + u16(bytes, ipv6.offset.payloadLength),
    at: ipv6.headerLength,
    icmp: icmpv6Types,
  });
}

function short(version: string, bytes: Uint8Array, inner: Inner): string {
  const { protocol, source, destination, length } = inner;
  const at = inner.at !== undefined && inner.at + 8 <= bytes.length ? inner.at : undefined;
  const isPorts = protocol === protocols.tcp || protocol === protocols.udp;
  const ports = at !== undefined && isPorts ? [` port ${u16(bytes, at)}`, ` port ${u16(bytes, at + 2)}`] : ["", ""];
  return `${version} ${source}${ports[0]} > ${destination}${ports[1]} ${carried(bytes, at, inner)}, ${length} octets`;
}

function carried(bytes: Uint8Array, at: number | undefined, { protocol, icmp, at: begin }: Inner): string {
  const fragment = begin === undefined ? " fragment" : "";
  switch (protocol) {
    case protocols.tcp:
      return `TCP${fragment}${at === undefined ? "" : tcpFlags(bytes, at)}`;
    case protocols.udp:
      return `UDP${fragment}`;
    case protocols.icmp:
    case protocols.icmpv6: {
      const type = at === undefined ? undefined : bytes[at]!;
      const name = protocol === protocols.icmp ? "ICMP" : "ICMPv6";
      return `${name}${fragment}${type === undefined ? "" : ` ${icmp[type] ?? `type ${type}`}`}`;
    }
    default:
      return `protocol ${number(protocol, 2)}${fragment}`;
  }
}

const flagNames = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"] as const;

function tcpFlags(bytes: Uint8Array, at: number): string {
  const flags = bytes[at + 13] ?? 0;
  return flagNames.flatMap((name, bit) => ((flags >> bit) & 1 ? [` ${name}`] : [])).join("");
}
