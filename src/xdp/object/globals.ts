/** Global variables of an object, set before it is loaded. */
import { sizeOf } from "../btf/resolve.js";
import { writeValue } from "../btf/value.js";
import type { MapSpec, ObjectSpec } from "../spec.js";
import { trouble } from "./trouble.js";

export interface GlobalVariable {
  readonly name: string;
  readonly map: MapSpec;
  /** BTF type of the variable's value. */
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

/** The variables of .rodata, .data and .bss by name, as BTF tells of them. */
export function globalsOf(object: ObjectSpec): ReadonlyMap<string, GlobalVariable> {
  const found = new Map<string, GlobalVariable>();
  for (const map of object.maps) {
    const { btf, initial, valueType } = map;
    const section = valueType ? btf?.types[valueType] : undefined;
    if (btf === undefined || initial === undefined || section?.kind !== "section") continue;
    for (const entry of section.variables) {
      const variable = btf.types[entry.type];
      if (variable?.kind !== "variable") continue;
      const size = sizeOf(btf, variable.type);
      if (entry.offset + size > initial.length) continue;
      found.set(variable.name, { name: variable.name, map, type: variable.type, offset: entry.offset, size });
    }
  }
  return found;
}

/**
 * The object with other initial values of its global variables (`const volatile` and others). Values have the shape that their BTF
 * types ask for (`btf/value.ts`). Throws JunctorError (EINVAL) for a name that is not there and a value that does not fit.
 */
export function withGlobals(object: ObjectSpec, values: Readonly<Record<string, unknown>>): ObjectSpec {
  const variables = globalsOf(object);
  const altered = new Map<MapSpec, Uint8Array>();
  for (const [name, value] of Object.entries(values)) {
    const variable = variables.get(name);
    if (variable === undefined) {
      const known = [...variables.keys()];
      throw trouble(
        `there is no global variable ${name}`,
        known.length === 0 ? "compile with -g" : `there are ${known.slice(0, 16).join(", ")}`,
      );
    }
    const { map, type, offset, size } = variable;
    const bytes = altered.get(map) ?? map.initial!.slice();
    altered.set(map, bytes);
    try {
      writeValue(map.btf!, type, new DataView(bytes.buffer, bytes.byteOffset + offset, size), 0, value);
    } catch (error) {
      throw trouble(`global variable ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const replaced = new Map([...altered].map(([map, initial]): [MapSpec, MapSpec] => [map, { ...map, initial }]));
  return withMaps(object, replaced);
}

/** The object with other maps in place of its own. */
export function withMaps(object: ObjectSpec, replaced: ReadonlyMap<MapSpec, MapSpec>): ObjectSpec {
  const swap = (map: MapSpec): MapSpec => replaced.get(map) ?? map;
  return {
    ...object,
    maps: object.maps.map(swap),
    programs: object.programs.map((program) => ({ ...program, maps: program.maps.map(swap) })),
  };
}
