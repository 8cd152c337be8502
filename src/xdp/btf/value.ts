/**
 * Values of BTF types as JavaScript ones. Integers up to 32 bits are numbers, wider ones and pointers bigints; a `_Bool` is a boolean,
 * an enum the name of its value (a number where it has none), an array an array, a struct or union an object by member; members of
 * anonymous members stand in the outer one, as in C.
 */
import { JunctorError } from "../../errors.js";
import type { Btf, BtfMember, BtfType } from "./btf.js";
import { resolve, sizeOf } from "./resolve.js";

export type BtfValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | readonly BtfValue[]
  | { readonly [member: string]: BtfValue };

export interface ReadOptions {
  /** Arrays of char are strings, up to the first NUL. */
  readonly strings?: boolean;
  /** Enums are numbers. */
  readonly enumNumbers?: boolean;
}

/** Parts of one value; beyond it the type is not meant for people. */
const maximumParts = 1 << 20;
const maximumDepth = 32;

interface Work {
  readonly btf: Btf;
  readonly view: DataView;
  readonly options: ReadOptions;
  parts: number;
}

const wrong = (path: string, what: string, mend?: string): JunctorError =>
  new JunctorError("EINVAL", `${path === "" ? "the value" : path}: ${what}`, mend);

const inside = (path: string, member: string): string => (path === "" ? member : `${path}.${member}`);

function spend(work: Work, path: string, depth: number, offset: number, size: number): void {
  if (depth > maximumDepth) throw wrong(path, "its type contains itself, or is too deep");
  if (++work.parts > maximumParts) throw wrong(path, `the type has more than ${maximumParts} parts`);
  if (offset < 0 || offset + size > work.view.byteLength) {
    throw wrong(path, `${size} bytes from ${offset} on reach beyond the ${work.view.byteLength} that there are`);
  }
}

function readUnsigned(view: DataView, offset: number, size: number): bigint {
  let value = 0n;
  for (let index = size - 1; index >= 0; index--) value = (value << 8n) | BigInt(view.getUint8(offset + index));
  return value;
}

function writeUnsigned(view: DataView, offset: number, size: number, value: bigint): void {
  for (let index = 0; index < size; index++) view.setUint8(offset + index, Number((value >> BigInt(8 * index)) & 255n));
}

/** Bits `from`..`from + bits` of the bytes at `offset`. */
function readBits(view: DataView, offset: number, from: number, bits: number): bigint {
  const start = offset + (from >> 3);
  const size = ((from & 7) + bits + 7) >> 3;
  return BigInt.asUintN(bits, readUnsigned(view, start, size) >> BigInt(from & 7));
}

function writeBits(view: DataView, offset: number, from: number, bits: number, value: bigint): void {
  const start = offset + (from >> 3);
  const size = ((from & 7) + bits + 7) >> 3;
  const shift = BigInt(from & 7);
  const mask = ((1n << BigInt(bits)) - 1n) << shift;
  const before = readUnsigned(view, start, size);
  writeUnsigned(view, start, size, (before & ~mask) | ((value << shift) & mask));
}

type Scalar = Extract<BtfType, { kind: "int" | "enum" | "pointer" | "float" }>;

const scalarSize = (type: Scalar): number => (type.kind === "pointer" ? 8 : type.size);
const isSigned = (type: Scalar): boolean => (type.kind === "int" || type.kind === "enum") && type.signed;

function present(type: Scalar, unsigned: bigint, bits: number, options: ReadOptions): BtfValue {
  const value = isSigned(type) ? BigInt.asIntN(bits, unsigned) : unsigned;
  if (type.kind === "int" && type.bool) return value !== 0n;
  if (type.kind === "enum" && options.enumNumbers !== true) {
    const named = type.values.find((entry) => entry.value === value);
    if (named !== undefined) return named.name;
  }
  return bits <= 32 ? Number(value) : value;
}

const isScalar = (type: BtfType): type is Scalar =>
  type.kind === "int" || type.kind === "enum" || type.kind === "pointer" || type.kind === "float";

function charArray(work: Work, type: Extract<BtfType, { kind: "array" }>): boolean {
  const element = resolve(work.btf, type.type);
  return element.kind === "int" && element.size === 1 && (element.char || element.name === "char");
}

function read(work: Work, id: number, offset: number, path: string, depth: number): BtfValue {
  const type = resolve(work.btf, id);
  if (type.kind === "variable") return read(work, type.type, offset, path, depth + 1);
  const size = sizeOf(work.btf, id);
  spend(work, path, depth, offset, size);
  if (type.kind === "float") {
    if (size !== 4 && size !== 8) throw wrong(path, `a float of ${size} bytes`);
    return size === 4 ? work.view.getFloat32(offset, true) : work.view.getFloat64(offset, true);
  }
  if (type.kind === "int") {
    return present(type, readBits(work.view, offset, type.offset, type.bits), type.bits, work.options);
  }
  if (isScalar(type)) return present(type, readUnsigned(work.view, offset, size), size * 8, work.options);
  if (type.kind === "array") {
    if (work.options.strings === true && charArray(work, type)) {
      const bytes = new Uint8Array(work.view.buffer, work.view.byteOffset + offset, size).slice();
      const end = bytes.indexOf(0);
      return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
    }
    const stride = sizeOf(work.btf, type.type);
    if (type.count > maximumParts) throw wrong(path, `an array of ${type.count}`);
    return Array.from({ length: type.count }, (_, index) =>
      read(work, type.type, offset + index * stride, `${path}[${index}]`, depth + 1),
    );
  }
  if (type.kind === "struct" || type.kind === "union") {
    const into: Record<string, BtfValue> = {};
    for (const member of type.members) readMember(work, member, offset, path, depth, into);
    return into;
  }
  if (type.kind === "section") {
    const into: Record<string, BtfValue> = {};
    for (const entry of type.variables) {
      const variable = work.btf.types[entry.type];
      if (variable?.kind !== "variable") continue;
      into[variable.name] = read(work, variable.type, offset + entry.offset, inside(path, variable.name), depth + 1);
    }
    return into;
  }
  throw wrong(path, `a ${type.kind} has no value`);
}

function bitField(work: Work, member: BtfMember, path: string): Scalar {
  const type = resolve(work.btf, member.type);
  if (!isScalar(type) || type.kind === "float" || type.kind === "pointer")
    throw wrong(path, "a bit field of no integer");
  if (member.bits > scalarSize(type) * 8)
    throw wrong(path, `${member.bits} bits of a type of ${scalarSize(type)} bytes`);
  return type;
}

function readMember(
  work: Work,
  member: BtfMember,
  offset: number,
  path: string,
  depth: number,
  into: Record<string, BtfValue>,
): void {
  const here = member.name === "" ? path : inside(path, member.name);
  if (member.bits > 0) {
    const type = bitField(work, member, here);
    const start = offset + (member.offset >> 3);
    spend(work, here, depth, start, ((member.offset & 7) + member.bits + 7) >> 3);
    const value = present(type, readBits(work.view, offset, member.offset, member.bits), member.bits, work.options);
    if (member.name !== "") define(into, member.name, value);
    return;
  }
  if (member.offset % 8 !== 0) throw wrong(here, "it does not begin at a byte");
  const value = read(work, member.type, offset + member.offset / 8, here, depth + 1);
  if (member.name !== "") define(into, member.name, value);
  else if (typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array)) {
    for (const [name, inner] of Object.entries(value)) define(into, name, inner);
  }
}

/** A member may have any name, `__proto__` too. */
function define(into: Record<string, BtfValue>, name: string, value: BtfValue): void {
  Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true });
}

/** The value of type `id` at `offset`. Throws JunctorError (EINVAL) that names the part. */
export function readValue(btf: Btf, id: number, view: DataView, offset: number, options: ReadOptions = {}): BtfValue {
  return read({ btf, view, options, parts: 0 }, id, offset, "", 0);
}

function integerOf(type: Scalar, value: unknown, path: string): bigint {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "bigint") return value;
  if (typeof value === "number") {
    if (!Number.isInteger(value)) throw wrong(path, `${value} is no integer`);
    return BigInt(value);
  }
  if (typeof value === "string") {
    if (type.kind === "enum") {
      const named = type.values.find(({ name }) => name === value);
      if (named !== undefined) return named.value;
    }
    if (/^-?(\d{1,40}|0x[0-9a-f]{1,32})$/i.test(value)) {
      return value.startsWith("-") ? -BigInt(value.slice(1)) : BigInt(value);
    }
    if (type.kind === "int" && type.bool && (value === "true" || value === "false")) return value === "true" ? 1n : 0n;
    const known = type.kind === "enum" ? `one of ${type.values.slice(0, 8).map(({ name }) => name)}` : "a number";
    throw wrong(path, `"${value.slice(0, 40)}" does not fit`, known);
  }
  throw wrong(path, `${value === null ? "null" : typeof value} where a number belongs`);
}

function checkedInteger(type: Scalar, bits: number, value: unknown, path: string): bigint {
  const integer = integerOf(type, value, path);
  // Either reading of the bits is taken: -1 for an unsigned type is what C programmers write for all ones only if it is signed.
  const [low, high] = isSigned(type)
    ? [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]
    : [0n, (1n << BigInt(bits)) - 1n];
  if (integer < low || integer > high) throw wrong(path, `${integer} is out of range`, `${low} to ${high}`);
  return BigInt.asUintN(bits, integer);
}

/** As bpftool prints what it has no type for: bytes as numbers or hexadecimal strings. */
function rawBytes(value: unknown, size: number): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value.length === size ? value : undefined;
  if (!Array.isArray(value) || value.length !== size) return undefined;
  const bytes = value.map((byte) =>
    typeof byte === "string" && /^0x[0-9a-f]{1,2}$/i.test(byte) ? Number(byte) : Number.NaN,
  );
  return bytes.some(Number.isNaN) ? undefined : Uint8Array.from(bytes);
}

function write(work: Work, id: number, offset: number, value: unknown, path: string, depth: number): void {
  const type = resolve(work.btf, id);
  if (type.kind === "variable") {
    write(work, type.type, offset, value, path, depth + 1);
    return;
  }
  const size = sizeOf(work.btf, id);
  spend(work, path, depth, offset, size);
  const { view } = work;
  const raw = rawBytes(value, size);
  if (raw !== undefined) {
    new Uint8Array(view.buffer, view.byteOffset + offset, size).set(raw);
    return;
  }
  if (value instanceof Uint8Array) throw wrong(path, `${value.length} bytes where ${size} belong`);
  if (type.kind === "float") {
    if (typeof value !== "number") throw wrong(path, `${typeof value} where a number belongs`);
    if (size !== 4 && size !== 8) throw wrong(path, `a float of ${size} bytes`);
    if (size === 4) view.setFloat32(offset, value, true);
    else view.setFloat64(offset, value, true);
    return;
  }
  if (type.kind === "int") {
    writeUnsigned(view, offset, size, 0n);
    writeBits(view, offset, type.offset, type.bits, checkedInteger(type, type.bits, value, path));
    return;
  }
  if (isScalar(type)) {
    writeUnsigned(view, offset, size, checkedInteger(type, size * 8, value, path));
    return;
  }
  if (type.kind === "array") {
    writeArray(work, type, size, offset, value, path, depth);
    return;
  }
  if (type.kind === "struct" || type.kind === "union") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrong(path, `${Array.isArray(value) ? "an array" : typeof value} where ${type.kind} ${type.name} belongs`);
    }
    new Uint8Array(view.buffer, view.byteOffset + offset, size).fill(0);
    writeMembers(work, type, offset, value as Readonly<Record<string, unknown>>, path, depth, false);
    return;
  }
  throw wrong(path, `a ${type.kind} has no value`);
}

function writeArray(
  work: Work,
  type: Extract<BtfType, { kind: "array" }>,
  size: number,
  offset: number,
  value: unknown,
  path: string,
  depth: number,
): void {
  if (typeof value === "string" && charArray(work, type)) {
    const bytes = new TextEncoder().encode(value);
    if (bytes.length > size) throw wrong(path, `a string of ${bytes.length} bytes, where there is room for ${size}`);
    const into = new Uint8Array(work.view.buffer, work.view.byteOffset + offset, size);
    into.fill(0);
    into.set(bytes);
    return;
  }
  if (!Array.isArray(value)) throw wrong(path, `${typeof value} where an array of ${type.count} belongs`);
  if (value.length !== type.count) throw wrong(path, `${value.length} elements where ${type.count} belong`);
  const stride = sizeOf(work.btf, type.type);
  value.forEach((element, index) => {
    write(work, type.type, offset + index * stride, element, `${path}[${index}]`, depth + 1);
  });
}

function memberNames(work: Work, type: BtfType, path: string, depth: number, into: Set<string>): void {
  if (type.kind !== "struct" && type.kind !== "union") return;
  for (const member of type.members) {
    spend(work, path, depth, 0, 0);
    if (member.name !== "") into.add(member.name);
    else memberNames(work, resolve(work.btf, member.type), path, depth + 1, into);
  }
}

function writeMembers(
  work: Work,
  type: Extract<BtfType, { kind: "struct" | "union" }>,
  offset: number,
  value: Readonly<Record<string, unknown>>,
  path: string,
  depth: number,
  anonymous: boolean,
): void {
  if (!anonymous) {
    const names = new Set<string>();
    memberNames(work, type, path, depth, names);
    const unknown = Object.keys(value).find((name) => !names.has(name));
    if (unknown !== undefined) {
      throw wrong(
        inside(path, unknown),
        `${type.kind} ${type.name} has no such member`,
        `it has ${[...names].slice(0, 12).join(", ")}`,
      );
    }
  }
  for (const member of type.members) {
    const start = offset + (member.offset >> 3);
    if (member.name === "") {
      const inner = resolve(work.btf, member.type);
      if (inner.kind !== "struct" && inner.kind !== "union") continue;
      spend(work, path, depth + 1, start, inner.size);
      writeMembers(work, inner, start, value, path, depth + 1, true);
      continue;
    }
    if (!Object.hasOwn(value, member.name)) continue;
    const here = inside(path, member.name);
    if (member.bits === 0) {
      if (member.offset % 8 !== 0) throw wrong(here, "it does not begin at a byte");
      write(work, member.type, start, value[member.name], here, depth + 1);
      continue;
    }
    const field = bitField(work, member, here);
    spend(work, here, depth, start, ((member.offset & 7) + member.bits + 7) >> 3);
    writeBits(
      work.view,
      offset,
      member.offset,
      member.bits,
      checkedInteger(field, member.bits, value[member.name], here),
    );
  }
}

/**
 * Writes a value of type `id` at `offset`. Members of a struct that are not given are zero. Integers may be numbers, bigints, or strings
 * (decimal, hexadecimal); any type may be given as its bytes, as a Uint8Array or in bpftool's form `["0x01", …]`. Throws JunctorError (EINVAL).
 */
export function writeValue(btf: Btf, id: number, view: DataView, offset: number, value: unknown): void {
  write({ btf, view, options: {}, parts: 0 }, id, offset, value, "", 0);
}
