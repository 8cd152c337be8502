/** Questions that are asked of BTF types. Cycles and depth are bounded: types come from outside. */
import type { Btf, BtfType } from "./btf.js";
import { badBtf } from "./strings.js";

const maximumDepth = 32;

export function typeOf(btf: Btf, id: number): BtfType {
  const type = btf.types[id];
  if (type === undefined) throw badBtf(`there is no type ${id}`);
  return type;
}

const transparent = new Set(["typedef", "typeTag", "const", "volatile", "restrict"]);

/** The id of what is behind typedefs, const, volatile, restrict and type tags. */
export function resolveId(btf: Btf, id: number): number {
  let at = id;
  for (let depth = 0; depth < maximumDepth; depth++) {
    const type = typeOf(btf, at);
    if (!transparent.has(type.kind)) return at;
    at = (type as { readonly type: number }).type;
  }
  throw badBtf(`type ${id} has no end of typedefs`);
}

export const resolve = (btf: Btf, id: number): BtfType => typeOf(btf, resolveId(btf, id));

/** Size of a value of a type, in bytes; functions and void have none, which is an error. */
export function sizeOf(btf: Btf, id: number): number {
  let factor = 1;
  let at = id;
  for (let depth = 0; depth < maximumDepth; depth++) {
    const type = resolve(btf, at);
    switch (type.kind) {
      case "pointer":
        return factor * 8;
      case "array":
        factor *= type.count;
        at = type.type;
        break;
      case "variable":
        at = type.type;
        break;
      case "int":
      case "struct":
      case "union":
      case "enum":
      case "float":
      case "section": {
        const bytes = factor * type.size;
        if (bytes > 0x7fff_ffff) throw badBtf(`type ${id} takes ${bytes} bytes`);
        return bytes;
      }
      default:
        throw badBtf(`type ${id} (${type.kind}${"name" in type ? ` ${type.name}` : ""}) has no size`);
    }
  }
  throw badBtf(`type ${id} has too many dimensions`);
}

/** Alignment of a type as a compiler lays it out: that of its widest part. */
export function alignmentOf(btf: Btf, id: number, depth = 0): number {
  if (depth > maximumDepth) throw badBtf(`type ${id} contains itself`);
  const type = resolve(btf, id);
  if (type.kind === "array") return alignmentOf(btf, type.type, depth + 1);
  if (type.kind !== "struct" && type.kind !== "union") return Math.min(8, sizeOf(btf, id));
  // Cheap and enough for the externs and records that it is asked for: no part is wider than 8 bytes.
  const size = type.size;
  return size % 8 === 0 ? 8 : size % 4 === 0 ? 4 : size % 2 === 0 ? 2 : 1;
}

/** A type's name as C writes it, for messages. */
export function nameOf(btf: Btf, id: number): string {
  const type = typeOf(btf, id);
  const name = "name" in type && type.name !== "" ? type.name : `#${id}`;
  return type.kind === "struct" || type.kind === "union" || type.kind === "enum" ? `${type.kind} ${name}` : name;
}

/** The first type of a kind and name; undefined: there is none. */
export function findType(btf: Btf, kind: BtfType["kind"], name: string): number | undefined {
  const id = btf.types.findIndex((type) => type.kind === kind && "name" in type && type.name === name);
  return id < 0 ? undefined : id;
}
