/** recvmmsg(2) into a region of shared memory, with what its control messages say. */
import { errno, libc } from "./ffi.js";
import { type Region, storePointer, storeSize } from "./memory.js";
import { c, cmsghdr, in6Pktinfo, inPktinfo, iovec, mmsghdr } from "./structs.js";

export interface RecvBatchOptions {
  /** Datagrams (with GRO: super-packets) per call. */
  readonly messages: number;
  /** Longest datagram; with GRO 65535. */
  readonly bufferSize: number;
  /** Bytes kept free before each datagram. */
  readonly headroom?: number;
  /** Whether control messages are wanted: needed for GRO and for local addresses. */
  readonly control?: boolean;
  /** Offset of a buffer area shared with another batch (see `bufferBytes`), instead of one's own. */
  readonly buffers?: number;
}

/** What the last `receive` brought. Indices run from 0 to its result; offsets are into the memory. */
export interface RecvBatch {
  readonly messages: number;
  readonly buffers: number;
  /** Takes what is there, without waiting. Answers the number of messages, or the errno negated (EAGAIN: none). */
  receive(fd: number): number;
  at(index: number): number;
  length(index: number): number;
  /** Offset of the sender's sockaddr. */
  name(index: number): number;
  /** Whether the datagram was longer than the buffer. */
  truncated(index: number): boolean;
  /** Size of the datagrams that GRO joined into this message (the last may be shorter); 0: it is one datagram. */
  segment(index: number): number;
  /** Offset of the 4 or 16 bytes of the local address, where `packetInfo` asked for it; else 0. */
  local(index: number): number;
}

const nameSpace = 32;
const controlSpaceEach = 128;

/** Distance between buffers: not a multiple of the page size, so that the headers do not fall into the same cache sets. */
const strideOf = (bufferSize: number, headroom: number): number => ((bufferSize + headroom + 63) & ~63) + 64;

/** Bytes that the buffers of a batch take. */
export const bufferBytes = ({ messages, bufferSize, headroom = 0 }: RecvBatchOptions): number =>
  messages * strideOf(bufferSize, headroom);

export function createRecvBatch(region: Region, options: RecvBatchOptions): RecvBatch {
  const { messages, bufferSize, headroom = 0, control = false } = options;
  const { memory } = region;
  const { u32, i32, view } = memory;
  const stride = strideOf(bufferSize, headroom);
  const headers = region.allocate(messages * mmsghdr.size);
  const names = region.allocate(messages * nameSpace);
  const controls = control ? region.allocate(messages * controlSpaceEach) : 0;
  const vectors = region.allocate(messages * iovec.size);
  const buffers = options.buffers ?? region.allocate(bufferBytes(options), 4096);

  for (let index = 0; index < messages; index++) {
    const header = headers + index * mmsghdr.size;
    const vector = vectors + index * iovec.size;
    storePointer(memory, vector + iovec.base, buffers + index * stride + headroom);
    storeSize(memory, vector + iovec.length, bufferSize);
    storePointer(memory, header + mmsghdr.name, names + index * nameSpace);
    storePointer(memory, header + mmsghdr.iov, vector);
    storeSize(memory, header + mmsghdr.iovLength, 1);
    if (control) storePointer(memory, header + mmsghdr.control, controls + index * controlSpaceEach);
  }

  const { recvmmsg } = libc();
  const pointer = memory.address + headers;
  const word = (index: number, field: number) => (headers + index * mmsghdr.size + field) >> 2;

  /** Offset of the data of the first control message of a kind, or 0. */
  const find = (index: number, level: number, type: number): number => {
    if (!control) return 0;
    const start = controls + index * controlSpaceEach;
    const end = start + u32[word(index, mmsghdr.controlLength)]!;
    let at = start;
    while (at + cmsghdr.size <= end) {
      const length = u32[(at + cmsghdr.length) >> 2]!;
      if (i32[(at + cmsghdr.type) >> 2] === type && i32[(at + cmsghdr.level) >> 2] === level) return at + cmsghdr.size;
      if (length < cmsghdr.size) return 0;
      at += (length + 7) & ~7;
    }
    return 0;
  };

  // The kernel overwrites the lengths of the messages that it fills, and of no others.
  let filled = messages;

  return {
    messages,
    buffers,
    receive(fd) {
      for (let index = 0; index < filled; index++) {
        u32[word(index, mmsghdr.nameLength)] = nameSpace;
        if (control) u32[word(index, mmsghdr.controlLength)] = controlSpaceEach;
      }
      const count = recvmmsg(fd, pointer, messages, c.MSG_DONTWAIT, 0);
      filled = Math.max(count, 0);
      return count < 0 ? -errno() : count;
    },
    at: (index) => buffers + index * stride + headroom,
    length: (index) => u32[word(index, mmsghdr.length)]!,
    name: (index) => names + index * nameSpace,
    truncated: (index) => (u32[word(index, mmsghdr.flags)]! & c.MSG_TRUNC) !== 0,
    segment(index) {
      const at = find(index, c.SOL_UDP, c.UDP_GRO);
      return at === 0 ? 0 : i32[at >> 2]!;
    },
    local(index) {
      const v4 = find(index, c.SOL_IP, c.IP_PKTINFO);
      if (v4 !== 0) return v4 + inPktinfo.address;
      const v6 = find(index, c.SOL_IPV6, c.IPV6_PKTINFO);
      return v6 === 0 || view.byteLength < v6 + in6Pktinfo.size ? 0 : v6 + in6Pktinfo.address;
    },
  };
}
