/**
 * Operations on maps as WebAssembly in a program's own module, with what the map's record says of its shape as constants,
 * and addresses relative to the record. They do what hash.ts, trie.ts,
 * array.ts and ringbuf.ts do, on the same memory at the same time, with the same locks. What is rare, and whatever has to wait, they leave to
 * the host.
 */
import type { FunctionRef, ModuleBuilder } from "../../wasm/builder.js";
import { typeAt } from "../attach.js";
import { arrayLookup, arrayUpdate } from "./array.js";
import { hashLookup } from "./hash.js";
import { hashRemove, hashUpdate } from "./hash-change.js";
import { lpmLookup } from "./lpm.js";
import { type HostFunction, type InlineMap, type Site, siteOf } from "./pieces.js";
import { ringCommit, ringOutput, ringReserve } from "./ring.js";

export type { HostFunction, InlineMap } from "./pieces.js";

/**
 * What there are routines for. Parameters and results are words; the first parameter is the thread's state block, the last one the map's
 * record:
 * - lookup `(state, key, record)`: address of the key's value, on the thread's CPU where there is one per CPU, or 0; of a map of maps, the
 *   record of the inner map;
 * - update `(state, key, value, flags, upper word of flags, record)`, remove `(state, key, record)`: 0 or a negative error number;
 * - reserve `(state, bytes, flags, upper word of flags, record)`: address of the data, or 0; submit and discard `(state, data, flags, record)`:
 *   1, or 0 if the data are none of this ring's; output `(state, data, bytes, flags, upper word of flags, record)`: 0 or a negative error
 *   number.
 */
export type MapOperation = "lookup" | "update" | "remove" | "reserve" | "submit" | "discard" | "output";

type Writer = (site: Site) => FunctionRef;

const array = { lookup: (site: Site) => arrayLookup(site, false), update: arrayUpdate };
const hash = {
  lookup: (site: Site) => hashLookup(site, "none"),
  update: (site: Site) => hashUpdate(site, false),
  remove: hashRemove,
};
const lru = {
  ...hash,
  lookup: (site: Site) => hashLookup(site, "mark"),
  update: (site: Site) => hashUpdate(site, true),
};

const writers: Readonly<Record<string, Readonly<Partial<Record<MapOperation, Writer>>>>> = {
  array,
  percpu_array: array,
  array_of_maps: { lookup: (site) => arrayLookup(site, true) },
  hash,
  percpu_hash: hash,
  lru_hash: lru,
  lru_percpu_hash: lru,
  hash_of_maps: { lookup: (site) => hashLookup(site, "load") },
  lpm_trie: { lookup: lpmLookup },
  ringbuf: {
    reserve: ringReserve,
    submit: (site) => ringCommit(site, false),
    discard: (site) => ringCommit(site, true),
    output: (site) => ringOutput(site, ringReserve(site)),
  },
};

/** Writes the routine of an operation into the module. Undefined: there is none for this type; call the helper. */
export function inlineRoutine(
  module: ModuleBuilder,
  map: InlineMap,
  operation: MapOperation,
  host: HostFunction,
): FunctionRef | undefined {
  const site = siteOf(module, map, host);
  const write = writers[typeAt(map.memory, map.record) ?? ""]?.[operation];
  return write?.(site);
}
