/**
 * Extensible Authentication Protocol (RFC 3748 §4), and what is inside its types of ours. Success and Failure have neither
 * type nor data.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Code      |  Identifier   |            Length             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Type      |  Type-Data ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
 */
import { emptyPacket, textOctets } from "./auth-packet.js";
import { type Malformed, malformed } from "./malformed.js";
import { copyOf, decodeText } from "./octets.js";
import { controlEnd, controlHeaderLength } from "./ppp-control.js";

export const eapCode = { request: 1, response: 2, success: 3, failure: 4 } as const;

/** §5; MS-CHAPv2 is draft-kamath-pppext-eap-mschapv2. */
export const eapType = { identity: 1, notification: 2, nak: 3, md5: 4, mschapv2: 26, expanded: 254 } as const;

export interface EapMessage {
  readonly code: typeof eapCode.request | typeof eapCode.response;
  readonly identifier: number;
  readonly type: number;
  readonly data: Uint8Array;
}

export interface EapResult {
  readonly code: typeof eapCode.success | typeof eapCode.failure;
  readonly identifier: number;
}

export type EapPacket = EapMessage | EapResult;

export function encodeEap(packet: EapPacket): Uint8Array {
  const { code, identifier } = packet;
  if (!("data" in packet)) return emptyPacket(code, identifier, controlHeaderLength);
  const bytes = emptyPacket(code, identifier, controlHeaderLength + 1 + packet.data.length);
  bytes[controlHeaderLength] = packet.type;
  bytes.set(packet.data, controlHeaderLength + 1);
  return bytes;
}

/** Reads a packet, its head first. */
export function parseEap(bytes: Uint8Array): EapPacket | Malformed {
  const end = controlEnd(bytes, 0);
  if (end === undefined) return malformed("eap", "length", bytes.length);
  const code = bytes[0]!;
  const identifier = bytes[1]!;
  if (code === eapCode.success || code === eapCode.failure) {
    return end === controlHeaderLength ? { code, identifier } : malformed("eap", "length of a result", end);
  }
  if (code !== eapCode.request && code !== eapCode.response) return malformed("eap", "code", code);
  if (end === controlHeaderLength) return malformed("eap", "truncated type", end);
  return { code, identifier, type: bytes[controlHeaderLength]!, data: copyOf(bytes, controlHeaderLength + 1, end) };
}

/** Whether a packet that `parseEap` has read asks or answers, so that it has a type. */
export const isEapMessage = (packet: EapPacket | Malformed): packet is EapMessage => "data" in packet;

/**
 * Type-Data of MD5-Challenge (§5.4): what follows the head of a challenge or response of CHAP. That of MS-CHAPv2 is a whole
 * packet of CHAP (`chap.ts`), or only its code when a peer confirms the result.
 *
 *   +---------------+-------------+-----------+
 *   |  Value-Size   |  Value ...  |  Name ... |
 *   +---------------+-------------+-----------+
 */
export interface Md5Challenge {
  readonly value: Uint8Array;
  readonly name: string;
}

export function encodeMd5Challenge({ value, name }: Md5Challenge): Uint8Array {
  const text = textOctets(name, longestName);
  const data = new Uint8Array(1 + value.length + text.length);
  data[0] = value.length;
  data.set(value, 1);
  data.set(text, 1 + value.length);
  return data;
}

export function parseMd5Challenge(data: Uint8Array): Md5Challenge | Malformed {
  const size = data[0];
  if (size === undefined || size === 0) return malformed("eap", "no value", data.length);
  if (1 + size > data.length) return malformed("eap", "value beyond packet", size);
  return { value: copyOf(data, 1, 1 + size), name: decodeText(data, 1 + size, data.length) };
}

/** Octets that we write of a name, so that a packet fits every MRU. */
const longestName = 512;

/** Type-Data of an Identity. */
export const identityOctets = (name: string): Uint8Array => Uint8Array.from(textOctets(name, longestName));
