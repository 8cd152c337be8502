/**
 * ringbuf, and the rings of a perf_event_array. A ring's positions only grow (modulo 2^32); a record lies at its position modulo the size:
 *
 * ```
 * {length | busy << 31 | discarded << 30, offset of the record in 8-byte units} data, rounded up to 8 bytes
 * ```
 *
 * The kernel maps the data twice, so that a record that goes past the end is in one piece. Here the memory behind the data does that: a
 * record begins before the end and may run on behind it, where nothing else is.
 */
import type { XdpMemory } from "../memory.js";
import {
  copyBytes,
  errno,
  lockWord,
  type MapAccess,
  noOperations,
  recordWord,
  setRecordWord,
  unlockWord,
} from "./access.js";
import { mapRecord } from "./descriptor.js";
import type { Planner } from "./plan.js";

/** Words of a ring, each on a cache line of its own; the data follow. */
export const ring = { consumer: 0, producer: 16, lock: 17, lost: 18, wake: 19, open: 20, bytes: 128 } as const;

export const busy = 0x8000_0000;
export const discarded = 0x4000_0000;
export const recordHeader = 8;

export const wakeFlag = { none: 1, force: 2 } as const;

export const ringWord = {
  /** The first ring, bytes of its data, bytes from one ring to the next, and how many there are. */
  rings: mapRecord.own,
  size: mapRecord.own + 1,
  stride: mapRecord.own + 2,
  count: mapRecord.own + 3,
} as const;

const planRings =
  (size: number, count: number): Planner =>
  () => ({
    bytes: (ring.bytes + size * 2) * count,
    write(memory, record, base) {
      setRecordWord(memory, record, ringWord.rings, base);
      setRecordWord(memory, record, ringWord.size, size);
      setRecordWord(memory, record, ringWord.stride, ring.bytes + size * 2);
      setRecordWord(memory, record, ringWord.count, count);
      setRecordWord(memory, record, mapRecord.values, base + ring.bytes);
      setRecordWord(memory, record, mapRecord.valuesBytes, count === 1 ? size * 2 : 0);
    },
  });

export const planRingbuf: Planner = (spec, options) => planRings(spec.maxEntries, 1)(spec, options);
export const planPerf: Planner = (spec, options) => planRings(options.perfBytes, options.cpus)(spec, options);

/** Room for a record at the producer's end, marked busy; 0: there is none. */
function reserve(memory: XdpMemory, at: number, size: number, bytes: number, cpu: number): number {
  const { i32 } = memory;
  const words = at >>> 2;
  const whole = Math.ceil((bytes + recordHeader) / 8) * 8;
  if (bytes < 0 || whole > size) return 0;
  if (!lockWord(memory, words + ring.lock, cpu)) return 0;
  const producer = i32[words + ring.producer] as number;
  const used = (producer - Atomics.load(i32, words + ring.consumer)) >>> 0;
  // One byte is always free in the kernel's: the whole size cannot be used.
  if (used + whole >= size) {
    unlockWord(memory, words + ring.lock);
    return 0;
  }
  const offset = (producer & (size - 1)) >>> 0;
  const record = at + ring.bytes + offset;
  Atomics.store(i32, record >>> 2, bytes | busy);
  i32[(record >>> 2) + 1] = (ring.bytes + offset) >>> 3;
  Atomics.store(i32, words + ring.producer, (producer + whole) | 0);
  unlockWord(memory, words + ring.lock);
  return record + recordHeader;
}

function commit(memory: XdpMemory, at: number, size: number, data: number, flags: number, discard: boolean): void {
  const { i32 } = memory;
  const header = data - recordHeader;
  const offset = header - at - ring.bytes;
  if (offset < 0 || offset >= size || offset % 8 !== 0) return;
  const length = (i32[header >>> 2] as number) & ~busy & ~discarded;
  Atomics.store(i32, header >>> 2, discard ? length | discarded : length);
  // Only now, as a consumer that found it busy has perhaps lain down since.
  const consumer = Atomics.load(i32, (at >>> 2) + ring.consumer) & (size - 1);
  const waited = consumer >>> 0 === offset && (flags & wakeFlag.none) === 0;
  if (waited || (flags & wakeFlag.force) !== 0) wake(memory, at);
}

/** Tells who waits for records. */
function wake({ i32 }: XdpMemory, at: number): void {
  Atomics.add(i32, (at >>> 2) + ring.wake, 1);
  Atomics.notify(i32, (at >>> 2) + ring.wake);
}

export function attachRingbuf(memory: XdpMemory, record: number, cpu: number): MapAccess {
  const at = recordWord(memory, record, ringWord.rings);
  const size = recordWord(memory, record, ringWord.size);
  const { i32 } = memory;
  const position = (word: number) => Atomics.load(i32, (at >>> 2) + word) >>> 0;
  return {
    ...noOperations,
    type: "ringbuf",
    keySize: 0,
    valueSize: 0,
    reserve: (bytes) => reserve(memory, at, size, bytes, cpu),
    submit: (data, flags) => commit(memory, at, size, data, flags, false),
    discard: (data, flags) => commit(memory, at, size, data, flags, true),
    output(data, bytes, flags) {
      if ((flags & ~3) !== 0) return -errno.EINVAL;
      const to = reserve(memory, at, size, bytes, cpu);
      if (to === 0) return -errno.EAGAIN;
      copyBytes(memory, to, data, bytes);
      commit(memory, at, size, to, flags, false);
      return 0;
    },
    wake: () => wake(memory, at),
    query(what) {
      if (what === 0) return (position(ring.producer) - position(ring.consumer)) >>> 0;
      return what === 1 ? size : what === 2 ? position(ring.consumer) : what === 3 ? position(ring.producer) : 0;
    },
  };
}

export function attachPerf(memory: XdpMemory, record: number, cpu: number): MapAccess {
  const rings = recordWord(memory, record, ringWord.rings);
  const size = recordWord(memory, record, ringWord.size);
  const stride = recordWord(memory, record, ringWord.stride);
  const count = recordWord(memory, record, ringWord.count);
  const entries = recordWord(memory, record, mapRecord.maxEntries);
  return {
    ...noOperations,
    type: "perf_event_array",
    keySize: 4,
    valueSize: 4,
    perfOutput(index, data, bytes, data2, bytes2) {
      const which = index >>> 0 === 0xffff_ffff ? cpu : index >>> 0;
      if (which < 0 || which >= entries) return -errno.E2BIG;
      if (which >= count) return -errno.ENOENT;
      if (which !== cpu) return -errno.EOPNOTSUPP;
      const at = rings + which * stride;
      if (memory.i32[(at >>> 2) + ring.open] === 0) return -errno.ENOENT;
      const to = reserve(memory, at, size, bytes + bytes2, cpu);
      if (to === 0) {
        Atomics.add(memory.i32, (at >>> 2) + ring.lost, 1);
        return -errno.ENOSPC;
      }
      copyBytes(memory, to, data, bytes);
      copyBytes(memory, to + bytes, data2, bytes2);
      commit(memory, at, size, to, 0, false);
      return 0;
    },
  };
}

/**
 * Gives each finished record to `callback`, oldest first, as a view that is good until it returns; stops at one that is still being written,
 * or after `most`. Answers how many there were. Only one thread may consume. A ring whose headers make no sense is emptied.
 */
export function consumeRing(
  memory: XdpMemory,
  at: number,
  size: number,
  callback: (data: Uint8Array) => void,
  most: number,
): number {
  const { i32, u8 } = memory;
  const words = at >>> 2;
  let given = 0;
  for (let looked = 0; given < most && looked <= size / recordHeader; looked++) {
    const consumer = i32[words + ring.consumer] as number;
    const producer = Atomics.load(i32, words + ring.producer);
    const available = (producer - consumer) >>> 0;
    if (available === 0) break;
    const record = at + ring.bytes + ((consumer & (size - 1)) >>> 0);
    const header = Atomics.load(i32, record >>> 2);
    if ((header & busy) !== 0) break;
    const length = header & ~discarded;
    const whole = Math.ceil((length + recordHeader) / 8) * 8;
    if (available > size || whole > available) {
      Atomics.store(i32, words + ring.consumer, producer);
      Atomics.add(i32, words + ring.lost, 1);
      break;
    }
    if ((header & discarded) === 0) {
      given++;
      callback(u8.subarray(record + recordHeader, record + recordHeader + length));
    }
    Atomics.store(i32, words + ring.consumer, (consumer + whole) | 0);
  }
  return given;
}
