/** One object file taken apart: sections, symbols, functions, BTF. Several modules are linked to one object (`link.ts`). */
import type { Btf, BtfType } from "../btf/btf.js";
import { type BtfExt, type CoreRecord, type LineRecord, parseBtfExt } from "../btf/ext.js";
import { parseBtf } from "../btf/parse.js";
import {
  type Elf,
  type ElfSection,
  type ElfSymbol,
  parseElf,
  sectionFlag,
  sectionType,
  symbolBinding,
  symbolType,
} from "../elf/elf.js";
import { decodeProgram } from "../insn/decode.js";
import type { Instruction } from "../insn/instruction.js";
import { trouble } from "./trouble.js";

/** A function's code in its section. */
export interface Code {
  readonly module: Module;
  readonly section: ElfSection;
  readonly name: string;
  readonly global: boolean;
  /** Slots of the section: from the first to the one after the last. */
  readonly start: number;
  readonly end: number;
}

export interface Module {
  /** What messages call it. */
  readonly name: string;
  readonly elf: Elf;
  /** Its own BTF with its own ids. In the linked object its type `id` is `id + typeBase` (void stays 0). */
  readonly btf: Btf | undefined;
  readonly rawBtf: Uint8Array | undefined;
  readonly ext: BtfExt | undefined;
  readonly typeBase: number;
  /** Instructions by index of section, of those that hold code. */
  readonly instructions: ReadonlyMap<number, readonly Instruction[]>;
  /** By index of section, in order. */
  readonly functions: ReadonlyMap<number, readonly Code[]>;
  readonly lines: ReadonlyMap<string, readonly LineRecord[]>;
  /** CO-RE relocations by section and slot. */
  readonly core: ReadonlyMap<string, ReadonlyMap<number, CoreRecord>>;
}

export const isCode = (section: ElfSection): boolean =>
  section.type === sectionType.progbits && (section.flags & sectionFlag.execute) !== 0 && section.size > 0;

const dataName = /^\.(data|rodata|bss)(\.|$)/;
export const isData = (section: ElfSection): boolean =>
  (section.type === sectionType.progbits || section.type === sectionType.nobits) &&
  (section.flags & sectionFlag.alloc) !== 0 &&
  section.size > 0 &&
  dataName.test(section.name);

const sectionNamed = (elf: Elf, name: string): ElfSection | undefined => elf.sections.find((one) => one.name === name);

/** Offsets of variables in `.BTF` are relocated like data: their place in the section is known by symbol. */
function relocatedBtf(elf: Elf, section: ElfSection): Uint8Array {
  const bytes = section.data.slice();
  const view = new DataView(bytes.buffer);
  for (const { offset, symbol, addend } of elf.relocations.get(section.index) ?? []) {
    if (offset + 4 > bytes.length) throw trouble(`.BTF: a relocation at ${offset} reaches beyond it`);
    const value = elf.symbols[symbol]?.value ?? 0;
    view.setUint32(offset, (addend ?? view.getUint32(offset, true)) + value, true);
  }
  return bytes;
}

/** Compilers leave the size of sections to the linker, and so do some the offsets of global variables. */
function placed(elf: Elf, btf: Btf): Btf {
  const symbols = new Map<string, ElfSymbol>();
  for (const symbol of elf.symbols) {
    if (symbol.binding !== symbolBinding.local && symbol.section !== 0) symbols.set(symbol.name, symbol);
  }
  const sections = new Map(elf.sections.map((section) => [section.name, section]));
  const types = btf.types.map((type): BtfType => {
    if (type.kind !== "section") return type;
    const section = sections.get(type.name);
    if (section === undefined) return type;
    const variables = type.variables.map((entry) => {
      const variable = btf.types[entry.type];
      const symbol = variable?.kind === "variable" ? symbols.get(variable.name) : undefined;
      return symbol?.section === section.index ? { ...entry, offset: symbol.value } : entry;
    });
    return { ...type, size: section.size, variables };
  });
  return { types };
}

function functionsOf(module: Module, section: ElfSection): readonly Code[] {
  const slots = section.size / 8;
  const symbols = module.elf.symbols
    .filter((symbol) => symbol.section === section.index && symbol.type === symbolType.function)
    .sort((one, other) => one.value - other.value);
  if (symbols.length === 0) {
    // Written in assembly: the section is the function.
    return [{ module, section, name: section.name, global: true, start: 0, end: slots }];
  }
  const functions: Code[] = [];
  for (const { name, value, size, binding } of symbols) {
    const last = functions.at(-1);
    if (last !== undefined && last.start === value / 8) continue; // a second name
    if (value % 8 !== 0 || size % 8 !== 0 || value + size > section.size) {
      throw trouble(`function ${name} (${size} bytes from ${value} on) does not fit section ${section.name}`);
    }
    const start = value / 8;
    if (last !== undefined && last.end > start) throw trouble(`functions ${last.name} and ${name} overlap`);
    if (size === 0) throw trouble(`function ${name} in section ${section.name} is empty`);
    functions.push({ module, section, name, global: binding !== symbolBinding.local, start, end: start + size / 8 });
  }
  return functions;
}

function coreBySlot(records: readonly CoreRecord[]): ReadonlyMap<number, CoreRecord> {
  return new Map(records.map((record) => [record.offset / 8, record]));
}

/** Takes an object file apart. Throws JunctorError. */
export function parseModule(bytes: Uint8Array, name: string, typeBase: number): Module {
  // Not a subclass, whose slice may not be a copy, as that of Node's Buffer is not.
  const elf = parseElf(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const btfSection = sectionNamed(elf, ".BTF");
  const extSection = sectionNamed(elf, ".BTF.ext");
  const rawBtf = btfSection === undefined ? undefined : relocatedBtf(elf, btfSection);
  const parsed = rawBtf === undefined ? undefined : parseBtf(rawBtf);
  const ext = parsed && extSection ? parseBtfExt(extSection.data, parsed.strings) : undefined;
  const instructions = new Map<number, readonly Instruction[]>();
  const functions = new Map<number, readonly Code[]>();
  const module: Module = {
    name,
    elf,
    btf: parsed && placed(elf, parsed.btf),
    rawBtf,
    ext,
    typeBase,
    instructions,
    functions,
    lines: new Map([...(ext?.lines ?? [])].map(([key, list]) => [key, [...list].sort((a, b) => a.offset - b.offset)])),
    core: new Map([...(ext?.core ?? [])].map(([section, records]) => [section, coreBySlot(records)])),
  };
  for (const section of elf.sections) {
    if (!isCode(section)) continue;
    if (section.size % 8 !== 0)
      throw trouble(`section ${section.name} of ${section.size} bytes ends within an instruction`);
    instructions.set(section.index, decodeProgram(section.data));
    functions.set(section.index, functionsOf(module, section));
  }
  return module;
}
