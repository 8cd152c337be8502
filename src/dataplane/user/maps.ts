/** Maps of the engine: made with an object or on their own, reached by handle, kept by programs, pins and whoever made them. */
import { DataplaneError, JunctorError } from "../../errors.js";
import { isPerCpu } from "../../xdp/maps/plan.js";
import { createMapStore, type MapStore, type XdpMap } from "../../xdp/maps/store.js";
import { viewMemory } from "../../xdp/memory.js";
import { type MapSpec, type MapTypeName, mapTypes } from "../../xdp/spec.js";
import { type MapState, mapCreate, mapElement, mapEntry, mapKey, mapPin } from "../attributes.js";
import type { Dataplane } from "../contract.js";
import { parse, refuse } from "../errors.js";
import type { HostMap } from "../kernel-programs.js";
import { firstHostMap, type HostAttachments } from "./host-attachments.js";
import { consumeMap, type MapReaders } from "./map-readers.js";
import type { Core } from "./objects.js";

export interface Maps {
  readonly store: MapStore;
  readonly operations: Dataplane["map"];
  find(handle: number): XdpMap;
  /** Hands the bytes of a frame for an xskmap to whoever reads it. */
  frame(record: number, bytes: Uint8Array): void;
  /** Whether there is more than programs that holds it: a pin, or whoever made it. */
  isKept(map: XdpMap): boolean;
  /** The map that has this pin. */
  pinned(name: string): XdpMap | undefined;
  pin(map: XdpMap, name: string | undefined): void;
  close(): void;
}

/** What maps need of programs. */
export interface MapUsers {
  /** Handles of the programs that use a map. */
  of(map: XdpMap): readonly number[];
  /** The engine's number for what user space puts into a map of objects. @throws JunctorError */
  resolve(map: XdpMap, value: Uint8Array, key: Uint8Array): number;
  drop(map: XdpMap, number: number, key: Uint8Array): void;
}

const flagOf = { any: 0, noexist: 1, exist: 2 } as const;
const longestDump = 65_536;

export function createMaps(core: Core, host: () => Pick<HostAttachments, "map" | "maps">, users: MapUsers): Maps {
  const { memory, layout, grace } = core;
  const store = createMapStore({
    memory: viewMemory(memory.shared),
    region: { start: layout.maps, bytes: layout.mapsBytes },
    cpus: layout.arenas.length,
    host: { resolve: users.resolve, drop: users.drop },
    defer: (free) => void grace().then(free),
  });
  const pins = new Map<string, XdpMap>();
  /** Maps that were made by `create` and not released. */
  const own = new Set<XdpMap>();
  const readers: MapReaders = new Map();

  const find = (handle: number): XdpMap =>
    store.get(handle) ?? refuse("ENOENT", `map ${handle}`, "no such map", "see `map list`");

  const pinOf = (map: XdpMap): string | undefined => [...pins].find(([, pinned]) => pinned === map)?.[0];

  function state(map: XdpMap): MapState {
    const { name, type, keySize, valueSize, maxEntries, flags } = map.spec;
    const common = { map: map.id, name, type, keySize, valueSize, maxEntries, flags, programs: [...users.of(map)] };
    const pin = pinOf(map);
    return pin === undefined ? common : { ...common, pin };
  }

  /** What the store refuses, in the contract's voice. */
  function attempt<T>(map: XdpMap, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof JunctorError) || error instanceof DataplaneError) throw error;
      // The store names the map in its own way.
      const problem = error.problem
        .replace(`map ${map.spec.name} (id ${map.id}, ${map.spec.type}): `, "")
        .replace(/ \(E[A-Z0-9]+\)$/, "");
      return refuse(error.code as "EINVAL", `map ${map.id} (${map.spec.name})`, problem, error.hint);
    }
  }

  const noEntry = (handle: number): never => refuse("ENOENT", `map ${handle}`, "no such entry");

  const hostMap = (handle: number): HostMap =>
    host().map(handle) ?? refuse("ENOENT", `map ${handle}`, "no such map in the kernel", "see `map list`");

  function attemptHost<T>(handle: number, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof JunctorError)) throw error;
      return refuse(error.code as "EINVAL", `map ${handle}`, error.problem, error.hint);
    }
  }

  function updateHost(handle: number, key: Uint8Array, value: Uint8Array, mode: keyof typeof flagOf): void {
    const map = hostMap(handle);
    if (attemptHost(handle, () => map.update(key, value, flagOf[mode]))) return;
    if (mode === "noexist") refuse("EEXIST", `map ${handle}`, "there is one already");
    noEntry(handle);
  }

  function pin(map: XdpMap, name: string | undefined): void {
    const before = pinOf(map);
    if (before === name) return;
    if (name !== undefined && pins.has(name)) refuse("EEXIST", `pin ${name}`, "another map has this name");
    if (name !== undefined) {
      map.retain();
      pins.set(name, map);
    }
    if (before !== undefined) {
      pins.delete(before);
      map.release();
    }
  }

  return {
    store,
    find,
    pin,
    isKept: (map) => own.has(map) || pinOf(map) !== undefined,
    pinned: (name) => pins.get(name),
    frame: (record, bytes) => {
      const map = store.byRecord(record);
      if (map !== undefined) for (const listener of readers.get(map.id)?.listeners ?? []) listener(bytes);
    },
    close() {
      for (const { stop } of readers.values()) stop();
    },
    operations: {
      async create(input) {
        const { name, type, keySize, valueSize, maxEntries, flags, pin: wanted } = parse(mapCreate, "map", input);
        const object = `map ${name}`;
        if (!(type in mapTypes)) {
          refuse("EINVAL", object, `unknown type ${type}`, `it is one of ${Object.keys(mapTypes).join(", ")}`);
        }
        const spec: MapSpec = { name, type: type as MapTypeName, keySize, valueSize, maxEntries, flags };
        let map: XdpMap;
        try {
          map = store.create(spec);
        } catch (error) {
          if (!(error instanceof JunctorError)) throw error;
          return refuse(error.code as "EINVAL", object, error.problem, error.hint);
        }
        own.add(map);
        if (wanted !== undefined) pin(map, wanted);
        return state(map);
      },
      async lookup(input) {
        const { map: handle, key } = parse(mapElement, "map", input);
        if (handle >= firstHostMap) return hostMap(handle).lookup(key) ?? noEntry(handle);
        const map = find(handle);
        return attempt(map, () => map.lookup(key)) ?? noEntry(handle);
      },
      async update(input) {
        const { map: handle, key, value, mode } = parse(mapEntry, "map", input);
        if (handle >= firstHostMap) {
          updateHost(handle, key, value, mode);
          return;
        }
        const map = find(handle);
        attempt(map, () => map.update(key, value, flagOf[mode]));
      },
      async delete(input) {
        const { map: handle, key } = parse(mapElement, "map", input);
        if (handle >= firstHostMap) {
          const map = hostMap(handle);
          if (!attemptHost(handle, () => map.delete(key))) noEntry(handle);
          return;
        }
        const map = find(handle);
        if (!attempt(map, () => map.delete(key))) noEntry(handle);
      },
      async dump({ map: handle, after, limit = longestDump }) {
        if (handle >= firstHostMap) {
          const all = attemptHost(handle, () => hostMap(handle).entries(after === undefined ? limit : longestDump));
          const from = after === undefined ? 0 : all.findIndex(([key]) => Buffer.compare(key, after) === 0) + 1;
          // Whoever goes on after a key that is gone has had what was before it.
          const part = after !== undefined && from === 0 ? [] : all.slice(from, from + limit);
          return part.map(([key, value]) => ({ key, value }));
        }
        const map = find(handle);
        return attempt(map, () => {
          const found: { key: Uint8Array; value: Uint8Array }[] = [];
          if (after === undefined) {
            for (const [key, value] of map.entries()) {
              if (found.length >= limit) break;
              found.push({ key, value });
            }
            return found;
          }
          for (let key = map.nextKey(after); key !== undefined && found.length < limit; key = map.nextKey(key)) {
            const value = map.lookup(key);
            if (value !== undefined) found.push({ key, value });
          }
          return found;
        });
      },
      async updateBatch({ map: handle, entries }) {
        if (handle >= firstHostMap) {
          for (const { key, value } of entries) updateHost(handle, key, value, "any");
          return entries.length;
        }
        const map = find(handle);
        return attempt(map, () => map.updateBatch(entries.map(({ key, value }) => [key, value] as const)));
      },
      async deleteBatch({ map: handle, keys }) {
        if (handle >= firstHostMap) {
          const map = hostMap(handle);
          return attemptHost(handle, () => keys.filter((key) => map.delete(key)).length);
        }
        const map = find(handle);
        return attempt(map, () => map.deleteBatch(keys));
      },
      async get(key) {
        const { map } = parse(mapKey, "map", key);
        return (
          host()
            .maps()
            .find((each) => each.map === map) ?? state(find(map))
        );
      },
      async list() {
        return [...store.list().map(state), ...host().maps()];
      },
      async pin(input) {
        const { map, pin: name } = parse(mapPin, "map", input);
        pin(find(map), name ?? undefined);
      },
      async release(key) {
        const map = find(parse(mapKey, "map", key).map);
        if (!own.delete(map))
          refuse("EINVAL", `map ${map.id}`, "was made with a program, and goes with it", "unload that");
        map.release();
      },
      consume(key, listener) {
        return consumeMap(memory.i32, readers, find(parse(mapKey, "map", key).map), listener);
      },
      shape(key) {
        const { map } = parse(mapKey, "map", key);
        if (map < firstHostMap) {
          const { spec, cpus } = find(map);
          return { spec, cpus };
        }
        const { spec, valueBytes } = hostMap(map);
        return { spec, cpus: isPerCpu(spec.type) ? valueBytes / (Math.ceil(spec.valueSize / 8) * 8) : 1 };
      },
      open(key) {
        const { map } = parse(mapKey, "map", key);
        return map >= firstHostMap ? undefined : find(map);
      },
    },
  };
}
