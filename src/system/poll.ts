/** ppoll(2) over a set of descriptors kept in a region of shared memory. */
import { libc } from "./ffi.js";
import type { Region } from "./memory.js";
import { c, pollfd, timespec } from "./structs.js";

export interface PollSet {
  /** Replaces the descriptors that are watched for reading. */
  watch(fds: readonly number[]): void;
  /** Blocks at most `timeout` milliseconds; answers how many descriptors are ready, 0 on time-out or signal. */
  wait(timeout: number): number;
  /** Whether the descriptor at `index` of `watch` was readable (or in error) at the last `wait`. */
  readable(index: number): boolean;
}

export function createPollSet(region: Region, capacity: number): PollSet {
  const { memory } = region;
  const fds = region.allocate(capacity * pollfd.size);
  const time = region.allocate(timespec.size);
  const [fdsPointer, timePointer] = [memory.address + fds, memory.address + time];
  const { ppoll } = libc();
  let count = 0;
  return {
    watch(wanted) {
      if (wanted.length > capacity) throw new RangeError(`a poll set of ${capacity} cannot watch ${wanted.length}`);
      count = wanted.length;
      wanted.forEach((fd, index) => {
        const at = fds + index * pollfd.size;
        memory.view.setInt32(at + pollfd.fd, fd, true);
        memory.view.setInt16(at + pollfd.events, c.POLLIN, true);
        memory.view.setInt16(at + pollfd.revents, 0, true);
      });
    },
    wait(timeout) {
      const seconds = Math.floor(timeout / 1000);
      memory.u32[(time + timespec.seconds) >> 2] = seconds;
      memory.u32[(time + timespec.nanoseconds) >> 2] = Math.floor((timeout - seconds * 1000) * 1e6);
      const ready = ppoll(fdsPointer, count, timePointer, 0);
      return Math.max(ready, 0);
    },
    readable: (index) => memory.view.getInt16(fds + index * pollfd.size + pollfd.revents, true) !== 0,
  };
}
