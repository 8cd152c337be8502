/** Makes programs of functions: a program, then the functions that it calls, their references resolved. */
import type { Btf } from "../btf/btf.js";
import { type ElfRelocation, type ElfSymbol, specialSection, symbolBinding } from "../elf/elf.js";
import { callKind, type Instruction, isWideLoad, loadKind } from "../insn/instruction.js";
import type { FunctionSpec, LineInfo, MapSpec } from "../spec.js";
import { applyCore } from "./core.js";
import type { Kconfig } from "./data.js";
import type { Code, Module } from "./module.js";
import { definitionOf, type Globals, isSectionSymbol } from "./symbols.js";
import { trouble } from "./trouble.js";

/** What code can refer to. */
export interface Scene {
  readonly globals: Globals;
  readonly kconfig: Kconfig | undefined;
  readonly kfuncs: (name: string) => number | undefined;
  readonly coreTypes: Btf;
  /** The map that begins at an offset of a section of maps; throws, with the reason, for one that cannot be used. */
  mapAt(module: Module, section: number, offset: number): MapSpec | undefined;
  /** The map of a data section, and where the module's part of it begins. */
  dataAt(module: Module, section: number): { readonly map: MapSpec; readonly base: number } | undefined;
}

/** What is left to do once it is known which maps a program has and where its functions are. */
type Fix =
  | { readonly kind: "map"; readonly slot: number; readonly map: MapSpec; readonly offset: number | undefined }
  | { readonly kind: "call" | "address"; readonly slot: number; readonly target: Code };

/** A function with its references resolved as far as they do not depend on the program. */
interface Ready {
  readonly code: Code;
  readonly insns: readonly Instruction[];
  readonly fixes: readonly Fix[];
  readonly lines: readonly LineInfo[];
  readonly btfId: number;
}

const callOpcode = 0x85;
/** As the kernel's limit of what it looks at: a million. */
const maximumSlots = 1_000_000;
/** Of all programs of an object together: functions are repeated in each program that calls them. */
const maximumTotal = 4_000_000;

const where = (code: Code, slot: number): string =>
  `function ${code.name} (section ${code.section.name}, slot ${slot})`;

/** The first index from which on `reached` holds. */
function firstFrom(length: number, reached: (index: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reached(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Of records in order, those of a function: a section may have thousands of functions and records. */
function within<T extends { readonly offset: number }>(records: readonly T[], code: Code): readonly T[] {
  const from = firstFrom(records.length, (index) => records[index]!.offset >= code.start * 8);
  const to = firstFrom(records.length, (index) => records[index]!.offset >= code.end * 8);
  return records.slice(from, to);
}

function functionAt(module: Module, section: number, slot: number, from: string): Code {
  const functions = module.functions.get(section) ?? [];
  const found = functions[firstFrom(functions.length, (index) => functions[index]!.start >= slot)];
  if (found?.start === slot) return found;
  const name = module.elf.sections[section]?.name ?? `${section}`;
  throw trouble(`${from}: no function begins at slot ${slot} of section ${name}`);
}

function prepareCall(
  scene: Scene,
  code: Code,
  insns: Instruction[],
  slot: number,
  relocation: ElfRelocation,
): Fix | undefined {
  const { module } = code;
  const insn = insns[slot]!;
  const symbol = module.elf.symbols[relocation.symbol]!;
  const found = definitionOf(scene.globals, module, symbol);
  const from = where(code, slot);
  if (found === undefined) {
    const number = scene.kfuncs(symbol.name);
    if (number === undefined && symbol.binding !== symbolBinding.weak) {
      throw trouble(
        `${from} calls ${symbol.name}, which is neither defined nor a kfunc that is provided`,
        "link the object that defines it, or declare it __weak",
      );
    }
    insns[slot] = { ...insn, src: callKind.kfunc, imm: number ?? -1 };
    return undefined;
  }
  // In place, a call is relative to the next slot: -1 is the symbol itself.
  const addend = isSectionSymbol(found.symbol) ? insn.imm + 1 : 0;
  const target = functionAt(found.module, found.symbol.section, found.symbol.value / 8 + addend, from);
  return { kind: "call", slot, target };
}

const constantLoad = (insns: Instruction[], slot: number, value: number): undefined => {
  insns[slot] = { ...insns[slot]!, src: loadKind.value, imm: value };
  insns[slot + 1] = { ...insns[slot + 1]!, imm: value < 0 ? -1 : 0 };
  return undefined;
};

function prepareExternLoad(
  scene: Scene,
  code: Code,
  insns: Instruction[],
  slot: number,
  symbol: ElfSymbol,
): Fix | undefined {
  const offset = scene.kconfig?.offsets.get(symbol.name);
  if (offset !== undefined) return { kind: "map", slot, map: scene.kconfig!.spec, offset: offset + insns[slot]!.imm };
  // The address of a kfunc is only asked for to see whether it is there.
  if (scene.kfuncs(symbol.name) !== undefined) return constantLoad(insns, slot, 1);
  if (symbol.binding === symbolBinding.weak) return constantLoad(insns, slot, 0);
  throw trouble(
    `${where(code, slot)} refers to ${symbol.name}, which is not defined`,
    "link the object that defines it, or declare it __weak",
  );
}

function prepareLoad(
  scene: Scene,
  code: Code,
  insns: Instruction[],
  slot: number,
  relocation: ElfRelocation,
): Fix | undefined {
  const { module } = code;
  const symbol = module.elf.symbols[relocation.symbol]!;
  const from = where(code, slot);
  if (insns[slot + 1] === undefined) throw trouble(`${from}: a load of 64 bits ends with its function`);
  const found = definitionOf(scene.globals, module, symbol);
  if (found === undefined) return prepareExternLoad(scene, code, insns, slot, symbol);
  const { section } = found.symbol;
  const addend = relocation.addend ?? insns[slot]!.imm;
  const offset = found.symbol.value + addend;
  if (section >= specialSection.reserved) throw trouble(`${from} refers to ${symbol.name}, which lies in no section`);
  if (found.module.instructions.has(section)) {
    return { kind: "address", slot, target: functionAt(found.module, section, offset / 8, from) };
  }
  const map = scene.mapAt(found.module, section, offset);
  if (map !== undefined) return { kind: "map", slot, map, offset: undefined };
  const data = scene.dataAt(found.module, section);
  if (data !== undefined) return { kind: "map", slot, map: data.map, offset: data.base + offset };
  throw trouble(
    `${from} refers to ${symbol.name || "a place"} in section ${found.module.elf.sections[section]?.name}, which is not loaded`,
  );
}

function prepareRelocated(scene: Scene, code: Code, insns: Instruction[], relocation: ElfRelocation): Fix | undefined {
  const slot = relocation.offset / 8 - code.start;
  const insn = insns[slot];
  if (insn === undefined || !Number.isInteger(slot))
    throw trouble(`${where(code, slot)}: a relocation within an instruction`);
  if (insn.opcode === callOpcode) return prepareCall(scene, code, insns, slot, relocation);
  if (isWideLoad(insn)) return prepareLoad(scene, code, insns, slot, relocation);
  throw trouble(
    `${where(code, slot)}: a relocation of an instruction that takes none (opcode 0x${insn.opcode.toString(16)})`,
  );
}

function linesOf(code: Code): readonly LineInfo[] {
  const low = code.start * 8;
  return within(code.module.lines.get(code.section.name) ?? [], code)
    .filter(({ offset }) => offset % 8 === 0)
    .map(({ offset, ...line }) => ({ insn: (offset - low) / 8, ...line }));
}

function prepare(scene: Scene, code: Code): Ready {
  const { module, section } = code;
  const insns = module.instructions.get(section.index)!.slice(code.start, code.end);
  const fixes: Fix[] = [];
  const relocated = new Set<number>();
  for (const relocation of within(module.elf.relocations.get(section.index) ?? [], code)) {
    const slot = relocation.offset / 8 - code.start;
    relocated.add(slot);
    const fix = prepareRelocated(scene, code, insns, relocation);
    if (fix !== undefined) fixes.push(fix);
  }
  insns.forEach((insn, slot) => {
    if (relocated.has(slot)) return;
    const call = insn.opcode === callOpcode && insn.src === callKind.local;
    const address = isWideLoad(insn) && insn.src === loadKind.function;
    if (!call && !address) {
      if (isWideLoad(insn) && insn.src !== loadKind.value) {
        throw trouble(
          `${where(code, slot)}: a load of kind ${insn.src} without a relocation`,
          "it would name a map of another system",
        );
      }
      return;
    }
    const target = functionAt(module, section.index, code.start + slot + insn.imm + 1, where(code, slot));
    fixes.push({ kind: call ? "call" : "address", slot, target });
  });
  const core = module.core.get(section.name);
  if (core !== undefined && module.btf !== undefined) applyCore(module.btf, scene.coreTypes, core, code, insns);
  const info = module.ext?.functions.get(section.name)?.find(({ offset }) => offset === code.start * 8);
  const btfId = info === undefined ? 0 : info.type + module.typeBase;
  return { code, insns, fixes, lines: linesOf(code), btfId };
}

export interface Assembled {
  readonly insns: readonly Instruction[];
  readonly maps: readonly MapSpec[];
  readonly functions: readonly FunctionSpec[];
  readonly lines: readonly LineInfo[];
}

/** Gives a maker of programs that prepares each function once. */
export function programMaker(scene: Scene): (main: Code) => Assembled {
  const ready = new Map<Code, Ready>();
  const prepared = (code: Code): Ready => {
    const one = ready.get(code) ?? prepare(scene, code);
    ready.set(code, one);
    return one;
  };
  let total = 0;
  return (main) => {
    const starts = new Map<Code, number>();
    const order: Code[] = [];
    let length = 0;
    const place = (code: Code): void => {
      if (starts.has(code)) return;
      starts.set(code, length);
      order.push(code);
      length += code.end - code.start;
      total += code.end - code.start;
      if (length > maximumSlots) throw trouble(`program ${main.name} has more than ${maximumSlots} instructions`);
      if (total > maximumTotal) throw trouble(`the programs have more than ${maximumTotal} instructions together`);
    };
    place(main);
    const insns: Instruction[] = [];
    const maps: MapSpec[] = [];
    const functions: FunctionSpec[] = [];
    const lines: LineInfo[] = [];
    // It grows while it is walked: callees are placed as they are met.
    for (const code of order) {
      const one = prepared(code);
      const start = starts.get(code)!;
      const own = one.insns.slice();
      for (const fix of one.fixes) {
        const insn = own[fix.slot]!;
        if (fix.kind !== "map") {
          place(fix.target);
          const imm = starts.get(fix.target)! - (start + fix.slot) - 1;
          own[fix.slot] = { ...insn, src: fix.kind === "call" ? callKind.local : loadKind.function, imm };
          if (fix.kind === "address") own[fix.slot + 1] = { ...own[fix.slot + 1]!, imm: 0 };
          continue;
        }
        let index = maps.indexOf(fix.map);
        if (index < 0) index = maps.push(fix.map) - 1;
        own[fix.slot] = { ...insn, src: fix.offset === undefined ? loadKind.map : loadKind.mapValue, imm: index };
        own[fix.slot + 1] = { ...own[fix.slot + 1]!, imm: (fix.offset ?? 0) | 0 };
      }
      for (const insn of own) insns.push(insn);
      for (const line of one.lines) lines.push({ ...line, insn: line.insn + start });
      functions.push({ name: code.name, start, btfId: one.btfId, linkage: code.global ? "global" : "static" });
    }
    return { insns, maps, functions, lines };
  };
}
