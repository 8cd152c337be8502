/** array and percpu_array, and the maps by index whose values only user space writes: prog_array, devmap, cpumap, xskmap, array_of_maps. */
import type { XdpMemory } from "../memory.js";
import {
  copyBytes,
  errno,
  type MapAccess,
  noOperations,
  recordWord,
  roundUp8,
  setRecordWord,
  storeValue,
  userSpace,
} from "./access.js";
import { mapRecord } from "./descriptor.js";
import { align64, isPerCpu, type Planner } from "./plan.js";

export const arrayWord = {
  /** Number of CPUs of a per-CPU map. */
  cpus: mapRecord.own,
  /** A second array, of one word per index: for prog_array what user space gave, else the number that the host gave. */
  second: mapRecord.own + 1,
} as const;

/** Indexed maps whose values are objects of the host. */
export const objectArrays: ReadonlySet<string> = new Set(["prog_array", "devmap", "cpumap", "xskmap", "array_of_maps"]);

export const planArray: Planner = (spec, { cpus }) => {
  const objects = objectArrays.has(spec.type);
  const stride = objects && spec.valueSize <= 4 ? 4 : roundUp8(spec.valueSize);
  const perCpu = isPerCpu(spec.type);
  const area = align64(stride * spec.maxEntries);
  const bytes = perCpu ? area * cpus : area + (objects ? align64(spec.maxEntries * 4) : 0);
  return {
    bytes,
    write(memory, record, base) {
      setRecordWord(memory, record, mapRecord.values, base);
      // What lies there leads to other memory and other programs: nothing for a program to touch.
      const hidden = spec.type === "prog_array" || spec.type === "array_of_maps";
      setRecordWord(memory, record, mapRecord.valuesBytes, hidden ? 0 : stride * spec.maxEntries);
      setRecordWord(memory, record, mapRecord.stride, stride);
      setRecordWord(memory, record, mapRecord.cpuStride, perCpu ? area : 0);
      setRecordWord(memory, record, arrayWord.cpus, perCpu ? cpus : 1);
      setRecordWord(memory, record, arrayWord.second, objects ? base + area : 0);
      if (spec.initial !== undefined) memory.u8.set(spec.initial.subarray(0, spec.valueSize), base);
    },
  };
};

function nextIndex(memory: XdpMemory, entries: number) {
  return (key: number, out: number): number => {
    const index = key === 0 ? -1 : memory.view.getUint32(key, true);
    if (index === entries - 1) return -errno.ENOENT;
    memory.view.setUint32(out, index < 0 || index >= entries ? 0 : index + 1, true);
    return 0;
  };
}

export function attachArray(memory: XdpMemory, record: number, cpu: number, type: MapAccess["type"]): MapAccess {
  const { view } = memory;
  const entries = recordWord(memory, record, mapRecord.maxEntries);
  const valueSize = recordWord(memory, record, mapRecord.valueSize);
  const stride = recordWord(memory, record, mapRecord.stride);
  const cpuStride = recordWord(memory, record, mapRecord.cpuStride);
  const spinLock = recordWord(memory, record, mapRecord.spinLock);
  const cpus = recordWord(memory, record, arrayWord.cpus);
  const first = recordWord(memory, record, mapRecord.values);
  const values = first + (cpu === userSpace ? 0 : cpu * cpuStride);
  const objects = objectArrays.has(type);
  const indirect = type === "array_of_maps";

  const lookupCpu = (key: number, of: number): number => {
    const index = view.getUint32(key, true);
    return index < entries && of >= 0 && of < cpus ? first + of * cpuStride + index * stride : 0;
  };
  return {
    ...noOperations,
    type,
    keySize: 4,
    valueSize,
    lookup(key) {
      const index = view.getUint32(key, true);
      if (index >= entries) return 0;
      const at = values + index * stride;
      return indirect ? Atomics.load(memory.i32, at >>> 2) >>> 0 : at;
    },
    lookupCpu: cpuStride === 0 ? () => 0 : lookupCpu,
    update(key, value, flags) {
      const index = view.getUint32(key, true);
      if (objects) return -errno.EINVAL;
      if ((flags & ~4) > 2 || flags < 0) return -errno.EINVAL;
      // The system call looks at this first, a program's update last.
      if (cpu === userSpace && (flags & 4) !== 0 && spinLock === 0) return -errno.EINVAL;
      if (index >= entries) return -errno.E2BIG;
      if ((flags & 1) !== 0) return -errno.EEXIST;
      if ((flags & 4) !== 0 && (spinLock === 0 || cpuStride !== 0)) return -errno.EINVAL;
      const at = values + index * stride;
      if (cpuStride === 0) return storeValue(memory, at, value, valueSize, spinLock, (flags & 4) !== 0, cpu);
      if (cpu !== userSpace) copyBytes(memory, at, value, valueSize);
      else for (let one = 0; one < cpus; one++) copyBytes(memory, at + one * cpuStride, value + one * stride, stride);
      return 0;
    },
    remove: () => -errno.EINVAL,
    next: nextIndex(memory, entries),
  };
}
