/**
 * Which bytes a program may touch: its thread's stack, the frame, and the values of its maps. Helpers check the memory they are handed by
 * it, and compiled programs what they cannot place at once, so that even a program that the verifier should not have let through
 * reaches no other frame and no other map.
 */
import { mapRecord } from "../maps/descriptor.js";
import type { XdpMemory } from "../memory.js";
import { mapFlag, mapTypes } from "../spec.js";
import { state } from "./state.js";

export interface Windows {
  /** Whether [pointer, pointer + size) lies within one window. `pointer` and `size` are words, taken as unsigned. */
  mayTouch(block: number, pointer: number, size: number, write: boolean): boolean;
  /** Whether it lies in values of maps that the program may not write: where constant strings are. */
  isConstant(pointer: number, size: number): boolean;
}

/** Programs may look at what lies in these, but not write it. */
const objectMaps: ReadonlySet<number> = new Set([
  mapTypes.prog_array,
  mapTypes.devmap,
  mapTypes.devmap_hash,
  mapTypes.cpumap,
  mapTypes.xskmap,
]);

interface Window {
  readonly start: number;
  readonly end: number;
  readonly writable: boolean;
  readonly constant: boolean;
}

/**
 * @param records Records of the program's maps.
 * @param innerMaps Records that a map of maps holds now.
 * @param cpus How many values a per-CPU map has of each key.
 */
export function createWindows(
  memory: XdpMemory,
  records: readonly number[],
  options: { readonly cpus?: number; readonly innerMaps?: (record: number) => Iterable<number> } = {},
): Windows {
  const { u32 } = memory;
  const cpus = options.cpus ?? 1;
  const word = (record: number, field: number): number => u32[(record >>> 2) + field]!;
  const typeOf = (record: number): number => word(record, mapRecord.type);
  const isOuter = (record: number): boolean =>
    typeOf(record) === mapTypes.array_of_maps || typeOf(record) === mapTypes.hash_of_maps;

  function windowOf(record: number): Window | undefined {
    if (isOuter(record)) return undefined;
    const start = word(record, mapRecord.values);
    const stride = word(record, mapRecord.cpuStride);
    const bytes = stride > 0 ? stride * cpus : word(record, mapRecord.valuesBytes);
    const flags = word(record, mapRecord.flags);
    if (bytes === 0 || (flags & mapFlag.writeOnlyProgram) !== 0) return undefined;
    const constant = (flags & mapFlag.readOnlyProgram) !== 0;
    const writable = !constant && !objectMaps.has(typeOf(record));
    return { start, end: start + bytes, writable, constant };
  }

  const windows: Window[] = [];
  const outer: number[] = [];
  for (const record of records) {
    if (isOuter(record)) outer.push(record);
    const window = windowOf(record);
    if (window !== undefined) windows.push(window);
  }

  /** Inner maps come and go, so they are looked for where they are held; the last one found is usually the next one wanted. */
  let lastRecord = 0;
  let lastId = 0;
  let lastWindow: Window | undefined;
  function innerWindow(pointer: number, end: number): Window | undefined {
    if (outer.length === 0 || options.innerMaps === undefined) return undefined;
    if (lastWindow !== undefined && pointer >= lastWindow.start && end <= lastWindow.end) {
      if (word(lastRecord, mapRecord.id) === lastId) return lastWindow;
    }
    for (const record of outer) {
      for (const inner of options.innerMaps(record)) {
        const window = windowOf(inner);
        if (window === undefined || pointer < window.start || end > window.end) continue;
        lastRecord = inner;
        lastId = word(inner, mapRecord.id);
        lastWindow = window;
        return window;
      }
    }
    return undefined;
  }

  function find(pointer: number, end: number): Window | undefined {
    for (let index = 0; index < windows.length; index++) {
      const window = windows[index]!;
      if (pointer >= window.start && end <= window.end) return window;
    }
    return innerWindow(pointer, end);
  }

  return {
    mayTouch(block, pointer, size, write) {
      const start = pointer >>> 0;
      const end = start + (size >>> 0);
      if (start >= block + state.stack && end <= block + state.stackTop) return true;
      // Keys of elements that a callback is handed by the interpreter.
      if (!write && start >= block + state.scratch && end <= block + state.scratch + state.scratchBytes) return true;
      const base = block >>> 2;
      if (start >= u32[base + (state.dataMeta >> 2)]! && end <= u32[base + (state.dataEnd >> 2)]!) return true;
      const window = find(start, end);
      return window !== undefined && (!write || window.writable);
    },
    isConstant(pointer, size) {
      const start = pointer >>> 0;
      return find(start, start + (size >>> 0))?.constant === true;
    },
  };
}
