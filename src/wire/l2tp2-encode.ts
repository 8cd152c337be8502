/** Writes control messages (RFC 2661 §3.1, §4.1, §4.3, §6). */
import { controlHeaderLength, putControlHeader } from "./l2tp2.js";
import {
  type AvpDefinition,
  type AvpName,
  type AvpValues,
  avpHeaderLength,
  avpTable,
  hiddenBit,
  mandatoryBit,
} from "./l2tp2-avp.js";
import { longestValue } from "./l2tp2-avp-value.js";
import { hide, subformatHeader } from "./l2tp2-hidden.js";
import { type MessageName, messageNames, messageTable } from "./l2tp2-message.js";
import { putU16 } from "./octets.js";

export interface Hiding {
  readonly secret: Uint8Array;
  /** One Random Vector AVP goes before each hidden AVP until they are used up; the last holds for the rest. At least one. */
  readonly vectors: readonly Uint8Array[];
  /** Hidden values are padded to a multiple of so many octets, which hides their length. Default 1. */
  readonly padTo?: number | undefined;
  /** Random octets that the padding is taken from, at least `padTo` - 1 of them. Default: zeros. */
  readonly padding?: Uint8Array | undefined;
}

interface Row {
  readonly name: AvpName;
  readonly definition: AvpDefinition<unknown>;
}

const rowsOf = (message: MessageName): readonly Row[] =>
  [...messageTable[message].required, ...messageTable[message].optional].map((name: AvpName) => ({
    name,
    definition: avpTable[name] as AvpDefinition<unknown>,
  }));

const rows = new Map(messageNames.map((name) => [name, rowsOf(name)]));

const largest = 0xffff;
const scratch = new Uint8Array(largest + 2 * longestValue);

/** Messages are cut from slabs, since an ArrayBuffer each would cost more than writing the message. */
const slabSize = 16384;
let slab = new Uint8Array(0);
let slabUsed = 0;

/**
 * A control message with Ns and Nr zero, which the reliable transport fills in. Of `avps` those are taken that the message
 * may carry (§6), in the table's order, then all of `raw`. An AVP that does not fit into 1023 octets, or no more into the
 * message, is left out.
 */
export function encodeMessage(
  name: MessageName,
  tunnelId: number,
  sessionId: number,
  avps: AvpValues,
  hiding?: Hiding,
): Uint8Array {
  const at = putAvps(name, avps, hiding);
  putControlHeader(scratch, { tunnelId, sessionId, ns: 0, nr: 0, length: at });
  return cut(at);
}

/** A Zero-Length Body message: the header alone (§5.8). */
export function encodeZlb(tunnelId: number, ns: number, nr: number): Uint8Array {
  putControlHeader(scratch, { tunnelId, sessionId: 0, ns, nr, length: controlHeaderLength });
  return cut(controlHeaderLength);
}

function putAvps(name: MessageName, avps: AvpValues, hiding: Hiding | undefined): number {
  let at = controlHeaderLength;
  putU16(scratch, at + avpHeaderLength, messageTable[name].type);
  at = putAvpHeader(at, avpHeaderLength + 2, mandatoryBit, 0, avpTable.messageType.type);

  let vectors = 0;
  for (const { name: avpName, definition } of rows.get(name)!) {
    const value = avps[avpName];
    if (value === undefined) continue;
    if (hiding === undefined || !definition.mayHide) {
      at = putPlain(at, definition, value);
      continue;
    }
    const fresh = hiding.vectors[vectors];
    if (fresh) {
      vectors++;
      at = putPlain(at, avpTable.randomVector as AvpDefinition<unknown>, fresh);
    }
    at = putHidden(at, definition, value, hiding, hiding.vectors[Math.max(vectors - 1, 0)]!);
  }
  for (const { vendor, type, mandatory, value } of avps.raw ?? []) {
    if (value.length > longestValue || at + avpHeaderLength + value.length > largest) continue;
    scratch.set(value, at + avpHeaderLength);
    at = putAvpHeader(at, avpHeaderLength + value.length, mandatory ? mandatoryBit : 0, vendor, type);
  }
  return at;
}

function putPlain(at: number, { codec, mandatory, vendor, type }: AvpDefinition<unknown>, value: unknown): number {
  const length = avpHeaderLength + codec.encode(scratch, at + avpHeaderLength, value);
  return at + length > largest ? at : putAvpHeader(at, length, mandatory ? mandatoryBit : 0, vendor, type);
}

function putHidden(
  at: number,
  { codec, mandatory, vendor, type }: AvpDefinition<unknown>,
  value: unknown,
  { secret, padTo = 1, padding }: Hiding,
  vector: Uint8Array,
): number {
  const begin = at + avpHeaderLength;
  const original = codec.encode(scratch, begin + subformatHeader, value);
  const bare = subformatHeader + original;
  const padded = Math.max(bare, Math.min(Math.ceil(bare / padTo) * padTo, longestValue));
  if (bare > longestValue || begin + padded > largest) return at;
  putU16(scratch, begin, original);
  scratch.fill(0, begin + bare, begin + padded);
  if (padding) scratch.set(padding.subarray(0, padded - bare), begin + bare);
  hide(scratch, begin, begin + padded, type, secret, vector);
  return putAvpHeader(at, avpHeaderLength + padded, (mandatory ? mandatoryBit : 0) | hiddenBit, vendor, type);
}

function putAvpHeader(at: number, length: number, flags: number, vendor: number, type: number): number {
  putU16(scratch, at, flags | length);
  putU16(scratch, at + 2, vendor);
  putU16(scratch, at + 4, type);
  return at + length;
}

function cut(length: number): Uint8Array {
  if (length > slabSize) return scratch.slice(0, length);
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(slabSize);
    slabUsed = 0;
  }
  const bytes = slab.subarray(slabUsed, slabUsed + length);
  bytes.set(scratch.subarray(0, length));
  slabUsed += length;
  return bytes;
}
