/**
 * An object's BTF made fit for the kernel. A compiler leaves sections without size and externs without a body, which only a linker
 * could fill in and the kernel refuses; nothing that programs and maps refer to is altered, and every type keeps its id.
 *
 * struct btf_header { __u16 magic; __u8 version, flags; __u32 hdr_len, type_off, type_len, str_off, str_len; };
 * struct btf_type { __u32 name_off; __u32 info;  // kind << 24 | vlen
 *                   __u32 size_or_type; };       // what follows depends on the kind
 */
import { JunctorError } from "../../../errors.js";

const header = { magic: 0, length: 4, typeOffset: 8, typeLength: 12, stringOffset: 16, stringLength: 20 } as const;
const magic = 0xeb9f;
const kind = { int: 1, pointer: 2, struct: 4, function: 12, variable: 14, section: 15 } as const;
const typeBytes = 12;
const entryBytes = 12; // of a struct's members, and of a section's variables

/** Bytes after the type itself, by kind: fixed, and for each of its `vlen` members. */
const trailers: Readonly<Record<number, readonly [fixed: number, each: number]>> = {
  1: [4, 0], // INT
  2: [0, 0], // PTR
  3: [12, 0], // ARRAY
  4: [0, 12], // STRUCT
  5: [0, 12], // UNION
  6: [0, 8], // ENUM
  7: [0, 0], // FWD
  8: [0, 0], // TYPEDEF
  9: [0, 0], // VOLATILE
  10: [0, 0], // CONST
  11: [0, 0], // RESTRICT
  12: [0, 0], // FUNC
  13: [0, 8], // FUNC_PROTO
  14: [4, 0], // VAR
  15: [0, 12], // DATASEC
  16: [0, 0], // FLOAT
  17: [4, 0], // DECL_TAG
  18: [0, 0], // TYPE_TAG
  19: [0, 12], // ENUM64
};

const externLinkage = 2;
const pointerBytes = 8;

/** @throws JunctorError EINVAL where it is cut short or has a kind of type that is not known */
export function kernelBtf(raw: Uint8Array): Uint8Array {
  const bytes = raw.slice();
  const view = new DataView(bytes.buffer);
  const bad = (problem: string): JunctorError =>
    new JunctorError("EINVAL", `BTF: ${problem}`, "compile the object again, or load it without BTF (llvm-strip -g)");
  if (bytes.length < 24 || view.getUint16(header.magic, true) !== magic) throw bad("no little-endian BTF header");
  const start = view.getUint32(header.length, true) + view.getUint32(header.typeOffset, true);
  const end = start + view.getUint32(header.typeLength, true);
  if (end > bytes.length) throw bad(`types end at byte ${end} of ${bytes.length}`);
  for (let at = start; at < end; ) {
    const next = mend(view, at, end);
    if (next === undefined) throw bad(`type at byte ${at} is cut short or of an unknown kind`);
    at = next;
  }
  return bytes;
}

/** Mends the type at `at`; answers where the next one starts. */
function mend(view: DataView, at: number, end: number): number | undefined {
  if (at + typeBytes > end) return undefined;
  const info = view.getUint32(at + 4, true);
  const vlen = info & 0xffff;
  const trailer = trailers[(info >>> 24) & 0x1f];
  if (trailer === undefined) return undefined;
  const next = at + typeBytes + trailer[0] + (takesMembers(trailer) ? vlen * trailer[1] : 0);
  if (next > end) return undefined;
  switch ((info >>> 24) & 0x1f) {
    case kind.function:
      // A declaration, of a kfunc, becomes a pointer to its type: a section's member may be one, and it needs no name.
      if (vlen === externLinkage) {
        view.setUint32(at, 0, true);
        view.setUint32(at + 4, kind.pointer << 24, true);
      }
      break;
    case kind.variable:
      view.setUint32(at + 4, kind.int << 24, true);
      view.setUint32(at + 8, 1, true);
      view.setUint32(at + 12, 8, true);
      break;
    case kind.section:
      view.setUint32(at, 0, true);
      view.setUint32(at + 4, ((kind.struct << 24) | vlen) >>> 0, true);
      view.setUint32(at + 8, vlen + pointerBytes, true);
      for (let index = 0; index < vlen; index++) {
        const entry = at + typeBytes + index * entryBytes;
        const variable = view.getUint32(entry, true);
        view.setUint32(entry, 0, true); // no name
        view.setUint32(entry + 4, variable, true);
        view.setUint32(entry + 8, index * 8, true); // offset in bits
      }
      break;
  }
  return next;
}

const takesMembers = ([, each]: readonly [number, number]): boolean => each > 0;
