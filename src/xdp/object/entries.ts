/** Sizes of maps, set before an object is loaded, as programs do with libbpf's bpf_map__set_max_entries. */
import type { MapSpec, ObjectSpec } from "../spec.js";
import { trouble } from "./trouble.js";

/**
 * The object with other numbers of entries in its maps: some objects leave them 0, to be set by the number of CPUs or devices.
 * @throws JunctorError EINVAL for a name that is not there, for data sections, and for numbers that cannot be
 */
export function withMaxEntries(object: ObjectSpec, sizes: Readonly<Record<string, number>>): ObjectSpec {
  const replaced = new Map<MapSpec, MapSpec>();
  for (const [name, maxEntries] of Object.entries(sizes)) {
    const map = object.maps.find((one) => one.name === name);
    if (map === undefined) {
      throw trouble(`there is no map ${name}`, `there are ${object.maps.map((one) => one.name).join(", ")}`);
    }
    if (map.initial !== undefined) throw trouble(`map ${name} is a section of data, which has one entry`);
    if (!Number.isInteger(maxEntries) || maxEntries < 1 || maxEntries > 0xffff_ffff) {
      throw trouble(`map ${name}: ${maxEntries} entries`, "from 1 to 4294967295");
    }
    replaced.set(map, { ...map, maxEntries });
  }
  const swap = (map: MapSpec): MapSpec => replaced.get(map) ?? map;
  return {
    ...object,
    maps: object.maps.map(swap),
    programs: object.programs.map((program) => ({ ...program, maps: program.maps.map(swap) })),
  };
}
