/**
 * ELF64 object files for eBPF (System V ABI, chapter 4; little-endian, EM_BPF, ET_REL): sections, symbols and relocations. All offsets
 * and counts come from outside and are checked against the file.
 */
import { JunctorError } from "../../errors.js";

export const machineBpf = 247;

export const sectionType = { progbits: 1, symtab: 2, strtab: 3, rela: 4, nobits: 8, rel: 9 } as const;
export const sectionFlag = { write: 1, alloc: 2, execute: 4 } as const;
export const symbolType = { none: 0, object: 1, function: 2, section: 3, file: 4 } as const;
export const symbolBinding = { local: 0, global: 1, weak: 2 } as const;
export const symbolVisibility = { default: 0, internal: 1, hidden: 2, protected: 3 } as const;
/** st_shndx of what is not defined here, of absolute values and of common blocks. */
export const specialSection = { undefined: 0, reserved: 0xff00, absolute: 0xfff1, common: 0xfff2 } as const;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Bytes that it takes in memory; of NOBITS, which has no `data`, too. */
  readonly size: number;
  readonly data: Uint8Array;
  readonly link: number;
  readonly info: number;
  readonly alignment: number;
  readonly entrySize: number;
}

export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  /** Offset into its section. */
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly binding: number;
  readonly visibility: number;
  /** Index of its section, or one of `specialSection`. */
  readonly section: number;
}

export interface ElfRelocation {
  /** Offset into the section that it alters. */
  readonly offset: number;
  readonly type: number;
  /** Index into `symbols`. */
  readonly symbol: number;
  /** Of RELA; REL keeps its addend where it alters. */
  readonly addend: number | undefined;
}

export interface Elf {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** By index of the section that they alter, in order of their offsets. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

/** Files beyond it are refused before anything is looked at. */
export const maximumObjectBytes = 64 << 20;
/** SHT_NOBITS takes no room in the file, so that it alone could ask for any amount of memory. */
const maximumSectionBytes = 64 << 20;

const bad = (what: string, mend = "the file is damaged; compile it again"): JunctorError =>
  new JunctorError("EINVAL", `ELF: ${what}`, mend);

const textDecoder = new TextDecoder();

/** The string at `offset` of a string table. */
function text(table: Uint8Array, offset: number, of: string): string {
  if (offset >= table.length && !(offset === 0 && table.length === 0)) {
    throw bad(`the name of ${of} is at ${offset} of a string table of ${table.length} bytes`);
  }
  const end = table.indexOf(0, offset);
  if (table.length > 0 && end < 0) throw bad(`the name of ${of} does not end`);
  // A name that is repeated for each of many symbols must not multiply the file's size.
  if (end - offset > 1024) throw bad(`the name of ${of} has ${end - offset} bytes`);
  return table.length === 0 ? "" : textDecoder.decode(table.slice(offset, end));
}

function checkIdentity(bytes: Uint8Array): void {
  const wanted = "compile with clang -target bpf";
  if (bytes.length > maximumObjectBytes) throw bad(`${bytes.length} bytes are too many for an eBPF object`, wanted);
  const magic = [0x7f, 0x45, 0x4c, 0x46];
  if (!magic.every((byte, index) => bytes[index] === byte)) throw bad("not an ELF file (no magic number)", wanted);
  if (bytes.length < 64) throw bad(`the file ends after ${bytes.length} bytes, in its header`);
  if (bytes[4] !== 2) throw bad(bytes[4] === 1 ? "a 32-bit file" : `unknown class ${bytes[4]}`, wanted);
  if (bytes[5] === 2) throw bad("a big-endian file", "compile with clang -target bpfel");
  if (bytes[5] !== 1) throw bad(`unknown byte order ${bytes[5]}`, wanted);
  if (bytes[6] !== 1) throw bad(`unknown version ${bytes[6]}`);
}

interface RawSection extends ElfSection {
  readonly nameOffset: number;
}

/** A word of 64 bits that is to be an offset or a size here. */
function word(view: DataView, offset: number, what: string): number {
  const value = view.getBigUint64(offset, true);
  if (value > 0xffff_ffffn) throw bad(`${what} is ${value}`);
  return Number(value);
}

function readSection(bytes: Uint8Array, view: DataView, at: number, index: number): RawSection {
  const type = view.getUint32(at + 4, true);
  const offset = word(view, at + 24, `the offset of section ${index}`);
  const size = word(view, at + 32, `the size of section ${index}`);
  const inFile = type !== sectionType.nobits && type !== 0;
  if (inFile && offset + size > bytes.length) {
    throw bad(`section ${index} (${size} bytes from ${offset} on) reaches beyond the file's ${bytes.length} bytes`);
  }
  if (type === sectionType.nobits && size > maximumSectionBytes) throw bad(`section ${index} takes ${size} bytes`);
  return {
    index,
    name: "",
    nameOffset: view.getUint32(at, true),
    type,
    flags: Number(view.getBigUint64(at + 8, true) & 0xffff_ffffn),
    size,
    data: inFile ? bytes.subarray(offset, offset + size) : new Uint8Array(0),
    link: view.getUint32(at + 40, true),
    info: view.getUint32(at + 44, true),
    alignment: Math.max(1, word(view, at + 48, `the alignment of section ${index}`)),
    entrySize: word(view, at + 56, `the entry size of section ${index}`),
  };
}

function readSections(bytes: Uint8Array, view: DataView): readonly ElfSection[] {
  const start = word(view, 40, "the offset of the section headers");
  const entry = view.getUint16(58, true);
  if (start === 0) throw bad("no sections");
  if (entry !== 64) throw bad(`section headers of ${entry} bytes instead of 64`);
  if (start + 64 > bytes.length) throw bad(`the section headers begin at ${start}, beyond the file's end`);
  // Counts that do not fit are kept in section 0.
  const count = view.getUint16(60, true) || word(view, start + 32, "the number of sections");
  const names = view.getUint16(62, true) === 0xffff ? view.getUint32(start + 40, true) : view.getUint16(62, true);
  if (count > 65536 || start + count * 64 > bytes.length) throw bad(`${count} section headers reach beyond the file`);
  const raw = Array.from({ length: count }, (_, index) => readSection(bytes, view, start + index * 64, index));
  const table = raw[names];
  if (table === undefined || table.type !== sectionType.strtab)
    throw bad(`no table of section names (section ${names})`);
  // Sections that lie over each other would make a small file a lot of work.
  const held = raw.reduce((sum, { data }) => sum + data.length, 64 + count * 64);
  if (held > bytes.length) throw bad(`the sections overlap: ${held} bytes in a file of ${bytes.length}`);
  const zeroed = raw.reduce((sum, { type, size }) => sum + (type === sectionType.nobits ? size : 0), 0);
  if (zeroed > maximumSectionBytes) throw bad(`zeroed sections of ${zeroed} bytes`);
  return raw.map(({ nameOffset, ...section }) => ({
    ...section,
    name: section.type === 0 ? "" : text(table.data, nameOffset, `section ${section.index}`),
  }));
}

function readSymbols(sections: readonly ElfSection[]): readonly ElfSymbol[] {
  const tables = sections.filter(({ type }) => type === sectionType.symtab);
  const table = tables[0];
  if (table === undefined) return [];
  if (tables.length > 1) throw bad("several symbol tables");
  if (table.entrySize !== 24 || table.size % 24 !== 0) throw bad(`section ${table.name}: symbols are not of 24 bytes`);
  const names = sections[table.link];
  if (names === undefined || names.type !== sectionType.strtab) throw bad(`section ${table.name}: no string table`);
  const view = new DataView(table.data.buffer, table.data.byteOffset, table.data.length);
  return Array.from({ length: table.size / 24 }, (_, index) => {
    const at = index * 24;
    const section = view.getUint16(at + 6, true);
    const info = view.getUint8(at + 4);
    if (section < specialSection.reserved && section >= sections.length) {
      throw bad(`symbol ${index} lies in section ${section} of ${sections.length}`);
    }
    const name = text(names.data, view.getUint32(at, true), `symbol ${index}`);
    return {
      index,
      name,
      type: info & 15,
      binding: info >> 4,
      visibility: view.getUint8(at + 5) & 3,
      section,
      value: word(view, at + 8, `the value of symbol ${name || index}`),
      size: word(view, at + 16, `the size of symbol ${name || index}`),
    };
  });
}

function readRelocations(section: ElfSection, target: ElfSection, symbols: number): readonly ElfRelocation[] {
  const withAddend = section.type === sectionType.rela;
  const bytes = withAddend ? 24 : 16;
  if (section.size % bytes !== 0) throw bad(`section ${section.name}: relocations are not of ${bytes} bytes`);
  const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.length);
  return Array.from({ length: section.size / bytes }, (_, index) => {
    const at = index * bytes;
    const offset = word(view, at, `the offset of relocation ${index} in ${section.name}`);
    const symbol = view.getUint32(at + 12, true);
    if (symbol >= symbols)
      throw bad(`section ${section.name}: relocation ${index} names symbol ${symbol} of ${symbols}`);
    if (offset >= target.size) {
      throw bad(
        `section ${section.name}: relocation ${index} is at ${offset}, beyond ${target.name}'s ${target.size} bytes`,
      );
    }
    const addend = withAddend ? Number(view.getBigInt64(at + 16, true)) : undefined;
    if (addend !== undefined && !Number.isSafeInteger(addend)) {
      throw bad(`section ${section.name}: relocation ${index} has an addend out of range`);
    }
    return { offset, type: view.getUint32(at + 8, true), symbol, addend };
  });
}

/** Parses an object file. The sections' data are views of `bytes`. Throws JunctorError (EINVAL) that names section and offset. */
export function parseElf(bytes: Uint8Array): Elf {
  checkIdentity(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const machine = view.getUint16(18, true);
  // GCC before 12 and very old clang wrote 0, as libbpf accepts too.
  if (machine !== machineBpf && machine !== 0) {
    throw bad(`made for machine ${machine}, not for eBPF (${machineBpf})`, "compile with clang -target bpf");
  }
  const type = view.getUint16(16, true);
  if (type !== 1) throw bad(`type ${type}, not a relocatable object (1)`, "do not link it: compile with -c");
  const sections = readSections(bytes, view);
  const symbols = readSymbols(sections);
  const relocations = new Map<number, readonly ElfRelocation[]>();
  for (const section of sections) {
    if (section.type !== sectionType.rel && section.type !== sectionType.rela) continue;
    const target = sections[section.info];
    if (target === undefined || target.index === 0) throw bad(`section ${section.name} alters section ${section.info}`);
    const more = readRelocations(section, target, symbols.length);
    if (relocations.has(target.index)) throw bad(`two sections of relocations alter section ${target.name}`);
    relocations.set(
      target.index,
      [...more].sort((one, other) => one.offset - other.offset),
    );
  }
  return { sections, symbols, relocations };
}
