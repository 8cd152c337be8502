/** What a map may look like: the kernel's checks of attributes, type by type, and limits of our own. */
import { JunctorError } from "../../errors.js";
import { type MapSpec, mapFlag, mapTypes } from "../spec.js";
import { roundUp8 } from "./access.js";

const maximumKey = 512;
const maximumValue = 1 << 22;
const maximumEntries = 1 << 26;
/** A trie's nodes are numbered with 23 bits, two per entry. */
const maximumPrefixes = 1 << 21;

const access = mapFlag.readOnly | mapFlag.writeOnly | mapFlag.readOnlyProgram | mapFlag.writeOnlyProgram;
const common = access | mapFlag.numaNode;

interface Rule {
  /** Key and value sizes that are allowed, from and to. */
  readonly key: readonly [number, number];
  readonly value: readonly [number, number];
  readonly flags: number;
  readonly check?: (spec: MapSpec) => string | undefined;
}

const lookupOnly = common & ~(mapFlag.readOnlyProgram | mapFlag.writeOnlyProgram);
const flagsOfHash = common | mapFlag.noPrealloc | mapFlag.zeroSeed;
const flagsOfLru = common | mapFlag.noCommonLru | mapFlag.zeroSeed;
const four = [4, 4] as const;
const values = [1, maximumValue] as const;
const keys = [1, maximumKey] as const;
const none = [0, 0] as const;

const fourOrEight = (spec: MapSpec) =>
  spec.valueSize === 4 || spec.valueSize === 8 ? undefined : `value_size is ${spec.valueSize}, it must be 4 or 8`;

const rules: { readonly [T in MapSpec["type"]]: Rule } = {
  array: { key: four, value: values, flags: common | mapFlag.mmapable | mapFlag.innerMap },
  percpu_array: { key: four, value: [1, 32768], flags: common },
  hash: { key: keys, value: values, flags: flagsOfHash },
  percpu_hash: { key: keys, value: [1, 32768], flags: flagsOfHash },
  lru_hash: { key: keys, value: values, flags: flagsOfLru },
  lru_percpu_hash: { key: keys, value: [1, 32768], flags: flagsOfLru },
  lpm_trie: {
    key: [5, 260],
    value: values,
    flags: common | mapFlag.noPrealloc,
    check: (spec) => {
      if ((spec.flags & mapFlag.noPrealloc) === 0) return "map_flags must have BPF_F_NO_PREALLOC";
      return spec.maxEntries > maximumPrefixes
        ? `max_entries is ${spec.maxEntries}, it may be ${maximumPrefixes}`
        : undefined;
    },
  },
  prog_array: { key: four, value: four, flags: lookupOnly },
  perf_event_array: { key: four, value: four, flags: lookupOnly },
  array_of_maps: { key: four, value: four, flags: lookupOnly, check: checkInner },
  hash_of_maps: {
    key: keys,
    value: four,
    flags: lookupOnly | mapFlag.noPrealloc | mapFlag.zeroSeed,
    check: checkInner,
  },
  devmap: { key: four, value: [4, 8], flags: lookupOnly | mapFlag.readOnlyProgram, check: fourOrEight },
  devmap_hash: { key: four, value: [4, 8], flags: lookupOnly | mapFlag.readOnlyProgram, check: fourOrEight },
  cpumap: {
    key: four,
    value: [4, 8],
    flags: mapFlag.numaNode,
    check: (spec) => fourOrEight(spec) ?? (spec.maxEntries > 4096 ? "max_entries is above 4096" : undefined),
  },
  xskmap: { key: four, value: four, flags: lookupOnly },
  queue: { key: none, value: values, flags: common },
  stack: { key: none, value: values, flags: common },
  bloom_filter: {
    key: none,
    value: [1, maximumKey],
    flags: common | mapFlag.zeroSeed,
    check: (spec) => ((spec.extra ?? 0) > 15 || (spec.extra ?? 0) < 0 ? "map_extra is above 15" : undefined),
  },
  ringbuf: {
    key: none,
    value: none,
    flags: mapFlag.numaNode,
    check: ({ maxEntries }) =>
      maxEntries >= 4096 && 2 ** Math.round(Math.log2(maxEntries)) === maxEntries
        ? undefined
        : `max_entries is ${maxEntries}, it must be a power of two of at least 4096`,
  },
};

function checkInner(spec: MapSpec): string | undefined {
  const { inner } = spec;
  if (inner === undefined) return "it has no inner map to be the shape of what it holds";
  if (inner.inner !== undefined) return "its inner map is itself a map of maps";
  if (inner.type === "prog_array") return "its inner map is a prog_array";
  return inner.spinLockOffset !== undefined ? "its inner map has a bpf_spin_lock" : undefined;
}

const integer = (value: number) => Number.isSafeInteger(value) && value >= 0;

/** Error EINVAL (as the kernel's; E2BIG where something is too large) naming map, attribute, and what it may be. */
export function checkMapSpec(spec: MapSpec): void {
  const refuse = (problem: string, code = "EINVAL"): never => {
    throw new JunctorError(code, `map ${spec.name || "(no name)"} of type ${spec.type}: ${problem}`);
  };
  if (mapTypes[spec.type] === undefined) refuse("no such type of map");
  const rule = rules[spec.type];
  for (const attribute of ["keySize", "valueSize", "maxEntries", "flags"] as const) {
    if (!integer(spec[attribute])) refuse(`${attribute} is ${spec[attribute]}, it must be an integer of 0 or more`);
  }
  for (const [name, size, [least, most]] of [
    ["key_size", spec.keySize, rule.key],
    ["value_size", spec.valueSize, rule.value],
  ] as const) {
    const may = least === most ? `must be ${least}` : `may be ${least} to ${most}`;
    if (size < least || size > most)
      refuse(`${name} is ${size}, it ${may}`, size > most && most > 8 ? "E2BIG" : "EINVAL");
  }
  if (spec.maxEntries === 0) refuse("max_entries is 0");
  if (spec.type !== "ringbuf" && spec.maxEntries > maximumEntries) {
    refuse(`max_entries is ${spec.maxEntries}, it may be ${maximumEntries}`, "E2BIG");
  }
  const unknown = spec.flags & ~rule.flags;
  if (unknown !== 0) refuse(`map_flags has bits that the type does not have: 0x${(unknown >>> 0).toString(16)}`);
  for (const [user, program] of [
    [mapFlag.readOnly, mapFlag.writeOnly],
    [mapFlag.readOnlyProgram, mapFlag.writeOnlyProgram],
  ] as const) {
    if ((spec.flags & user) !== 0 && (spec.flags & program) !== 0) refuse("map_flags says read-only and write-only");
  }
  const lock = spec.spinLockOffset;
  if (lock !== undefined) {
    if (lock % 4 !== 0 || lock < 0 || lock + 4 > spec.valueSize)
      refuse(`no bpf_spin_lock can be at ${lock} of its value`);
    if (spec.type !== "array" && spec.type !== "hash") refuse("values of this type cannot have a bpf_spin_lock");
  }
  const initial = spec.initial?.length ?? 0;
  if (initial > roundUp8(spec.valueSize)) refuse(`initial value of ${initial} bytes for values of ${spec.valueSize}`);
  const problem = rule.check?.(spec);
  if (problem !== undefined) refuse(problem);
}
