/** mmap(2), for memory that is not ours: device rings, memory files, placed over pages of a shared memory if wanted. */
import { errnoName, SystemError } from "./errno.js";
import { errno, libc } from "./ffi.js";
import { check } from "./socket.js";
import { c } from "./structs.js";

/** Maps `length` bytes of `fd`, over `address` when that is not 0. Answers the address. @throws SystemError */
export function mapShared(fd: number, length: number, offset = 0, address = 0): number {
  const flags = c.MAP_SHARED | (address === 0 ? 0 : c.MAP_FIXED);
  const mapped = libc().mmap(address, length, c.PROT_READ | c.PROT_WRITE, flags, fd, offset);
  // MAP_FAILED is (void *) -1, which no page starts at.
  if (mapped % 4096 === 0) return mapped;
  throw new SystemError(errnoName(errno()), "mmap", `of ${length} bytes failed`);
}

export function unmap(address: number, length: number): void {
  check(libc().munmap(address, length), "munmap", `of ${length} bytes`);
}
