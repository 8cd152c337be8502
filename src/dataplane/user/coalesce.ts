/**
 * Packets on their way to the host, gathered in a batch: those of one flow that follow each other become one super-packet, which
 * the host takes in one piece (TSO, USO) and cuts again if it must. Rules are those of the kernel's GRO (net/ipv4/
 * tcp_offload.c, udp_offload.c): cut again, the packets are what they were, byte for byte. A flow keeps its order: what
 * does not join its super-packet closes it. Nothing is copied: a super-packet is a header, changed in place, and a list of pieces.
 */
import { type Region, storePointer, storeSize } from "../../system/memory.js";
import { c, iovec, virtioNetHdr } from "../../system/structs.js";
import { fold, type Sum, swap16 } from "./checksum.js";
import { fragmentBit, ipv4, ipv6, protocol, tcp, tcpFlag, udp } from "./ip-headers.js";

/** Writes `bytes` that `count` I/O vectors at `vectors` point to as one packet. Answers whether the host took it. */
export type WritePacket = (port: number, vectors: number, count: number) => boolean;

export interface Coalescer {
  /**
   * Queues the IP packet at `at`, which must stay there until `flush`. `joins` has bits of `joining`; `header` is the
   * length of the virtio_net_hdr that the port wants, or 0. Its IP header is known to be sound.
   */
  add(port: number, header: number, joins: number, at: number, length: number): void;
  /** Hands everything to `write`, in the order of each flow's arrival. */
  flush(): void;
}

/** What a port takes super-packets of. */
export const joining = { tcp: 1, udp: 2 } as const;

/** What left, or failed to: `packets` that are `bytes` long in all. */
export type Written = (port: number, packets: number, bytes: number, ok: boolean) => void;

const most = { items: 128, segments: 64, bytes: 65_535 } as const;
const vectorsEach = most.segments + 2;
/** A queued packet. Word offsets into `items`. */
const item = {
  port: 0,
  header: 1,
  at: 2,
  bytes: 3,
  segments: 4,
  /** Payload of each segment; 0: nothing may join. */
  size: 5,
  /** Of the first segment: IP header, and all headers. */
  ipLength: 6,
  headers: 7,
  nextSequence: 8,
  nextIdentification: 9,
  verified: 10,
  /** Whether the last segment has the flag PSH. */
  push: 11,
  words: 12,
} as const;
const buckets = 256;

export const coalescerBytes = most.items * (vectorsEach * iovec.size + 16) + 256;

export function createCoalescer(region: Region, sum: Sum, write: WritePacket, written: Written): Coalescer {
  const { memory } = region;
  const { u8, u32, view } = memory;
  const vectors = region.allocate(most.items * vectorsEach * iovec.size);
  const headers = region.allocate(most.items * 16);
  const items = new Int32Array(most.items * item.words);
  /** Item that a flow's next packet may join, and 1; flows that share a bucket join less. */
  const open = new Int32Array(buckets);
  let count = 0;
  /** What `classify` found: IP header length, all headers' length, transport protocol; 0 headers: of no flow. */
  let ipLength = 0;
  let headerLength = 0;
  let transport = 0;
  let bucket = 0;

  function classify(at: number, length: number): void {
    headerLength = 0;
    let mixed: number;
    if (u8[at]! >>> 4 === 4) {
      if (u8[at] !== 0x45 || (view.getUint16(at + ipv4.fragment) & ~fragmentBit.dont) !== 0) return;
      ipLength = ipv4.size;
      transport = u8[at + ipv4.protocol]!;
      mixed = view.getInt32(at + ipv4.source) ^ Math.imul(view.getInt32(at + ipv4.destination), 31);
    } else {
      ipLength = ipv6.size;
      transport = u8[at + ipv6.nextHeader]!;
      mixed = view.getInt32(at + ipv6.source + 12) ^ Math.imul(view.getInt32(at + ipv6.destination + 12), 31);
    }
    const inner = at + ipLength;
    if (transport === protocol.tcp) {
      if (length < ipLength + tcp.size) return;
      const own = (u8[inner + tcp.offset]! >>> 4) << 2;
      if (own < tcp.size || ipLength + own > length) return;
      headerLength = ipLength + own;
    } else if (transport === protocol.udp) {
      if (length < ipLength + udp.size || view.getUint16(inner + udp.length) !== length - ipLength) return;
      headerLength = ipLength + udp.size;
    } else return;
    bucket = Math.imul(mixed ^ Math.imul(view.getInt32(inner), 17), 0x9e3779b1) >>> 24;
  }

  /** Whether the packet that `classify` saw may begin a super-packet, or join one. */
  function mayJoin(at: number, length: number, joins: number): boolean {
    const inner = at + ipLength;
    if (length === headerLength) return false;
    if (transport === protocol.udp) return (joins & joining.udp) !== 0 && view.getUint16(inner + udp.checksum) !== 0;
    const flags = u8[inner + tcp.flags]! & ~tcpFlag.psh;
    return (joins & joining.tcp) !== 0 && flags === tcpFlag.ack && (u8[inner + tcp.offset]! & 0xf) === 0;
  }

  function isSound(at: number, length: number): boolean {
    const v4 = ipLength === ipv4.size;
    if (v4 && sum(at, ipv4.size, 0) !== 0xffff) return false;
    return sum(at + ipLength, length - ipLength, pseudo(at, v4, transport, length - ipLength)) === 0xffff;
  }

  /** The sum of the pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1). */
  function pseudo(at: number, v4: boolean, kind: number, length: number): number {
    const start = fold(swap16(kind) + swap16(length));
    return v4 ? sum(at + ipv4.source, 8, start) : sum(at + ipv6.source, 32, start);
  }

  function sameIp(a: number, b: number, nextIdentification: number): boolean {
    if (ipLength === ipv4.size) {
      const fragment = view.getUint16(b + ipv4.fragment);
      return (
        view.getUint16(a) === view.getUint16(b) &&
        view.getUint16(a + ipv4.fragment) === fragment &&
        view.getUint16(a + ipv4.timeToLive) === view.getUint16(b + ipv4.timeToLive) &&
        view.getInt32(a + ipv4.source) === view.getInt32(b + ipv4.source) &&
        view.getInt32(a + ipv4.destination) === view.getInt32(b + ipv4.destination) &&
        // What may not be fragmented needs no identification (RFC 6864 §4.1).
        (fragment !== 0 || view.getUint16(b + ipv4.identification) === nextIdentification)
      );
    }
    if (
      view.getInt32(a) !== view.getInt32(b) ||
      view.getUint16(a + ipv6.nextHeader) !== view.getUint16(b + ipv6.nextHeader)
    )
      return false;
    return sameWords(a, b, ipv6.source, ipv6.size);
  }

  function sameWords(a: number, b: number, from: number, end: number): boolean {
    for (let at = from; at < end; at += 4) if (view.getInt32(a + at) !== view.getInt32(b + at)) return false;
    return true;
  }

  function sameTcp(a: number, b: number, own: number, nextSequence: number): boolean {
    return (
      view.getInt32(b + tcp.sequence) === nextSequence &&
      view.getInt32(a + tcp.acknowledgment) === view.getInt32(b + tcp.acknowledgment) &&
      u8[a + tcp.offset] === u8[b + tcp.offset] &&
      view.getUint16(a + tcp.window) === view.getUint16(b + tcp.window) &&
      view.getUint16(a + tcp.urgent) === view.getUint16(b + tcp.urgent) &&
      sameWords(a, b, tcp.size, own)
    );
  }

  /** Adds the packet to the super-packet at item `entry` if it is its next segment. */
  function join(entry: number, port: number, at: number, length: number): boolean {
    const first = items[entry + item.at]!;
    const payload = length - headerLength;
    const size = items[entry + item.size]!;
    const segments = items[entry + item.segments]!;
    const bytes = items[entry + item.bytes]!;
    if (size === 0 || payload > size || segments === most.segments || bytes + payload > most.bytes) return false;
    if (items[entry + item.port] !== port || items[entry + item.headers] !== headerLength) return false;
    if (items[entry + item.ipLength] !== ipLength || !sameIp(first, at, items[entry + item.nextIdentification]!))
      return false;
    const [a, b] = [first + ipLength, at + ipLength];
    if (view.getInt32(a) !== view.getInt32(b)) return false;
    if (transport === protocol.tcp && !sameTcp(a, b, headerLength - ipLength, items[entry + item.nextSequence]!))
      return false;
    if (items[entry + item.verified] === 0) {
      if (!isSound(first, bytes)) return false;
      items[entry + item.verified] = 1;
    }
    if (!isSound(at, length)) return false;
    addVector(entry / item.words, segments + 1, at + headerLength, payload);
    items[entry + item.segments] = segments + 1;
    items[entry + item.bytes] = bytes + payload;
    expectNext(entry, at, payload);
    if (payload < size) items[entry + item.size] = 0;
    return true;
  }

  /** Notes what the segment after the one at `at` has to look like. */
  function expectNext(entry: number, at: number, payload: number): void {
    const next = view.getUint16(at + ipv4.identification) + 1;
    items[entry + item.nextIdentification] = next & 0xffff;
    if (transport !== protocol.tcp) return;
    const inner = at + ipLength;
    items[entry + item.nextSequence] = (view.getInt32(inner + tcp.sequence) + payload) | 0;
    if ((u8[inner + tcp.flags]! & tcpFlag.psh) === 0) return;
    items[entry + item.push] = 1;
    items[entry + item.size] = 0;
  }

  function addVector(index: number, which: number, at: number, length: number): void {
    const vector = vectors + (index * vectorsEach + which) * iovec.size;
    storePointer(memory, vector + iovec.base, at);
    u32[(vector + iovec.length) >> 2] = length;
  }

  /** Makes the headers of a super-packet, in place, those of the whole. */
  function finish(entry: number, header: number): void {
    const at = items[entry + item.at]!;
    const bytes = items[entry + item.bytes]!;
    const own = items[entry + item.ipLength]!;
    const v4 = own === ipv4.size;
    const inner = at + own;
    const kind = v4 ? u8[at + ipv4.protocol]! : u8[at + ipv6.nextHeader]!;
    const isTcp = kind === protocol.tcp;
    if (v4) {
      view.setUint16(at + ipv4.totalLength, bytes);
      view.setUint16(at + ipv4.checksum, 0);
      view.setUint16(at + ipv4.checksum, ~sum(at, ipv4.size, 0), true);
    } else view.setUint16(at + ipv6.payloadLength, bytes - ipv6.size);
    if (!isTcp) view.setUint16(inner + udp.length, bytes - own);
    else if (items[entry + item.push] !== 0) u8[inner + tcp.flags]! |= tcpFlag.psh;
    const checksum = isTcp ? tcp.checksum : udp.checksum;
    view.setUint16(inner + checksum, pseudo(at, v4, kind, bytes - own), true);
    const gso = isTcp ? (v4 ? c.VIRTIO_NET_HDR_GSO_TCPV4 : c.VIRTIO_NET_HDR_GSO_TCPV6) : c.VIRTIO_NET_HDR_GSO_UDP_L4;
    const all = items[entry + item.headers]!;
    view.setUint8(header + virtioNetHdr.flags, c.VIRTIO_NET_HDR_F_NEEDS_CSUM);
    view.setUint8(header + virtioNetHdr.gsoType, gso);
    view.setUint16(header + virtioNetHdr.headerLength, all, true);
    view.setUint16(header + virtioNetHdr.gsoSize, u32[firstPiece(entry)]! - all, true);
    view.setUint16(header + virtioNetHdr.checksumStart, own, true);
    view.setUint16(header + virtioNetHdr.checksumOffset, checksum, true);
    view.setUint16(header + virtioNetHdr.buffers, 0);
  }

  /** Word of the length of an item's first packet. */
  const firstPiece = (entry: number): number =>
    (vectors + ((entry / item.words) * vectorsEach + 1) * iovec.size + iovec.length) >> 2;

  function flush(): void {
    for (let index = 0; index < count; index++) {
      const entry = index * item.words;
      const header = headers + index * 16;
      const segments = items[entry + item.segments]!;
      if (segments > 1) finish(entry, header);
      else for (let word = 0; word < 3; word++) u32[(header >> 2) + word] = 0;
      const skipped = items[entry + item.header] === 0 ? 1 : 0;
      const port = items[entry + item.port]!;
      const from = vectors + (index * vectorsEach + skipped) * iovec.size;
      written(port, segments, items[entry + item.bytes]!, write(port, from, segments + 1 - skipped));
    }
    if (count > 0) open.fill(0);
    count = 0;
  }

  for (let index = 0; index < most.items; index++) {
    for (let which = 0; which < vectorsEach; which++) {
      storeSize(memory, vectors + (index * vectorsEach + which) * iovec.size + iovec.length, 0);
    }
  }

  return {
    flush,
    add(port, header, joins, at, length) {
      let candidate = false;
      headerLength = 0;
      if (joins !== 0) {
        classify(at, length);
        if (headerLength !== 0) {
          candidate = mayJoin(at, length, joins);
          const other = open[bucket]!;
          if (candidate && other !== 0 && join((other - 1) * item.words, port, at, length)) return;
        }
      }
      if (count === most.items) flush();
      const entry = count * item.words;
      items[entry + item.port] = port;
      items[entry + item.header] = header;
      items[entry + item.at] = at;
      items[entry + item.bytes] = length;
      items[entry + item.segments] = 1;
      items[entry + item.push] = 0;
      addVector(count, 0, headers + count * 16, header);
      addVector(count, 1, at, length);
      count++;
      if (headerLength === 0) return;
      open[bucket] = candidate ? count : 0;
      items[entry + item.size] = length - headerLength;
      items[entry + item.ipLength] = ipLength;
      items[entry + item.headers] = headerLength;
      items[entry + item.verified] = 0;
      if (candidate) expectNext(entry, at, length - headerLength);
    },
  };
}
