/**
 * RADIUS packets (RFC 2865 §3). The dictionary is in `radius-attributes.ts`, what is signed in `radius-authenticator.ts`,
 * what is hidden in `radius-hidden.ts`.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Code      |  Identifier   |            Length             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                     Authenticator (16)                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Attributes ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-
 *
 * An attribute (§5), and within Vendor-Specific the sub-attributes of a vendor (§5.26):
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
 *   |     Type      |    Length     |  Value ...    |      26       |    Length     |  Vendor-Id (4)
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-    | Vendor type   | Vendor length |  Value ...
 */
import { type Malformed, malformed } from "./malformed.js";
import { putU16, putU32, u16, u32 } from "./octets.js";

/** An attribute as it is on the wire; vendor 0 is the IETF's, else a sub-attribute of Vendor-Specific (§5.26). */
export interface Attribute {
  readonly vendor: number;
  readonly type: number;
  readonly value: Uint8Array;
}

/** In wire order; repeated attributes keep their order (RFC 2865 §5). */
export type Attributes = readonly Attribute[];

export interface RadiusPacket {
  readonly code: number;
  readonly identifier: number;
  /** 16 octets. */
  readonly authenticator: Uint8Array;
  readonly attributes: Attributes;
}

export const radiusCode = {
  accessRequest: 1,
  accessAccept: 2,
  accessReject: 3,
  accountingRequest: 4,
  accountingResponse: 5,
  accessChallenge: 11,
  statusServer: 12,
  disconnectRequest: 40,
  disconnectAck: 41,
  disconnectNak: 42,
  coaRequest: 43,
  coaAck: 44,
  coaNak: 45,
} as const;

export const radiusHeader = 20;
export const longestRadius = 4096;
export const authenticatorLength = 16;
const authenticatorAt = 4;

/** Octets before the value: of an attribute, of a Vendor-Specific, and of a sub-attribute in it. */
export const attributeHeader = 2;
const vendorHeader = 6;
const subHeader = 2;
const vendorSpecific = 26;

/** The longest value that an attribute of this vendor can have. */
export const longestAttribute = (vendor: number): number =>
  vendor === 0 ? 255 - attributeHeader : 255 - vendorHeader - subHeader;

// --- View ---

/** Octets of the packet at the start of `bytes`; what follows them is padding (RFC 2865 §3, Length). */
export function radiusLength(bytes: Uint8Array): number | Malformed {
  if (bytes.length < radiusHeader) return malformed("radius", "truncated header", bytes.length);
  const length = u16(bytes, 2);
  if (length < radiusHeader || length > longestRadius) return malformed("radius", "length", length);
  return length <= bytes.length ? length : malformed("radius", "length beyond datagram", length);
}

export const codeOf = (bytes: Uint8Array): number => bytes[0]!;
export const identifierOf = (bytes: Uint8Array): number => bytes[1]!;
/** In place. */
export const authenticatorOf = (bytes: Uint8Array): Uint8Array => bytes.subarray(authenticatorAt, radiusHeader);

/** Where the value of the first attribute of this type begins, if it is there before anything malformed. */
export function valueAt(bytes: Uint8Array, end: number, type: number): number | undefined {
  for (let at = radiusHeader; at + attributeHeader <= end; ) {
    const length = bytes[at + 1]!;
    if (length < attributeHeader || at + length > end) return undefined;
    if (bytes[at] === type) return at + attributeHeader;
    at += length;
  }
  return undefined;
}

// --- Value ---

/** Reads a packet; its values are in memory of its own. A Vendor-Specific that has no sub-attributes is kept as it is. */
export function parseRadius(bytes: Uint8Array): RadiusPacket | Malformed {
  const length = radiusLength(bytes);
  if (typeof length !== "number") return length;
  const own = new Uint8Array(length);
  own.set(bytes.subarray(0, length));
  const attributes = parseAttributes(own, radiusHeader, length);
  if ("malformed" in attributes) return attributes;
  return { code: codeOf(own), identifier: identifierOf(own), authenticator: authenticatorOf(own), attributes };
}

function parseAttributes(bytes: Uint8Array, from: number, end: number): Attributes | Malformed {
  const attributes: Attribute[] = [];
  for (let at = from; at < end; ) {
    if (at + attributeHeader > end) return malformed("radius", "truncated attribute", bytes[at]!);
    const type = bytes[at]!;
    const next = at + bytes[at + 1]!;
    if (next < at + attributeHeader) return malformed("radius", "attribute length", type);
    if (next > end) return malformed("radius", "attribute beyond packet", type);
    if (type !== vendorSpecific || !parseVendor(bytes, at, next, attributes))
      attributes.push({ vendor: 0, type, value: bytes.subarray(at + attributeHeader, next) });
    at = next;
  }
  return attributes;
}

/** Appends the sub-attributes of a Vendor-Specific, if that is what it has. */
function parseVendor(bytes: Uint8Array, at: number, end: number, into: Attribute[]): boolean {
  if (at + vendorHeader + subHeader > end) return false;
  const vendor = u32(bytes, at + attributeHeader);
  if (vendor === 0) return false;
  for (let sub = at + vendorHeader; sub < end; sub += bytes[sub + 1]!)
    if (sub + subHeader > end || bytes[sub + 1]! < subHeader || sub + bytes[sub + 1]! > end) return false;
  for (let sub = at + vendorHeader; sub < end; sub += bytes[sub + 1]!)
    into.push({ vendor, type: bytes[sub]!, value: bytes.subarray(sub + subHeader, sub + bytes[sub + 1]!) });
  return true;
}

/** Each sub-attribute goes into a Vendor-Specific of its own. Refuses what does not fit. */
export function encodeRadius(packet: RadiusPacket): Uint8Array | Malformed {
  let length = radiusHeader;
  for (const { vendor, type, value } of packet.attributes) {
    if (value.length > longestAttribute(vendor)) return malformed("radius", "value too long", type);
    length += headerOf(vendor) + value.length;
  }
  if (length > longestRadius) return malformed("radius", "packet too long", length);

  const bytes = new Uint8Array(length);
  bytes[0] = packet.code;
  bytes[1] = packet.identifier;
  putU16(bytes, 2, length);
  bytes.set(packet.authenticator, authenticatorAt);
  let at = radiusHeader;
  for (const { vendor, type, value } of packet.attributes) {
    const whole = headerOf(vendor) + value.length;
    if (vendor !== 0) {
      bytes[at] = vendorSpecific;
      bytes[at + 1] = whole;
      putU32(bytes, at + attributeHeader, vendor);
      at += vendorHeader;
    }
    bytes[at] = type;
    bytes[at + 1] = attributeHeader + value.length;
    bytes.set(value, at + attributeHeader);
    at += attributeHeader + value.length;
  }
  return bytes;
}

const headerOf = (vendor: number): number => (vendor === 0 ? attributeHeader : vendorHeader + subHeader);
