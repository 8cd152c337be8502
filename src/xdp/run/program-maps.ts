/** The maps that one program on one thread may work on, by their records. */

import { noOperations } from "../maps/access.js";
import { attachMap, type MapAccess } from "../maps/attach.js";
import { mapRecord } from "../maps/descriptor.js";
import type { XdpMemory } from "../memory.js";
import { mapTypes } from "../spec.js";
import { state } from "./state.js";
import { createWindows, type Windows } from "./windows.js";

export interface ProgramMaps {
  readonly windows: Windows;
  /** Operations on a map that the program may reach; on anything else they do nothing. */
  map(record: number): MapAccess;
  /** Records of its ring buffers, those in maps of maps too. */
  rings(): readonly number[];
}

/** Stands for a map that is gone: what it is asked, it does not have. */
const nothing: MapAccess = { type: "array", keySize: 0, valueSize: 0, ...noOperations };

/** Maps come and go; of more records than this the handles are made anew. */
const mostHandles = 4096;

export function createProgramMaps(
  memory: XdpMemory,
  records: readonly number[],
  { block, cpu, cpus }: { readonly block: number; readonly cpu: number; readonly cpus: number },
): ProgramMaps {
  const { u32, u8 } = memory;
  const word = (record: number, field: number): number => u32[(record >>> 2) + field] ?? 0;
  const windows = createWindows(memory, records, { cpus, innerMaps });
  const own: ReadonlySet<number> = new Set(records);
  const handles = new Map<number, { readonly id: number; readonly access: MapAccess }>();

  function map(record: number): MapAccess {
    const at = record >>> 0;
    // A record may be freed and become another map's.
    const id = word(at, mapRecord.id);
    const held = handles.get(at);
    if (!own.has(at) && !windows.isReachable(at)) return nothing;
    if (held !== undefined && held.id === id) return held.access;
    if (handles.size >= mostHandles) handles.clear();
    const access = attachMap(memory, at, cpu);
    handles.set(at, { id, access });
    return access;
  }

  /** Records that a map of maps holds: its values are their offsets. */
  function* innerMaps(record: number): Iterable<number> {
    const outer = map(record);
    if (outer.keySize > state.innerKeyBytes) return;
    const key = block + state.innerKeys;
    const out = key + state.innerKeyBytes;
    const most = word(record, mapRecord.maxEntries);
    let at = 0;
    for (let count = 0; count < most && outer.next(at, out) === 0; count++) {
      u8.copyWithin(key, out, out + outer.keySize);
      at = key;
      const inner = outer.lookup(key);
      if (inner !== 0) yield inner;
    }
  }

  const typeOf = (record: number): number => word(record, mapRecord.type);
  const ownRings = records.filter((record) => typeOf(record) === mapTypes.ringbuf);
  const outers = records.filter(
    (record) => typeOf(record) === mapTypes.array_of_maps || typeOf(record) === mapTypes.hash_of_maps,
  );
  return {
    windows,
    map,
    rings() {
      if (outers.length === 0) return ownRings;
      const inner = outers.flatMap((record) => [...innerMaps(record)]);
      return [...ownRings, ...inner.filter((record) => typeOf(record) === mapTypes.ringbuf)];
    },
  };
}
