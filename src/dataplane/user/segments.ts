/**
 * Super-packets from the host, cut into packets: what the host's stack puts off for a device that can do it (TSO, USO, partial
 * checksums; struct virtio_net_hdr). Payloads stay where they are; each segment has headers of its own.
 */
import type { Memory } from "../../system/memory.js";
import { c, virtioNetHdr } from "../../system/structs.js";
import { fold, type Sum, swap16 } from "./checksum.js";
import { ipv4, ipv6, protocol, tcp, tcpFlag, udp } from "./ip-headers.js";

/** Takes a packet: `headLength` bytes at `head`, a multiple of 4, then `length` at `body`. */
export type TakeSegment = (head: number, headLength: number, body: number, length: number) => void;

export interface Segmenter {
  /**
   * Completes the checksum of the packet at `at`, as the virtio_net_hdr at `header` asks. False: it asks for what cannot be.
   */
  complete(header: number, at: number, length: number): boolean;
  /** Length of all headers of a super-packet; 0: it is none, or nothing that can be cut. */
  headersOf(header: number, at: number, length: number): number;
  /**
   * Cuts the super-packet at `at`, a multiple of 4, whose headers are `headers` long. `room` gives the place for the headers
   * of the next segment, a multiple of 4. Spoils the packet's own.
   */
  cut(
    header: number,
    at: number,
    length: number,
    headers: number,
    room: (bytes: number) => number,
    take: TakeSegment,
  ): void;
}

/** Whether the host handed over a super-packet. */
export const isSuper = ({ u8 }: Memory, header: number): boolean => u8[header + virtioNetHdr.gsoType] !== 0;

/** Payload of each segment. */
export const segmentSize = ({ view }: Memory, header: number): number =>
  view.getUint16(header + virtioNetHdr.gsoSize, true);

export function createSegmenter(memory: Memory, sum: Sum): Segmenter {
  const { u8, u32, view } = memory;

  /** UDP says "none" by zero, so a sum that is zero is sent as its other form (RFC 768). */
  const storeChecksum = (at: number, folded: number, isUdp: boolean): void => {
    const checksum = ~folded & 0xffff;
    view.setUint16(at, isUdp && checksum === 0 ? 0xffff : checksum, true);
  };

  return {
    complete(header, at, length) {
      if ((u8[header + virtioNetHdr.flags]! & c.VIRTIO_NET_HDR_F_NEEDS_CSUM) === 0) return true;
      const start = view.getUint16(header + virtioNetHdr.checksumStart, true);
      const field = start + view.getUint16(header + virtioNetHdr.checksumOffset, true);
      if (field + 2 > length) return false;
      storeChecksum(at + field, sum(at + start, length - start, 0), field - start === udp.checksum);
      return true;
    },
    headersOf(header, at, length) {
      const type = u8[header + virtioNetHdr.gsoType]! & ~c.VIRTIO_NET_HDR_GSO_ECN;
      const start = view.getUint16(header + virtioNetHdr.checksumStart, true);
      const v4 = u8[at]! >>> 4 === 4;
      const isTcp = type === (v4 ? c.VIRTIO_NET_HDR_GSO_TCPV4 : c.VIRTIO_NET_HDR_GSO_TCPV6);
      if (!isTcp && type !== c.VIRTIO_NET_HDR_GSO_UDP_L4) return 0;
      const least = v4 ? (u8[at]! & 0xf) * 4 : ipv6.size;
      if (start < least || (start & 3) !== 0 || start + (isTcp ? tcp.size : udp.size) > length) return 0;
      const own = isTcp ? (u8[at + start + tcp.offset]! >>> 4) * 4 : udp.size;
      if (own < (isTcp ? tcp.size : udp.size) || start + own >= length || segmentSize(memory, header) === 0) return 0;
      return start + own;
    },
    cut(header, at, length, headers, room, take) {
      const size = segmentSize(memory, header);
      const start = view.getUint16(header + virtioNetHdr.checksumStart, true);
      const v4 = u8[at]! >>> 4 === 4;
      const isTcp = (u8[header + virtioNetHdr.gsoType]! & ~c.VIRTIO_NET_HDR_GSO_ECN) !== c.VIRTIO_NET_HDR_GSO_UDP_L4;
      const kind = isTcp ? protocol.tcp : protocol.udp;
      const checksum = start + (isTcp ? tcp.checksum : udp.checksum);
      const pseudo = v4
        ? sum(at + ipv4.source, 8, swap16(kind))
        : sum(at + ipv6.source, ipv6.size - ipv6.source, swap16(kind));
      const identification = view.getUint16(at + ipv4.identification);
      const sequence = view.getInt32(at + start + tcp.sequence);
      const flags = u8[at + start + tcp.flags]!;
      view.setUint16(at + checksum, 0);
      let ip = 0;
      if (v4) {
        view.setUint16(at + ipv4.totalLength, 0);
        view.setUint16(at + ipv4.identification, 0);
        view.setUint16(at + ipv4.checksum, 0);
        ip = sum(at, start, 0);
      }
      const payload = length - headers;
      for (let offset = 0, index = 0; offset < payload; offset += size, index++) {
        const own = Math.min(size, payload - offset);
        const last = offset + own === payload;
        const head = room(headers);
        for (let word = 0; word < headers; word += 4) u32[(head + word) >> 2] = u32[(at + word) >> 2]!;
        const total = headers + own;
        if (v4) {
          const id = (identification + index) & 0xffff;
          view.setUint16(head + ipv4.totalLength, total);
          view.setUint16(head + ipv4.identification, id);
          view.setUint16(head + ipv4.checksum, ~fold(ip + swap16(total) + swap16(id)), true);
        } else view.setUint16(head + ipv6.payloadLength, total - ipv6.size);
        if (isTcp) {
          view.setInt32(head + start + tcp.sequence, (sequence + offset) | 0);
          const here = (last ? flags : flags & ~(tcpFlag.fin | tcpFlag.psh)) & (index === 0 ? 0xff : ~tcpFlag.cwr);
          view.setUint8(head + start + tcp.flags, here);
        } else view.setUint16(head + start + udp.length, total - start);
        const inHeaders = sum(head + start, headers - start, fold(pseudo + swap16(total - start)));
        storeChecksum(head + checksum, sum(at + headers + offset, own, inHeaders), !isTcp);
        take(head, headers, at + headers + offset, own);
      }
    },
  };
}
