/** RADIUS attributes by name: what their values are in memory, from the wire and to it. */
import * as ipv4 from "./ipv4.js";
import * as ipv6 from "./ipv6.js";
import { decodeText, encodeText, putU32, u32 } from "./octets.js";
import { type Attribute, type Attributes, longestAttribute } from "./radius.js";
import { type AttributeName, type Definition, type Kind, type KindOf, radiusAttributes } from "./radius-attributes.js";

/** Of RFC 2868: groups the attributes of one tunnel; 0: of none in particular. */
export interface Tagged<T> {
  readonly tag: number;
  readonly value: T;
}

interface Values {
  readonly text: string;
  readonly octets: Uint8Array;
  readonly integer: number;
  /** Dotted. */
  readonly ipv4: string;
  readonly ipv6: string;
  /** ADDRESS/LENGTH. */
  readonly "ipv6-prefix": string;
  /** 16 hexadecimal digits. */
  readonly "interface-id": string;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly "tagged-text": Tagged<string>;
  readonly "tagged-integer": Tagged<number>;
  readonly "tagged-octets": Tagged<Uint8Array>;
  /** Several attributes of one packet, put together (RFC 3579 §3.1). */
  readonly concat: Uint8Array;
}

export type ValueOf<N extends AttributeName> = Values[KindOf<N>];
/** By name; several values make several attributes, and undefined makes none. */
export type NamedValues = { readonly [N in AttributeName]?: ValueOf<N> | readonly ValueOf<N>[] | undefined };

/** Of all attributes of this name, the first whose value is well-formed; undefined: there is none. */
export function firstOf<N extends AttributeName>(attributes: Attributes, name: N): ValueOf<N> | undefined {
  const definition: Definition = radiusAttributes[name];
  if (definition.kind === "concat") return whole(attributes, definition) as ValueOf<N> | undefined;
  for (const attribute of attributes) {
    if (!isOf(attribute, definition)) continue;
    const value = decode(definition.kind, attribute.value);
    if (value !== undefined) return value as ValueOf<N>;
  }
  return undefined;
}

/** All well-formed values of this name, in wire order. */
export function allOf<N extends AttributeName>(attributes: Attributes, name: N): readonly ValueOf<N>[] {
  const definition: Definition = radiusAttributes[name];
  const values = attributes
    .filter((attribute) => isOf(attribute, definition))
    .map((attribute) => decode(definition.kind, attribute.value));
  return values.filter((value) => value !== undefined) as unknown as readonly ValueOf<N>[];
}

/** In the order of their names' appearance. An empty text is left out (RFC 2865 §5), one too long is cut. */
export function attributesOf(values: NamedValues): Attribute[] {
  const attributes: Attribute[] = [];
  for (const name in values) {
    const given = values[name as AttributeName];
    if (given === undefined || given === "") continue;
    const definition: Definition = radiusAttributes[name as AttributeName];
    if (Array.isArray(given)) for (const value of given) append(attributes, definition, value);
    else append(attributes, definition, given as Value);
  }
  return attributes;
}

/** One attribute of a name that stands for one attribute (all but EAP-Message). */
export function attributeOf<N extends AttributeName>(name: N, value: ValueOf<N>): Attribute {
  const definition: Definition = radiusAttributes[name];
  return { vendor: definition.vendor, type: definition.type, value: encode(definition, value) };
}

export const hasAttribute = (attributes: Attributes, name: AttributeName): boolean =>
  attributes.some((attribute) => isOf(attribute, radiusAttributes[name]));

export const isOf = (
  attribute: Attribute,
  { vendor, type }: { readonly vendor: number; readonly type: number },
): boolean => attribute.type === type && attribute.vendor === vendor;

// --- From the wire ---

type Value = Values[Kind];

/** Tags are 0 to 0x1f; a greater octet is the first of an untagged text (RFC 2868 §3.3). */
const lastTag = 0x1f;

function decode(kind: Kind, bytes: Uint8Array): Value | undefined {
  const { length } = bytes;
  switch (kind) {
    case "text":
      return decodeText(bytes, 0, length);
    case "octets":
    case "concat":
      return bytes;
    case "integer":
    case "time":
      return length === 4 ? u32(bytes, 0) : undefined;
    case "ipv4":
      return length === 4 ? ipv4.formatAddress(u32(bytes, 0)) : undefined;
    case "ipv6":
      return length === ipv6.addressLength ? ipv6.formatAddress(bytes) : undefined;
    case "ipv6-prefix":
      return decodePrefix(bytes);
    case "interface-id":
      return length === 8 ? Buffer.from(bytes).toString("hex") : undefined;
    case "tagged-text":
      if (length > 0 && bytes[0]! <= lastTag) return { tag: bytes[0]!, value: decodeText(bytes, 1, length) };
      return { tag: 0, value: decodeText(bytes, 0, length) };
    case "tagged-integer":
      return length === 4 ? { tag: tagOf(bytes), value: u32(bytes, 0) & 0xff_ffff } : undefined;
    case "tagged-octets":
      return length > 0 ? { tag: tagOf(bytes), value: bytes.subarray(1) } : undefined;
  }
}

const tagOf = (bytes: Uint8Array): number => (bytes[0]! <= lastTag ? bytes[0]! : 0);

/** Reserved, Prefix-Length, and no more octets of the prefix than it needs (RFC 3162 §2.3). */
function decodePrefix(bytes: Uint8Array): string | undefined {
  const bits = bytes[1];
  if (bits === undefined || bits > 128 || bytes.length > 2 + ipv6.addressLength) return undefined;
  const address = new Uint8Array(ipv6.addressLength);
  address.set(bytes.subarray(2));
  clearAfter(address, bits);
  return `${ipv6.formatAddress(address)}/${bits}`;
}

function clearAfter(address: Uint8Array, bits: number): void {
  for (let i = bits >> 3; i < address.length; i++) {
    const kept = Math.max(0, bits - 8 * i);
    address[i] = address[i]! & (kept >= 8 ? 0xff : 0xff00 >> kept);
  }
}

function whole(attributes: Attributes, definition: Definition): Uint8Array | undefined {
  const parts = attributes.filter((attribute) => isOf(attribute, definition));
  return parts.length === 0 ? undefined : new Uint8Array(Buffer.concat(parts.map(({ value }) => value)));
}

// --- To the wire ---

function append(into: Attribute[], definition: Definition, value: Value): void {
  const { vendor, type } = definition;
  if (definition.kind !== "concat") {
    into.push({ vendor, type, value: encode(definition, value) });
    return;
  }
  const bytes = value as Uint8Array;
  const longest = longestAttribute(vendor);
  for (let at = 0; at < bytes.length; at += longest)
    into.push({ vendor, type, value: bytes.subarray(at, at + longest) });
}

function encode({ kind, vendor }: Definition, value: Value): Uint8Array {
  switch (kind) {
    case "text":
      return text(vendor, value as string);
    case "octets":
    case "concat":
      return value as Uint8Array;
    case "integer":
    case "time":
      return word(value as number);
    case "ipv4":
      return word(orThrow(ipv4.parseAddress(value as string), value));
    case "ipv6":
      return orThrow(ipv6.parseAddress(value as string), value);
    case "ipv6-prefix":
      return encodePrefix(value as string);
    case "interface-id":
      return new Uint8Array(Buffer.from(value as string, "hex"));
    case "tagged-text": {
      const { tag, value: string } = value as Tagged<string>;
      return tagged(tag, text(vendor, string, 1));
    }
    case "tagged-integer": {
      const { tag, value: number } = value as Tagged<number>;
      return word(((tag << 24) | (number & 0xff_ffff)) >>> 0);
    }
    case "tagged-octets": {
      const { tag, value: octets } = value as Tagged<Uint8Array>;
      return tagged(tag, octets);
    }
  }
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  putU32(bytes, 0, value);
  return bytes;
}

const scratch = new Uint8Array(longestAttribute(0));

const text = (vendor: number, value: string, before = 0): Uint8Array =>
  scratch.slice(0, encodeText(scratch, 0, longestAttribute(vendor) - before, value));

function tagged(tag: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + value.length);
  bytes[0] = tag;
  bytes.set(value, 1);
  return bytes;
}

function encodePrefix(value: string): Uint8Array {
  const [address = "", bits] = value.split("/");
  const length = Number(bits);
  const octets = Math.ceil(length / 8);
  const bytes = new Uint8Array(2 + octets);
  bytes[1] = length;
  const whole = orThrow(ipv6.parseAddress(address), value);
  clearAfter(whole, length);
  bytes.set(whole.subarray(0, octets), 2);
  return bytes;
}

/** Addresses that are given to be sent come from our own tables. */
function orThrow<T>(parsed: T | undefined, value: unknown): T {
  if (parsed === undefined) throw new TypeError(`not an address: ${value}`);
  return parsed;
}
