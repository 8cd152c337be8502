/** sendmmsg(2) of datagrams that lie in a region of shared memory. */
import { errno, libc } from "./ffi.js";
import { type Region, storePointer, storeSize } from "./memory.js";
import { c, cmsghdr, controlSpace, iovec, mmsghdr } from "./structs.js";

export interface SendBatch {
  readonly capacity: number;
  readonly count: number;
  /**
   * Adds `length` bytes at offset `at`. `name` is the offset of the peer's sockaddr, 0 on a connected socket. With
   * `segment`, the kernel cuts them into datagrams of that size (UDP_SEGMENT: at most 64, at most 65000 bytes).
   */
  add(at: number, length: number, name: number, nameLength: number, segment?: number): void;
  /** Sends from message `first` on, without waiting. Answers how many messages went, or the errno negated. */
  send(fd: number, first?: number): number;
  clear(): void;
}

const segmentSpace = controlSpace(2);

export function createSendBatch(region: Region, capacity: number): SendBatch {
  const { memory } = region;
  const { u32, view } = memory;
  const headers = region.allocate(capacity * mmsghdr.size);
  const vectors = region.allocate(capacity * iovec.size);
  const controls = region.allocate(capacity * segmentSpace);
  for (let index = 0; index < capacity; index++) {
    const header = headers + index * mmsghdr.size;
    storePointer(memory, header + mmsghdr.iov, vectors + index * iovec.size);
    storeSize(memory, header + mmsghdr.iovLength, 1);
    storePointer(memory, header + mmsghdr.control, controls + index * segmentSpace);
    writeSegmentControl(memory.view, controls + index * segmentSpace, 0);
  }
  const { sendmmsg } = libc();
  let count = 0;
  return {
    capacity,
    get count() {
      return count;
    },
    add(at, length, name, nameLength, segment = 0) {
      const header = headers + count * mmsghdr.size;
      const vector = vectors + count * iovec.size;
      storePointer(memory, vector + iovec.base, at);
      u32[(vector + iovec.length) >> 2] = length;
      if (name === 0) storeSize(memory, header + mmsghdr.name, 0);
      else storePointer(memory, header + mmsghdr.name, name);
      u32[(header + mmsghdr.nameLength) >> 2] = name === 0 ? 0 : nameLength;
      const cut = segment !== 0 && segment < length;
      u32[(header + mmsghdr.controlLength) >> 2] = cut ? segmentSpace : 0;
      if (cut) view.setUint16(controls + count * segmentSpace + cmsghdr.size, segment, true);
      count++;
    },
    send(fd, first = 0) {
      const pointer = memory.address + headers + first * mmsghdr.size;
      const sent = sendmmsg(fd, pointer, count - first, c.MSG_DONTWAIT | c.MSG_NOSIGNAL);
      return sent < 0 ? -errno() : sent;
    },
    clear() {
      count = 0;
    },
  };
}

/** Writes a whole UDP_SEGMENT control message (`controlSpace(2)` bytes) at `at`. */
export function writeSegmentControl(view: DataView, at: number, segment: number): void {
  view.setUint32(at + cmsghdr.length, cmsghdr.size + 2, true);
  view.setUint32(at + cmsghdr.length + 4, 0, true);
  view.setInt32(at + cmsghdr.level, c.SOL_UDP, true);
  view.setInt32(at + cmsghdr.type, c.UDP_SEGMENT, true);
  view.setUint16(at + cmsghdr.size, segment, true);
}
