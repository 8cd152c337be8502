/** Links object files to one: symbols across objects, data sections merged, programs made whole. One object is a link of one. */
import type { Btf, BtfType } from "../btf/btf.js";
import { references } from "../btf/parse.js";
import type { MapSpec, ObjectSpec, ProgramSpec, Skipped } from "../spec.js";
import { coreTypes } from "./core-types.js";
import { dataMaps, kconfigOf } from "./data.js";
import { type MapDefinition, mapsOf } from "./maps.js";
import { type Module, parseModule } from "./module.js";
import { programMaker, type Scene } from "./program.js";
import { sectionMeaning } from "./sections.js";
import { resolveGlobals } from "./symbols.js";
import { trouble } from "./trouble.js";

export interface LoadOptions {
  /** Name of the object: it begins the names of its data maps, as a file's name does with libbpf. */
  readonly name?: string;
  /** Our number of a kfunc; undefined: there is none. */
  readonly kfuncs?: (name: string) => number | undefined;
  /** Types that CO-RE relocations are resolved against. */
  readonly coreTypes?: Btf;
}

/** A type with its references moved by `base`; void stays void. */
function moved(type: BtfType, base: number): BtfType {
  const move = (id: number): number => (id === 0 ? 0 : id + base);
  switch (type.kind) {
    case "array":
      return { ...type, type: move(type.type), indexType: move(type.indexType) };
    case "struct":
    case "union":
      return { ...type, members: type.members.map((member) => ({ ...member, type: move(member.type) })) };
    case "prototype":
      return {
        ...type,
        returns: move(type.returns),
        parameters: type.parameters.map((parameter) => ({ ...parameter, type: move(parameter.type) })),
      };
    case "section":
      return { ...type, variables: type.variables.map((variable) => ({ ...variable, type: move(variable.type) })) };
    default:
      return references(type).length === 0
        ? type
        : ({ ...type, type: move((type as { type: number }).type) } as BtfType);
  }
}

const rebase = (spec: MapSpec, module: Module, btf: Btf | undefined): MapSpec => ({
  ...spec,
  ...(spec.keyType ? { keyType: spec.keyType + module.typeBase } : {}),
  ...(spec.valueType ? { valueType: spec.valueType + module.typeBase } : {}),
  ...(spec.inner === undefined ? {} : { inner: rebase(spec.inner, module, btf) }),
  ...(btf === undefined ? {} : { btf }),
});

/** What two definitions of one map must agree in. */
const shape = ({ type, keySize, valueSize, maxEntries, flags, extra, inner, pinByName }: MapSpec): string =>
  JSON.stringify([type, keySize, valueSize, maxEntries, flags, extra, inner && shape(inner), pinByName]);

function licenseOf(modules: readonly Module[]): string {
  let license = "";
  for (const { elf, name } of modules) {
    const section = elf.sections.find((one) => one.name === "license");
    if (section === undefined) continue;
    const end = section.data.indexOf(0);
    const own = new TextDecoder().decode(section.data.slice(0, Math.min(end < 0 ? section.size : end, 128)));
    if (license !== "" && own !== license) {
      throw trouble(`${name} has licence "${own}", an object before it "${license}"`, "give them the same licence");
    }
    license = own;
  }
  return license;
}

interface Maps {
  readonly all: readonly MapSpec[];
  readonly skipped: readonly Skipped[];
  readonly at: Scene["mapAt"];
}

function linkMaps(
  modules: readonly Module[],
  definitions: ReadonlyMap<Module, readonly MapDefinition[]>,
  btf: Btf | undefined,
): Maps {
  const byName = new Map<string, MapSpec>();
  const places = new Map<Module, Map<string, MapSpec | MapDefinition>>();
  const skipped: Skipped[] = [];
  for (const module of modules) {
    const own = new Map<string, MapSpec | MapDefinition>();
    places.set(module, own);
    for (const definition of definitions.get(module) ?? []) {
      const key = `${definition.section}+${definition.offset}`;
      if (definition.spec === undefined) {
        own.set(key, definition);
        skipped.push({ name: definition.name, section: definition.section, reason: definition.reason });
        continue;
      }
      const spec = rebase(definition.spec, module, btf);
      const before = byName.get(spec.name);
      if (before !== undefined && shape(before) !== shape(spec)) {
        throw trouble(`map ${spec.name} is defined differently in ${module.name} than before`);
      }
      byName.set(spec.name, before ?? spec);
      own.set(key, before ?? spec);
    }
  }
  const at: Scene["mapAt"] = (module, section, offset) => {
    const name = module.elf.sections[section]?.name ?? "";
    if (name !== ".maps" && name !== "maps") return undefined;
    const found = places.get(module)?.get(`${name}+${offset}`);
    if (found === undefined) throw trouble(`no map begins at ${offset} of section ${name}`);
    if ("reason" in found) throw trouble(`map ${found.name}: ${found.reason}`);
    return found;
  };
  return { all: [...byName.values()], skipped, at };
}

/** Links `objects`, the first one's license and name being those of the whole. Throws JunctorError (EINVAL). */
export function linkObjects(objects: readonly Uint8Array[], options: LoadOptions = {}): ObjectSpec {
  const modules: Module[] = [];
  const types: BtfType[] = [{ kind: "void" }];
  for (const bytes of objects) {
    const name = objects.length === 1 ? (options.name ?? "object") : `object ${modules.length + 1}`;
    const module = parseModule(bytes, name, types.length - 1);
    modules.push(module);
    for (const type of module.btf?.types.slice(1) ?? []) types.push(moved(type, module.typeBase));
  }
  const btf: Btf | undefined = types.length === 1 ? undefined : { types };
  const globals = resolveGlobals(modules);
  const definitions = new Map(modules.map((module) => [module, mapsOf(module, globals)]));
  const maps = linkMaps(modules, definitions, btf);
  const data = dataMaps(modules, options.name ?? "", types).map((map) =>
    btf === undefined ? map : { ...map, spec: { ...map.spec, btf } },
  );
  const kconfig = kconfigOf(modules);
  const make = programMaker({
    globals,
    kconfig,
    kfuncs: options.kfuncs ?? (() => undefined),
    coreTypes: options.coreTypes ?? coreTypes,
    mapAt: maps.at,
    dataAt: (module, section) => {
      for (const { spec, bases } of data) {
        const base = bases.get(module)?.get(section);
        if (base !== undefined) return { map: spec, base };
      }
      return undefined;
    },
  });
  const license = licenseOf(modules);
  const programs: ProgramSpec[] = [];
  const skipped: Skipped[] = [...maps.skipped];
  const names = new Set<string>();
  for (const module of modules) {
    for (const [index, functions] of module.functions) {
      const section = module.elf.sections[index]!.name;
      const meaning = sectionMeaning(section);
      for (const code of functions) {
        if (!code.global || section === ".text") continue;
        if (meaning === undefined) {
          skipped.push({ name: code.name, section, reason: `section ${section} is not for XDP programs` });
          continue;
        }
        if (globals.get(code.name) !== undefined && globals.get(code.name)?.module !== module) continue;
        if (names.has(code.name)) throw trouble(`there are two programs ${code.name}`);
        names.add(code.name);
        const { autoload, ...kind } = meaning;
        programs.push({
          name: code.name,
          section,
          ...kind,
          license,
          ...make(code),
          ...(btf === undefined ? {} : { btf }),
          ...(autoload ? {} : { autoload: false }),
        });
      }
    }
  }
  const [only] = modules;
  const rawBtf = modules.length === 1 ? only?.rawBtf : undefined;
  return {
    programs,
    maps: [...maps.all, ...data.map(({ spec }) => spec), ...(kconfig === undefined ? [] : [kconfig.spec])],
    license,
    ...(btf === undefined ? {} : { btf }),
    ...(rawBtf === undefined ? {} : { rawBtf }),
    ...(skipped.length === 0 ? {} : { skipped }),
  };
}
