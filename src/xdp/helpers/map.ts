/** Helpers that read and change maps. */
import type { HelperEnv, HelperGroup } from "./env.js";
import { errno } from "./errno.js";
import { holds } from "./redirect.js";

const redirectTypes: ReadonlySet<string> = new Set(["devmap", "cpumap", "xskmap"]);

/** Flags that do not fit in a word are none that a map knows. */
const unknownFlags = -1;
const joinFlags = (low: number, high: number): number => (high === 0 ? low : unknownFlags);

export function mapHelpers({ memory, windows, map }: HelperEnv): HelperGroup {
  return {
    helper_1: (block, record = 0, key = 0) => {
      const target = map(record);
      if (!windows.mayTouch(block, key, target.keySize, false)) return 0;
      // An index without an entry has a place in the map, but no value.
      if (redirectTypes.has(target.type)) {
        const index = memory.view.getUint32(key >>> 0, true);
        if (!holds(memory, record >>> 0, index, target, key >>> 0)) return 0;
      }
      return target.lookup(key >>> 0);
    },
    helper_2: (block, record = 0, key = 0, value = 0, flags = 0, flagsHigh = 0) => {
      const target = map(record);
      if (!windows.mayTouch(block, key, target.keySize, false)) return -errno.EFAULT;
      if (!windows.mayTouch(block, value, target.valueSize, false)) return -errno.EFAULT;
      return target.update(key >>> 0, value >>> 0, joinFlags(flags, flagsHigh));
    },
    helper_3: (block, record = 0, key = 0) => {
      const target = map(record);
      if (!windows.mayTouch(block, key, target.keySize, false)) return -errno.EFAULT;
      return target.remove(key >>> 0);
    },
    helper_195: (block, record = 0, key = 0, cpu = 0) => {
      const target = map(record);
      if (!windows.mayTouch(block, key, target.keySize, false)) return 0;
      return target.lookupCpu(key >>> 0, cpu >>> 0);
    },
    helper_87: (block, record = 0, value = 0, flags = 0, flagsHigh = 0) => {
      const target = map(record);
      if (!windows.mayTouch(block, value, target.valueSize, false)) return -errno.EFAULT;
      return target.push(value >>> 0, joinFlags(flags, flagsHigh));
    },
    helper_88: (block, record = 0, value = 0) => {
      const target = map(record);
      if (!windows.mayTouch(block, value, target.valueSize, true)) return -errno.EFAULT;
      return target.pop(value >>> 0);
    },
    helper_89: (block, record = 0, value = 0) => {
      const target = map(record);
      if (!windows.mayTouch(block, value, target.valueSize, true)) return -errno.EFAULT;
      return target.peek(value >>> 0);
    },
  };
}
