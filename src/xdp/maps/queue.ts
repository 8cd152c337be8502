/** queue and stack: a ring of values under the map's lock. */
import type { XdpMemory } from "../memory.js";
import {
  copyBytes,
  errno,
  lockMap,
  type MapAccess,
  noOperations,
  recordWord,
  roundUp8,
  setRecordWord,
  unlockMap,
  zeroBytes,
} from "./access.js";
import { mapRecord } from "./descriptor.js";
import type { Planner } from "./plan.js";

/** Index of the oldest value; `count` is how many there are. */
const firstWord = mapRecord.own;

export const planQueue: Planner = (spec) => {
  const stride = roundUp8(spec.valueSize);
  return {
    bytes: stride * spec.maxEntries,
    write(memory, record, base) {
      setRecordWord(memory, record, mapRecord.values, base);
      setRecordWord(memory, record, mapRecord.stride, stride);
    },
  };
};

export function attachQueue(memory: XdpMemory, record: number, cpu: number, type: "queue" | "stack"): MapAccess {
  const { u32 } = memory;
  const word = (index: number) => recordWord(memory, record, index);
  const valueSize = word(mapRecord.valueSize);
  const entries = word(mapRecord.maxEntries);
  const stride = word(mapRecord.stride);
  const values = word(mapRecord.values);
  const first = (record >>> 2) + firstWord;
  const count = (record >>> 2) + mapRecord.count;
  const place = (nth: number) => values + (((u32[first] as number) + nth) % entries) * stride;

  function take(value: number, remove: boolean): number {
    if (!lockMap(memory, record, cpu)) return -errno.EBUSY;
    const held = u32[count] as number;
    if (held === 0) {
      zeroBytes(memory, value, valueSize);
      unlockMap(memory, record);
      return -errno.ENOENT;
    }
    copyBytes(memory, value, place(type === "queue" ? 0 : held - 1), valueSize);
    if (remove) {
      u32[count] = held - 1;
      if (type === "queue") u32[first] = ((u32[first] as number) + 1) % entries;
    }
    unlockMap(memory, record);
    return 0;
  }
  return {
    ...noOperations,
    type,
    keySize: 0,
    valueSize,
    push(value, flags) {
      if (flags !== 0 && flags !== 2) return -errno.EINVAL;
      if (!lockMap(memory, record, cpu)) return -errno.EBUSY;
      let held = u32[count] as number;
      if (held === entries) {
        if (flags !== 2) {
          unlockMap(memory, record);
          return -errno.E2BIG;
        }
        u32[first] = ((u32[first] as number) + 1) % entries;
        held--;
      }
      copyBytes(memory, place(held), value, valueSize);
      u32[count] = held + 1;
      unlockMap(memory, record);
      return 0;
    },
    pop: (value) => take(value, true),
    peek: (value) => take(value, false),
  };
}
