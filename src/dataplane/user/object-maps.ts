/** The maps of an object that is loaded: made, or others that take their place; and the entries that it declares. */
import type { XdpMap } from "../../xdp/maps/store.js";
import type { MapSpec, ObjectSpec } from "../../xdp/spec.js";
import { refuse } from "../errors.js";
import { shapeMismatch } from "./map-shape.js";
import type { Maps } from "./maps.js";
import type { Program } from "./program-state.js";

/** Maps of an object as this engine has them: its own, or those that take their place. */
export function createObjectMaps(
  maps: Maps,
  object: ObjectSpec,
  reuse: Readonly<Record<string, number>>,
): Map<MapSpec, XdpMap> {
  const made = new Map<MapSpec, XdpMap>();
  try {
    for (const name of Object.keys(reuse)) {
      if (object.maps.some((spec) => spec.name === name)) continue;
      const names = object.maps.map((spec) => spec.name).join(", ") || "none";
      refuse("ENOENT", "program", `reuse: the object has no map ${name}`, `it has ${names}`);
    }
    for (const spec of object.maps) {
      const handle = reuse[spec.name];
      const pinned = spec.pinByName === true ? maps.pinned(spec.name) : undefined;
      const map = handle === undefined ? (pinned ?? maps.store.create(spec)) : maps.find(handle);
      if (handle !== undefined || pinned !== undefined) {
        checkSame(spec, map);
        map.retain();
      } else if (spec.pinByName === true) maps.pin(map, spec.name);
      made.set(spec, map);
    }
  } catch (error) {
    for (const map of made.values()) map.release();
    throw error;
  }
  return made;
}

function checkSame(spec: MapSpec, map: XdpMap): void {
  const mismatch = shapeMismatch(spec, map.spec);
  if (mismatch === undefined) return;
  const problem = `cannot be ${spec.name} of the object: ${mismatch}`;
  refuse("EINVAL", `map ${map.id} (${map.spec.name})`, problem, "reuse a map of the same shape");
}

/** Entries that the object declares for maps of maps and of programs. */
export function linkObject(made: ReadonlyMap<MapSpec, XdpMap>, loaded: readonly Program[]): void {
  for (const [spec, map] of made) {
    for (const [index, name] of spec.initialSlots ?? []) {
      const inner = [...made].find(([other]) => other.name === name)?.[1];
      const program = loaded.find((other) => other.spec.name === name);
      const id = inner?.id ?? program?.handle;
      if (id === undefined) {
        refuse("ENOENT", `map ${spec.name}`, `its entry ${index} names ${name}, which is not loaded`, "load it too");
      }
      const key = new Uint8Array(4);
      const value = new Uint8Array(4);
      new DataView(key.buffer).setUint32(0, index, true);
      new DataView(value.buffer).setUint32(0, id, true);
      map.update(key, value);
    }
  }
}
