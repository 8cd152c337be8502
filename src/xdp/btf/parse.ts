/**
 * Reads a `.BTF` section (little-endian).
 *
 * ```
 * struct btf_header { u16 magic; u8 version, flags; u32 hdr_len, type_off, type_len, str_off, str_len; };
 * struct btf_type   { u32 name_off; u32 info;   // kflag << 31 | kind << 24 | vlen
 *                     u32 size_or_type; };      // what follows depends on the kind
 * ```
 */
import type { Btf, BtfMember, BtfType } from "./btf.js";
import { type BtfStrings, badBtf, btfStrings } from "./strings.js";

export const btfMagic = 0xeb9f;
/** As the kernel's BTF_MAX_TYPE. */
const maximumTypes = 0xfffff;

interface Reader {
  readonly view: DataView;
  /** Where what follows the type's three words begins. */
  readonly at: number;
  readonly name: string;
  readonly flag: boolean;
  readonly count: number;
  /** Third word: a size or a type. */
  readonly word: number;
  readonly strings: BtfStrings;
}

const u32 = (reader: Reader, index: number): number => reader.view.getUint32(reader.at + 4 * index, true);

const entries = <T>(count: number, make: (index: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const linkages = ["static", "global", "extern"] as const;

function linkage(value: number, name: string): (typeof linkages)[number] {
  const word = linkages[value];
  if (word === undefined) throw badBtf(`${name}: linkage ${value} is unknown`);
  return word;
}

function int(reader: Reader): BtfType {
  const { name, word: size } = reader;
  const data = u32(reader, 0);
  const [encoding, offset, bits] = [(data >>> 24) & 15, (data >>> 16) & 255, data & 255];
  if (![1, 2, 4, 8, 16].includes(size)) throw badBtf(`int ${name} of ${size} bytes`);
  if (bits === 0 || bits + offset > size * 8)
    throw badBtf(`int ${name} of ${bits} bits from ${offset} on in ${size} bytes`);
  const [signed, char, bool] = [1, 2, 4].map((bit) => (encoding & bit) !== 0) as [boolean, boolean, boolean];
  return { kind: "int", name, size, signed, char, bool, bits, offset };
}

function record(kind: "struct" | "union"): (reader: Reader) => BtfType {
  return (reader) => {
    const { name, word: size, flag, count, strings } = reader;
    const members = entries(count, (index): BtfMember => {
      const offset = u32(reader, index * 3 + 2);
      return {
        name: strings(u32(reader, index * 3)),
        type: u32(reader, index * 3 + 1),
        offset: flag ? offset & 0xffffff : offset,
        bits: flag ? offset >>> 24 : 0,
      };
    });
    return { kind, name, size, members };
  };
}

function enumeration(wide: boolean): (reader: Reader) => BtfType {
  return (reader) => {
    const { name, word: size, flag: signed, count, strings } = reader;
    if (![1, 2, 4, 8].includes(size)) throw badBtf(`enum ${name} of ${size} bytes`);
    const words = wide ? 3 : 2;
    const values = entries(count, (index) => {
      const low = BigInt(u32(reader, index * words + 1));
      const high = wide ? BigInt(u32(reader, index * words + 2)) << 32n : 0n;
      const value = signed ? BigInt.asIntN(wide ? 64 : 32, high | low) : high | low;
      return { name: strings(u32(reader, index * words)), value };
    });
    return { kind: "enum", name, size, signed, values };
  };
}

/** By kind: bytes after the type's three words, fixed and for each of its entries, and what it is made to. */
const kinds: Readonly<Record<number, readonly [fixed: number, each: number, make: (reader: Reader) => BtfType]>> = {
  1: [4, 0, int],
  2: [0, 0, ({ word }) => ({ kind: "pointer", type: word })],
  3: [12, 0, (reader) => ({ kind: "array", type: u32(reader, 0), indexType: u32(reader, 1), count: u32(reader, 2) })],
  4: [0, 12, record("struct")],
  5: [0, 12, record("union")],
  6: [0, 8, enumeration(false)],
  7: [0, 0, ({ name, flag }) => ({ kind: "forward", name, union: flag })],
  8: [0, 0, ({ name, word }) => ({ kind: "typedef", name, type: word })],
  9: [0, 0, ({ word }) => ({ kind: "volatile", type: word })],
  10: [0, 0, ({ word }) => ({ kind: "const", type: word })],
  11: [0, 0, ({ word }) => ({ kind: "restrict", type: word })],
  // A function keeps its linkage where others keep a count.
  12: [0, 0, ({ name, word, count }) => ({ kind: "function", name, type: word, linkage: linkage(count, name) })],
  13: [
    0,
    8,
    (reader) => ({
      kind: "prototype",
      returns: reader.word,
      parameters: entries(reader.count, (index) => ({
        name: reader.strings(u32(reader, index * 2)),
        type: u32(reader, index * 2 + 1),
      })),
    }),
  ],
  14: [
    4,
    0,
    (reader) => ({
      kind: "variable",
      name: reader.name,
      type: reader.word,
      linkage: linkage(u32(reader, 0), reader.name),
    }),
  ],
  15: [
    0,
    12,
    (reader) => ({
      kind: "section",
      name: reader.name,
      size: reader.word,
      variables: entries(reader.count, (index) => ({
        type: u32(reader, index * 3),
        offset: u32(reader, index * 3 + 1),
        size: u32(reader, index * 3 + 2),
      })),
    }),
  ],
  16: [0, 0, ({ name, word }) => ({ kind: "float", name, size: word })],
  17: [4, 0, (reader) => ({ kind: "declTag", name: reader.name, type: reader.word, component: u32(reader, 0) | 0 })],
  18: [0, 0, ({ name, word }) => ({ kind: "typeTag", name, type: word })],
  19: [0, 12, enumeration(true)],
};

/** Ids of the types that a type refers to. */
export function references(type: BtfType): readonly number[] {
  switch (type.kind) {
    case "array":
      return [type.type, type.indexType];
    case "struct":
    case "union":
      return type.members.map((member) => member.type);
    case "prototype":
      return [type.returns, ...type.parameters.map((parameter) => parameter.type)];
    case "section":
      return type.variables.map((variable) => variable.type);
    case "void":
    case "int":
    case "enum":
    case "forward":
    case "float":
      return [];
    default:
      return [type.type];
  }
}

export interface ParsedBtf {
  readonly btf: Btf;
  readonly strings: BtfStrings;
}

/** The header's parts: where types and strings lie. */
function partsOf(bytes: Uint8Array): { readonly types: Uint8Array; readonly strings: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 24) throw badBtf(`the header ends after ${bytes.length} bytes`);
  const magic = view.getUint16(0, true);
  if (magic === 0x9feb) throw badBtf("it is big-endian", "compile with clang -target bpfel");
  if (magic !== btfMagic) throw badBtf(`magic number 0x${magic.toString(16)}`);
  if (view.getUint8(2) !== 1) throw badBtf(`version ${view.getUint8(2)} is unknown`);
  const header = view.getUint32(4, true);
  const part = (name: string, at: number): Uint8Array => {
    const start = header + view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    if (header < 24 || start + length > bytes.length) {
      throw badBtf(`${name} (${length} bytes from ${start} on) reach beyond its ${bytes.length} bytes`);
    }
    return bytes.subarray(start, start + length);
  };
  return { types: part("types", 8), strings: part("strings", 16) };
}

/** Parses `.BTF`. Type ids are those of the section. Throws JunctorError (EINVAL). */
export function parseBtf(bytes: Uint8Array): ParsedBtf {
  const parts = partsOf(bytes);
  const strings = btfStrings(parts.strings);
  const view = new DataView(parts.types.buffer, parts.types.byteOffset, parts.types.length);
  const types: BtfType[] = [{ kind: "void" }];
  let at = 0;
  while (at < view.byteLength) {
    const id = types.length;
    if (id > maximumTypes) throw badBtf(`more than ${maximumTypes} types`);
    if (at + 12 > view.byteLength) throw badBtf(`type ${id} ends within its header`);
    const info = view.getUint32(at + 4, true);
    const kind = kinds[(info >>> 24) & 31];
    if (kind === undefined) throw badBtf(`type ${id} is of kind ${(info >>> 24) & 31}, which is unknown`);
    const [fixed, each, make] = kind;
    const count = info & 0xffff;
    const size = 12 + fixed + each * count;
    if (at + size > view.byteLength) throw badBtf(`type ${id} reaches beyond the types`);
    const name = strings(view.getUint32(at, true));
    types.push(
      make({ view, at: at + 12, name, flag: info >>> 31 === 1, count, word: view.getUint32(at + 8, true), strings }),
    );
    at += size;
  }
  types.forEach((type, id) => {
    const outside = references(type).find((reference) => reference >= types.length);
    if (outside !== undefined) throw badBtf(`type ${id} refers to type ${outside} of ${types.length}`);
  });
  return { btf: { types }, strings };
}
