/** Global data: the sections .rodata, .data and .bss of all modules as array maps of one entry each; the kernel's externs (.kconfig). */
import type { Btf, BtfType } from "../btf/btf.js";
import { alignmentOf, resolve, sizeOf } from "../btf/resolve.js";
import { writeValue } from "../btf/value.js";
import { symbolBinding } from "../elf/elf.js";
import { type MapSpec, mapFlag } from "../spec.js";
import { isData, type Module } from "./module.js";
import { trouble } from "./trouble.js";

export interface DataMap {
  /** Name of the section. */
  readonly section: string;
  readonly spec: MapSpec;
  /** Where a module's part begins, by module and index of section. */
  readonly bases: ReadonlyMap<Module, ReadonlyMap<number, number>>;
}

/** As libbpf: at most 15 characters, `<object>.rodata`; sections with a name of their own keep it. */
export function dataMapName(object: string, section: string): string {
  if (section.indexOf(".", 1) >= 0) return section.slice(0, 15).replaceAll(/[^A-Za-z0-9._]/g, "_");
  const prefix = object.slice(0, Math.max(0, 16 - Math.max(7, section.length) - 1));
  return `${prefix}${section}`.replaceAll(/[^A-Za-z0-9._]/g, "_");
}

const isReadOnly = (section: string): boolean => section.startsWith(".rodata") || section === ".kconfig";

const dataFlags = (section: string): number => mapFlag.mmapable | (isReadOnly(section) ? mapFlag.readOnlyProgram : 0);

/** More than this is no program's data. */
const maximumData = 64 << 20;

interface Part {
  readonly module: Module;
  readonly section: number;
  readonly data: Uint8Array;
  readonly base: number;
}

/** The type of the data of a section: its variables, moved to where their module's part is. */
function sectionType(name: string, size: number, parts: readonly Part[]): BtfType {
  const variables = parts.flatMap(({ module, base }) => {
    const type = module.btf?.types.find((one) => one.kind === "section" && one.name === name);
    if (type?.kind !== "section") return [];
    return type.variables.map((entry) => ({
      type: entry.type + module.typeBase,
      offset: entry.offset + base,
      size: entry.size,
    }));
  });
  return { kind: "section", name, size, variables };
}

/** The maps of the modules' data. `types` are those of the linked object; section types are appended to it where there are several modules. */
export function dataMaps(modules: readonly Module[], object: string, types: BtfType[]): readonly DataMap[] {
  const parts = new Map<string, Part[]>();
  const sizes = new Map<string, number>();
  for (const module of modules) {
    for (const section of module.elf.sections) {
      if (!isData(section)) continue;
      const alignment = Math.min(section.alignment, 4096);
      const base = Math.ceil((sizes.get(section.name) ?? 0) / alignment) * alignment;
      const list = parts.get(section.name) ?? [];
      parts.set(section.name, list);
      list.push({ module, section: section.index, data: section.data, base });
      sizes.set(section.name, base + section.size);
    }
  }
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (total > maximumData) throw trouble(`${total} bytes of global data`, `at most ${maximumData}`);
  return [...parts].map(([section, list]): DataMap => {
    const size = sizes.get(section)!;
    const initial = new Uint8Array(size);
    const bases = new Map<Module, Map<number, number>>();
    for (const { module, section: index, data, base } of list) {
      initial.set(data, base);
      const own = bases.get(module) ?? new Map<number, number>();
      bases.set(module, own.set(index, base));
    }
    const whole = sectionType(section, size, list);
    const hasTypes = whole.kind === "section" && whole.variables.length > 0;
    let valueType = 0;
    if (hasTypes && modules.length === 1) {
      valueType = types.findIndex((type) => type.kind === "section" && type.name === section);
    } else if (hasTypes) valueType = types.push(whole) - 1;
    const spec: MapSpec = {
      name: dataMapName(object, section),
      type: "array",
      keySize: 4,
      valueSize: size,
      maxEntries: 1,
      flags: dataFlags(section),
      initial,
      keyType: 0,
      valueType,
    };
    return { section, spec, bases };
  });
}

export interface Kconfig {
  readonly spec: MapSpec;
  /** Offsets of the variables by name. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** What LINUX_KERNEL_VERSION tells programs that look: the kernel whose behaviour this layer follows, 6.12. */
const kernelVersion = (6 << 16) | (12 << 8);

/** `extern … __kconfig`: there is no kernel configuration here, so that weak options are zero. */
export function kconfigOf(modules: readonly Module[]): Kconfig | undefined {
  const offsets = new Map<string, number>();
  const values: { readonly btf: Btf; readonly type: number; readonly offset: number; readonly value: number }[] = [];
  let size = 0;
  for (const { btf, elf } of modules) {
    const section = btf?.types.find((type) => type.kind === "section" && type.name === ".kconfig");
    if (btf === undefined || section?.kind !== "section") continue;
    const symbols = new Map(elf.symbols.map((symbol) => [symbol.name, symbol]));
    for (const entry of section.variables) {
      const variable = btf.types[entry.type];
      if (variable?.kind !== "variable" || offsets.has(variable.name)) continue;
      const { name, type } = variable;
      const known = name.startsWith("LINUX_");
      if (!known && symbols.get(name)?.binding !== symbolBinding.weak) {
        throw trouble(`${name}: there is no kernel configuration here`, "declare it __weak, and it is 0");
      }
      const alignment = alignmentOf(btf, type);
      const offset = Math.ceil(size / alignment) * alignment;
      offsets.set(name, offset);
      size = offset + sizeOf(btf, type);
      if (size > 65536) throw trouble(`.kconfig of more than ${65536} bytes`);
      if (name === "LINUX_KERNEL_VERSION") values.push({ btf, type, offset, value: kernelVersion });
    }
  }
  if (size === 0) return undefined;
  const initial = new Uint8Array(size);
  for (const { btf, type, offset, value } of values) {
    if (resolve(btf, type).kind !== "int") throw trouble("LINUX_KERNEL_VERSION is no integer");
    writeValue(btf, type, new DataView(initial.buffer), offset, value);
  }
  const spec: MapSpec = {
    name: ".kconfig",
    type: "array",
    keySize: 4,
    valueSize: size,
    maxEntries: 1,
    flags: dataFlags(".kconfig"),
    initial,
  };
  return { spec, offsets };
}
