/** Numbers of entries of an object's maps, set before it is loaded; as libbpf's bpf_map__set_max_entries. */
import type { MapSpec, ObjectSpec } from "../spec.js";
import { withMaps } from "./globals.js";
import { trouble } from "./trouble.js";

/** The object with other `maxEntries`, by name of the map. Throws JunctorError (EINVAL) for a map that is not there, or is of global variables. */
export function withMaxEntries(object: ObjectSpec, counts: Readonly<Record<string, number>>): ObjectSpec {
  const replaced = new Map<MapSpec, MapSpec>();
  for (const [name, maxEntries] of Object.entries(counts)) {
    const map = object.maps.find((each) => each.name === name);
    if (map === undefined || map.initial !== undefined) {
      const names = object.maps.filter(({ initial }) => initial === undefined).map((each) => each.name);
      const problem = map === undefined ? `there is no map ${name}` : `${name} holds global variables, in one entry`;
      throw trouble(
        `max_entries: ${problem}`,
        names.length === 0 ? "the object has no other maps" : `maps are ${names.slice(0, 16).join(", ")}`,
      );
    }
    replaced.set(map, { ...map, maxEntries });
  }
  return withMaps(object, replaced);
}
