/** Maps as the control thread has them: made, read and written by bytes, held by programs and by other maps, and freed. */
import { JunctorError } from "../../errors.js";
import type { XdpMemory } from "../memory.js";
import { type MapSpec, mapFlag, mapTypes } from "../spec.js";
import {
  errno,
  lockMap,
  type MapErrno,
  recordWord,
  roundUp8,
  setRecordWord,
  unlockMap,
  userSpace,
  zeroBytes,
} from "./access.js";
import { createAllocator, type Region } from "./allocator.js";
import { arrayWord } from "./array.js";
import { attachMap, type MapAccess, mapKinds } from "./attach.js";
import { mapRecord, mapRecordBytes } from "./descriptor.js";
import { hashCore, hashWord } from "./hash.js";
import { isPerCpu } from "./plan.js";
import { consumeRing, ring, ringWord } from "./ringbuf.js";
import { checkMapSpec } from "./validate.js";

/**
 * What only the host knows of what user space puts into maps of objects. Each answers a number of 32 bits for the data path, or throws a
 * `JunctorError`. Default: the value's first word.
 */
export interface MapHost {
  /** prog_array: table index of the program with that id (the map holds it plus 1); devmap, cpumap: number of the entry. */
  resolve?(map: XdpMap, value: Uint8Array, key: Uint8Array): number;
  /** The entry is gone or another one took its place. */
  drop?(map: XdpMap, number: number, key: Uint8Array): void;
}

export interface MapStoreOptions {
  readonly memory: XdpMemory;
  readonly region: Region;
  readonly cpus: number;
  readonly host?: MapHost;
  /** Runs `free` when no thread can be using the map any more. Default: at once. */
  readonly defer?: (free: () => void) => void;
  /** Bytes of each ring of a perf_event_array, a power of two. Default 65536. */
  readonly perfBytes?: number;
}

export interface XdpMap {
  /** Number of the map in its store, never used again. */
  readonly id: number;
  readonly spec: MapSpec;
  /** Offset of its record. */
  readonly record: number;
  /** Bytes of a value as user space sees it: for per-CPU maps, of all CPUs. */
  readonly userValueSize: number;
  readonly cpus: number;
  /** The value's bytes, a copy; undefined: no such entry. Queues, stacks: the next value, bloom filters: the value itself if it is in. */
  lookup(key: Uint8Array): Uint8Array | undefined;
  /** Errors by errno name, as the kernel's. */
  update(key: Uint8Array, value: Uint8Array, flags?: number): void;
  /** Whether there was one. */
  delete(key: Uint8Array): boolean;
  lookupAndDelete(key: Uint8Array): Uint8Array | undefined;
  nextKey(key?: Uint8Array): Uint8Array | undefined;
  /** Key and value of each entry, copies. An entry that is there throughout comes once. */
  entries(): IterableIterator<[Uint8Array, Uint8Array]>;
  lookupBatch(keys: readonly Uint8Array[]): (Uint8Array | undefined)[];
  updateBatch(entries: Iterable<readonly [Uint8Array, Uint8Array]>, flags?: number): number;
  deleteBatch(keys: Iterable<Uint8Array>): number;
  push(value: Uint8Array, flags?: number): void;
  pop(): Uint8Array | undefined;
  peek(value?: Uint8Array): Uint8Array | undefined;
  /** Ring buffers and perf event arrays: the finished records, oldest first; how many there were. `cpu` is -1 for a ring buffer. */
  consume(callback: (data: Uint8Array, cpu: number) => void, most?: number): number;
  /** Records that found no room, since last asked. */
  lost(): number;
  /** Word index (of `memory.i32`) that is added to, and notified, when a record wants to be read. */
  wakeWords(): readonly number[];
  /** No more writes by user space. */
  freeze(): void;
  readonly frozen: boolean;
  clear(): void;
  /** Takes away an entry of a map of objects because its object is no more, whether the map is frozen or not, or freed already. */
  withdraw(key: Uint8Array): void;
  /** Entries in use, where the type counts them; else max_entries. */
  readonly count: number;
  /** What the data path has for an entry of a map of objects: the host's number, table index + 1, or the inner map's record. 0: none. */
  number(key: Uint8Array): number;
  retain(): void;
  /** The last one frees it. */
  release(): void;
  readonly references: number;
}

export interface MapStore {
  /** A map with one reference. Errors: EINVAL, E2BIG (validate.ts), ENOMEM. */
  create(spec: MapSpec): XdpMap;
  get(id: number): XdpMap | undefined;
  byRecord(record: number): XdpMap | undefined;
  list(): XdpMap[];
  readonly memory: XdpMemory;
  readonly cpus: number;
  readonly free: number;
}

const objectTypes: ReadonlySet<string> = new Set([
  "prog_array",
  "devmap",
  "devmap_hash",
  "cpumap",
  "xskmap",
  "array_of_maps",
  "hash_of_maps",
]);
const mapsOfMaps: ReadonlySet<string> = new Set(["array_of_maps", "hash_of_maps"]);
const hashLike: ReadonlySet<string> = new Set([
  "hash",
  "percpu_hash",
  "lru_hash",
  "lru_percpu_hash",
  "devmap_hash",
  "hash_of_maps",
  "lpm_trie",
]);
const valueOnly: ReadonlySet<string> = new Set(["queue", "stack", "bloom_filter"]);

const errorNames = new Map<number, MapErrno>((Object.keys(errno) as MapErrno[]).map((name) => [errno[name], name]));

const explanations: Partial<Record<MapErrno, string>> = {
  ENOENT: "no such entry",
  EEXIST: "there is one already",
  E2BIG: "it is full, or the index is beyond max_entries",
  ENOSPC: "it is full",
  EINVAL: "flags or key make no sense for this type",
  EBUSY: "its lock was not to be had in time",
  EOPNOTSUPP: "the type cannot do that",
};

export function createMapStore(options: MapStoreOptions): MapStore {
  const { memory, region, cpus, host = {}, defer = (free) => free(), perfBytes = 65536 } = options;
  const allocator = createAllocator(memory, region);
  const maps = new Map<number, XdpMap>();
  const records = new Map<number, XdpMap>();
  let lastId = 0;

  const store: MapStore = {
    memory,
    cpus,
    get free() {
      return allocator.free;
    },
    get: (id) => maps.get(id),
    byRecord: (record) => records.get(record),
    list: () => [...maps.values()],
    create(given) {
      // As libbpf: as many rings as there are CPUs, if nothing else is said.
      const spec = given.type === "perf_event_array" && given.maxEntries === 0 ? { ...given, maxEntries: cpus } : given;
      checkMapSpec(spec);
      if (spec.inner !== undefined) checkMapSpec(spec.inner);
      const kind = mapKinds[spec.type];
      const plan = kind.plan(spec, { cpus, perfBytes });
      const userValueSize = isPerCpu(spec.type) ? roundUp8(spec.valueSize) * cpus : spec.valueSize;
      const keyRoom = roundUp8(spec.keySize);
      const record = allocator.allocate(
        mapRecordBytes + plan.bytes + keyRoom * 2 + userValueSize,
        `map ${spec.name} (${spec.type}, ${spec.maxEntries} entries)`,
      );
      const words: readonly [number, number][] = [
        [mapRecord.type, mapTypes[spec.type]],
        [mapRecord.keySize, spec.keySize],
        [mapRecord.valueSize, spec.valueSize],
        [mapRecord.maxEntries, spec.maxEntries],
        [mapRecord.flags, spec.flags],
        [mapRecord.id, ++lastId],
        [mapRecord.spinLock, spec.spinLockOffset === undefined ? 0 : spec.spinLockOffset + 1],
      ];
      for (const [word, value] of words) setRecordWord(memory, record, word, value);
      plan.write(memory, record, record + mapRecordBytes);
      const scratch = record + mapRecordBytes + Math.ceil(plan.bytes / 8) * 8;
      const map = openMap(spec, record, lastId, scratch, userValueSize);
      maps.set(map.id, map);
      records.set(record, map);
      if (spec.type === "perf_event_array") map.consume(() => {});
      return map;
    },
  };

  function openMap(spec: MapSpec, record: number, id: number, scratch: number, userValueSize: number): XdpMap {
    const { u8, i32, u32 } = memory;
    const access: MapAccess = attachMap(memory, record, userSpace);
    const keyAt = scratch;
    const outAt = scratch + roundUp8(spec.keySize);
    const valueAt = outAt + roundUp8(spec.keySize);
    const perCpu = isPerCpu(spec.type);
    const objects = objectTypes.has(spec.type);
    const nested = mapsOfMaps.has(spec.type);
    const core = hashLike.has(spec.type) ? hashCore(memory, record) : undefined;
    const stride = recordWord(memory, record, mapRecord.stride);
    const cpuStride = recordWord(memory, record, mapRecord.cpuStride);
    const values = recordWord(memory, record, mapRecord.values);
    const second = recordWord(memory, record, core === undefined ? arrayWord.second : hashWord.second);
    let references = 1;
    // The verifier takes the contents of a map that programs only read, and that the object filled, for known: nobody alters them.
    const isConstant = (spec.flags & mapFlag.readOnlyProgram) !== 0 && spec.initial !== undefined;
    let frozen = isConstant || (spec.flags & mapFlag.readOnly) !== 0;

    const what = `map ${spec.name} (id ${id}, ${spec.type})`;
    const refuse = (code: string, problem: string): never => {
      throw new JunctorError(code, `${what}: ${problem} (${code})`);
    };
    function check(result: number): void {
      if (result >= 0) return;
      const name = errorNames.get(-result) ?? "EINVAL";
      refuse(name, explanations[name] ?? "refused");
    }
    function alive(): void {
      if (references === 0) refuse("ENOENT", "it is freed");
    }
    function writable(): void {
      alive();
      if (frozen) refuse("EPERM", "it is frozen or read-only");
    }
    function put(at: number, bytes: Uint8Array, size: number, name: string): number {
      if (bytes.length !== size) refuse("EINVAL", `a ${name} of ${bytes.length} bytes, it must have ${size}`);
      u8.set(bytes, at);
      return at;
    }
    const putKey = (key: Uint8Array) => put(keyAt, key, spec.keySize, "key");
    const putValue = (value: Uint8Array) => put(valueAt, value, userValueSize, "value");

    /** Index of the key's entry, -1 for none. */
    function indexOf(key: number): number {
      if (core !== undefined) return core.find(key);
      const index = memory.view.getUint32(key, true);
      return index < spec.maxEntries ? index : -1;
    }

    /** Value at an address, as user space sees it. */
    function read(address: number): Uint8Array {
      const bytes = new Uint8Array(userValueSize);
      if (perCpu) {
        for (let cpu = 0; cpu < cpus; cpu++) {
          const from = address + cpu * cpuStride;
          bytes.set(u8.subarray(from, from + spec.valueSize), cpu * stride);
        }
      } else bytes.set(u8.subarray(address, address + spec.valueSize));
      if (spec.spinLockOffset !== undefined) bytes.fill(0, spec.spinLockOffset, spec.spinLockOffset + 4);
      return bytes;
    }

    /** Runs a lookup and copy until nobody freed an entry meanwhile, at last under the lock. */
    function readStable(find: () => number): Uint8Array | undefined {
      const attempt = () => {
        const address = find();
        return address === 0 ? undefined : read(address);
      };
      if (core === undefined) return attempt();
      const freed = (record >>> 2) + hashWord.freeCount;
      const first = (record >>> 2) + hashWord.freeFirst;
      for (let round = 0; round < 4; round++) {
        const before = [Atomics.load(i32, freed), Atomics.load(i32, first)];
        const bytes = attempt();
        if (Atomics.load(i32, freed) === before[0] && Atomics.load(i32, first) === before[1]) return bytes;
      }
      const locked = lockMap(memory, record, userSpace);
      const bytes = attempt();
      if (locked) unlockMap(memory, record);
      return bytes;
    }

    /** Objects: where the data path's number of an entry is, and where the value that user space gave is. */
    function objectPlaces(index: number): { number: number; user: number } {
      const at = values + index * stride;
      if (spec.type === "prog_array") return { number: at >>> 2, user: second + index * 4 };
      return nested ? { number: at >>> 2, user: 0 } : { number: (second + index * 4) >>> 2, user: at };
    }

    function readObject(index: number): Uint8Array | undefined {
      const { number, user } = objectPlaces(index);
      const held = u32[number] as number;
      if (held === 0) return undefined;
      if (!nested) return u8.slice(user, user + spec.valueSize);
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, recordWord(memory, held, mapRecord.id), true);
      return bytes;
    }

    function resolve(key: Uint8Array, value: Uint8Array): number {
      const first = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
      if (nested) {
        const inner = maps.get(first);
        if (inner === undefined) return refuse("EINVAL", `there is no map with id ${first}`);
        const problem = unlike(spec.inner as MapSpec, inner.spec);
        if (problem !== undefined) refuse("EINVAL", `map ${inner.spec.name} cannot be in it: ${problem}`);
        inner.retain();
        return inner.record;
      }
      const number = host.resolve?.(map, value, key) ?? first;
      return (spec.type === "prog_array" ? number + 1 : number) >>> 0;
    }

    function forget(number: number, key: Uint8Array): void {
      if (number === 0) return;
      if (nested) records.get(number)?.release();
      else host.drop?.(map, spec.type === "prog_array" ? number - 1 : number, key);
    }

    function setObject(key: Uint8Array, value: Uint8Array, flags: number): void {
      const at = putKey(key);
      if (value.length !== spec.valueSize)
        refuse("EINVAL", `a value of ${value.length} bytes, it must have ${spec.valueSize}`);
      if (flags < 0 || flags > 2) check(-errno.EINVAL);
      const first = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
      let index = indexOf(at);
      if (core === undefined) {
        if (index < 0) check(-errno.E2BIG);
        if (spec.type !== "xskmap" && flags === 1) check(-errno.EEXIST);
        const held = u32[objectPlaces(index).number] as number;
        if (spec.type === "xskmap" && flags === 1 && held !== 0) check(-errno.EEXIST);
        if (spec.type === "xskmap" && flags === 2 && held === 0) check(-errno.ENOENT);
        if ((spec.type === "devmap" || spec.type === "cpumap") && first === 0) {
          // Interface 0, or a queue of size 0, takes the entry away.
          deleteObject(key);
          return;
        }
        if (spec.type === "cpumap" && first > 16384) check(-errno.EOVERFLOW);
        if ((spec.type === "prog_array" || nested) && flags !== 0) check(-errno.EINVAL);
      } else {
        if (spec.type === "devmap_hash" && first === 0) check(-errno.EINVAL);
        if (index >= 0 && flags === 1) check(-errno.EEXIST);
        if (index < 0 && flags === 2) check(-errno.ENOENT);
        if (index < 0 && core.count() >= spec.maxEntries) check(-errno.E2BIG);
      }
      const number = resolve(key, value);
      putKey(key);
      let old = 0;
      let fresh = false;
      if (core !== undefined && index < 0) {
        index = core.takeLocked(at, core.hash(at));
        fresh = true;
      } else old = u32[objectPlaces(index).number] as number;
      const places = objectPlaces(index);
      if (places.user !== 0) u8.set(value, places.user);
      Atomics.store(u32, places.number, number);
      if (fresh) core?.linkLocked(index, core.hash(at));
      forget(old, key);
    }

    function deleteObject(key: Uint8Array): boolean {
      const index = indexOf(putKey(key));
      if (index < 0) {
        if (core === undefined) check(spec.type === "prog_array" || nested ? -errno.E2BIG : -errno.EINVAL);
        return false;
      }
      const { number } = objectPlaces(index);
      const old = u32[number] as number;
      if (core === undefined) Atomics.store(u32, number, 0);
      else core.removeLocked(index);
      forget(old, key);
      return old !== 0;
    }

    function allKeys(): Uint8Array[] {
      const keys: Uint8Array[] = [];
      if (core !== undefined) {
        const locked = lockMap(memory, record, userSpace);
        for (let index = core.after(-1); index >= 0 && keys.length <= spec.maxEntries; index = core.after(index)) {
          keys.push(u8.slice(core.keyOf(index), core.keyOf(index) + spec.keySize));
        }
        if (locked) unlockMap(memory, record);
      } else if (spec.keySize === 4) {
        for (let index = 0; index < spec.maxEntries; index++) {
          const key = new Uint8Array(4);
          new DataView(key.buffer).setUint32(0, index, true);
          keys.push(key);
        }
      }
      return keys;
    }

    const rings = (): { at: number; size: number }[] => {
      if (spec.type !== "ringbuf" && spec.type !== "perf_event_array") return refuse("EOPNOTSUPP", "it has no records");
      const first = recordWord(memory, record, ringWord.rings);
      const step = recordWord(memory, record, ringWord.stride);
      const size = recordWord(memory, record, ringWord.size);
      return Array.from({ length: recordWord(memory, record, ringWord.count) }, (_, index) => ({
        at: first + index * step,
        size,
      }));
    };

    function take(remove: boolean): Uint8Array | undefined {
      const result = remove ? access.pop(valueAt) : access.peek(valueAt);
      if (result === -errno.ENOENT) return undefined;
      check(result);
      return u8.slice(valueAt, valueAt + spec.valueSize);
    }

    const map: XdpMap = {
      id,
      spec,
      record,
      userValueSize,
      cpus,
      lookup(key) {
        alive();
        if (valueOnly.has(spec.type)) return map.peek();
        if ((spec.flags & mapFlag.writeOnly) !== 0) refuse("EPERM", "it is write-only");
        const at = putKey(key);
        if (spec.type === "perf_event_array" || spec.type === "ringbuf") check(-errno.EOPNOTSUPP);
        if (objects) {
          const index = indexOf(at);
          return index < 0 ? undefined : readObject(index);
        }
        return readStable(() => access.lookup(at));
      },
      update(key, value, flags = 0) {
        writable();
        if (valueOnly.has(spec.type)) {
          map.push(value, flags);
          return;
        }
        if (objects) setObject(key, value, flags);
        else check(access.update(putKey(key), putValue(value), flags));
      },
      delete(key) {
        writable();
        if (objects) return deleteObject(key);
        const result = access.remove(putKey(key));
        if (result !== -errno.ENOENT) check(result);
        return result === 0;
      },
      lookupAndDelete(key) {
        writable();
        if (spec.type === "queue" || spec.type === "stack") return take(true);
        if (core === undefined || objects || spec.type === "lpm_trie")
          return refuse("EOPNOTSUPP", "the type cannot do that");
        const at = putKey(key);
        if (!lockMap(memory, record, userSpace)) check(-errno.EBUSY);
        const index = core.findLocked(at, core.hash(at));
        const bytes = index < 0 ? undefined : read(core.valueOf(index, 0));
        if (index >= 0) core.removeLocked(index);
        unlockMap(memory, record);
        return bytes;
      },
      nextKey(key) {
        alive();
        const result = access.next(key === undefined ? 0 : putKey(key), outAt);
        if (result === -errno.ENOENT) return undefined;
        check(result);
        return u8.slice(outAt, outAt + spec.keySize);
      },
      *entries() {
        alive();
        for (const key of allKeys()) {
          const value = spec.type === "lpm_trie" ? exact(key) : map.lookup(key);
          if (value !== undefined) yield [key, value];
        }
      },
      lookupBatch: (keys) => keys.map((key) => map.lookup(key)),
      updateBatch(entries, flags = 0) {
        let done = 0;
        for (const [key, value] of entries) {
          map.update(key, value, flags);
          done++;
        }
        return done;
      },
      deleteBatch(keys) {
        let done = 0;
        for (const key of keys) if (map.delete(key)) done++;
        return done;
      },
      push(value, flags = 0) {
        writable();
        check(access.push(put(valueAt, value, spec.valueSize, "value"), flags));
      },
      pop() {
        writable();
        return take(true);
      },
      peek(value) {
        alive();
        if (spec.type !== "bloom_filter") return take(false);
        if (value === undefined) return refuse("EINVAL", "a bloom filter is asked for a value");
        const result = access.peek(put(valueAt, value, spec.valueSize, "value"));
        return result === 0 ? value.slice() : undefined;
      },
      consume(callback, most = 2 ** 31) {
        alive();
        let given = 0;
        rings().forEach(({ at, size }, cpu) => {
          Atomics.store(i32, (at >>> 2) + ring.open, 1);
          const of = spec.type === "ringbuf" ? -1 : cpu;
          given += consumeRing(memory, at, size, (data) => callback(data, of), most - given);
        });
        return given;
      },
      lost: () => rings().reduce((sum, { at }) => sum + Atomics.exchange(i32, (at >>> 2) + ring.lost, 0), 0),
      wakeWords: () => rings().map(({ at }) => (at >>> 2) + ring.wake),
      freeze() {
        alive();
        frozen = true;
      },
      get frozen() {
        return frozen;
      },
      clear() {
        writable();
        if (objects) for (const key of allKeys()) deleteObject(key);
        else if (core !== undefined || spec.type === "queue" || spec.type === "stack") {
          if (!lockMap(memory, record, userSpace)) check(-errno.EBUSY);
          if (spec.type === "queue" || spec.type === "stack") setRecordWord(memory, record, mapRecord.count, 0);
          else if (core !== undefined && spec.type !== "lpm_trie") {
            for (let index = core.after(-1); index >= 0; index = core.after(-1)) core.removeLocked(index);
          }
          unlockMap(memory, record);
          if (spec.type === "lpm_trie") for (const key of allKeys()) map.delete(key);
        } else if (stride > 0) {
          zeroBytes(memory, values, cpuStride === 0 ? stride * spec.maxEntries : cpuStride * cpus);
        }
      },
      withdraw(key) {
        // What a freed map has left it forgets by itself.
        if (objects && references > 0) deleteObject(key);
      },
      get count() {
        return core !== undefined || spec.type === "queue" || spec.type === "stack"
          ? recordWord(memory, record, mapRecord.count)
          : spec.maxEntries;
      },
      number(key) {
        const index = objects ? indexOf(putKey(key)) : -1;
        return index < 0 ? 0 : (u32[objectPlaces(index).number] as number);
      },
      retain() {
        alive();
        references++;
      },
      release() {
        alive();
        if (--references > 0) return;
        maps.delete(id);
        defer(() => {
          // Only now: until here a program may still look inner maps up.
          if (objects) {
            for (const key of allKeys()) {
              const index = indexOf(putKey(key));
              if (index >= 0) forget(u32[objectPlaces(index).number] as number, key);
            }
          }
          records.delete(record);
          setRecordWord(memory, record, mapRecord.id, 0);
          allocator.release(record);
        });
      },
      get references() {
        return references;
      },
    };

    /** Value of exactly this prefix. */
    function exact(key: Uint8Array): Uint8Array | undefined {
      const at = putKey(key);
      return readStable(() => {
        const index = core?.find(at) ?? -1;
        return index < 0 || core === undefined ? 0 : core.valueOf(index, 0);
      });
    }
    return map;
  }

  return store;
}

/** Why a map cannot be held by a map of maps made for `template`; undefined: it can. */
function unlike(template: MapSpec, spec: MapSpec): string | undefined {
  for (const attribute of ["type", "keySize", "valueSize", "flags"] as const) {
    if (template[attribute] !== spec[attribute])
      return `${attribute} is ${spec[attribute]}, not ${template[attribute]}`;
  }
  const open = (template.flags & mapFlag.innerMap) !== 0 || template.type !== "array";
  if (!open && template.maxEntries !== spec.maxEntries)
    return `maxEntries is ${spec.maxEntries}, not ${template.maxEntries}`;
  return undefined;
}
