/**
 * CO-RE relocations (linux/bpf.h, struct bpf_core_relo): what an instruction says of a type's layout is made to fit the types that are
 * here. A record names a type of the program, a path into it ("0:1:2") and what it wants to know; the type here has the same name, but
 * for a flavour (`name___flavour`), and its members are found by name.
 */
import type { Btf, BtfMember, BtfType } from "../btf/btf.js";
import type { CoreRecord } from "../btf/ext.js";
import { resolve, resolveId, sizeOf, typeOf } from "../btf/resolve.js";
import { type Instruction, isWideLoad } from "../insn/instruction.js";
import type { Code } from "./module.js";
import { trouble } from "./trouble.js";
import { essential, typesMatch } from "./type-match.js";

/** enum bpf_core_relo_kind */
const kind = {
  fieldOffset: 0,
  fieldSize: 1,
  fieldExists: 2,
  fieldSigned: 3,
  fieldLeft: 4,
  fieldRight: 5,
  typeLocal: 6,
  typeTarget: 7,
  typeExists: 8,
  typeSize: 9,
  enumExists: 10,
  enumValue: 11,
  typeMatches: 12,
} as const;

/** As libbpf: a call of a helper that there is not, so that reaching it is refused, and the message can name it. */
export const poisonImm = 0xbad2310;

/** Where a path leads: bits from the start of the outermost type. */
interface Place {
  readonly type: number;
  readonly bits: number;
  /** The member at its end; undefined where it ends at an element or at the type itself. */
  readonly member: BtfMember | undefined;
}

/** The type of this name and kind here. */
function counterpart(types: Btf, local: BtfType): number | undefined {
  if (!("name" in local) || local.name === "") return undefined;
  const name = essential(local.name);
  const kinds: readonly string[] = local.kind === "forward" ? ["struct", "union"] : [local.kind];
  const id = types.types.findIndex(
    (type) => kinds.includes(type.kind) && "name" in type && essential(type.name) === name,
  );
  return id < 0 ? undefined : id;
}

/** Finds a member, also in anonymous members. */
function memberNamed(btf: Btf, type: BtfType, name: string, depth = 0): Place | undefined {
  if ((type.kind !== "struct" && type.kind !== "union") || depth > 8) return undefined;
  for (const member of type.members) {
    if (member.name === name) return { type: member.type, bits: member.offset, member };
    if (member.name !== "") continue;
    const inner = memberNamed(btf, resolve(btf, member.type), name, depth + 1);
    if (inner !== undefined) return { ...inner, bits: inner.bits + member.offset };
  }
  return undefined;
}

/** Walks a path in the program's own types and, by name, in those here. */
function walk(
  btf: Btf,
  types: Btf,
  record: CoreRecord,
  path: readonly number[],
  id: number | undefined,
): readonly [Place, Place | undefined] {
  const [first = 0, ...rest] = path;
  let local: Place = { type: record.type, bits: first * sizeOf(btf, record.type) * 8, member: undefined };
  let target: Place | undefined =
    id === undefined
      ? undefined
      : { type: id, bits: first === 0 ? 0 : first * sizeOf(types, id) * 8, member: undefined };
  for (const index of rest) {
    const type = resolve(btf, local.type);
    const there = target === undefined ? undefined : resolve(types, target.type);
    if (type.kind === "array") {
      local = { type: type.type, bits: local.bits + index * sizeOf(btf, type.type) * 8, member: undefined };
      // An array of no length at the end of a struct may be any length.
      const fits = there?.kind === "array" && (index < there.count || there.count === 0);
      target = fits
        ? { type: there.type, bits: target!.bits + index * sizeOf(types, there.type) * 8, member: undefined }
        : undefined;
      continue;
    }
    if (type.kind !== "struct" && type.kind !== "union")
      throw trouble(`CO-RE: path ${record.access} leads into a ${type.kind}`);
    const member = type.members[index];
    if (member === undefined)
      throw trouble(`CO-RE: ${type.kind} ${type.name} has no member ${index} (path ${record.access})`);
    local = { type: member.type, bits: local.bits + member.offset, member };
    // An anonymous member is looked through: its own members are found by their names.
    if (member.name === "") continue;
    const found = there === undefined ? undefined : memberNamed(types, there, member.name);
    target = found === undefined ? undefined : { ...found, bits: target!.bits + found.bits };
  }
  return [local, target];
}

/** Values of a field; `undefined` is what poisons the instruction. */
function fieldValue(btf: Btf, place: Place, what: number): number {
  const bitField = (place.member?.bits ?? 0) > 0;
  let size = sizeOf(btf, place.type);
  const bits = bitField ? place.member!.bits : size * 8;
  let start = Math.floor(place.bits / 8);
  if (bitField) {
    // The load that covers the field, aligned to its size.
    start = Math.floor(place.bits / (size * 8)) * size;
    while (place.bits + bits - start * 8 > size * 8 && size < 8) {
      size *= 2;
      start = Math.floor(place.bits / (size * 8)) * size;
    }
  }
  const type = resolve(btf, place.type);
  switch (what) {
    case kind.fieldOffset:
      return start;
    case kind.fieldSize:
      return size;
    case kind.fieldSigned:
      return (type.kind === "int" || type.kind === "enum") && type.signed ? 1 : 0;
    case kind.fieldLeft:
      return 64 - (place.bits + bits - start * 8);
    default:
      return 64 - bits;
  }
}

/** What to put into the instruction; undefined: there is no such thing here. */
function answer(btf: Btf, types: Btf, record: CoreRecord): number | bigint | undefined {
  const local = typeOf(btf, record.type);
  const behind = local.kind === "typedef" ? local : resolve(btf, record.type);
  const target = counterpart(types, behind);
  if (record.kind === kind.typeLocal) return record.type;
  if (record.kind === kind.typeTarget) return target;
  if (record.kind === kind.typeExists) return target === undefined ? 0 : 1;
  if (record.kind === kind.typeMatches) {
    return target !== undefined && typesMatch(btf, resolveId(btf, record.type), types, target) ? 1 : 0;
  }
  if (record.kind === kind.typeSize) return target === undefined ? undefined : sizeOf(types, target);
  const path = record.access.split(":").map(Number);
  if (path.length > 64 || path.some((index) => !Number.isInteger(index) || index < 0)) {
    throw trouble(`CO-RE: path "${record.access}" is malformed`);
  }
  if (record.kind === kind.enumExists || record.kind === kind.enumValue) {
    const enumeration = resolve(btf, record.type);
    const name = enumeration.kind === "enum" ? enumeration.values[path[0] ?? 0]?.name : undefined;
    if (name === undefined) throw trouble(`CO-RE: type ${record.type} has no value ${record.access}`);
    const here = target === undefined ? undefined : typeOf(types, target);
    const found =
      here?.kind === "enum" ? here.values.find((value) => essential(value.name) === essential(name)) : undefined;
    if (record.kind === kind.enumExists) return found === undefined ? 0 : 1;
    return found?.value;
  }
  const id = counterpart(types, resolve(btf, resolveId(btf, record.type)));
  const [own, place] = walk(btf, types, record, path, id);
  if (record.kind === kind.fieldExists) return place === undefined ? 0 : 1;
  // A type that is unknown here, as vmlinux.h has many: all that a program can reach of it is memory that it laid out itself, or a packet.
  if (id === undefined) return fieldValue(btf, own, record.kind);
  return place === undefined ? undefined : fieldValue(types, place, record.kind);
}

const sizes: Readonly<Record<number, number>> = { 8: 0x18, 4: 0x00, 2: 0x08, 1: 0x10 };

function patch(btf: Btf, types: Btf, record: CoreRecord, insns: Instruction[], slot: number, from: string): void {
  const insn = insns[slot]!;
  const value = answer(btf, types, record);
  if (value === undefined) {
    insns[slot] = { opcode: 0x85, dst: 0, src: 0, offset: 0, imm: poisonImm };
    if (isWideLoad(insn) && insns[slot + 1] !== undefined) insns[slot + 1] = insns[slot]!;
    return;
  }
  const insnClass = insn.opcode & 7;
  if (isWideLoad(insn)) {
    const second = insns[slot + 1];
    if (second === undefined) throw trouble(`${from}: a load of 64 bits ends with its function`);
    const wide = BigInt.asUintN(64, BigInt(value));
    insns[slot] = { ...insn, imm: Number(BigInt.asIntN(32, wide)) };
    insns[slot + 1] = { ...second, imm: Number(BigInt.asIntN(32, wide >> 32n)) };
    return;
  }
  if (insnClass === 4 || insnClass === 7) {
    insns[slot] = { ...insn, imm: Number(BigInt.asIntN(32, BigInt(value))) };
    return;
  }
  if (insnClass < 1 || insnClass > 3)
    throw trouble(`${from}: a CO-RE relocation of opcode 0x${insn.opcode.toString(16)}`);
  const offset = Number(value);
  if (offset < -32768 || offset > 32767)
    throw trouble(`${from}: the field's offset ${offset} does not fit an instruction`);
  let { opcode } = insn;
  // A field of another width is loaded with that width; only unsigned ones keep their meaning.
  if (record.kind === kind.fieldOffset) {
    const id = counterpart(types, resolve(btf, record.type));
    const [here, there] = walk(btf, types, record, record.access.split(":").map(Number), id);
    const bitField = (here.member?.bits ?? 0) > 0;
    const width = there === undefined || bitField ? undefined : sizeOf(types, there.type);
    if (width !== undefined && width !== sizeOf(btf, here.type) && sizes[width] !== undefined)
      opcode = (opcode & ~0x18) | sizes[width];
  }
  insns[slot] = { ...insn, opcode, offset };
}

/** Alters the instructions of a function as its CO-RE records say. Throws JunctorError for records that make no sense. */
export function applyCore(
  btf: Btf,
  types: Btf,
  records: ReadonlyMap<number, CoreRecord>,
  code: Code,
  insns: Instruction[],
): void {
  for (let slot = 0; slot < insns.length; slot++) {
    const record = records.get(code.start + slot);
    if (record === undefined) continue;
    const from = `function ${code.name} (section ${code.section.name}, slot ${slot})`;
    patch(btf, types, record, insns, slot, from);
  }
}
