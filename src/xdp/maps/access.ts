/**
 * What any thread can do with a map, given the shared memory and the offset of the map's record: all state lies in the memory. Keys and
 * values are passed by address. Results are addresses (0: none), or 0 and negative error numbers as the kernel's operations give.
 */
import type { XdpMemory } from "../memory.js";
import type { MapTypeName } from "../spec.js";
import { mapRecord } from "./descriptor.js";

/** Linux error numbers that operations answer with, negated. */
export const errno = {
  EPERM: 1,
  ENOENT: 2,
  E2BIG: 7,
  EAGAIN: 11,
  ENOMEM: 12,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
} as const;
export type MapErrno = keyof typeof errno;

/** Flags of an update or a push (linux/bpf.h). */
export const updateFlag = { any: 0, noExist: 1, exist: 2, lock: 4 } as const;

/** Stands for the control thread where a CPU is asked for: operations then have the semantics of the bpf system call. */
export const userSpace = -1;

export interface MapAccess {
  readonly type: MapTypeName;
  readonly keySize: number;
  readonly valueSize: number;
  /**
   * Address of the value, of this CPU where there is one per CPU (of the first for user space); 0: no such entry. A map of maps gives the
   * offset of the inner map's record.
   */
  lookup(key: number): number;
  /** As `lookup`, of that CPU. */
  lookupCpu(key: number, cpu: number): number;
  update(key: number, value: number, flags: number): number;
  remove(key: number): number;
  /** bpf_map_get_next_key: writes the key after `key` (0, or one that is gone: the first) to `out`; -ENOENT after the last. */
  next(key: number, out: number): number;
  /** Queue, stack, bloom filter. */
  push(value: number, flags: number): number;
  pop(value: number): number;
  peek(value: number): number;
  /** Ring buffer: address of the record's data, 0: no room or nonsense. */
  reserve(bytes: number): number;
  submit(data: number, flags: number): void;
  discard(data: number, flags: number): void;
  output(data: number, bytes: number, flags: number): number;
  /** Ring buffer: tells who waits for records that there is one. */
  wake(): void;
  /** bpf_ringbuf_query: 0 bytes available, 1 size, 2 consumer position, 3 producer position. */
  query(what: number): number;
  /** bpf_perf_event_output of two pieces (a piece may be empty) to the ring at `index`; 0xffffffff: this CPU's. */
  perfOutput(index: number, data: number, bytes: number, data2: number, bytes2: number): number;
}

const refused = (error: MapErrno) => (): number => -errno[error];

/** Every operation refused as the kernel refuses those that a type does not have. */
export const noOperations: Omit<MapAccess, "type" | "keySize" | "valueSize"> = {
  lookup: () => 0,
  lookupCpu: () => 0,
  update: refused("EINVAL"),
  remove: refused("EINVAL"),
  next: refused("EINVAL"),
  push: refused("EOPNOTSUPP"),
  pop: refused("EOPNOTSUPP"),
  peek: refused("EOPNOTSUPP"),
  reserve: () => 0,
  submit: () => {},
  discard: () => {},
  output: refused("EINVAL"),
  wake: () => {},
  query: () => 0,
  perfOutput: refused("EINVAL"),
};

/** Word of a map's record, unsigned. */
export const recordWord = (memory: XdpMemory, record: number, word: number): number =>
  memory.u32[(record >>> 2) + word] as number;

export const setRecordWord = (memory: XdpMemory, record: number, word: number, value: number): void => {
  memory.u32[(record >>> 2) + word] = value;
};

export const roundUp8 = (bytes: number): number => Math.ceil(bytes / 8) * 8;

export function copyBytes(memory: XdpMemory, to: number, from: number, bytes: number): void {
  const { u8 } = memory;
  if (bytes > 64) u8.copyWithin(to, from, from + bytes);
  else for (let at = 0; at < bytes; at++) u8[to + at] = u8[from + at] as number;
}

export function zeroBytes(memory: XdpMemory, at: number, bytes: number): void {
  memory.u8.fill(0, at, at + bytes);
}

export function sameBytes(memory: XdpMemory, one: number, other: number, bytes: number): boolean {
  const { u8 } = memory;
  for (let at = 0; at < bytes; at++) if (u8[one + at] !== u8[other + at]) return false;
  return true;
}

/** Milliseconds that a thread of the data path, and the control thread, wait for a lock at most. */
const patience = { data: 50, control: 500 } as const;

/**
 * Takes the lock at a word index, or answers false when its holder does not let go in time. Holders write their CPU and 2 (user space: 1),
 * so that the host can tell which locks a dead worker held.
 */
export function lockWord(memory: XdpMemory, index: number, cpu: number): boolean {
  const { i32 } = memory;
  const holder = cpu + 2;
  if (Atomics.compareExchange(i32, index, 0, holder) === 0) return true;
  let until = 0;
  for (;;) {
    for (let spin = 0; spin < 1000; spin++) {
      if (Atomics.load(i32, index) === 0 && Atomics.compareExchange(i32, index, 0, holder) === 0) return true;
    }
    const now = performance.now();
    if (until === 0) until = now + (cpu === userSpace ? patience.control : patience.data);
    else if (now > until) return false;
  }
}

export function unlockWord(memory: XdpMemory, index: number): void {
  Atomics.store(memory.i32, index, 0);
}

/** Takes the map's lock of writers. */
export const lockMap = (memory: XdpMemory, record: number, cpu: number): boolean =>
  lockWord(memory, (record >>> 2) + mapRecord.lock, cpu);

export const unlockMap = (memory: XdpMemory, record: number): void =>
  unlockWord(memory, (record >>> 2) + mapRecord.lock);

/** Lets go of the map's lock if that CPU holds it: for the host, after the CPU's worker died. */
export function breakLock(memory: XdpMemory, record: number, cpu: number): boolean {
  const index = (record >>> 2) + mapRecord.lock;
  return Atomics.compareExchange(memory.i32, index, cpu + 2, 0) === cpu + 2;
}

/**
 * Copies a value into the map, leaving its bpf_spin_lock alone; with `locked`, while holding it. -EBUSY: the lock was not to be had.
 */
export function storeValue(
  memory: XdpMemory,
  to: number,
  from: number,
  bytes: number,
  spinLock: number,
  locked: boolean,
  cpu: number,
): number {
  if (spinLock === 0) {
    copyBytes(memory, to, from, bytes);
    return 0;
  }
  const offset = spinLock - 1;
  const index = (to + offset) >>> 2;
  if (locked && !lockSpin(memory, index, cpu)) return -errno.EBUSY;
  copyBytes(memory, to, from, offset);
  copyBytes(memory, to + offset + 4, from + offset + 4, bytes - offset - 4);
  if (locked) unlockWord(memory, index);
  return 0;
}

/** A value's bpf_spin_lock is 1 while it is held, whoever holds it. */
const lockSpin = (memory: XdpMemory, index: number, cpu: number): boolean => {
  const { i32 } = memory;
  if (Atomics.compareExchange(i32, index, 0, 1) === 0) return true;
  const until = performance.now() + (cpu === userSpace ? patience.control : patience.data);
  for (;;) {
    for (let spin = 0; spin < 1000; spin++) if (Atomics.compareExchange(i32, index, 0, 1) === 0) return true;
    if (performance.now() > until) return false;
  }
};
