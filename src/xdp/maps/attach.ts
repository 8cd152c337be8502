/** Operations of a map by its record, for any thread. */
import { JunctorError } from "../../errors.js";
import type { XdpMemory } from "../memory.js";
import { type MapTypeName, mapTypes } from "../spec.js";
import { type MapAccess, recordWord } from "./access.js";
import { attachArray, planArray } from "./array.js";
import { attachBloom, planBloom } from "./bloom.js";
import { mapRecord, mapRecordBytes } from "./descriptor.js";
import { attachHash, planHash } from "./hash.js";
import { attachLpm, planLpm } from "./lpm.js";
import type { Planner } from "./plan.js";
import { attachQueue, planQueue } from "./queue.js";
import { attachPerf, attachRingbuf, planPerf, planRingbuf } from "./ringbuf.js";

export type { MapAccess } from "./access.js";
export { userSpace } from "./access.js";

type Attach<T extends MapTypeName> = (memory: XdpMemory, record: number, cpu: number, type: T) => MapAccess;

/** How each type is laid out, and how it works. */
export const mapKinds: { readonly [T in MapTypeName]: { readonly plan: Planner; readonly attach: Attach<T> } } = {
  array: { plan: planArray, attach: attachArray },
  percpu_array: { plan: planArray, attach: attachArray },
  prog_array: { plan: planArray, attach: attachArray },
  devmap: { plan: planArray, attach: attachArray },
  cpumap: { plan: planArray, attach: attachArray },
  xskmap: { plan: planArray, attach: attachArray },
  array_of_maps: { plan: planArray, attach: attachArray },
  hash: { plan: planHash, attach: attachHash },
  percpu_hash: { plan: planHash, attach: attachHash },
  lru_hash: { plan: planHash, attach: attachHash },
  lru_percpu_hash: { plan: planHash, attach: attachHash },
  devmap_hash: { plan: planHash, attach: attachHash },
  hash_of_maps: { plan: planHash, attach: attachHash },
  lpm_trie: { plan: planLpm, attach: attachLpm },
  queue: { plan: planQueue, attach: attachQueue },
  stack: { plan: planQueue, attach: attachQueue },
  bloom_filter: { plan: planBloom, attach: attachBloom },
  ringbuf: { plan: planRingbuf, attach: attachRingbuf },
  perf_event_array: { plan: planPerf, attach: attachPerf },
};

const typeNames = new Map<number, MapTypeName>(
  (Object.keys(mapTypes) as MapTypeName[]).map((name) => [mapTypes[name], name]),
);

/** Type of the map that a record is of; undefined: there is no map there. */
export const typeAt = (memory: XdpMemory, record: number): MapTypeName | undefined =>
  record % 64 === 0 && record >= 0 && record + mapRecordBytes <= memory.size
    ? typeNames.get(recordWord(memory, record, mapRecord.type))
    : undefined;

/**
 * Operations on the map whose record is at that offset, as done by that CPU, or by user space (`userSpace`, -1): then a value per CPU is a row
 * of as many values as there are CPUs, each rounded up to 8 bytes. Costly compared with an operation: keep what it answers.
 * Error ENOENT if there is no map.
 */
export function attachMap(memory: XdpMemory, record: number, cpu: number): MapAccess {
  const type = typeAt(memory, record);
  if (type === undefined)
    throw new JunctorError("ENOENT", `no map's record at ${record}`, "the map may have been freed");
  const attach = mapKinds[type].attach as Attach<MapTypeName>;
  return attach(memory, record, cpu, type);
}
