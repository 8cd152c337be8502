/**
 * Attribute-value pairs (RFC 2661 §4). Every AVP that has a name here is one row of `avpTable`; all others travel as `raw`.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |M|H| rsvd  |      Length       |           Vendor ID           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |         Attribute Type        |        Attribute Value...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+     (until Length is reached)
 */
import * as value from "./l2tp2-avp-value.js";

export const avpHeaderLength = 6;
export const mandatoryBit = 0x8000;
export const hiddenBit = 0x4000;
/** An AVP with one of these set is one that we do not know (§4.1). */
export const reservedBits = 0x3c00;
export const avpLengthMask = 0x03ff;

/** SMI enterprise number 3561, of the Broadband (once DSL) Forum: RFC 5515. */
export const broadbandForum = 3561;

export interface AvpDefinition<T = unknown> {
  readonly type: number;
  readonly vendor: number;
  /** M bit, as we send it. What a peer sets does not matter for an AVP that we know. */
  readonly mandatory: boolean;
  /** Whether the H bit may be set (§4.4). */
  readonly mayHide: boolean;
  readonly codec: value.Codec<T>;
}

const avp = <T>(
  type: number,
  mandatory: "M" | "-",
  mayHide: "H" | "-",
  codec: value.Codec<T>,
  vendor = 0,
): AvpDefinition<T> => ({ type, vendor, mandatory: mandatory === "M", mayHide: mayHide === "H", codec });

/** In the RFC's order (§4.4.1 to §4.4.6); names are the RFC's in camel case. */
export const avpTable = {
  messageType: avp(0, "M", "-", value.uint16),
  resultCode: avp(1, "M", "-", value.resultCode),
  protocolVersion: avp(2, "M", "-", value.versionAndRevision),
  framingCapabilities: avp(3, "M", "H", value.uint32),
  bearerCapabilities: avp(4, "M", "H", value.uint32),
  tieBreaker: avp(5, "-", "-", value.octetsOf(8)),
  firmwareRevision: avp(6, "-", "H", value.uint16),
  hostName: avp(7, "M", "-", value.text),
  vendorName: avp(8, "-", "H", value.text),
  assignedTunnelId: avp(9, "M", "H", value.uint16),
  receiveWindowSize: avp(10, "M", "-", value.uint16),
  challenge: avp(11, "M", "H", value.octets),
  q931CauseCode: avp(12, "M", "-", value.causeCode),
  challengeResponse: avp(13, "M", "H", value.octetsOf(16)),
  assignedSessionId: avp(14, "M", "H", value.uint16),
  callSerialNumber: avp(15, "M", "H", value.uint32),
  minimumBps: avp(16, "M", "H", value.uint32),
  maximumBps: avp(17, "M", "H", value.uint32),
  bearerType: avp(18, "M", "H", value.uint32),
  framingType: avp(19, "M", "H", value.uint32),
  calledNumber: avp(21, "M", "H", value.text),
  callingNumber: avp(22, "M", "H", value.text),
  subAddress: avp(23, "M", "H", value.text),
  txConnectSpeed: avp(24, "M", "H", value.uint32),
  physicalChannelId: avp(25, "-", "H", value.uint32),
  initialReceivedLcpConfreq: avp(26, "-", "H", value.octets),
  lastSentLcpConfreq: avp(27, "-", "H", value.octets),
  lastReceivedLcpConfreq: avp(28, "-", "H", value.octets),
  proxyAuthenType: avp(29, "-", "H", value.uint16),
  proxyAuthenName: avp(30, "-", "H", value.text),
  proxyAuthenChallenge: avp(31, "-", "H", value.octets),
  proxyAuthenId: avp(32, "-", "H", value.identifier),
  proxyAuthenResponse: avp(33, "-", "H", value.octets),
  callErrors: avp(34, "M", "H", value.callErrors),
  accm: avp(35, "M", "H", value.accm),
  randomVector: avp(36, "M", "-", value.octets),
  privateGroupId: avp(37, "-", "H", value.octets),
  rxConnectSpeed: avp(38, "-", "H", value.uint32),
  sequencingRequired: avp(39, "M", "-", value.present),
  // RFC 5515 §5.1 and §5.2; its line rates and delays travel as `raw`.
  agentCircuitId: avp(1, "-", "H", value.text, broadbandForum),
  agentRemoteId: avp(2, "-", "H", value.text, broadbandForum),
} as const;

export type AvpName = keyof typeof avpTable;

export const avpNames = Object.keys(avpTable) as AvpName[];

type ValueOf<D> = D extends AvpDefinition<infer T> ? T : never;

/** An AVP that has no name here, as it was received: a switch can hand it on. */
export interface RawAvp {
  readonly vendor: number;
  readonly type: number;
  readonly mandatory: boolean;
  readonly value: Uint8Array;
}

/** The AVPs of a message by name. An AVP that occurs twice has its first value; unnamed ones are in `raw`, in wire order. */
export type AvpValues = { readonly [N in AvpName]?: ValueOf<(typeof avpTable)[N]> | undefined } & {
  readonly raw?: readonly RawAvp[] | undefined;
};

export type MutableAvpValues = { -readonly [N in keyof AvpValues]: AvpValues[N] };

/** Bits of Framing Capabilities and Framing Type (§4.4.3, §4.4.4). */
export const framing = { synchronous: 1, asynchronous: 2 } as const;
/** Bits of Bearer Capabilities and Bearer Type. */
export const bearer = { digital: 1, analog: 2 } as const;
/** Proxy Authen Type (§4.4.5). */
export const proxyAuthen = { text: 1, chap: 2, pap: 3, none: 4, mschap: 5 } as const;

const byVendor = new Map<number, (AvpName | undefined)[]>();
for (const name of avpNames) {
  const { vendor, type } = avpTable[name];
  const names = byVendor.get(vendor) ?? [];
  names[type] = name;
  byVendor.set(vendor, names);
}
const ietf = byVendor.get(0)!;

export const avpNameOf = (vendor: number, type: number): AvpName | undefined =>
  vendor === 0 ? ietf[type] : byVendor.get(vendor)?.[type];
