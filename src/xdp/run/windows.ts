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
  /** Whether a word is the record of a map that the program names, or of one that a map of maps holds or held not long ago. */
  isReachable(record: number): boolean;
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

/** A map that was found in a map of maps. Freed, its record has another id. */
interface Inner {
  readonly record: number;
  readonly id: number;
  readonly window: Window | undefined;
}

/** Inner maps that are looked at first: a program has hardly more of them in hand at a time. */
const mostRecent = 16;
const mostKnown = 4096;

/**
 * @param records Records of the program's maps.
 * @param options innerMaps: records that a map of maps holds now; cpus: how many values a per-CPU map has of each key.
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

  const own: ReadonlySet<number> = new Set(records);
  const windows: Window[] = [];
  const outer: number[] = [];
  for (const record of records) {
    if (isOuter(record)) outer.push(record);
    const window = windowOf(record);
    if (window !== undefined) windows.push(window);
  }

  const known = new Map<number, Inner>();
  const recent: Inner[] = [];
  /**
   * Inner maps come and go, so they are looked for where they are held. One that was found stays good until it is freed, which is not before
   * the run that found it has ended.
   */
  function seek(wanted: (inner: Inner) => boolean): Inner | undefined {
    if (options.innerMaps === undefined) return undefined;
    for (const record of outer) {
      for (const held of options.innerMaps(record)) {
        const inner = { record: held, id: word(held, mapRecord.id), window: windowOf(held) };
        if (!wanted(inner)) continue;
        if (known.size >= mostKnown) known.clear();
        known.set(held, inner);
        return inner;
      }
    }
    return undefined;
  }

  function toFront(inner: Inner): void {
    if (recent[0] === inner) return;
    const at = recent.findIndex(({ record }) => record === inner.record);
    if (at >= 0) recent.splice(at, 1);
    else if (recent.length >= mostRecent) recent.pop();
    recent.unshift(inner);
  }

  function innerWindow(start: number, end: number): Window | undefined {
    if (outer.length === 0) return undefined;
    const within = ({ window }: Inner): boolean => window !== undefined && start >= window.start && end <= window.end;
    for (let index = 0; index < recent.length; index++) {
      const inner = recent[index]!;
      if (within(inner) && word(inner.record, mapRecord.id) === inner.id) return inner.window;
    }
    const found = seek(within);
    if (found !== undefined) toFront(found);
    return found?.window;
  }

  function find(start: number, end: number): Window | undefined {
    for (let index = 0; index < windows.length; index++) {
      const window = windows[index]!;
      if (start >= window.start && end <= window.end) return window;
    }
    return innerWindow(start, end);
  }

  return {
    mayTouch(block, pointer, size, write) {
      const start = pointer >>> 0;
      const end = start + (size >>> 0);
      if (start >= block + state.stack && end <= block + state.stackTop) return true;
      // Keys of elements that a callback is handed by the interpreter.
      if (!write && start >= block + state.elementKeys && end <= block + state.elementKeys + state.elementKeysBytes) {
        return true;
      }
      const base = block >>> 2;
      if (start >= u32[base + (state.dataMeta >> 2)]! && end <= u32[base + (state.dataEnd >> 2)]!) return true;
      const window = find(start, end);
      return window !== undefined && (!write || window.writable);
    },
    isConstant(pointer, size) {
      const start = pointer >>> 0;
      return find(start, start + (size >>> 0))?.constant === true;
    },
    isReachable(word32) {
      const record = word32 >>> 0;
      if (own.has(record)) return true;
      if (outer.length === 0) return false;
      let inner = known.get(record);
      if (inner === undefined || word(record, mapRecord.id) !== inner.id) {
        inner = seek((one) => one.record === record);
        if (inner === undefined) return false;
      }
      toFront(inner);
      return true;
    },
  };
}
