/** Fragmentation of IPv4 packets on their way out (RFC 791 §2.3, §3.2). */
import type { Memory } from "../../system/memory.js";
import type { Sum } from "./checksum.js";
import { fragmentBit, ipv4 } from "./ip-headers.js";
import type { TakeSegment } from "./segments.js";

const option = { end: 0, none: 1, copied: 0x80 } as const;

/**
 * Cuts the packet at `at` so that no fragment is longer than `mtu`; `room` gives the place for the next fragment's header, a
 * multiple of 4.
 */
export type Fragment = (
  at: number,
  length: number,
  mtu: number,
  room: (bytes: number) => number,
  take: TakeSegment,
) => void;

export function createFragment({ u8, view }: Memory, sum: Sum): Fragment {
  /** Options that only the first fragment has become padding, so that the header keeps its length. */
  function blankOptions(head: number, end: number): void {
    for (let at = head + ipv4.size; at < end; ) {
      const kind = u8[at]!;
      if (kind === option.end) return;
      const size = kind === option.none ? 1 : Math.max(2, u8[at + 1] ?? 2);
      if (kind !== option.none && (kind & option.copied) === 0) u8.fill(option.none, at, Math.min(at + size, end));
      at += size;
    }
  }

  return (at, length, mtu, room, take) => {
    const headers = (u8[at]! & 0xf) * 4;
    const field = view.getUint16(at + ipv4.fragment);
    const first = (field & fragmentBit.offset) * 8;
    const each = (mtu - headers) & ~7;
    if (each <= 0) return;
    for (let offset = headers; offset < length; offset += each) {
      const own = Math.min(each, length - offset);
      const head = room(headers);
      u8.copyWithin(head, at, at + headers);
      if (offset > headers) blankOptions(head, head + headers);
      const more = offset + own < length ? fragmentBit.more : field & fragmentBit.more;
      view.setUint16(head + ipv4.fragment, more | ((first + offset - headers) >> 3));
      view.setUint16(head + ipv4.totalLength, headers + own);
      view.setUint16(head + ipv4.checksum, 0);
      view.setUint16(head + ipv4.checksum, ~sum(head, headers, 0), true);
      take(head, headers, at + offset, own);
    }
  };
}
