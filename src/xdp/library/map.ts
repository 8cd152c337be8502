/** Maps of an object as its user has them. */
import { JunctorError } from "../../errors.js";
import type { XdpMap } from "../maps/store.js";
import { type TypedMap, typed } from "../maps/typed.js";
import type { MapSpec } from "../spec.js";
import type { Machine } from "./machine.js";

/**
 * A map. Keys and values have the shape that the object's BTF gives them: numbers, bigints (64 bits), objects by member, arrays. Without BTF:
 * a number of up to 4 bytes, a bigint of 8, else the bytes; bytes may always be given.
 *
 * Values of maps of objects: of a prog_array a program; of a devmap `{ ifindex, program? }`; of a cpumap `{ qsize, program? }`; of a map of
 * maps a map. Numbers will do for all of them.
 */
export interface XdpObjectMap extends TypedMap {
  readonly name: string;
  readonly spec: MapSpec;
  /** Queue, stack, bloom filter: adds a value. */
  push(value: unknown): void;
  /** Queue, stack: takes one out; undefined: it is empty. */
  pop(): unknown;
  /** Records of a ring buffer or perf event array that wait to be read, oldest first, at most `most`. */
  consume(most?: number): Uint8Array[];
}

const machines = new WeakMap<XdpObjectMap, Machine>();

/** The machine whose memory a map lies in. */
export const machineOf = (map: XdpObjectMap): Machine | undefined => machines.get(map);

const numberIn = (value: unknown, member: string): number => {
  const number = (value as Readonly<Record<string, unknown>>)[member];
  return typeof number === "number" ? number : 0;
};
const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !(value instanceof Uint8Array) && !Array.isArray(value);

/** Value of an entry that names a program, a device or a map. */
function encodeEntry({ type, valueSize, name }: MapSpec, value: object): Uint8Array | undefined {
  const bytes = new Uint8Array(valueSize);
  const view = new DataView(bytes.buffer);
  if (type === "prog_array") view.setUint32(0, numberIn(value, "id"), true);
  else if (type === "array_of_maps" || type === "hash_of_maps") {
    view.setUint32(0, numberIn((value as Partial<XdpObjectMap>).map ?? {}, "id"), true);
  } else if (type === "devmap" || type === "devmap_hash" || type === "cpumap") {
    view.setUint32(0, numberIn(value, type === "cpumap" ? "qsize" : "ifindex"), true);
    const { program } = value as { readonly program?: unknown };
    if (program === undefined) return bytes;
    if (valueSize < 8) {
      throw new JunctorError("EINVAL", `map ${name}: its values have no room for a program`, "8 bytes are wanted");
    }
    view.setUint32(4, isObject(program) ? numberIn(program, "id") : Number(program), true);
  } else return undefined;
  return bytes;
}

export function objectMap(machine: Machine, map: XdpMap): XdpObjectMap {
  const { spec } = map;
  const base = typed(map);
  const result: XdpObjectMap = {
    ...base,
    name: spec.name,
    spec,
    set(key, value, flags) {
      base.set(key, (isObject(value) ? encodeEntry(spec, value) : undefined) ?? value, flags);
    },
    push: (value) => map.push(base.encodeValue(value)),
    pop() {
      const bytes = map.pop();
      return bytes === undefined ? undefined : base.decodeValue(bytes);
    },
    consume(most) {
      const records: Uint8Array[] = [];
      map.consume((data) => records.push(data.slice()), most);
      return records;
    },
  };
  machines.set(result, machine);
  return result;
}
