/** lpm_trie: a hash table of prefixes (hash.ts), keyed by length and data with the bits behind the prefix zero, and an index (trie.ts). */
import type { XdpMemory } from "../memory.js";
import type { MapSpec } from "../spec.js";
import {
  copyBytes,
  errno,
  lockMap,
  type MapAccess,
  noOperations,
  recordWord,
  roundUp8,
  setRecordWord,
  unlockMap,
} from "./access.js";
import { mapRecord } from "./descriptor.js";
import { clearHash, hashCore, planHash } from "./hash.js";
import { align64, areas, type Planner } from "./plan.js";
import { attachTrie, trieSizes, trieWord } from "./trie.js";

export const planLpm: Planner = (spec: MapSpec, options) => {
  const hash = planHash(spec, options);
  const dataBytes = spec.keySize - 4;
  const sizes = trieSizes(spec.maxEntries, dataBytes);
  const { at, bytes } = areas({
    slots: sizes.slots,
    meta: sizes.meta,
    scratch: roundUp8(spec.keySize) * (options.cpus + 1),
    lengths: (dataBytes * 8 + 1) * 4,
  });
  return {
    bytes: align64(hash.bytes) + bytes,
    write(memory, record, base) {
      hash.write(memory, record, base);
      const more = base + align64(hash.bytes);
      setRecordWord(memory, record, trieWord.slots, more + at.slots);
      setRecordWord(memory, record, trieWord.meta, more + at.meta);
      setRecordWord(memory, record, trieWord.rootBits, sizes.rootBits);
      setRecordWord(memory, record, trieWord.scratch, more + at.scratch);
      setRecordWord(memory, record, trieWord.lengths, more + at.lengths);
      attachTrie(memory, record, hashCore(memory, record)).clearLocked();
    },
  };
};

/** Empties the map; nobody else may use it meanwhile. */
export function clearLpm(memory: XdpMemory, record: number): void {
  clearHash(memory, record);
  attachTrie(memory, record, hashCore(memory, record)).clearLocked();
}

export function attachLpm(memory: XdpMemory, record: number, cpu: number): MapAccess {
  const { i32, u8, view } = memory;
  const core = hashCore(memory, record);
  const trie = attachTrie(memory, record, core);
  const word = (index: number) => recordWord(memory, record, index);
  const keySize = word(mapRecord.keySize);
  const valueSize = word(mapRecord.valueSize);
  const entries = word(mapRecord.maxEntries);
  const most = (keySize - 4) * 8;
  const scratch = word(trieWord.scratch) + (cpu + 1) * roundUp8(keySize);
  const lengths = word(trieWord.lengths) >>> 2;
  const sequence = (record >>> 2) + mapRecord.sequence;

  /** The key's first `length` bits, with zeros behind them, in this thread's scratch. */
  function prefix(key: number, length: number): number {
    view.setUint32(scratch, length, true);
    const whole = length >>> 3;
    copyBytes(memory, scratch + 4, key + 4, whole);
    for (let at = whole; at < keySize - 4; at++) u8[scratch + 4 + at] = 0;
    if ((length & 7) !== 0) u8[scratch + 4 + whole] = (u8[key + 4 + whole] as number) & (0xff00 >> (length & 7));
    return scratch;
  }

  /** Asks for each length in use, from the longest down. */
  function byLength(key: number, from: number, find: (key: number) => number): number {
    for (let length = from; length >= 0; length--) {
      if (i32[lengths + length] === 0) continue;
      const found = find(prefix(key, length));
      if (found >= 0) return found;
    }
    return -1;
  }

  function find(key: number): number {
    const length = view.getUint32(key, true);
    if (length > most) return -1;
    if (length === most) {
      const before = Atomics.load(i32, sequence);
      if ((before & 1) === 0) {
        const found = trie.longest(key + 4);
        if (Atomics.load(i32, sequence) === before) return found;
      }
    }
    return byLength(key, length, core.find);
  }

  function locked(work: () => number): number {
    if (!lockMap(memory, record, cpu)) return -errno.EBUSY;
    const result = work();
    unlockMap(memory, record);
    return result;
  }

  return {
    ...noOperations,
    type: "lpm_trie",
    keySize,
    valueSize,
    lookup(key) {
      const found = find(key);
      return found < 0 ? 0 : core.valueOf(found, 0);
    },
    update(key, value, flags) {
      const length = view.getUint32(key, true);
      if (flags < 0 || flags > 2 || length > most) return -errno.EINVAL;
      return locked(() => {
        const exact = prefix(key, length);
        const hashed = core.hash(exact);
        const old = core.findLocked(exact, hashed);
        if (old >= 0 && flags === 1) return -errno.EEXIST;
        if (old < 0 && flags === 2) return -errno.ENOENT;
        if (old < 0 && core.count() >= entries) return -errno.ENOSPC;
        const index = core.takeLocked(exact, hashed);
        if (index < 0) return -errno.ENOMEM;
        copyBytes(memory, core.valueOf(index, 0), value, valueSize);
        if (old < 0) {
          Atomics.add(i32, lengths + length, 1);
          core.linkLocked(index, hashed);
          trie.insertLocked(index);
        } else {
          Atomics.add(i32, sequence, 1);
          trie.replaceLocked(old, index);
          core.replaceLocked(old, index, hashed);
          Atomics.add(i32, sequence, 1);
        }
        return 0;
      });
    },
    remove(key) {
      const length = view.getUint32(key, true);
      if (length > most) return -errno.EINVAL;
      return locked(() => {
        const exact = prefix(key, length);
        const index = core.findLocked(exact, core.hash(exact));
        if (index < 0) return -errno.ENOENT;
        Atomics.add(i32, sequence, 1);
        trie.removeLocked(index, (least) => {
          for (let shorter = length - 1; shorter >= least; shorter--) {
            if (i32[lengths + shorter] === 0) continue;
            const cover = core.findLocked(prefix(core.keyOf(index), shorter), core.hash(scratch));
            if (cover >= 0) return cover;
          }
          return -1;
        });
        core.removeLocked(index);
        Atomics.sub(i32, lengths + length, 1);
        Atomics.add(i32, sequence, 1);
        return 0;
      });
    },
    next(key, out) {
      const length = key === 0 ? 0 : view.getUint32(key, true);
      const from = key === 0 || length > most ? -1 : core.find(prefix(key, length));
      const index = core.after(from);
      if (index < 0) return -errno.ENOENT;
      copyBytes(memory, out, core.keyOf(index), keySize);
      return 0;
    },
  };
}
