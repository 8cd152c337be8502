/**
 * Where a program's maps lie. A module has the shape of each as constants, and imports where its record is: so one module serves all that run
 * the same program on maps of the same shape.
 */
import { arrayWord } from "../maps/array.js";
import { mapRecord } from "../maps/descriptor.js";
import type { PlacedRecord } from "../maps/placed.js";
import type { XdpMemory } from "../memory.js";
import type { MapSpec } from "../spec.js";

export interface MapBinding {
  readonly spec: MapSpec;
  /** Offset of the map's record in the memory. */
  readonly record: number;
  /** As in the record (`maps/descriptor.ts`). */
  readonly values: number;
  /** Bytes from `values` on that programs may touch; of a per-CPU map: of one CPU. 0: none. */
  readonly valuesBytes: number;
  readonly stride: number;
  readonly cpuStride: number;
  /** How many values a per-CPU map has of each key; else 1. */
  readonly cpus: number;
  /** Of a devmap, cpumap or xskmap: where the host's number of each entry is, 0 for none; see `maps/array.ts`. */
  readonly numbers?: number;
}

/** A map as the module that is being written has it. */
export type PlacedMap = MapBinding & PlacedRecord;

/** Name of the import with the offset of a map's record, by the map's index in the program. */
export const mapImport = (map: number): string => `map_${map}`;

/** What a module of a program with such maps imports for them. */
export const mapImports = (records: readonly number[]): Record<string, number> =>
  Object.fromEntries(records.map((record, map) => [mapImport(map), record]));

const numbered: ReadonlySet<string> = new Set(["devmap", "cpumap", "xskmap"]);

/** Reads a map's record. `cpus`: number of threads that per-CPU maps are made for. */
export function bindMap(memory: XdpMemory, record: number, spec: MapSpec, cpus: number): MapBinding {
  const word = (field: number): number => memory.u32[(record >>> 2) + field]!;
  const cpuStride = word(mapRecord.cpuStride);
  return {
    spec,
    record,
    values: word(mapRecord.values),
    valuesBytes: word(mapRecord.valuesBytes),
    stride: word(mapRecord.stride),
    cpuStride,
    cpus: cpuStride > 0 ? cpus : 1,
    ...(numbered.has(spec.type) && { numbers: word(arrayWord.second) }),
  };
}
