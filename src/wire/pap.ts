/**
 * Password Authentication Protocol (RFC 1334 §2). A request has the peer's name and its password, an answer a message.
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Code      |  Identifier   |            Length             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Peer-ID Length|  Peer-Id ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Passwd-Length |  Password  ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Code      |  Identifier   |            Length             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Msg-Length   |  Message  ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-
 */
import { emptyPacket, textOctets } from "./auth-packet.js";
import { type Malformed, malformed } from "./malformed.js";
import { copyOf, decodeText } from "./octets.js";
import { controlEnd, controlHeaderLength } from "./ppp-control.js";

export const papCode = { request: 1, ack: 2, nak: 3 } as const;

/** Octets of the longest name, password and message. */
export const longestField = 255;

export interface PapRequest {
  readonly code: typeof papCode.request;
  readonly identifier: number;
  readonly name: string;
  readonly password: Uint8Array;
}

export interface PapAnswer {
  readonly code: typeof papCode.ack | typeof papCode.nak;
  readonly identifier: number;
  readonly message: string;
}

export type PapPacket = PapRequest | PapAnswer;

/** What is longer than a field is cut. */
export function encodePap(packet: PapPacket): Uint8Array {
  const fields =
    packet.code === papCode.request
      ? [textOctets(packet.name, longestField), packet.password.subarray(0, longestField)]
      : [textOctets(packet.message, longestField)];
  const length = fields.reduce((sum, { length }) => sum + 1 + length, controlHeaderLength);
  const bytes = emptyPacket(packet.code, packet.identifier, length);
  let at = controlHeaderLength;
  for (const value of fields) {
    bytes[at] = value.length;
    bytes.set(value, at + 1);
    at += 1 + value.length;
  }
  return bytes;
}

/** Reads a packet, its head first. An answer without a message field is taken: some peers send no Msg-Length. */
export function parsePap(bytes: Uint8Array): PapPacket | Malformed {
  const end = controlEnd(bytes, 0);
  if (end === undefined) return malformed("pap", "length", bytes.length);
  const code = bytes[0]!;
  const identifier = bytes[1]!;

  if (code === papCode.request) {
    const name = fieldEnd(bytes, controlHeaderLength, end);
    if (name === undefined) return malformed("pap", "name beyond packet", end);
    const password = fieldEnd(bytes, name, end);
    if (password === undefined) return malformed("pap", "password beyond packet", end);
    return {
      code,
      identifier,
      name: decodeText(bytes, controlHeaderLength + 1, name),
      password: copyOf(bytes, name + 1, password),
    };
  }
  if (code === papCode.ack || code === papCode.nak) {
    if (end === controlHeaderLength) return { code, identifier, message: "" };
    const message = fieldEnd(bytes, controlHeaderLength, end);
    if (message === undefined) return malformed("pap", "message beyond packet", end);
    return { code, identifier, message: decodeText(bytes, controlHeaderLength + 1, message) };
  }
  return malformed("pap", "code", code);
}

/** Where the field at `at` ends, or undefined if that is beyond `end`. */
function fieldEnd(bytes: Uint8Array, at: number, end: number): number | undefined {
  if (at >= end) return undefined;
  const next = at + 1 + bytes[at]!;
  return next <= end ? next : undefined;
}
