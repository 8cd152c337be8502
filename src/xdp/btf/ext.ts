/**
 * Reads `.BTF.ext`: which function, which source line and which CO-RE relocation belong to an instruction.
 *
 * ```
 * struct btf_ext_header { u16 magic; u8 version, flags; u32 hdr_len, func_info_off, func_info_len, line_info_off, line_info_len,
 *                         core_relo_off, core_relo_len; };   // offsets from the header's end
 * a part: u32 record_size; { u32 section_name; u32 count; records }...
 * ```
 */
import { type BtfStrings, badBtf } from "./strings.js";

export interface FunctionInfo {
  /** Bytes from the section's start. */
  readonly offset: number;
  readonly type: number;
}

export interface LineRecord {
  readonly offset: number;
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

export interface CoreRecord {
  readonly offset: number;
  readonly type: number;
  readonly access: string;
  readonly kind: number;
}

export interface BtfExt {
  /** By name of section. */
  readonly functions: ReadonlyMap<string, readonly FunctionInfo[]>;
  readonly lines: ReadonlyMap<string, readonly LineRecord[]>;
  readonly core: ReadonlyMap<string, readonly CoreRecord[]>;
}

type Words = (index: number) => number;

function readPart<T>(
  bytes: Uint8Array,
  [start, length]: readonly [number, number],
  minimum: number,
  strings: BtfStrings,
  make: (word: Words) => T,
): ReadonlyMap<string, readonly T[]> {
  const sections = new Map<string, T[]>();
  if (length === 0) return sections;
  const end = start + length;
  if (end > bytes.length)
    throw badBtf(`.BTF.ext: ${length} bytes from ${start} on reach beyond its ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (length < 4) throw badBtf(".BTF.ext: no record size");
  const size = view.getUint32(start, true);
  if (size < minimum || size % 4 !== 0) throw badBtf(`.BTF.ext: records of ${size} bytes`);
  let at = start + 4;
  while (at < end) {
    if (at + 8 > end) throw badBtf(`.BTF.ext: it ends within a section's header at ${at}`);
    const name = strings(view.getUint32(at, true));
    const count = view.getUint32(at + 4, true);
    at += 8;
    if (count === 0 || at + count * size > end) throw badBtf(`.BTF.ext: ${count} records of ${name} at ${at}`);
    const list = sections.get(name) ?? [];
    sections.set(name, list);
    for (let index = 0; index < count; index++, at += size) {
      const here = at;
      list.push(make((word) => view.getUint32(here + 4 * word, true)));
    }
  }
  return sections;
}

/** Parses `.BTF.ext` with the strings of `.BTF`. Throws JunctorError (EINVAL). */
export function parseBtfExt(bytes: Uint8Array, strings: BtfStrings): BtfExt {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 24) throw badBtf(`.BTF.ext: the header ends after ${bytes.length} bytes`);
  if (view.getUint16(0, true) !== 0xeb9f) throw badBtf(".BTF.ext: wrong magic number");
  if (view.getUint8(2) !== 1) throw badBtf(`.BTF.ext: version ${view.getUint8(2)} is unknown`);
  const header = view.getUint32(4, true);
  if (header < 24 || header > bytes.length) throw badBtf(`.BTF.ext: a header of ${header} bytes`);
  const range = (at: number): readonly [number, number] =>
    at + 8 > header ? [0, 0] : [header + view.getUint32(at, true), view.getUint32(at + 4, true)];
  return {
    functions: readPart(bytes, range(8), 8, strings, (word) => ({ offset: word(0), type: word(1) })),
    lines: readPart(bytes, range(16), 16, strings, (word) => ({
      offset: word(0),
      file: strings(word(1)),
      text: strings(word(2)).trim(),
      line: word(3) >>> 10,
      column: word(3) & 0x3ff,
    })),
    core: readPart(bytes, range(24), 16, strings, (word) => ({
      offset: word(0),
      type: word(1),
      access: strings(word(2)),
      kind: word(3),
    })),
  };
}
