/** Control messages (RFC 2661 §3.2 and §6): which there are, and which AVPs each must and may carry. */
import type { AvpName } from "./l2tp2-avp.js";

export interface MessageDefinition {
  readonly type: number;
  /** What the message is about: a control connection (session id 0) or a call. */
  readonly scope: "tunnel" | "call";
  /** In the order in which we send them; Message Type comes before them in every message. */
  readonly required: readonly AvpName[];
  readonly optional: readonly AvpName[];
}

export const messageTable = {
  SCCRQ: {
    type: 1,
    scope: "tunnel",
    required: ["protocolVersion", "hostName", "framingCapabilities", "assignedTunnelId"],
    optional: ["bearerCapabilities", "receiveWindowSize", "challenge", "tieBreaker", "firmwareRevision", "vendorName"],
  },
  SCCRP: {
    type: 2,
    scope: "tunnel",
    required: ["protocolVersion", "framingCapabilities", "hostName", "assignedTunnelId"],
    optional: [
      "bearerCapabilities",
      "firmwareRevision",
      "vendorName",
      "receiveWindowSize",
      "challenge",
      "challengeResponse",
    ],
  },
  SCCCN: { type: 3, scope: "tunnel", required: [], optional: ["challengeResponse"] },
  StopCCN: { type: 4, scope: "tunnel", required: ["assignedTunnelId", "resultCode"], optional: [] },
  HELLO: { type: 6, scope: "tunnel", required: [], optional: [] },
  OCRQ: {
    type: 7,
    scope: "call",
    required: [
      "assignedSessionId",
      "callSerialNumber",
      "minimumBps",
      "maximumBps",
      "bearerType",
      "framingType",
      "calledNumber",
    ],
    optional: ["subAddress"],
  },
  OCRP: { type: 8, scope: "call", required: ["assignedSessionId"], optional: ["physicalChannelId"] },
  OCCN: {
    type: 9,
    scope: "call",
    required: ["txConnectSpeed", "framingType"],
    optional: ["rxConnectSpeed", "sequencingRequired"],
  },
  ICRQ: {
    type: 10,
    scope: "call",
    required: ["assignedSessionId", "callSerialNumber"],
    optional: [
      "bearerType",
      "physicalChannelId",
      "callingNumber",
      "calledNumber",
      "subAddress",
      "agentCircuitId",
      "agentRemoteId",
    ],
  },
  ICRP: { type: 11, scope: "call", required: ["assignedSessionId"], optional: [] },
  ICCN: {
    type: 12,
    scope: "call",
    required: ["txConnectSpeed", "framingType"],
    optional: [
      "initialReceivedLcpConfreq",
      "lastSentLcpConfreq",
      "lastReceivedLcpConfreq",
      "proxyAuthenType",
      "proxyAuthenName",
      "proxyAuthenChallenge",
      "proxyAuthenId",
      "proxyAuthenResponse",
      "privateGroupId",
      "rxConnectSpeed",
      "sequencingRequired",
    ],
  },
  CDN: { type: 14, scope: "call", required: ["resultCode", "assignedSessionId"], optional: ["q931CauseCode"] },
  WEN: { type: 15, scope: "call", required: ["callErrors"], optional: [] },
  SLI: { type: 16, scope: "call", required: ["accm"], optional: [] },
} as const satisfies Record<string, MessageDefinition>;

export type MessageName = keyof typeof messageTable;

export const messageNames = Object.keys(messageTable) as MessageName[];

const byType: (MessageName | undefined)[] = [];
for (const name of messageNames) byType[messageTable[name].type] = name;

/** The name of a message type, or undefined if RFC 2661 has none. */
export const messageNameOf = (type: number): MessageName | undefined => byType[type];
