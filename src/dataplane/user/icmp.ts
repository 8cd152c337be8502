/** The two errors that path MTU discovery lives on: RFC 1191 §4 (IPv4) and RFC 4443 §3.2 (IPv6). */
import type { Region } from "../../system/memory.js";
import { type Sum, swap16 } from "./checksum.js";
import { fragmentBit, ipv4, ipv6, protocol } from "./ip-headers.js";

const header = { type: 0, code: 1, checksum: 2, mtu: 4, size: 8 } as const;
const unreachable = 3;
const fragmentationNeeded = 4;
const packetTooBig = 2;
/** RFC 1812 §4.3.2.3 and RFC 4443 §2.4 (c): as much of the packet as fits this much in all. */
const longest = { ipv4: 576, ipv6: 1280 } as const;
const timeToLive = 64;
/** ICMPv4 types that ask or answer; all others are errors, about which no error is sent (RFC 1122 §3.2.2). */
const informational: readonly number[] = [0, 8, 9, 10, 13, 14, 15, 16, 17, 18];

export interface Icmp {
  /**
   * Writes the error for the packet at `at` into a buffer of its own and answers its offset; 0 when there must be none, or
   * too many were written since `release`. `source`: our IPv4 address; 0, and in IPv6: the packet's destination.
   */
  tooBig(at: number, packetLength: number, mtu: number, source: number): number;
  /** Of the error written last. */
  length(): number;
  release(): void;
}

const buffers = 32;
export const icmpBytes = buffers * longest.ipv6;

export function createIcmp(region: Region, sum: Sum): Icmp {
  const { u8, view } = region.memory;
  const start = region.allocate(icmpBytes);
  let used = 0;
  let written = 0;

  const copy = (to: number, from: number, length: number) => void u8.copyWithin(to, from, from + length);

  function write4(to: number, at: number, packetLength: number, mtu: number, source: number): number {
    const quoted = Math.min(packetLength, longest.ipv4 - ipv4.size - header.size);
    const all = ipv4.size + header.size + quoted;
    u8.fill(0, to, to + ipv4.size + header.size);
    u8[to] = 0x45;
    view.setUint16(to + ipv4.totalLength, all);
    u8[to + ipv4.timeToLive] = timeToLive;
    u8[to + ipv4.protocol] = protocol.icmp;
    if (source === 0) copy(to + ipv4.source, at + ipv4.destination, 4);
    else view.setUint32(to + ipv4.source, source);
    copy(to + ipv4.destination, at + ipv4.source, 4);
    view.setUint16(to + ipv4.checksum, ~sum(to, ipv4.size, 0), true);
    const message = to + ipv4.size;
    u8[message + header.type] = unreachable;
    u8[message + header.code] = fragmentationNeeded;
    view.setUint32(message + header.mtu, mtu);
    copy(message + header.size, at, quoted);
    view.setUint16(message + header.checksum, ~sum(message, header.size + quoted, 0), true);
    return all;
  }

  function write6(to: number, at: number, packetLength: number, mtu: number): number {
    const quoted = Math.min(packetLength, longest.ipv6 - ipv6.size - header.size);
    const payload = header.size + quoted;
    u8.fill(0, to, to + ipv6.size + header.size);
    u8[to] = 0x60;
    view.setUint16(to + ipv6.payloadLength, payload);
    u8[to + ipv6.nextHeader] = protocol.icmpv6;
    u8[to + ipv6.hopLimit] = timeToLive;
    copy(to + ipv6.source, at + ipv6.destination, 16);
    copy(to + ipv6.destination, at + ipv6.source, 16);
    const message = to + ipv6.size;
    u8[message + header.type] = packetTooBig;
    view.setUint32(message + header.mtu, Math.max(mtu, longest.ipv6));
    copy(message + header.size, at, quoted);
    const addresses = sum(to + ipv6.source, 32, swap16(protocol.icmpv6));
    const pseudo = sum(to + ipv6.payloadLength, 2, addresses);
    view.setUint16(message + header.checksum, ~sum(message, payload, pseudo), true);
    return ipv6.size + payload;
  }

  function deserves4(at: number, packetLength: number): boolean {
    const own = (u8[at]! & 0xf) * 4;
    if ((view.getUint16(at + ipv4.fragment) & fragmentBit.offset) !== 0) return false;
    return u8[at + ipv4.protocol] !== protocol.icmp || packetLength <= own || informational.includes(u8[at + own]!);
  }

  /** RFC 4443 §2.1: types below 128 are errors. */
  const deserves6 = (at: number): boolean => u8[at + ipv6.nextHeader] !== protocol.icmpv6 || u8[at + ipv6.size]! >= 128;

  return {
    length: () => written,
    tooBig(at, packetLength, mtu, source) {
      const v4 = u8[at]! >>> 4 === 4;
      if (used === buffers || !(v4 ? deserves4(at, packetLength) : deserves6(at))) return 0;
      const to = start + used++ * longest.ipv6;
      written = v4 ? write4(to, at, packetLength, mtu, source) : write6(to, at, packetLength, mtu);
      return to;
    },
    release() {
      used = 0;
    },
  };
}
