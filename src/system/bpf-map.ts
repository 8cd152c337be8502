/** Maps of the kernel by descriptor. Keys and values are bytes; the value of a per-CPU map is that of all possible CPUs, 8-aligned. */

import { constants } from "node:os";
import { bpf, bpfAttribute, bpfFailure, bpfRoom, pointTo, storeAddress, storeName, tryBpf } from "./bpf-call.js";
import { mapBatchAttr as batch, mapCreateAttr as create, mapElementAttr as element } from "./bpf-structs.js";

const { ENOENT, EEXIST } = constants.errno;

export interface BpfMapOptions {
  /** Number of enum bpf_map_type. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags?: number;
  readonly name?: string;
  readonly innerMapFd?: number;
  readonly btfFd?: number;
  readonly btfKeyType?: number;
  readonly btfValueType?: number;
  readonly extra?: number;
}

/** Answers a descriptor that the caller closes. @throws BpfError */
export function createBpfMap(options: BpfMapOptions): number {
  const view = bpfAttribute();
  view.setUint32(create.type, options.type, true);
  view.setUint32(create.keySize, options.keySize, true);
  view.setUint32(create.valueSize, options.valueSize, true);
  view.setUint32(create.maxEntries, options.maxEntries, true);
  view.setUint32(create.flags, options.flags ?? 0, true);
  view.setUint32(create.innerMapFd, options.innerMapFd ?? 0, true);
  view.setUint32(create.btfFd, options.btfFd ?? 0, true);
  view.setUint32(create.btfKeyType, options.btfKeyType ?? 0, true);
  view.setUint32(create.btfValueType, options.btfValueType ?? 0, true);
  view.setUint32(create.extra, options.extra ?? 0, true);
  storeName(view, create.name, options.name ?? "");
  return bpf("MAP_CREATE", create.size, `of map "${options.name ?? ""}" of type ${options.type}`);
}

/** Reads the value of `key` into `value`, which is as long as the map's values are; false: there is none. @throws BpfError */
export function lookupBpfMap(fd: number, key: Uint8Array, value: Uint8Array, flags = 0): boolean {
  const view = keyed(fd, key, flags);
  const room = bpfRoom(value.length);
  storeAddress(view, element.value, room.address);
  const answer = tryBpf("MAP_LOOKUP_ELEM", element.size);
  if (answer === -ENOENT) return false;
  if (answer < 0) throw bpfFailure(-answer, "MAP_LOOKUP_ELEM", `in map of descriptor ${fd}`);
  value.set(room.bytes);
  return true;
}

/** `flags` BPF_NOEXIST or BPF_EXIST: false when the element is there, or is not. @throws BpfError */
export function updateBpfMap(fd: number, key: Uint8Array, value: Uint8Array, flags = 0): boolean {
  const view = keyed(fd, key, flags);
  pointTo(view, element.value, value);
  const answer = tryBpf("MAP_UPDATE_ELEM", element.size);
  if (flags !== 0 && (answer === -EEXIST || answer === -ENOENT)) return false;
  if (answer < 0) throw bpfFailure(-answer, "MAP_UPDATE_ELEM", `in map of descriptor ${fd}`);
  return true;
}

/** False: there was none. @throws BpfError */
export function deleteBpfMap(fd: number, key: Uint8Array): boolean {
  keyed(fd, key, 0);
  const answer = tryBpf("MAP_DELETE_ELEM", element.size);
  if (answer === -ENOENT) return false;
  if (answer < 0) throw bpfFailure(-answer, "MAP_DELETE_ELEM", `in map of descriptor ${fd}`);
  return true;
}

/** Takes the next element of a queue or stack; false: it is empty. @throws BpfError */
export function popBpfMap(fd: number, value: Uint8Array): boolean {
  const view = keyed(fd, new Uint8Array(0), 0);
  const room = bpfRoom(value.length);
  storeAddress(view, element.value, room.address);
  const answer = tryBpf("MAP_LOOKUP_AND_DELETE_ELEM", element.size);
  if (answer === -ENOENT) return false;
  if (answer < 0) throw bpfFailure(-answer, "MAP_LOOKUP_AND_DELETE_ELEM", `in map of descriptor ${fd}`);
  value.set(room.bytes);
  return true;
}

/** Stores the key after `key` (undefined: the first) in `next`; false: that was the last. @throws BpfError */
export function nextBpfKey(fd: number, key: Uint8Array | undefined, next: Uint8Array): boolean {
  const view = bpfAttribute();
  view.setUint32(element.fd, fd, true);
  if (key !== undefined) pointTo(view, element.key, key);
  const room = bpfRoom(next.length);
  storeAddress(view, element.value, room.address);
  const answer = tryBpf("MAP_GET_NEXT_KEY", element.size);
  if (answer === -ENOENT) return false;
  if (answer < 0) throw bpfFailure(-answer, "MAP_GET_NEXT_KEY", `in map of descriptor ${fd}`);
  next.set(room.bytes);
  return true;
}

/** Nothing but programs may write the map from now on (.rodata: nobody). @throws BpfError */
export function freezeBpfMap(fd: number): void {
  const view = bpfAttribute();
  view.setUint32(element.fd, fd, true);
  bpf("MAP_FREEZE", 4, `of map of descriptor ${fd}`);
}

export interface BpfBatch {
  /** Elements read: that many keys and values one after the other. */
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  /** Where to go on; undefined: that was the end. */
  readonly next: Uint8Array | undefined;
}

/**
 * Reads up to `count` elements from `from` on (undefined: the start). EINVAL or ENOTSUPP: the type has no batches; ENOSPC: a
 * bucket of a hash has more than `count`. @throws BpfError
 */
export function lookupBpfBatch(
  fd: number,
  from: Uint8Array | undefined,
  count: number,
  sizes: { readonly key: number; readonly value: number },
): BpfBatch {
  const view = bpfAttribute();
  view.setUint32(batch.fd, fd, true);
  view.setUint32(batch.count, count, true);
  if (from !== undefined) pointTo(view, batch.inBatch, from);
  // The place to go on is a key, or for hashes the number of a bucket.
  const next = bpfRoom(Math.max(sizes.key, 4));
  const keys = bpfRoom(count * sizes.key);
  const values = bpfRoom(count * sizes.value);
  storeAddress(view, batch.outBatch, next.address);
  storeAddress(view, batch.keys, keys.address);
  storeAddress(view, batch.values, values.address);
  const answer = tryBpf("MAP_LOOKUP_BATCH", batch.size);
  if (answer < 0 && answer !== -ENOENT) throw bpfFailure(-answer, "MAP_LOOKUP_BATCH", `in map of descriptor ${fd}`);
  const read = Math.min(view.getUint32(batch.count, true), count);
  return {
    count: read,
    keys: keys.bytes.slice(0, read * sizes.key),
    values: values.bytes.slice(0, read * sizes.value),
    next: answer === -ENOENT ? undefined : next.bytes.slice(),
  };
}

/** Stores `count` elements, keys and values one after the other. @throws BpfError */
export function updateBpfBatch(fd: number, keys: Uint8Array, values: Uint8Array, count: number, flags = 0): void {
  const view = bpfAttribute();
  view.setUint32(batch.fd, fd, true);
  view.setUint32(batch.count, count, true);
  view.setUint32(batch.elementFlags, flags, true);
  pointTo(view, batch.keys, keys);
  pointTo(view, batch.values, values);
  bpf("MAP_UPDATE_BATCH", batch.size, `in map of descriptor ${fd}`);
}

/** Removes `count` elements by their keys. @throws BpfError */
export function deleteBpfBatch(fd: number, keys: Uint8Array, count: number): void {
  const view = bpfAttribute();
  view.setUint32(batch.fd, fd, true);
  view.setUint32(batch.count, count, true);
  pointTo(view, batch.keys, keys);
  bpf("MAP_DELETE_BATCH", batch.size, `in map of descriptor ${fd}`);
}

function keyed(fd: number, key: Uint8Array, flags: number): DataView {
  const view = bpfAttribute();
  view.setUint32(element.fd, fd, true);
  view.setUint32(element.flags, flags, true);
  if (key.length > 0) pointTo(view, element.key, key);
  return view;
}
