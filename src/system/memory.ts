/**
 * One shared WebAssembly memory of fixed size: system calls write frames into it, worker threads share it, and programs
 * compiled to WebAssembly will reach frames in place. Pages that are never touched cost nothing.
 */
import { addressOf, ffiMissing, libc } from "./ffi.js";
import { c } from "./structs.js";

/** What we use of WebAssembly.Memory; it may be posted to a worker thread, where `attachMemory` makes views of it. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

interface MemoryDescriptor {
  readonly initial: number;
  readonly maximum: number;
  readonly shared: boolean;
}
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { Memory: new (descriptor: MemoryDescriptor) => SharedMemory };
};

const pageSize = 65536;

/** Views of a whole shared memory; every offset in this code base is a byte offset into it. */
export interface Memory {
  readonly shared: SharedMemory;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly view: DataView;
  /** Where offset 0 lies in the process, for pointers in system calls; 0 where there is no FFI. */
  readonly address: number;
  /** The address in two words, the lower one signed. */
  readonly addressLow: number;
  readonly addressHigh: number;
  readonly size: number;
}

/** Allocates at least `bytes`, zeroed. It never grows: growing would detach the views that others hold. */
export function createMemory(bytes: number): Memory {
  const pages = Math.ceil(bytes / pageSize);
  return attachMemory(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
}

export function attachMemory(shared: SharedMemory): Memory {
  const { buffer } = shared;
  const u8 = new Uint8Array(buffer);
  const address = ffiMissing() === undefined ? addressOf(u8) : 0;
  return {
    shared,
    u8,
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
    view: new DataView(buffer),
    address,
    addressLow: (address % 0x1_0000_0000) | 0,
    addressHigh: Math.floor(address / 0x1_0000_0000),
    size: buffer.byteLength,
  };
}

/**
 * Asks for huge pages from `start` to `end` (transparent_hugepage: madvise or always), for tables that are read all over: a
 * frame of one among many sessions then costs no walks through page tables. Where the kernel will not, nothing changes.
 */
export function adviseHugePages(memory: Memory, start: number, end: number): void {
  const page = 4096;
  const from = Math.ceil((memory.address + start) / page) * page;
  libc().madvise(from, Math.floor((memory.address + end - from) / page) * page, c.MADV_HUGEPAGE);
}

/** Part of a memory, handed out from its start to its end. */
export interface Region {
  readonly memory: Memory;
  readonly start: number;
  readonly end: number;
  /** Offset of `bytes` fresh bytes. `align` is a power of two; 64 is a cache line. */
  allocate(bytes: number, align?: number): number;
  /** A region of `bytes` inside this one. */
  divide(bytes: number): Region;
}

/** Offset 0 is never handed out, so that it can mean "none". */
export function createRegion(memory: Memory, start = 64, end = memory.size): Region {
  let next = start;
  const region: Region = {
    memory,
    start,
    end,
    allocate(bytes, align = 64) {
      const at = Math.ceil(next / align) * align;
      if (at + bytes > end) throw new RangeError(`region of ${end - start} bytes has no room for ${bytes} more`);
      next = at + bytes;
      return at;
    },
    divide(bytes) {
      const at = region.allocate(bytes, pageSize);
      return createRegion(memory, at, at + bytes);
    },
  };
  return region;
}

/** Stores the process address of offset `target` as a 64-bit pointer at offset `at` (a multiple of 4). */
export function storePointer({ u32, addressLow, addressHigh }: Memory, at: number, target: number): void {
  const low = (addressLow + target) >>> 0;
  u32[at >> 2] = low;
  u32[(at >> 2) + 1] = addressHigh + (low < target ? 1 : 0);
}

/** Stores a size_t. */
export function storeSize(memory: Memory, at: number, value: number): void {
  memory.u32[at >> 2] = value;
  memory.u32[(at >> 2) + 1] = 0;
}
