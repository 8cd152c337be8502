/** Entries of maps that frames are redirected by, as a thread looks them up. */
import { arrayWord } from "../../../xdp/maps/array.js";
import { mapRecord } from "../../../xdp/maps/descriptor.js";
import { type HashCore, hashCore, hashWord } from "../../../xdp/maps/hash.js";
import type { XdpMemory } from "../../../xdp/memory.js";
import { state } from "../../../xdp/run/state.js";
import { mapTypes } from "../../../xdp/spec.js";
import type { Context } from "../context.js";
import type { Entries } from "./redirect.js";

/** The engine's number of an entry (`entryNumber`): not 0, and it tells the program's slot. */
export const entryNumber = (program: number | undefined): number =>
  program === undefined ? 1 : ((program + 1) << 1) | 1;
const programOf = (number: number): number => number >>> 1;

/** Copies that a broadcast makes of a frame. */
const most = 4096;

/** `memory` is the engine's, as programs' maps see it. */
export function createEntries({ arena }: Context, memory: XdpMemory): Entries {
  const { u32 } = memory;
  const keyAt = arena.programState + state.scratch;
  const cores = new Map<number, { readonly id: number; readonly core: HashCore }>();
  const word = (record: number, field: number): number => u32[(record >>> 2) + field]!;

  /** A record may have become another map's. */
  function coreOf(record: number): HashCore {
    const id = word(record, mapRecord.id);
    const known = cores.get(record);
    if (known?.id === id) return known.core;
    const core = hashCore(memory, record);
    cores.set(record, { id, core });
    return core;
  }

  const entries = {
    target: 0,
    program: 0,
    targets: new Int32Array(most),
    programs: new Int32Array(most),
    find(record: number, key: number): boolean {
      const type = word(record, mapRecord.type);
      let index = key;
      let second = arrayWord.second as number;
      if (type === mapTypes.devmap_hash) {
        u32[keyAt >> 2] = key;
        index = coreOf(record).find(keyAt);
        second = hashWord.second;
        if (index < 0) return false;
      } else if (key >>> 0 >= word(record, mapRecord.maxEntries)) return false;
      const number = Atomics.load(u32, (word(record, second) >>> 2) + index);
      if (number === 0) return false;
      entries.program = programOf(number);
      const value = word(record, mapRecord.values) + index * word(record, mapRecord.stride);
      entries.target = type === mapTypes.cpumap ? key : u32[value >>> 2]!;
      return true;
    },
    all(record: number): number {
      const isHash = word(record, mapRecord.type) === mapTypes.devmap_hash;
      const second = word(record, isHash ? hashWord.second : arrayWord.second) >>> 2;
      const values = word(record, mapRecord.values);
      const stride = word(record, mapRecord.stride);
      const core = isHash ? coreOf(record) : undefined;
      const end = word(record, mapRecord.maxEntries);
      let count = 0;
      const first = core === undefined ? 0 : core.after(-1);
      for (let index = first; index >= 0 && count < most; index = core === undefined ? index + 1 : core.after(index)) {
        if (core === undefined && index >= end) break;
        const number = Atomics.load(u32, second + index);
        if (number === 0) continue;
        entries.targets[count] = u32[(values + index * stride) >>> 2]!;
        entries.programs[count++] = programOf(number);
      }
      return count;
    },
  };
  return entries;
}
