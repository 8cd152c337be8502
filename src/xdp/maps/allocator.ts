/**
 * Blocks of a region of the shared memory. One thread, the control thread, allocates and frees; the bookkeeping lies outside the memory,
 * so that nothing a program does can spoil it. First fit over free blocks in order of address, neighbours joined on free: maps are few and
 * large, and are created far more seldom than they are used.
 */
import { JunctorError } from "../../errors.js";
import type { XdpMemory } from "../memory.js";

export const blockAlignment = 64;

export interface Region {
  /** Byte offset, a multiple of 64. */
  readonly start: number;
  readonly bytes: number;
}

export interface Allocator {
  readonly region: Region;
  /** Bytes that are free now, in all blocks. */
  readonly free: number;
  /** The largest block that can be had now. */
  readonly largest: number;
  /** Offset of a zeroed block, aligned to 64. Error ENOMEM if there is no such block. */
  allocate(bytes: number, what?: string): number;
  /** Gives back what `allocate` answered. Error EINVAL if it is no block in use. */
  release(offset: number): void;
}

interface Block {
  start: number;
  bytes: number;
}

const roundUp = (bytes: number) => Math.ceil(bytes / blockAlignment) * blockAlignment;

export function createAllocator(memory: XdpMemory, region: Region): Allocator {
  const { start, bytes } = region;
  if (start % blockAlignment !== 0 || start < 0 || bytes < 0 || start + bytes > memory.size) {
    throw new JunctorError(
      "EINVAL",
      `region of ${bytes} bytes at ${start} in a memory of ${memory.size} bytes`,
      `it must lie within the memory and start at a multiple of ${blockAlignment}`,
    );
  }
  const usable = Math.floor(bytes / blockAlignment) * blockAlignment;
  const free: Block[] = usable > 0 ? [{ start, bytes: usable }] : [];
  const used = new Map<number, number>();
  let freeBytes = usable;
  /** Bytes from here on were never handed out: they are still zero. */
  let fresh = start;

  const largest = () => free.reduce((most, block) => Math.max(most, block.bytes), 0);

  /** Index of the first free block that starts after `offset`. */
  function after(offset: number): number {
    let low = 0;
    let high = free.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (free[middle]!.start > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  return {
    region,
    get free() {
      return freeBytes;
    },
    get largest() {
      return largest();
    },
    allocate(wanted, what = "a block") {
      const size = roundUp(Math.max(wanted, 1));
      const index = Number.isSafeInteger(size) ? free.findIndex((block) => block.bytes >= size) : -1;
      if (index < 0) {
        throw new JunctorError(
          "ENOMEM",
          `no room for ${wanted} bytes of ${what}: ${freeBytes} bytes are free, ${largest()} of them in one piece`,
          "make the map memory larger, or max_entries smaller",
        );
      }
      const block = free[index]!;
      const offset = block.start;
      if (block.bytes === size) free.splice(index, 1);
      else {
        block.start += size;
        block.bytes -= size;
      }
      used.set(offset, size);
      freeBytes -= size;
      // Pages that nobody has touched cost nothing, and stay so until somebody does.
      if (offset < fresh) memory.u8.fill(0, offset, Math.min(offset + size, fresh));
      fresh = Math.max(fresh, offset + size);
      return offset;
    },
    release(offset) {
      const size = used.get(offset);
      if (size === undefined) {
        throw new JunctorError("EINVAL", `no block in use starts at ${offset}`, "release each block once");
      }
      used.delete(offset);
      freeBytes += size;
      const index = after(offset);
      const before = free[index - 1];
      const next = free[index];
      const joinsBefore = before !== undefined && before.start + before.bytes === offset;
      const joinsNext = next !== undefined && offset + size === next.start;
      if (joinsBefore) {
        before.bytes += size;
        if (joinsNext) {
          before.bytes += next.bytes;
          free.splice(index, 1);
        }
      } else if (joinsNext) {
        next.start = offset;
        next.bytes += size;
      } else free.splice(index, 0, { start: offset, bytes: size });
    },
  };
}
