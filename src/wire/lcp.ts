/** LCP's options (RFC 1661 §6, RFC 1662 §7.1, RFC 1570 §2.3, RFC 1990 §5.1, RFC 1994 §3). */
import { copyOf, putU16, putU32, u16, u32 } from "./octets.js";
import { pppProtocol } from "./ppp.js";
import type { Option } from "./ppp-control.js";

export const lcpOption = {
  vendor: 0,
  mru: 1,
  accm: 2,
  authentication: 3,
  quality: 4,
  magicNumber: 5,
  protocolFieldCompression: 7,
  addressAndControlFieldCompression: 8,
  fcsAlternatives: 9,
  selfDescribingPad: 10,
  numberedMode: 11,
  callback: 13,
  compoundFrames: 15,
  mrru: 17,
  shortSequence: 18,
  discriminator: 19,
} as const;

/** Algorithms of CHAP, the octet after its protocol number (RFC 1994 §3, RFC 2433 §3, RFC 2759 §3). */
export const chapAlgorithm = { md5: 5, mschap: 0x80, mschapv2: 0x81 } as const;

/** §6.1: what holds without the option, and what everybody must be able to receive anyway. */
export const defaultMru = 1500;

/** RFC 1990 §5.1.3: at most so many octets of address, in class 1. */
export const longestDiscriminator = 20;

/** An option by its meaning. What is not known here, or has an unexpected length, stays raw. */
export type LcpOptionValue =
  | { readonly name: "mru"; readonly mru: number }
  | { readonly name: "accm"; readonly map: number }
  | { readonly name: "authentication"; readonly protocol: number; readonly algorithm: number | undefined }
  | { readonly name: "quality"; readonly protocol: number; readonly data: Uint8Array }
  | { readonly name: "magicNumber"; readonly magicNumber: number }
  | { readonly name: "protocolFieldCompression" }
  | { readonly name: "addressAndControlFieldCompression" }
  | { readonly name: "callback"; readonly operation: number; readonly message: Uint8Array }
  | { readonly name: "mrru"; readonly mrru: number }
  | { readonly name: "shortSequence" }
  | { readonly name: "discriminator"; readonly class: number; readonly address: Uint8Array }
  | { readonly name: "unknown"; readonly type: number; readonly data: Uint8Array };

interface Shape {
  readonly type: number;
  /** Octets of data: from, to. */
  readonly least: number;
  readonly most: number;
  readonly read: (data: Uint8Array) => LcpOptionValue;
}

const shapes: readonly Shape[] = [
  { type: lcpOption.mru, least: 2, most: 2, read: (data) => ({ name: "mru", mru: u16(data, 0) }) },
  { type: lcpOption.accm, least: 4, most: 4, read: (data) => ({ name: "accm", map: u32(data, 0) }) },
  {
    type: lcpOption.authentication,
    least: 2,
    most: 3,
    read: (data) => ({ name: "authentication", protocol: u16(data, 0), algorithm: data[2] }),
  },
  {
    type: lcpOption.quality,
    least: 2,
    most: 253,
    read: (data) => ({ name: "quality", protocol: u16(data, 0), data: copyOf(data, 2, data.length) }),
  },
  {
    type: lcpOption.magicNumber,
    least: 4,
    most: 4,
    read: (data) => ({ name: "magicNumber", magicNumber: u32(data, 0) }),
  },
  {
    type: lcpOption.protocolFieldCompression,
    least: 0,
    most: 0,
    read: () => ({ name: "protocolFieldCompression" }),
  },
  {
    type: lcpOption.addressAndControlFieldCompression,
    least: 0,
    most: 0,
    read: () => ({ name: "addressAndControlFieldCompression" }),
  },
  {
    type: lcpOption.callback,
    least: 1,
    most: 253,
    read: (data) => ({ name: "callback", operation: data[0]!, message: copyOf(data, 1, data.length) }),
  },
  { type: lcpOption.mrru, least: 2, most: 2, read: (data) => ({ name: "mrru", mrru: u16(data, 0) }) },
  { type: lcpOption.shortSequence, least: 0, most: 0, read: () => ({ name: "shortSequence" }) },
  {
    type: lcpOption.discriminator,
    least: 1,
    most: 1 + longestDiscriminator,
    read: (data) => ({ name: "discriminator", class: data[0]!, address: copyOf(data, 1, data.length) }),
  },
];

const shapeOf: ReadonlyMap<number, Shape> = new Map(shapes.map((shape) => [shape.type, shape]));

export function lcpOptionValue({ type, data }: Option): LcpOptionValue {
  const shape = shapeOf.get(type);
  if (shape === undefined || data.length < shape.least || data.length > shape.most) {
    return { name: "unknown", type, data };
  }
  return shape.read(data);
}

/** The inverse of `lcpOptionValue`. */
export function lcpOptionBytes(value: LcpOptionValue): Option {
  switch (value.name) {
    case "unknown":
      return { type: value.type, data: value.data };
    case "mru":
      return { type: lcpOption.mru, data: octets16(value.mru) };
    case "mrru":
      return { type: lcpOption.mrru, data: octets16(value.mrru) };
    case "accm":
      return { type: lcpOption.accm, data: octets32(value.map) };
    case "magicNumber":
      return { type: lcpOption.magicNumber, data: octets32(value.magicNumber) };
    case "authentication": {
      const { protocol, algorithm } = value;
      const rest = algorithm === undefined ? [] : [algorithm];
      return { type: lcpOption.authentication, data: Uint8Array.of(...octets16(protocol), ...rest) };
    }
    case "quality":
      return { type: lcpOption.quality, data: Uint8Array.of(...octets16(value.protocol), ...value.data) };
    case "callback":
      return { type: lcpOption.callback, data: Uint8Array.of(value.operation, ...value.message) };
    case "discriminator":
      return { type: lcpOption.discriminator, data: Uint8Array.of(value.class, ...value.address) };
    default:
      return { type: lcpOption[value.name], data: new Uint8Array(0) };
  }
}

function octets16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  putU16(bytes, 0, value);
  return bytes;
}

function octets32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  putU32(bytes, 0, value);
  return bytes;
}

/** What the authentication option says (§6.2), as `[protocol, algorithm]`; PAP and EAP have no algorithm. */
export const authenticationChoices = {
  pap: [pppProtocol.pap],
  "chap-md5": [pppProtocol.chap, chapAlgorithm.md5],
  mschap: [pppProtocol.chap, chapAlgorithm.mschap],
  mschapv2: [pppProtocol.chap, chapAlgorithm.mschapv2],
  eap: [pppProtocol.eap],
} as const satisfies Readonly<Record<string, readonly [protocol: number, algorithm?: number]>>;

export type AuthenticationChoice = keyof typeof authenticationChoices;

/** Writes the data of an authentication option; returns how many octets. */
export function putAuthentication(into: Uint8Array, at: number, choice: AuthenticationChoice): number {
  const [protocol, algorithm]: readonly [number, number?] = authenticationChoices[choice];
  putU16(into, at, protocol);
  if (algorithm === undefined) return 2;
  into[at + 2] = algorithm;
  return 3;
}

/** The choice that an authentication option's data mean; undefined: none that is known. */
export function authenticationAt(bytes: Uint8Array, at: number, length: number): AuthenticationChoice | undefined {
  if (length < 2) return undefined;
  const protocol = u16(bytes, at);
  const algorithm = length > 2 ? bytes[at + 2] : undefined;
  for (const [name, choice] of choices) {
    if (choice[0] === protocol && choice[1] === algorithm && length <= 3) return name;
  }
  return undefined;
}

const choices = Object.entries(authenticationChoices) as readonly [AuthenticationChoice, readonly [number, number?]][];
