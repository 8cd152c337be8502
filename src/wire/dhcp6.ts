/**
 * DHCPv6 messages between client and server (RFC 8415 §8) and options (§21.1).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |    msg-type   |               transaction-id                  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |          option-code          |           option-len          |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                          option-data                          |
 *   |                      (option-len octets)                      |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { addressLength } from "./ipv6.js";
import { type Malformed, malformed } from "./malformed.js";
import { copyOf, decodeText, encodeText, putU16, putU32, u16, u32 } from "./octets.js";

export const clientPort = 546;
export const serverPort = 547;

/** RFC 8415 §7.3. */
export const type = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  reconfigure: 10,
  informationRequest: 11,
  relayForward: 12,
  relayReply: 13,
} as const;

export const option = {
  clientId: 1,
  serverId: 2,
  ia_na: 3,
  ia_ta: 4,
  iaAddress: 5,
  optionRequest: 6,
  preference: 7,
  elapsedTime: 8,
  status: 13,
  rapidCommit: 14,
  /** RFC 3646 §3. */
  dns: 23,
  ia_pd: 25,
  iaPrefix: 26,
} as const;

/** RFC 8415 §21.13. */
export const status = {
  success: 0,
  unspecifiedFailure: 1,
  noAddrsAvail: 2,
  noBinding: 3,
  notOnLink: 4,
  useMulticast: 5,
  noPrefixAvail: 6,
} as const;

export interface Status {
  readonly code: number;
  readonly message: string;
}

/** An IA_NA, IA_TA or IA_PD option (§21.4, §21.5, §21.21). Times in seconds; IA_TA has none. */
export interface Association {
  readonly kind: "na" | "ta" | "pd";
  readonly iaid: number;
  readonly t1: number;
  readonly t2: number;
  readonly leases: readonly AssociatedLease[];
  readonly status: Status | undefined;
}

/** An address (`length` 128) of an IA_NA or IA_TA, or a prefix of an IA_PD. */
export interface AssociatedLease {
  readonly address: Uint8Array;
  readonly length: number;
  readonly preferred: number;
  readonly valid: number;
}

export interface Message {
  readonly type: number;
  /** 24 bits. */
  readonly transaction: number;
  readonly clientId: Uint8Array | undefined;
  readonly serverId: Uint8Array | undefined;
  readonly associations: readonly Association[];
  /** Codes that the client would like to have (Option Request). */
  readonly requested: readonly number[];
  readonly preference: number | undefined;
  readonly rapidCommit: boolean;
  readonly status: Status | undefined;
  readonly dns: readonly Uint8Array[];
}

const headerLength = 4;
const optionHeader = 4;
/** Type code and up to 128 octets (§11.1). */
const duidLengths = { least: 3, most: 130 } as const;

/** Before the options of an association: IAID, T1, T2 (IA_TA: IAID). */
const associationHeader = { na: 12, ta: 4, pd: 12 } as const;
const associationOption = { na: option.ia_na, ta: option.ia_ta, pd: option.ia_pd } as const;
const kindOf: Readonly<Record<number, Association["kind"]>> = {
  [option.ia_na]: "na",
  [option.ia_ta]: "ta",
  [option.ia_pd]: "pd",
};

/** IA Address (§21.6): address, preferred, valid. */
const iaAddress = { address: 0, preferred: 16, valid: 20, size: 24 } as const;
/** IA Prefix (§21.22): preferred, valid, length, prefix. */
const iaPrefix = { preferred: 0, valid: 4, length: 8, prefix: 9, size: 25 } as const;

interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

function parseOptions(bytes: Uint8Array, from: number): readonly Option[] | Malformed {
  const found: Option[] = [];
  for (let at = from; at < bytes.length; ) {
    if (bytes.length - at < optionHeader) return malformed("dhcpv6", "truncated option", bytes.length - at);
    const end = at + optionHeader + u16(bytes, at + 2);
    if (end > bytes.length) return malformed("dhcpv6", "option beyond message", u16(bytes, at));
    found.push({ code: u16(bytes, at), value: bytes.subarray(at + optionHeader, end) });
    at = end;
  }
  return found;
}

/**
 * Reads a message; values are copies. Of options that may occur once the first counts (§21: they must not occur twice); unknown
 * ones are ignored; one that is too short makes the message malformed.
 */
export function parse(bytes: Uint8Array): Message | Malformed {
  if (bytes.length < headerLength) return malformed("dhcpv6", "truncated header", bytes.length);
  if (bytes[0] === type.relayForward || bytes[0] === type.relayReply) {
    return malformed("dhcpv6", "a message between relays", bytes[0]);
  }
  const options = parseOptions(bytes, headerLength);
  if ("malformed" in options) return options;
  const first = (code: number): Uint8Array | undefined => options.find((each) => each.code === code)?.value;

  for (const code of [option.clientId, option.serverId]) {
    const duid = first(code);
    if (duid && (duid.length < duidLengths.least || duid.length > duidLengths.most)) {
      return malformed("dhcpv6", "length of a DUID", duid.length);
    }
  }
  const associations: Association[] = [];
  for (const { code, value } of options) {
    const kind = kindOf[code];
    if (kind === undefined) continue;
    const association = parseAssociation(kind, value);
    if ("malformed" in association) return association;
    associations.push(association);
  }
  const requested = first(option.optionRequest);
  const statusValue = first(option.status);
  const told = statusValue && parseStatus(statusValue);
  if (told && "malformed" in told) return told;
  const preference = first(option.preference);
  if (preference?.length === 0) return malformed("dhcpv6", "truncated preference", 0);
  return {
    type: bytes[0]!,
    transaction: (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!,
    clientId: whole(first(option.clientId)),
    serverId: whole(first(option.serverId)),
    associations,
    requested: requested ? words(requested) : [],
    preference: preference?.[0],
    rapidCommit: first(option.rapidCommit) !== undefined,
    status: told,
    dns: addresses(first(option.dns)),
  };
}

const whole = (bytes: Uint8Array | undefined): Uint8Array | undefined => bytes && copyOf(bytes, 0, bytes.length);

const words = (bytes: Uint8Array): readonly number[] =>
  Array.from({ length: bytes.length >> 1 }, (_, index) => u16(bytes, 2 * index));

const addresses = (bytes: Uint8Array | undefined): readonly Uint8Array[] =>
  bytes === undefined
    ? []
    : Array.from({ length: Math.floor(bytes.length / addressLength) }, (_, index) =>
        copyOf(bytes, index * addressLength, (index + 1) * addressLength),
      );

function parseStatus(value: Uint8Array): Status | Malformed {
  if (value.length < 2) return malformed("dhcpv6", "truncated status", value.length);
  return { code: u16(value, 0), message: decodeText(value, 2, value.length) };
}

function parseAssociation(kind: Association["kind"], value: Uint8Array): Association | Malformed {
  const header = associationHeader[kind];
  if (value.length < header) return malformed("dhcpv6", "truncated identity association", value.length);
  const options = parseOptions(value, header);
  if ("malformed" in options) return options;
  const leases: AssociatedLease[] = [];
  let told: Status | undefined;
  for (const { code, value: inner } of options) {
    if (code === option.status) {
      const read = parseStatus(inner);
      if ("malformed" in read) return read;
      told ??= read;
    } else if (code === (kind === "pd" ? option.iaPrefix : option.iaAddress)) {
      const lease = kind === "pd" ? parsePrefix(inner) : parseAddress(inner);
      if ("malformed" in lease) return lease;
      leases.push(lease);
    }
  }
  const timed = kind !== "ta";
  return {
    kind,
    iaid: u32(value, 0),
    t1: timed ? u32(value, 4) : 0,
    t2: timed ? u32(value, 8) : 0,
    leases,
    status: told,
  };
}

function parseAddress(value: Uint8Array): AssociatedLease | Malformed {
  if (value.length < iaAddress.size) return malformed("dhcpv6", "truncated address", value.length);
  return {
    address: copyOf(value, iaAddress.address, iaAddress.address + addressLength),
    length: 128,
    preferred: u32(value, iaAddress.preferred),
    valid: u32(value, iaAddress.valid),
  };
}

function parsePrefix(value: Uint8Array): AssociatedLease | Malformed {
  if (value.length < iaPrefix.size) return malformed("dhcpv6", "truncated prefix", value.length);
  const length = value[iaPrefix.length]!;
  if (length > 128) return malformed("dhcpv6", "length of a prefix", length);
  return {
    address: copyOf(value, iaPrefix.prefix, iaPrefix.size),
    length,
    preferred: u32(value, iaPrefix.preferred),
    valid: u32(value, iaPrefix.valid),
  };
}

/** The inverse of `parse`. */
export function encode(message: Message): Uint8Array {
  const header = new Uint8Array(headerLength);
  putU32(header, 0, message.transaction);
  header[0] = message.type;
  const present = (code: number, value: Uint8Array | undefined): readonly Uint8Array[] =>
    value === undefined ? [] : [encodeOption(code, value)];
  return join([
    header,
    ...present(option.clientId, message.clientId),
    ...present(option.serverId, message.serverId),
    ...present(option.preference, message.preference === undefined ? undefined : Uint8Array.of(message.preference)),
    ...present(option.rapidCommit, message.rapidCommit ? new Uint8Array(0) : undefined),
    ...present(option.status, message.status && encodeStatus(message.status)),
    ...present(option.optionRequest, message.requested.length === 0 ? undefined : encodeWords(message.requested)),
    ...message.associations.map((each) => encodeOption(associationOption[each.kind], encodeAssociation(each))),
    ...present(option.dns, message.dns.length === 0 ? undefined : join(message.dns)),
  ]);
}

function encodeOption(code: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(optionHeader + value.length);
  putU16(bytes, 0, code);
  putU16(bytes, 2, value.length);
  bytes.set(value, optionHeader);
  return bytes;
}

function encodeAssociation({ kind, iaid, t1, t2, leases, status: told }: Association): Uint8Array {
  const header = new Uint8Array(associationHeader[kind]);
  putU32(header, 0, iaid);
  if (kind !== "ta") {
    putU32(header, 4, t1);
    putU32(header, 8, t2);
  }
  const encodeLease = kind === "pd" ? encodePrefix : encodeAddress;
  return join([
    header,
    ...leases.map(encodeLease),
    ...(told === undefined ? [] : [encodeOption(option.status, encodeStatus(told))]),
  ]);
}

function encodeAddress({ address, preferred, valid }: AssociatedLease): Uint8Array {
  const value = new Uint8Array(iaAddress.size);
  value.set(address, iaAddress.address);
  putU32(value, iaAddress.preferred, preferred);
  putU32(value, iaAddress.valid, valid);
  return encodeOption(option.iaAddress, value);
}

function encodePrefix({ address, length, preferred, valid }: AssociatedLease): Uint8Array {
  const value = new Uint8Array(iaPrefix.size);
  putU32(value, iaPrefix.preferred, preferred);
  putU32(value, iaPrefix.valid, valid);
  value[iaPrefix.length] = length;
  value.set(address, iaPrefix.prefix);
  return encodeOption(option.iaPrefix, value);
}

function encodeStatus({ code, message }: Status): Uint8Array {
  const value = new Uint8Array(2 + 3 * message.length);
  putU16(value, 0, code);
  return value.subarray(0, 2 + encodeText(value, 2, value.length - 2, message));
}

function encodeWords(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * values.length);
  values.forEach((value, index) => {
    putU16(bytes, 2 * index, value);
  });
  return bytes;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
