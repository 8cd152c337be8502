/** Reads the AVPs of a control message (RFC 2661 §4.1, §4.3, §7.1). */

import { controlHeaderLength } from "./l2tp2.js";
import {
  type AvpName,
  type AvpValues,
  avpHeaderLength,
  avpLengthMask,
  avpNameOf,
  avpTable,
  hiddenBit,
  type MutableAvpValues,
  mandatoryBit,
  type RawAvp,
  reservedBits,
} from "./l2tp2-avp.js";
import { originalEnd, subformatHeader, unhide } from "./l2tp2-hidden.js";
import { type MessageName, messageNameOf, messageTable } from "./l2tp2-message.js";
import { generalError } from "./l2tp2-result.js";
import { type Malformed, malformed } from "./malformed.js";
import { copyOf, u16 } from "./octets.js";

export interface Message {
  /** Message Type as a number, for those without a name. */
  readonly type: number;
  readonly name: MessageName | undefined;
  /** M bit of the Message Type AVP: whether a receiver that does not know the type must clear the tunnel. */
  readonly mandatory: boolean;
  readonly avps: AvpValues;
  /** Hidden AVPs that were skipped because no secret was given, and whether one of them had the M bit. */
  readonly sealed: "no" | "optional" | "mandatory";
  /** The first mistake that the receiver may not overlook. */
  readonly fault: Fault | undefined;
}

/** Becomes result code 2 of a StopCCN or CDN with this general error and text (§4.4.2). */
export interface Fault {
  readonly error: number;
  readonly message: string;
}

/**
 * Reads a control message whose header `parseControlHeader` accepted and whose whole length is `end`. Mistakes in an AVP
 * without the M bit make it unrecognized, hence ignored (§7.1); a message without a leading Message Type is Malformed.
 */
export function parseMessage(bytes: Uint8Array, end: number, secret?: Uint8Array): Message | Malformed {
  const first = controlHeaderLength;
  if (end - first < avpHeaderLength + 2) return malformed("l2tp", "truncated message type", end - first);
  if ((u16(bytes, first) & avpLengthMask) !== avpHeaderLength + 2 || u16(bytes, first + 2) !== 0) {
    return malformed("l2tp", "message type is not the first AVP", u16(bytes, first));
  }
  const unreadable = (u16(bytes, first) & (hiddenBit | reservedBits)) !== 0;
  if (u16(bytes, first + 4) !== avpTable.messageType.type || unreadable) {
    return malformed("l2tp", "message type is not the first AVP", u16(bytes, first + 4));
  }

  const type = u16(bytes, first + avpHeaderLength);
  const values: MutableAvpValues = { messageType: type };
  let raw: RawAvp[] | undefined;
  let vector: Uint8Array | undefined;
  let sealed: Message["sealed"] = "no";
  let fault: Fault | undefined;

  for (let at = first + avpHeaderLength + 2; at < end; ) {
    const flags = end - at < avpHeaderLength ? 0 : u16(bytes, at);
    const next = at + (flags & avpLengthMask);
    if (next < at + avpHeaderLength || next > end) {
      fault ??= { error: generalError.length, message: "AVP length beyond message" };
      break;
    }
    const vendor = u16(bytes, at + 2);
    const attribute = u16(bytes, at + 4);
    const mandatory = (flags & mandatoryBit) !== 0;
    let source = bytes;
    let from = at + avpHeaderLength;
    let to = next;
    at = next;

    if ((flags & reservedBits) !== 0) {
      const message = `AVP ${vendor}/${attribute} has reserved bits`;
      if (mandatory) fault ??= { error: generalError.unknownMandatory, message };
      continue;
    }
    if ((flags & hiddenBit) !== 0) {
      if (secret === undefined) {
        if (sealed !== "mandatory") sealed = mandatory ? "mandatory" : "optional";
        continue;
      }
      const plain = vector && unhide(bytes, from, to, attribute, secret, vector);
      const original = plain && originalEnd(plain);
      if (plain === undefined || original === undefined) {
        const reason = vector ? "cannot be unhidden" : "is hidden without a Random Vector";
        if (mandatory) fault ??= { error: generalError.value, message: `AVP ${vendor}/${attribute} ${reason}` };
        continue;
      }
      source = plain;
      from = subformatHeader;
      to = original;
    }

    const name = avpNameOf(vendor, attribute);
    if (name === undefined) {
      if (mandatory) fault ??= { error: generalError.unknownMandatory, message: `AVP ${vendor}/${attribute} unknown` };
      raw ??= [];
      raw.push({ vendor, type: attribute, mandatory, value: copyOf(source, from, to) });
      continue;
    }
    const value = avpTable[name].codec.decode(source, from, to);
    if (value === undefined) {
      if (mandatory) fault ??= { error: generalError.length, message: `AVP ${name} malformed` };
      continue;
    }
    if (name === "randomVector") vector = value as Uint8Array;
    if (values[name] === undefined) put(values, name, value);
  }
  if (raw) values.raw = raw;

  const name = messageNameOf(type);
  const whole: Message = {
    type,
    name,
    mandatory: (u16(bytes, first) & mandatoryBit) !== 0,
    avps: values,
    sealed,
    fault,
  };
  return fault === undefined && name !== undefined && sealed === "no"
    ? { ...whole, fault: missing(name, values) }
    : whole;
}

const put = (values: MutableAvpValues, name: AvpName, value: unknown): void => {
  (values as Record<AvpName, unknown>)[name] = value;
};

function missing(name: MessageName, values: AvpValues): Fault | undefined {
  for (const required of messageTable[name].required) {
    if (values[required] === undefined) {
      return { error: generalError.vendorSpecific, message: `${name} without ${required}` };
    }
  }
  return undefined;
}
