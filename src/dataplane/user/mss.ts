/** Lowers what a TCP SYN announces as its maximum segment size (RFC 9293 §3.7.1), with the checksum adjusted. */
import type { Memory } from "../../system/memory.js";
import { adjusted, swap16 } from "./checksum.js";
import { tcp, tcpFlag } from "./ip-headers.js";

const option = { end: 0, none: 1, maximumSegmentSize: 2 } as const;

/** `at` is the TCP header and `length` what there is of it. What announces nothing, or no more, stays as it is. */
export function clampMss({ u8, view }: Memory, at: number, length: number, limit: number): void {
  if (length < tcp.size || (u8[at + tcp.flags]! & tcpFlag.syn) === 0) return;
  const end = at + Math.min(length, (u8[at + tcp.offset]! >>> 4) * 4);
  for (let next = at + tcp.size; next < end; ) {
    const kind = u8[next]!;
    if (kind === option.end) return;
    if (kind === option.none) {
      next++;
      continue;
    }
    const size = next + 1 < end ? u8[next + 1]! : 0;
    if (size < 2 || next + size > end) return;
    if (kind === option.maximumSegmentSize && size === 4) {
      lower(next + 2);
      return;
    }
    next += size;
  }

  function lower(field: number): void {
    const before = view.getUint16(field);
    if (before <= limit) return;
    view.setUint16(field, limit);
    // At an odd place of the segment its bytes belong to the other halves of the words summed.
    const odd = ((field - at) & 1) === 1;
    const checksum = view.getUint16(at + tcp.checksum);
    const [from, to] = odd ? [swap16(before), swap16(limit)] : [before, limit];
    view.setUint16(at + tcp.checksum, adjusted(checksum, from, to));
  }
}
