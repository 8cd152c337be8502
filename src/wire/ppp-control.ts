/**
 * Packets of LCP and the network control protocols (RFC 1661 §5), and the options in some of them (§6).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-------+-------+---------------+-------------------------------+
 *   |     Code      |  Identifier   |            Length             |
 *   +---------------+---------------+-------------------------------+
 *   |    Data ...
 *   +---------------+
 *
 *   +---------------+---------------+---------------+
 *   |     Type      |    Length     |    Data ...        an option; its length counts type and length
 *   +---------------+---------------+---------------+
 */
import { type Malformed, malformed } from "./malformed.js";
import { copyOf, putU16, u16 } from "./octets.js";
import { emptyFrame, frameHeaderLength } from "./ppp.js";

export const controlHeaderLength = 4;
export const optionHeaderLength = 2;

/** §5, RFC 1570 §2, RFC 2153 §2. */
export const controlCode = {
  vendor: 0,
  configureRequest: 1,
  configureAck: 2,
  configureNak: 3,
  configureReject: 4,
  terminateRequest: 5,
  terminateAck: 6,
  codeReject: 7,
  protocolReject: 8,
  echoRequest: 9,
  echoReply: 10,
  discardRequest: 11,
  identification: 12,
  timeRemaining: 13,
} as const;

const codeNames = [
  "Vendor-Specific",
  "Configure-Request",
  "Configure-Ack",
  "Configure-Nak",
  "Configure-Reject",
  "Terminate-Request",
  "Terminate-Ack",
  "Code-Reject",
  "Protocol-Reject",
  "Echo-Request",
  "Echo-Reply",
  "Discard-Request",
  "Identification",
  "Time-Remaining",
];

export const codeName = (code: number): string => codeNames[code] ?? `code ${code}`;

/** Codes whose data are options. */
export const hasOptions = (code: number): boolean =>
  code >= controlCode.configureRequest && code <= controlCode.configureReject;

// --- View ---

/** The end of the packet that begins at `at`: what follows is padding (§5). Undefined: no whole packet lies there. */
export function controlEnd(bytes: Uint8Array, at: number): number | undefined {
  if (bytes.length - at < controlHeaderLength) return undefined;
  const length = u16(bytes, at + 2);
  return length < controlHeaderLength || length > bytes.length - at ? undefined : at + length;
}

/** Whether the bytes from `at` to `end` are options, none of which overruns. */
export function areOptions(bytes: Uint8Array, at: number, end: number): boolean {
  let next = at;
  while (end - next >= optionHeaderLength && bytes[next + 1]! >= optionHeaderLength) next += bytes[next + 1]!;
  return next === end;
}

/** A frame with a control packet, whose data of `length` octets are to be written from `dataAt` on. */
export function emptyControl(protocol: number, code: number, identifier: number, length: number): Uint8Array {
  const frame = emptyFrame(protocol, controlHeaderLength + length);
  frame[frameHeaderLength] = code;
  frame[frameHeaderLength + 1] = identifier;
  putU16(frame, frameHeaderLength + 2, controlHeaderLength + length);
  return frame;
}

/** Where the data of a control packet begin in a frame that we wrote. */
export const dataAt = frameHeaderLength + controlHeaderLength;

// --- Value ---

export interface ControlPacket {
  readonly code: number;
  readonly identifier: number;
  readonly data: Uint8Array;
}

/** In wire order. */
export interface Option {
  readonly type: number;
  readonly data: Uint8Array;
}

/** `bytes` from `at`: a packet, perhaps with padding. */
export function parseControl(bytes: Uint8Array, at = 0): ControlPacket | Malformed {
  const end = controlEnd(bytes, at);
  if (end === undefined) return malformed("ppp-control", "length", bytes.length - at);
  return {
    code: bytes[at]!,
    identifier: bytes[at + 1]!,
    data: copyOf(bytes, at + controlHeaderLength, end),
  };
}

/** A whole frame. */
export function encodeControl(protocol: number, packet: ControlPacket): Uint8Array {
  const frame = emptyControl(protocol, packet.code, packet.identifier, packet.data.length);
  frame.set(packet.data, dataAt);
  return frame;
}

export function parseOptions(bytes: Uint8Array): readonly Option[] | Malformed {
  if (!areOptions(bytes, 0, bytes.length)) return malformed("ppp-options", "length", bytes.length);
  const options: Option[] = [];
  for (let at = 0; at < bytes.length; at += bytes[at + 1]!) {
    options.push({ type: bytes[at]!, data: copyOf(bytes, at + optionHeaderLength, at + bytes[at + 1]!) });
  }
  return options;
}

/** An option's data have at most 253 octets. */
export function encodeOptions(options: readonly Option[]): Uint8Array {
  const bytes = new Uint8Array(options.reduce((sum, { data }) => sum + optionHeaderLength + data.length, 0));
  let at = 0;
  for (const { type, data } of options) {
    bytes[at] = type;
    bytes[at + 1] = optionHeaderLength + data.length;
    bytes.set(data, at + optionHeaderLength);
    at += optionHeaderLength + data.length;
  }
  return bytes;
}
