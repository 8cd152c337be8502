/** Ring buffers, perf buffers, and dynptrs of them. */
import type { MapAccess } from "../maps/access.js";
import { mapRecord } from "../maps/descriptor.js";
import { state } from "../run/state.js";
import { mapTypes } from "../spec.js";
import type { HelperEnv, HelperGroup } from "./env.js";
import { errno } from "./errno.js";

const currentCpu = 0xffffffff;
/** Bits of perf_event_output's flags above the index, in the upper word: how much of the frame goes along. */
const frameBytesMask = 0xfffff;
const noWakeUp = 1;
const forceWakeUp = 2;
/** Bytes before a ring buffer's record: its length with two bits of state, and how far it is from the start of the buffer. */
const recordHeader = 8;
const lengthMask = 0x3fffffff;

/**
 * How a struct bpf_dynptr (16 bytes) is kept here: address of the data, its size, kind, and the ring buffer it came from. It is checked
 * anew with every use, so that forging one gains nothing. A null one is all zeros.
 */
export const dynptr = { data: 0, size: 4, kind: 8, record: 12, bytes: 16 } as const;
export const dynptrKind = { none: 0, memory: 1, record: 2, frame: 3 } as const;
const maximumDynptr = (1 << 24) - 1;

export function bufferHelpers({ memory, host, windows, map, rings }: HelperEnv): HelperGroup {
  const { u32, u8, view } = memory;
  const typeOf = (record: number): number => u32[(record >>> 2) + mapRecord.type]!;
  const wake = (record: number, flags: number): void => {
    if ((flags & noWakeUp) === 0 || (flags & forceWakeUp) !== 0) host.wake?.(record);
  };

  /** The ring buffer of the program's that a record lies in, and its bytes as the record's header says. */
  function ringOf(pointer: number): { readonly record: number; readonly map: MapAccess } | undefined {
    for (const record of rings()) {
      const start = u32[(record >>> 2) + mapRecord.values]!;
      const bytes = u32[(record >>> 2) + mapRecord.valuesBytes]!;
      if (pointer >= start + recordHeader && pointer < start + bytes) return { record, map: map(record) };
    }
    return undefined;
  }

  function finish(pointer: number, flags: number, kind: "submit" | "discard"): number {
    const ring = ringOf(pointer >>> 0);
    if (ring === undefined) return 0;
    ring.map[kind](pointer >>> 0, flags);
    wake(ring.record, flags);
    return 0;
  }

  const writeDynptr = (at: number, data: number, size: number, kind: number, record: number): void => {
    view.setUint32(at + dynptr.data, data, true);
    view.setUint32(at + dynptr.size, size, true);
    view.setUint32(at + dynptr.kind, kind, true);
    view.setUint32(at + dynptr.record, record, true);
  };

  /** Address of `length` bytes at `offset` of a dynptr's data, or an errno. */
  function slice(block: number, pointer: number, offset: number, length: number, write: boolean): number {
    if (!windows.mayTouch(block, pointer, dynptr.bytes, false)) return -errno.EFAULT;
    const at = pointer >>> 0;
    const kind = view.getUint32(at + dynptr.kind, true);
    if (kind === dynptrKind.none) return -errno.EINVAL;
    const frame = kind === dynptrKind.frame;
    const start = frame ? u32[(block + state.data) >>> 2]! : view.getUint32(at + dynptr.data, true);
    const size = frame ? u32[(block + state.dataEnd) >>> 2]! - start : view.getUint32(at + dynptr.size, true);
    if (length >>> 0 > size || offset >>> 0 > size - (length >>> 0)) return -errno.E2BIG;
    const from = start + (offset >>> 0);
    return windows.mayTouch(block, from, length, write) ? from : -errno.EFAULT;
  }

  function finishDynptr(block: number, pointer: number, flags: number, kind: "submit" | "discard"): number {
    if (!windows.mayTouch(block, pointer, dynptr.bytes, true)) return 0;
    const at = pointer >>> 0;
    if (view.getUint32(at + dynptr.kind, true) === dynptrKind.record) {
      finish(view.getUint32(at + dynptr.data, true), flags, kind);
    }
    writeDynptr(at, 0, 0, dynptrKind.none, 0);
    return 0;
  }

  return {
    // long bpf_perf_event_output(ctx, map, u64 flags, void *data, u64 size)
    helper_25: (block, record = 0, index = 0, flagsHigh = 0, data = 0, size = 0) => {
      if (((flagsHigh >>> 0) & ~frameBytesMask) !== 0) return -errno.EINVAL;
      const frame = u32[(block + state.data) >>> 2]!;
      if (flagsHigh > u32[(block + state.dataEnd) >>> 2]! - frame) return -errno.EFAULT;
      if (typeOf(record) !== mapTypes.perf_event_array) return -errno.EINVAL;
      if (size !== 0 && !windows.mayTouch(block, data, size, false)) return -errno.EFAULT;
      const slot = index >>> 0 === currentCpu ? u32[(block + state.cpu) >>> 2]! : index >>> 0;
      if (slot >= u32[(record >>> 2) + mapRecord.maxEntries]!) return -errno.E2BIG;
      const done = map(record).perfOutput(slot, data >>> 0, size >>> 0, frame, flagsHigh);
      if (done === 0) host.wake?.(record);
      return done;
    },

    // long bpf_ringbuf_output(ringbuf, void *data, u64 size, u64 flags)
    helper_130: (block, record = 0, data = 0, size = 0, flags = 0, flagsHigh = 0) => {
      if (flagsHigh !== 0 || (flags & ~(noWakeUp | forceWakeUp)) !== 0) return -errno.EINVAL;
      if (typeOf(record) !== mapTypes.ringbuf) return -errno.EINVAL;
      if (size !== 0 && !windows.mayTouch(block, data, size, false)) return -errno.EFAULT;
      const done = map(record).output(data >>> 0, size >>> 0, flags);
      if (done === 0) wake(record, flags);
      return done;
    },
    // void *bpf_ringbuf_reserve(ringbuf, u64 size, u64 flags)
    helper_131: (_, record = 0, size = 0, flags = 0, flagsHigh = 0) => {
      if (flags !== 0 || flagsHigh !== 0 || typeOf(record) !== mapTypes.ringbuf) return 0;
      return map(record).reserve(size >>> 0);
    },
    /** For compiled programs, which write records themselves: who waits for one is to be told. */
    ring_wake: (_, record = 0) => {
      map(record).wake();
      host.wake?.(record);
      return 0;
    },
    helper_132: (_, pointer = 0, flags = 0) => finish(pointer, flags, "submit"),
    helper_133: (_, pointer = 0, flags = 0) => finish(pointer, flags, "discard"),
    // u64 bpf_ringbuf_query(ringbuf, u64 flags)
    helper_134: (block, record = 0, what = 0, whatHigh = 0) => {
      const known = whatHigh === 0 && typeOf(record) === mapTypes.ringbuf;
      const answer = known ? map(record).query(what >>> 0) : 0;
      u32[(block + state.returnHigh) >>> 2] = answer / 2 ** 32;
      return answer | 0;
    },

    // long bpf_dynptr_from_mem(void *data, u64 size, u64 flags, struct bpf_dynptr *ptr)
    helper_197: (block, data = 0, size = 0, flags = 0, flagsHigh = 0, pointer = 0) => {
      if (!windows.mayTouch(block, pointer, dynptr.bytes, true)) return -errno.EFAULT;
      writeDynptr(pointer >>> 0, 0, 0, dynptrKind.none, 0);
      if (size >>> 0 > maximumDynptr) return -errno.E2BIG;
      if (flags !== 0 || flagsHigh !== 0) return -errno.EINVAL;
      if (!windows.mayTouch(block, data, size, true)) return -errno.EFAULT;
      writeDynptr(pointer >>> 0, data, size, dynptrKind.memory, 0);
      return 0;
    },
    // long bpf_ringbuf_reserve_dynptr(ringbuf, u32 size, u64 flags, struct bpf_dynptr *ptr)
    helper_198: (block, record = 0, size = 0, flags = 0, flagsHigh = 0, pointer = 0) => {
      if (!windows.mayTouch(block, pointer, dynptr.bytes, true)) return -errno.EFAULT;
      writeDynptr(pointer >>> 0, 0, 0, dynptrKind.none, 0);
      if (flags !== 0 || flagsHigh !== 0 || typeOf(record) !== mapTypes.ringbuf) return -errno.EINVAL;
      if (size >>> 0 > maximumDynptr) return -errno.E2BIG;
      const data = map(record).reserve(size >>> 0);
      if (data === 0) return -errno.EINVAL;
      writeDynptr(pointer >>> 0, data, size, dynptrKind.record, record);
      return 0;
    },
    helper_199: (block, pointer = 0, flags = 0) => finishDynptr(block, pointer, flags, "submit"),
    helper_200: (block, pointer = 0, flags = 0) => finishDynptr(block, pointer, flags, "discard"),
    // long bpf_dynptr_read(void *dst, u32 len, const struct bpf_dynptr *src, u32 offset, u64 flags)
    helper_201: (block, to = 0, length = 0, pointer = 0, offset = 0, flags = 0, flagsHigh = 0) => {
      if (flags !== 0 || flagsHigh !== 0) return -errno.EINVAL;
      const from = slice(block, pointer, offset, length, false);
      if (from < 0) return from;
      if (!windows.mayTouch(block, to, length, true)) return -errno.EFAULT;
      u8.copyWithin(to >>> 0, from, from + (length >>> 0));
      return 0;
    },
    // long bpf_dynptr_write(const struct bpf_dynptr *dst, u32 offset, void *src, u32 len, u64 flags)
    helper_202: (block, pointer = 0, offset = 0, from = 0, length = 0, flags = 0, flagsHigh = 0) => {
      const to = slice(block, pointer, offset, length, true);
      if (to < 0) return to;
      if (flags !== 0 || flagsHigh !== 0) return -errno.EINVAL;
      if (!windows.mayTouch(block, from, length, false)) return -errno.EFAULT;
      u8.copyWithin(to, from >>> 0, (from >>> 0) + (length >>> 0));
      return 0;
    },
    // void *bpf_dynptr_data(const struct bpf_dynptr *ptr, u32 offset, u32 len)
    helper_203: (block, pointer = 0, offset = 0, length = 0) => {
      if (!windows.mayTouch(block, pointer, dynptr.bytes, false)) return 0;
      // The kernel gives no pointers into frames this way: they may be in pieces.
      if (view.getUint32((pointer >>> 0) + dynptr.kind, true) === dynptrKind.frame) return 0;
      return Math.max(0, slice(block, pointer, offset, length, true));
    },

    // int bpf_dynptr_from_xdp(ctx, u64 flags, struct bpf_dynptr *ptr)
    kfunc_9: (block, flags = 0, flagsHigh = 0, pointer = 0) => {
      if (!windows.mayTouch(block, pointer, dynptr.bytes, true)) return -errno.EFAULT;
      const bad = flags !== 0 || flagsHigh !== 0;
      writeDynptr(pointer >>> 0, 0, 0, bad ? dynptrKind.none : dynptrKind.frame, 0);
      return bad ? -errno.EINVAL : 0;
    },
  };
}

/** Bytes of a ring buffer's record, from the header before it. */
export function ringRecordBytes(view: DataView, record: number): number {
  return view.getUint32(record - recordHeader, true) & lengthMask;
}
