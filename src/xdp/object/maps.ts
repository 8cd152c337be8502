/** Maps that an object defines: `.maps` by BTF, and the older `maps` section of struct bpf_map_def. */
import type { Btf, BtfMember, BtfType } from "../btf/btf.js";
import { resolve, resolveId, sizeOf } from "../btf/resolve.js";
import { symbolType } from "../elf/elf.js";
import { type MapSpec, type MapTypeName, mapTypes } from "../spec.js";
import type { Module } from "./module.js";
import { definitionOf, type Globals } from "./symbols.js";
import { trouble } from "./trouble.js";

/** A map, or why there is none. */
export interface MapDefinition {
  readonly name: string;
  readonly section: string;
  /** Bytes from the section's start. */
  readonly offset: number;
  readonly spec: MapSpec | undefined;
  readonly reason: string;
}

const typeNames = new Map<number, MapTypeName>(
  (Object.entries(mapTypes) as [MapTypeName, number][]).map(([name, number]) => [number, name]),
);

type Struct = Extract<BtfType, { kind: "struct" | "union" }>;

/** `__uint(name, value)` is a pointer to an array of that many ints; `__ulong` is an enum with one value. */
function constant(btf: Btf, member: BtfMember, map: string): number {
  const pointer = resolve(btf, member.type);
  if (pointer.kind === "enum" && pointer.values.length > 0) return Number(pointer.values[0]!.value);
  const array = pointer.kind === "pointer" ? resolve(btf, pointer.type) : undefined;
  if (array?.kind !== "array") throw trouble(`map ${map}: ${member.name} is no constant`, "write it with __uint");
  return array.count;
}

function pointee(btf: Btf, member: BtfMember, map: string): number {
  const pointer = resolve(btf, member.type);
  if (pointer.kind !== "pointer") throw trouble(`map ${map}: ${member.name} is no pointer`, "write it with __type");
  return pointer.type;
}

/** Offset of the struct bpf_spin_lock in a value, if it has one. */
export function spinLockOffset(btf: Btf, type: number): number | undefined {
  const value = resolve(btf, type);
  if (value.kind !== "struct") return undefined;
  for (const member of value.members) {
    const inner = resolve(btf, member.type);
    if (inner.kind === "struct" && inner.name === "bpf_spin_lock") return member.offset >> 3;
  }
  return undefined;
}

interface Draft {
  type: number;
  keySize: number | undefined;
  valueSize: number | undefined;
  maxEntries: number;
  flags: number;
  extra: number;
  pinning: number;
  keyType: number;
  valueType: number;
  inner: MapSpec | undefined;
  /** Bytes from the struct's start to the slots of `.values`. */
  slots: number | undefined;
}

type Setter = (draft: Draft, btf: Btf, member: BtfMember, map: string, depth: number) => void;

function size(before: number | undefined, now: number, map: string, what: string): number {
  if (before !== undefined && before !== now) throw trouble(`map ${map}: ${what} of ${before} and of ${now} bytes`);
  return now;
}

const setters: Readonly<Record<string, Setter>> = {
  type: (draft, btf, member, map) => {
    draft.type = constant(btf, member, map);
  },
  max_entries: (draft, btf, member, map) => {
    draft.maxEntries = constant(btf, member, map);
  },
  map_flags: (draft, btf, member, map) => {
    draft.flags = constant(btf, member, map);
  },
  numa_node: () => {}, // memory has no nodes here
  map_extra: (draft, btf, member, map) => {
    draft.extra = constant(btf, member, map);
  },
  pinning: (draft, btf, member, map) => {
    draft.pinning = constant(btf, member, map);
    if (draft.pinning > 1) throw trouble(`map ${map}: pinning ${draft.pinning} is unknown`, "LIBBPF_PIN_BY_NAME is 1");
  },
  key_size: (draft, btf, member, map) => {
    draft.keySize = size(draft.keySize, constant(btf, member, map), map, "a key");
  },
  value_size: (draft, btf, member, map) => {
    draft.valueSize = size(draft.valueSize, constant(btf, member, map), map, "a value");
  },
  key: (draft, btf, member, map) => {
    draft.keyType = pointee(btf, member, map);
    draft.keySize = size(draft.keySize, sizeOf(btf, draft.keyType), map, "a key");
  },
  value: (draft, btf, member, map) => {
    draft.valueType = pointee(btf, member, map);
    draft.valueSize = size(draft.valueSize, sizeOf(btf, draft.valueType), map, "a value");
  },
  values: (draft, btf, member, map, depth) => {
    const array = resolve(btf, member.type);
    const element = array.kind === "array" ? resolve(btf, array.type) : undefined;
    if (element?.kind !== "pointer") throw trouble(`map ${map}: values are no pointers`, "write them with __array");
    draft.slots = member.offset >> 3;
    draft.valueSize = size(draft.valueSize, 4, map, "a value");
    const target = resolve(btf, element.type);
    if (target.kind === "struct") {
      if (depth > 0) throw trouble(`map ${map}: maps of maps of maps`);
      draft.inner = specOf(btf, target, `${map}.inner`, depth + 1).spec;
    } else if (target.kind !== "prototype") throw trouble(`map ${map}: values are neither maps nor programs`);
  },
};

/** Types whose map has no key, in which libbpf lets `key` stand all the same. */
const ringLike = new Set<MapTypeName>(["ringbuf"]);

function specOf(
  btf: Btf,
  struct: Struct,
  name: string,
  depth: number,
): { readonly spec: MapSpec | undefined; readonly slots: number | undefined; readonly reason: string } {
  const draft: Draft = {
    type: 0,
    keySize: undefined,
    valueSize: undefined,
    maxEntries: 0,
    flags: 0,
    extra: 0,
    pinning: 0,
    keyType: 0,
    valueType: 0,
    inner: undefined,
    slots: undefined,
  };
  for (const member of struct.members) {
    const set = Object.hasOwn(setters, member.name) ? setters[member.name] : undefined;
    if (set === undefined) {
      throw trouble(`map ${name}: unknown member ${member.name}`, `known are ${Object.keys(setters).join(", ")}`);
    }
    set(draft, btf, member, name, depth);
  }
  const type = typeNames.get(draft.type);
  if (type === undefined)
    return { spec: undefined, slots: draft.slots, reason: `map type ${draft.type} is not provided` };
  const lock = draft.valueType === 0 ? undefined : spinLockOffset(btf, draft.valueType);
  const spec: MapSpec = {
    name,
    type,
    keySize: ringLike.has(type) ? 0 : (draft.keySize ?? 0),
    valueSize: ringLike.has(type) ? 0 : (draft.valueSize ?? 0),
    maxEntries: draft.maxEntries,
    flags: draft.flags,
    ...(draft.extra === 0 ? {} : { extra: draft.extra }),
    ...(draft.inner === undefined ? {} : { inner: draft.inner }),
    ...(draft.pinning === 1 ? { pinByName: true } : {}),
    keyType: draft.keyType,
    valueType: draft.valueType,
    ...(lock === undefined ? {} : { spinLockOffset: lock }),
  };
  return { spec, slots: draft.slots, reason: "" };
}

/** What the relocations of `.maps` put into a map's `.values`: names by slot. */
function slotsOf(
  module: Module,
  globals: Globals,
  section: number,
  from: number,
  end: number,
): ReadonlyMap<number, string> {
  const slots = new Map<number, string>();
  for (const { offset, symbol } of module.elf.relocations.get(section) ?? []) {
    if (offset < from || offset >= end || (offset - from) % 8 !== 0) continue;
    const target = module.elf.symbols[symbol]!;
    const found = definitionOf(globals, module, target);
    if (found === undefined) throw trouble(`.maps: ${target.name} is declared, but no object defines it`);
    let { name } = found.symbol;
    if (found.symbol.type === symbolType.section || name === "") {
      // A static function or map is named by its section and the addend in place.
      const data = module.elf.sections[section]!.data;
      const at = offset + 8 <= data.length ? new DataView(data.buffer, data.byteOffset).getUint32(offset, true) : 0;
      const named = module.elf.symbols.find(
        (one) =>
          one.section === found.symbol.section &&
          one.value === at &&
          one.name !== "" &&
          one.type !== symbolType.section,
      );
      name = named?.name ?? "";
    }
    slots.set((offset - from) / 8, name);
  }
  return slots;
}

function btfMaps(module: Module, globals: Globals): readonly MapDefinition[] {
  const section = module.elf.sections.find(({ name, type }) => name === ".maps" && type === 1);
  if (section === undefined || section.size === 0) return [];
  const { btf } = module;
  const data = btf?.types.find((type) => type.kind === "section" && type.name === ".maps");
  if (btf === undefined || data?.kind !== "section") {
    throw trouble(`${module.name}: section .maps without BTF`, "compile with -g");
  }
  return data.variables.flatMap((entry): readonly MapDefinition[] => {
    const variable = btf.types[entry.type];
    if (variable?.kind !== "variable") throw trouble(`.maps: type ${entry.type} is no variable`);
    if (variable.linkage === "extern") return [];
    const { name } = variable;
    const struct = resolve(btf, variable.type);
    if (struct.kind !== "struct") throw trouble(`map ${name} is no struct`, "define it as libbpf's documentation does");
    const bytes = sizeOf(btf, resolveId(btf, variable.type));
    if (entry.offset + bytes > section.size) throw trouble(`map ${name} reaches beyond section .maps`);
    const { spec, slots, reason } = specOf(btf, struct, name, 0);
    const end = entry.offset + Math.max(bytes, entry.size);
    const filled = slots === undefined ? new Map() : slotsOf(module, globals, section.index, entry.offset + slots, end);
    const whole = spec === undefined || filled.size === 0 ? spec : { ...spec, initialSlots: filled };
    return [{ name, section: ".maps", offset: entry.offset, spec: whole, reason }];
  });
}

/**
 * struct bpf_map_def { u32 type, key_size, value_size, max_entries, map_flags; } and what samples and iproute2 put after it
 * (inner_map_idx, numa_node; id, pinning), which has no meaning here.
 */
function legacyMaps(module: Module): readonly MapDefinition[] {
  const section = module.elf.sections.find(({ name, type }) => name === "maps" && type === 1);
  if (section === undefined || section.size === 0) return [];
  const symbols = module.elf.symbols
    .filter((symbol) => symbol.section === section.index && symbol.type !== symbolType.section && symbol.name !== "")
    .sort((one, other) => one.value - other.value);
  if (symbols.length === 0) throw trouble("section maps: no symbol names a map in it");
  const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.length);
  return symbols.map((symbol, index): MapDefinition => {
    const next = symbols[index + 1]?.value ?? section.size;
    const length = Math.min(symbol.size || next - symbol.value, next - symbol.value);
    if (length < 16 || symbol.value + length > section.size || symbol.value % 4 !== 0) {
      throw trouble(`map ${symbol.name}: a definition of ${length} bytes at ${symbol.value} of section maps`);
    }
    const word = (at: number): number => (at * 4 + 4 <= length ? view.getUint32(symbol.value + at * 4, true) : 0);
    const type = typeNames.get(word(0));
    const base = { name: symbol.name, section: "maps", offset: symbol.value };
    if (type === undefined) return { ...base, spec: undefined, reason: `map type ${word(0)} is not provided` };
    const [keySize, valueSize, maxEntries, flags] = [word(1), word(2), word(3), word(4)];
    return { ...base, spec: { name: symbol.name, type, keySize, valueSize, maxEntries, flags }, reason: "" };
  });
}

/** All maps that a module defines, with type ids of its own BTF. */
export const mapsOf = (module: Module, globals: Globals): readonly MapDefinition[] => [
  ...btfMaps(module, globals),
  ...legacyMaps(module),
];
