/** for_each_map_elem for the interpreter: elements one after the other, their keys in the thread's state block. */

import { ProgramFault } from "../interpreter-memory.js";
import type { MapAccess } from "../maps/access.js";
import type { XdpMemory } from "../memory.js";
import { fault, state } from "./state.js";

export type ForEach = (block: number, record: number, visit: (key: number, value: number) => number) => number;

/** Nested ones have keys of their own; ends the run (`fault.unknown`) where there is no more room for any. */
export function createForEach(memory: XdpMemory, map: (record: number) => MapAccess): ForEach {
  let used = 0;
  return (block, record, visit) => {
    const access = map(record);
    const bytes = (access.keySize + 7) & ~7;
    const key = block + state.elementKeys + used;
    if (used + bytes > state.elementKeysBytes) {
      memory.u32[(block + state.fault) >>> 2] = fault.unknown;
      throw new ProgramFault(fault.unknown, -1);
    }
    used += bytes;
    let visits = 0;
    try {
      for (let from = 0; access.next(from, key) === 0; from = key) {
        const value = access.lookup(key);
        // It was deleted just now.
        if (value === 0) continue;
        visits++;
        if (visit(key, value) !== 0) break;
      }
    } finally {
      used -= bytes;
    }
    return visits;
  };
}
