/** Objects: loaded, their maps made, their programs ready to be run. */
import { JunctorError } from "../../errors.js";
import { readValue, writeValue } from "../btf/value.js";
import { kfuncByName } from "../helpers/kfuncs.js";
import type { XdpMap } from "../maps/store.js";
import type { XdpMemory } from "../memory.js";
import { withMaxEntries } from "../object/entries.js";
import { globalsOf, withGlobals } from "../object/globals.js";
import { linkObjects } from "../object/link.js";
import type { XdpHost } from "../run/host.js";
import { type MapSpec, mapFlag, type ObjectSpec } from "../spec.js";
import type { VerifierOptions } from "../verifier/result.js";
import { createMachine, type Machine } from "./machine.js";
import { machineOf, objectMap, type XdpObjectMap } from "./map.js";
import { createProgram, type XdpProgram } from "./program.js";
import { word32 } from "./target.js";

/** Global variables of an object, shaped by their BTF types. */
export interface XdpGlobals {
  readonly names: readonly string[];
  get(name: string): unknown;
  /** EPERM for a constant: those are given when the object is loaded. */
  set(name: string, value: unknown): void;
}

export interface XdpObject {
  readonly spec: ObjectSpec;
  readonly memory: XdpMemory;
  readonly programs: readonly XdpProgram[];
  readonly maps: readonly XdpObjectMap[];
  readonly globals: XdpGlobals;
  /** By name; ENOENT if there is none. */
  program(name: string): XdpProgram;
  map(name: string): XdpObjectMap;
}

export interface LoadXdpOptions {
  /** Initial values of global variables by name. */
  readonly globals?: Readonly<Record<string, unknown>>;
  /** Numbers of entries of maps by name, for those that the object leaves open, or other than it says. */
  readonly maxEntries?: Readonly<Record<string, number>>;
  /**
   * Maps of objects loaded before, by the name of the map that they are used for. Their type, sizes of key and value, number of entries and
   * flags must be the same. The new object shares their memory and host.
   */
  readonly maps?: Readonly<Record<string, XdpObjectMap>>;
  /** What helpers ask: the time, routes, MTUs, where traces go. */
  readonly host?: XdpHost;
  /** Bytes of memory for maps. Default 64 MiB; what is not touched costs nothing. */
  readonly mapBytes?: number;
  readonly verifier?: VerifierOptions;
}

/** Where the object is to be: with the maps it uses, or in a memory of its own. */
function machineFor({ maps = {}, host, mapBytes }: LoadXdpOptions): Machine {
  const shared = new Set(Object.values(maps).map(machineOf));
  if (shared.size > 1) {
    throw new JunctorError("EINVAL", "the maps lie in different memories", "load their objects with each other's maps");
  }
  const [machine] = shared;
  if (machine === undefined) {
    if (shared.size > 0) throw new JunctorError("EINVAL", "a map is none of a loaded object's");
    return createMachine({ ...(host !== undefined && { host }), ...(mapBytes !== undefined && { mapBytes }) });
  }
  if (host !== undefined || mapBytes !== undefined) {
    throw new JunctorError(
      "EINVAL",
      "host and mapBytes are those of the object that the maps are of",
      "leave them out",
    );
  }
  return machine;
}

const compared = ["type", "keySize", "valueSize", "maxEntries", "flags"] as const;

function reused(spec: MapSpec, map: XdpMap): XdpMap {
  const other = compared.find((property) => spec[property] !== map.spec[property]);
  if (other === undefined) return map;
  const what = `map ${spec.name}: its ${other} is ${spec[other]}, that of the map to be used is ${map.spec[other]}`;
  throw new JunctorError("EINVAL", what);
}

/**
 * Loads an object file, several that are linked with each other, or what `assembleXdp` made. Programs are verified and compiled when they are
 * first used. Errors: EINVAL for what cannot be loaded, ENOENT for a name that is not in it, ENOMEM.
 */
export function loadXdp(
  source: Uint8Array | readonly Uint8Array[] | ObjectSpec,
  options: LoadXdpOptions = {},
): XdpObject {
  const files = source instanceof Uint8Array ? [source] : Array.isArray(source) ? (source as Uint8Array[]) : undefined;
  const loaded =
    files === undefined
      ? (source as ObjectSpec)
      : linkObjects(files, { kfuncs: (name: string) => kfuncByName(name)?.id });
  const sized = options.maxEntries === undefined ? loaded : withMaxEntries(loaded, options.maxEntries);
  const spec = options.globals === undefined ? sized : withGlobals(sized, options.globals);
  const { maps: given = {} } = options;
  for (const name of Object.keys(given)) named(spec.maps, name, "map");
  const machine = machineFor(options);
  const { store } = machine;
  const live = new Map<MapSpec, XdpMap>(
    spec.maps.map((map) => {
      const shared = given[map.name];
      return [map, shared === undefined ? store.create(map) : reused(map, shared.map)];
    }),
  );
  const mapOf = (map: MapSpec): XdpMap => live.get(map)!;
  const programs = spec.programs.map((program) => createProgram(machine, program, mapOf, options.verifier));
  const maps = spec.maps.map((map) => objectMap(machine, mapOf(map)));

  /** Entries that the object declares: programs and maps by their ids. */
  for (const [map, made] of live) {
    if (given[map.name] !== undefined) continue;
    for (const [key, name] of map.initialSlots ?? []) {
      const id =
        map.type === "prog_array"
          ? programs.find((program) => program.name === name)?.id
          : maps.find((inner) => inner.name === name)?.map.id;
      if (id === undefined) throw new JunctorError("ENOENT", `map ${map.name}, key ${key}: there is no ${name}`);
      made.update(word32(key), word32(id));
    }
  }

  return {
    spec,
    memory: machine.memory,
    programs,
    maps,
    globals: globalsIn(spec, mapOf),
    program: (name) => named(programs, name, "program"),
    map: (name) => named(maps, name, "map"),
  };
}

function named<T extends { readonly name: string }>(things: readonly T[], name: string, kind: string): T {
  const found = things.find((thing) => thing.name === name);
  if (found !== undefined) return found;
  const names = things.map((one) => one.name);
  const mend = names.length === 0 ? "the object has none" : `there are ${names.slice(0, 32).join(", ")}`;
  throw new JunctorError("ENOENT", `there is no ${kind} ${name}`, mend);
}

function globalsIn(spec: ObjectSpec, mapOf: (map: MapSpec) => XdpMap): XdpGlobals {
  const variables = globalsOf(spec);
  const find = (name: string) => named([...variables.values()], name, "global variable");
  const key = new Uint8Array(4);
  const contents = (map: MapSpec): Uint8Array => mapOf(map).lookup(key) ?? new Uint8Array(map.valueSize);
  const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    names: [...variables.keys()],
    get(name) {
      const { map, type, offset } = find(name);
      return readValue(map.btf!, type, viewOf(contents(map)), offset);
    },
    set(name, value) {
      const { map, type, offset } = find(name);
      if ((map.flags & mapFlag.readOnlyProgram) !== 0) {
        throw new JunctorError("EPERM", `${name} is a constant`, "give it in `globals` when the object is loaded");
      }
      const bytes = contents(map);
      writeValue(map.btf!, type, viewOf(bytes), offset, value);
      mapOf(map).update(key, bytes);
    },
  };
}
