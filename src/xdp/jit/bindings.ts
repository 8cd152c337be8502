/** Where a program's maps lie: constants of the compiled module. */
import { arrayWord } from "../maps/array.js";
import { mapRecord } from "../maps/descriptor.js";
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
