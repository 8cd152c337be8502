/**
 * Challenge Handshake Authentication Protocol (RFC 1994 §4). Challenge and response have a value and a name, which reaches
 * to the end; success and failure a message, which does too. MS-CHAP differs in the values only (`mschap.ts`).
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Code      |  Identifier   |            Length             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Value-Size   |  Value ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Name ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Code      |  Identifier   |            Length             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Message  ...
 *   +-+-+-+-+-+-+-+-
 */
import { emptyPacket, textOctets } from "./auth-packet.js";
import { type Malformed, malformed } from "./malformed.js";
import { copyOf, decodeText } from "./octets.js";
import { controlEnd, controlHeaderLength } from "./ppp-control.js";

export const chapCode = { challenge: 1, response: 2, success: 3, failure: 4 } as const;

/** Octets of the longest value. */
export const longestValue = 255;
/** Octets that we write of a name or a message at most, so that a packet fits every MRU. */
const longestText = 512;

export interface ChapValue {
  readonly code: typeof chapCode.challenge | typeof chapCode.response;
  readonly identifier: number;
  readonly value: Uint8Array;
  readonly name: string;
}

export interface ChapVerdict {
  readonly code: typeof chapCode.success | typeof chapCode.failure;
  readonly identifier: number;
  readonly message: string;
}

export type ChapPacket = ChapValue | ChapVerdict;

/** A value or text that is too long is cut. */
export function encodeChap(packet: ChapPacket): Uint8Array {
  const { code, identifier } = packet;
  if ("message" in packet) {
    const message = textOctets(packet.message, longestText);
    const bytes = emptyPacket(code, identifier, controlHeaderLength + message.length);
    bytes.set(message, controlHeaderLength);
    return bytes;
  }
  const value = packet.value.subarray(0, longestValue);
  const name = textOctets(packet.name, longestText);
  const bytes = emptyPacket(code, identifier, controlHeaderLength + 1 + value.length + name.length);
  bytes[controlHeaderLength] = value.length;
  bytes.set(value, controlHeaderLength + 1);
  bytes.set(name, controlHeaderLength + 1 + value.length);
  return bytes;
}

/** Reads a packet, its head first. */
export function parseChap(bytes: Uint8Array): ChapPacket | Malformed {
  const end = controlEnd(bytes, 0);
  if (end === undefined) return malformed("chap", "length", bytes.length);
  const code = bytes[0]!;
  const identifier = bytes[1]!;

  if (code === chapCode.challenge || code === chapCode.response) {
    if (end === controlHeaderLength) return malformed("chap", "truncated value", end);
    const at = controlHeaderLength + 1;
    const size = bytes[controlHeaderLength]!;
    if (size === 0) return malformed("chap", "empty value", size);
    if (at + size > end) return malformed("chap", "value beyond packet", size);
    return { code, identifier, value: copyOf(bytes, at, at + size), name: decodeText(bytes, at + size, end) };
  }
  if (code === chapCode.success || code === chapCode.failure) {
    return { code, identifier, message: decodeText(bytes, controlHeaderLength, end) };
  }
  return malformed("chap", "code", code);
}
