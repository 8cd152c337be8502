/**
 * Hash tables, all of one make: hash, percpu_hash, lru_hash, lru_percpu_hash, devmap_hash, hash_of_maps, and what an lpm_trie holds.
 *
 * ```
 * buckets: {head, sequence} × 2^n     nodes: {next, hash, referenced, –, key} × n     values: n × stride (× CPUs)
 * ```
 *
 * A bucket is a list of nodes by index, -1 at the end. Readers take no lock. Whoever unlinks a node adds to the bucket's sequence after it and
 * before the node can be used again, so a reader that found nothing and sees another sequence than at the begin has perhaps strayed into
 * another list with a node, and looks again. Keys and values lie apart, so that no program can write where a list runs.
 * An update puts a new node where the old one was, as the kernel's does: who copies a value sees the old or the new one.
 */
import type { XdpMemory } from "../memory.js";
import type { MapTypeName } from "../spec.js";
import {
  copyBytes,
  errno,
  lockMap,
  type MapAccess,
  noOperations,
  recordWord,
  roundUp8,
  sameBytes,
  setRecordWord,
  storeValue,
  unlockMap,
  userSpace,
  zeroBytes,
} from "./access.js";
import { mapRecord } from "./descriptor.js";
import { keyHasher, seedBytes, writeSeeds } from "./hashing.js";
import { areas, isPerCpu, type Planner } from "./plan.js";

/** Words of the record. `table` and `mask` are the buckets. */
export const hashWord = {
  nodes: mapRecord.own,
  nodeStride: mapRecord.own + 1,
  /** Ring of indexes of free nodes: where it lies, how many were ever taken out (modulo `freeLimit`; begins there modulo its size), and how many it has. */
  free: mapRecord.own + 2,
  freeFirst: mapRecord.own + 3,
  freeCount: mapRecord.own + 4,
  nodeCount: mapRecord.own + 5,
  seeds: mapRecord.own + 6,
  /** Where the eviction of least recently used entries goes on. */
  hand: mapRecord.own + 7,
  cpus: mapRecord.own + 8,
  /** A word per node for the host's number of what the value means. */
  second: mapRecord.own + 9,
  /** From here on, words of the LPM trie. */
  trie: mapRecord.own + 10,
} as const;

/** Byte offsets in a node. */
export const node = { next: 0, hash: 4, referenced: 8, key: 16 } as const;

/** Nodes besides max_entries: one for the update of a full map, more so that a free node rests a while before it is used again. */
const spares = (entries: number): number => Math.min(entries, 32) + 1;

/** Lookups that were disturbed so often take the lock. */
const patience = 64;

/** Nodes that an eviction looks at before it takes one that was used. */
export const evictionScan = 64;

/**
 * Where the count of nodes taken begins anew: a multiple of what the ring of free ones holds. It is not the ring's size, so that who looks
 * twice sees that nodes were taken, however many.
 */
export const freeLimit = (nodes: number): number => Math.floor(2 ** 30 / nodes) * nodes;

const isLru = (type: MapTypeName): boolean => type === "lru_hash" || type === "lru_percpu_hash";

export const planHash: Planner = (spec, { cpus }) => {
  const nodes = spec.maxEntries + spares(spec.maxEntries);
  const buckets = 2 ** Math.ceil(Math.log2(Math.max(spec.maxEntries, 2)));
  const nodeStride = node.key + roundUp8(spec.keySize);
  const stride = roundUp8(spec.valueSize);
  const perCpu = isPerCpu(spec.type);
  const cpuStride = Math.ceil((stride * nodes) / 64) * 64;
  const { at, bytes } = areas({
    seeds: seedBytes(spec.keySize),
    buckets: buckets * 8,
    nodes: nodes * nodeStride,
    values: cpuStride * (perCpu ? cpus : 1),
    free: nodes * 4,
    second: spec.type === "devmap_hash" ? nodes * 4 : 0,
  });
  return {
    bytes,
    write(memory, record, base) {
      const words: [number, number][] = [
        [mapRecord.values, base + at.values],
        [mapRecord.valuesBytes, spec.type === "hash_of_maps" ? 0 : stride * nodes],
        [mapRecord.stride, stride],
        [mapRecord.cpuStride, perCpu ? cpuStride : 0],
        [mapRecord.table, base + at.buckets],
        [mapRecord.mask, buckets - 1],
        [hashWord.nodes, base + at.nodes],
        [hashWord.nodeStride, nodeStride],
        [hashWord.free, base + at.free],
        [hashWord.nodeCount, nodes],
        [hashWord.seeds, base + at.seeds],
        [hashWord.cpus, perCpu ? cpus : 1],
        [hashWord.second, base + at.second],
      ];
      for (const [word, value] of words) setRecordWord(memory, record, word, value);
      writeSeeds(memory, base + at.seeds, spec.keySize, (spec.flags & 64) !== 0);
      clearHash(memory, record);
    },
  };
};

/** Empties the table; nobody else may use it meanwhile. */
export function clearHash(memory: XdpMemory, record: number): void {
  const word = (index: number) => recordWord(memory, record, index);
  const nodes = word(hashWord.nodeCount);
  const free = word(hashWord.free) >>> 2;
  for (let index = 0; index < nodes; index++) memory.i32[free + index] = index;
  const table = word(mapRecord.table) >>> 2;
  for (let bucket = 0; bucket <= word(mapRecord.mask); bucket++) memory.i32[table + bucket * 2] = -1;
  setRecordWord(memory, record, hashWord.freeFirst, 0);
  setRecordWord(memory, record, hashWord.freeCount, nodes);
  setRecordWord(memory, record, mapRecord.count, 0);
}

/** The table under the operations: nodes by index. Functions named `…Locked` want the map's lock. */
export interface HashCore {
  readonly cpus: number;
  readonly stride: number;
  readonly cpuStride: number;
  hash(key: number): number;
  /** Node of the key, -1: none. */
  find(key: number): number;
  findLocked(key: number, hash: number): number;
  /** A free node with that key, not in any list; -1: none is left. */
  takeLocked(key: number, hash: number): number;
  linkLocked(index: number, hash: number): void;
  /** Puts one node where another one was, which becomes free. */
  replaceLocked(old: number, index: number, hash: number): void;
  removeLocked(index: number): void;
  /** The node after this one in the order of iteration, or the first (-1); -1: there is none. */
  after(index: number): number;
  keyOf(index: number): number;
  valueOf(index: number, cpu: number): number;
  count(): number;
}

export function hashCore(memory: XdpMemory, record: number): HashCore {
  const { i32 } = memory;
  const word = (index: number) => recordWord(memory, record, index);
  const keySize = word(mapRecord.keySize);
  const table = word(mapRecord.table) >>> 2;
  const mask = word(mapRecord.mask);
  const nodes = word(hashWord.nodes);
  const nodeStride = word(hashWord.nodeStride);
  const nodeCount = word(hashWord.nodeCount);
  const values = word(mapRecord.values);
  const stride = word(mapRecord.stride);
  const cpuStride = word(mapRecord.cpuStride);
  const cpus = word(hashWord.cpus);
  const free = word(hashWord.free) >>> 2;
  const limit = freeLimit(nodeCount);
  const own = record >>> 2;
  const hash = keyHasher(memory, word(hashWord.seeds), keySize);
  const nodeWord = (index: number) => (nodes + index * nodeStride) >>> 2;
  const headOf = (hashed: number) => table + (hashed & mask) * 2;

  function walk(key: number, hashed: number, head: number): number {
    let index = Atomics.load(i32, head);
    for (let steps = 0; index >= 0 && steps <= nodeCount; steps++) {
      const at = nodeWord(index);
      if (Atomics.load(i32, at + 1) === hashed && sameBytes(memory, ((at << 2) + node.key) >>> 0, key, keySize))
        return index;
      index = Atomics.load(i32, at);
    }
    return -1;
  }

  /** Where the index of this node stands: a head's word, or a next's. */
  function linkTo(index: number, head: number): number {
    let at = head;
    for (let steps = 0; steps <= nodeCount; steps++) {
      const here = i32[at] as number;
      if (here === index) return at;
      if (here < 0) break;
      at = nodeWord(here);
    }
    return -1;
  }

  function freeLocked(index: number): void {
    const first = i32[own + hashWord.freeFirst] as number;
    const count = i32[own + hashWord.freeCount] as number;
    i32[free + ((first + count) % nodeCount)] = index;
    i32[own + hashWord.freeCount] = count + 1;
  }

  const core: HashCore = {
    cpus,
    stride,
    cpuStride,
    hash,
    find(key) {
      const hashed = hash(key);
      const head = headOf(hashed);
      for (let round = 0; round < patience; round++) {
        const sequence = Atomics.load(i32, head + 1);
        const index = walk(key, hashed, head);
        if (index >= 0 || Atomics.load(i32, head + 1) === sequence) return index;
      }
      const locked = lockMap(memory, record, userSpace);
      const index = walk(key, hashed, head);
      if (locked) unlockMap(memory, record);
      return index;
    },
    findLocked: (key, hashed) => walk(key, hashed, headOf(hashed)),
    takeLocked(key, hashed) {
      const count = i32[own + hashWord.freeCount] as number;
      if (count === 0) return -1;
      const first = i32[own + hashWord.freeFirst] as number;
      const index = i32[free + (first % nodeCount)] as number;
      i32[own + hashWord.freeFirst] = first + 1 === limit ? 0 : first + 1;
      i32[own + hashWord.freeCount] = count - 1;
      const at = nodeWord(index);
      // Whoever strayed here must not take a half-written key for the one it had.
      Atomics.store(i32, at + 1, ~hashed);
      i32[at + 2] = 0;
      copyBytes(memory, nodes + index * nodeStride + node.key, key, keySize);
      Atomics.store(i32, at + 1, hashed);
      return index;
    },
    linkLocked(index, hashed) {
      const head = headOf(hashed);
      Atomics.store(i32, nodeWord(index), i32[head] as number);
      Atomics.store(i32, head, index);
      i32[own + mapRecord.count] = (i32[own + mapRecord.count] as number) + 1;
    },
    replaceLocked(old, index, hashed) {
      const head = headOf(hashed);
      const link = linkTo(old, head);
      if (link < 0) return;
      Atomics.store(i32, nodeWord(index), i32[nodeWord(old)] as number);
      Atomics.store(i32, link, index);
      Atomics.add(i32, head + 1, 1);
      freeLocked(old);
    },
    removeLocked(index) {
      const head = headOf(i32[nodeWord(index) + 1] as number);
      const link = linkTo(index, head);
      if (link < 0) return;
      Atomics.store(i32, link, i32[nodeWord(index)] as number);
      Atomics.add(i32, head + 1, 1);
      freeLocked(index);
      i32[own + mapRecord.count] = (i32[own + mapRecord.count] as number) - 1;
    },
    after(index) {
      let bucket = 0;
      if (index >= 0) {
        const next = Atomics.load(i32, nodeWord(index));
        if (next >= 0) return next;
        bucket = ((i32[nodeWord(index) + 1] as number) & mask) + 1;
      }
      for (; bucket <= mask; bucket++) {
        const head = Atomics.load(i32, table + bucket * 2);
        if (head >= 0) return head;
      }
      return -1;
    },
    keyOf: (index) => nodes + index * nodeStride + node.key,
    valueOf: (index, cpu) => values + index * stride + cpu * cpuStride,
    count: () => i32[own + mapRecord.count] as number,
  };
  return core;
}

export function attachHash(memory: XdpMemory, record: number, cpu: number, type: MapTypeName): MapAccess {
  const { i32 } = memory;
  const core = hashCore(memory, record);
  const { stride, cpuStride, cpus } = core;
  const word = (index: number) => recordWord(memory, record, index);
  const keySize = word(mapRecord.keySize);
  const valueSize = word(mapRecord.valueSize);
  const entries = word(mapRecord.maxEntries);
  const nodeCount = word(hashWord.nodeCount);
  const nodes = word(hashWord.nodes) >>> 2;
  const nodeWords = word(hashWord.nodeStride) >>> 2;
  const spinLock = word(mapRecord.spinLock);
  const spared = Math.min(evictionScan, entries);
  const lru = isLru(type);
  const perCpu = cpuStride !== 0;
  const own = cpu === userSpace ? 0 : cpu;
  const objects = type === "devmap_hash" || type === "hash_of_maps";

  /** Writes a value: `fresh`, into a node whose old value means nothing. */
  function write(index: number, value: number, fresh: boolean): void {
    if (!perCpu) {
      copyBytes(memory, core.valueOf(index, 0), value, valueSize);
      if (spinLock !== 0) i32[(core.valueOf(index, 0) + spinLock - 1) >>> 2] = 0;
      return;
    }
    for (let one = 0; one < cpus; one++) {
      const to = core.valueOf(index, one);
      if (cpu === userSpace) copyBytes(memory, to, value + one * stride, stride);
      else if (one === cpu) copyBytes(memory, to, value, valueSize);
      else if (fresh) zeroBytes(memory, to, stride);
    }
  }

  /** Second chance: entries that were looked up since the hand's last pass are spared, but only so many. */
  function evictLocked(): void {
    // Two turns: in the first one all may be spared.
    for (let looked = 0, passed = 0; passed < nodeCount * 2; passed++) {
      const hand = i32[(record >>> 2) + hashWord.hand] as number;
      i32[(record >>> 2) + hashWord.hand] = (hand + 1) % nodeCount;
      const at = nodes + hand * nodeWords;
      const hashed = i32[at + 1] as number;
      if (core.findLocked(core.keyOf(hand), hashed) !== hand) continue;
      if (i32[at + 2] !== 0 && looked++ < spared) {
        i32[at + 2] = 0;
        continue;
      }
      core.removeLocked(hand);
      return;
    }
  }

  function updateLocked(key: number, value: number, flags: number): number {
    const hashed = core.hash(key);
    const old = core.findLocked(key, hashed);
    if (old >= 0 && (flags & 1) !== 0) return -errno.EEXIST;
    if (old < 0 && (flags & 2) !== 0) return -errno.ENOENT;
    if (old >= 0 && (flags & 4) !== 0) {
      return storeValue(memory, core.valueOf(old, 0), value, valueSize, spinLock, true, cpu);
    }
    if (old >= 0 && perCpu) {
      write(old, value, false);
      if (lru) i32[nodes + old * nodeWords + 2] = 1;
      return 0;
    }
    if (old < 0 && core.count() >= entries) {
      if (!lru) return -errno.E2BIG;
      evictLocked();
    }
    const index = core.takeLocked(key, hashed);
    if (index < 0) return -errno.ENOMEM;
    write(index, value, true);
    if (old < 0) core.linkLocked(index, hashed);
    else {
      if (lru) i32[nodes + index * nodeWords + 2] = 1;
      core.replaceLocked(old, index, hashed);
    }
    return 0;
  }

  return {
    ...noOperations,
    type,
    keySize,
    valueSize,
    lookup(key) {
      const index = core.find(key);
      if (index < 0) return 0;
      if (lru && cpu !== userSpace && i32[nodes + index * nodeWords + 2] === 0) i32[nodes + index * nodeWords + 2] = 1;
      const at = core.valueOf(index, own);
      return type === "hash_of_maps" ? Atomics.load(i32, at >>> 2) >>> 0 : at;
    },
    lookupCpu(key, of) {
      if (!perCpu || of < 0 || of >= cpus) return 0;
      const index = core.find(key);
      return index < 0 ? 0 : core.valueOf(index, of);
    },
    update(key, value, flags) {
      if (objects) return -errno.EINVAL;
      if (flags < 0 || (flags & ~4) > 2 || ((flags & 4) !== 0 && (spinLock === 0 || lru || perCpu)))
        return -errno.EINVAL;
      if (!lockMap(memory, record, cpu)) return -errno.EBUSY;
      const result = updateLocked(key, value, flags);
      unlockMap(memory, record);
      return result;
    },
    remove(key) {
      if (objects) return -errno.EINVAL;
      if (!lockMap(memory, record, cpu)) return -errno.EBUSY;
      const index = core.findLocked(key, core.hash(key));
      if (index >= 0) core.removeLocked(index);
      unlockMap(memory, record);
      return index < 0 ? -errno.ENOENT : 0;
    },
    next(key, out) {
      const index = core.after(key === 0 ? -1 : core.find(key));
      if (index < 0) return -errno.ENOENT;
      copyBytes(memory, out, core.keyOf(index), keySize);
      return 0;
    },
  };
}
