/** How a type lays a map out in memory: how many bytes it wants, and how it fills them in. */
import type { XdpMemory } from "../memory.js";
import type { MapSpec } from "../spec.js";

export interface PlanOptions {
  readonly cpus: number;
  /** Bytes of each ring of a perf_event_array. */
  readonly perfBytes: number;
}

export interface Plan {
  /** Besides the record. */
  readonly bytes: number;
  /** Writes the record's fields (type, sizes, flags are there already) and what else is not zero at first. */
  write(memory: XdpMemory, record: number, base: number): void;
}

export type Planner = (spec: MapSpec, options: PlanOptions) => Plan;

export const align64 = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Places areas one after the other, each aligned to 64 bytes. */
export function areas<K extends string>(
  sizes: Readonly<Record<K, number>>,
): { readonly at: Record<K, number>; readonly bytes: number } {
  const at = {} as Record<K, number>;
  let bytes = 0;
  for (const name of Object.keys(sizes) as K[]) {
    at[name] = bytes;
    bytes += align64(sizes[name]);
  }
  return { at, bytes };
}

export const isPerCpu = (type: MapSpec["type"]): boolean =>
  type === "percpu_array" || type === "percpu_hash" || type === "lru_percpu_hash";
