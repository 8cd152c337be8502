/** An L2TP control message as one line, its AVPs by the RFC's names. */
import { parseControlHeader } from "../wire/l2tp2.js";
import { type AvpName, avpNames } from "../wire/l2tp2-avp.js";
import type { ResultCode } from "../wire/l2tp2-avp-value.js";
import { parseMessage } from "../wire/l2tp2-parse.js";
import { describeResult } from "../wire/l2tp2-result.js";
import { isMalformed } from "../wire/malformed.js";
import { pppProtocol } from "../wire/ppp.js";
import { optionWords } from "./options.js";
import { clip, hex, line, octets, quote } from "./text.js";

type Show = (value: never) => string;

/** What a secret was shown by; a Proxy Authen Response may be a password (RFC 2661 §4.4.5). */
const lengthOnly = (value: Uint8Array): string => octets(value);
const request = (value: Uint8Array): string => `{${optionWords(pppProtocol.lcp, value).join(", ")}}`;

/** Those whose value alone does not say how it is shown. */
const special: { readonly [N in AvpName]?: Show } = {
  challengeResponse: lengthOnly,
  proxyAuthenResponse: lengthOnly,
  initialReceivedLcpConfreq: request,
  lastSentLcpConfreq: request,
  lastReceivedLcpConfreq: request,
};

/** `assignedTunnelId` → `Assigned-Tunnel-Id`. */
const titles = new Map(
  avpNames.map((name) => [name, `${name[0]!.toUpperCase()}${name.slice(1).replace(/(?<=[a-z])(?=[A-Z])/g, "-")}`]),
);

/**
 * One line, of a bounded length, as `L2TP ICRQ tunnel 7 session 0 Ns 3 Nr 2: Assigned-Session-Id 9, Call-Serial-Number 1`.
 * What is hidden stays so.
 */
export function decodeL2tp(bytes: Uint8Array): string {
  const header = parseControlHeader(bytes);
  if (isMalformed(header)) return clip(`L2TP malformed (${header.reason}, ${header.value}), ${octets(bytes)}`);
  const { tunnelId, sessionId, ns, nr, length } = header;
  const place = `tunnel ${tunnelId} session ${sessionId} Ns ${ns} Nr ${nr}`;
  if (length === 12) return `L2TP ZLB ${place}`;
  const message = parseMessage(bytes, length);
  if (isMalformed(message)) return clip(`L2TP malformed (${message.reason}, ${message.value}) ${place}`);
  const { messageType: _, raw = [], ...avps } = message.avps;
  const parts = [
    ...Object.entries(avps).map(([name, value]) => avpWords(name as AvpName, value, message.name)),
    ...raw.slice(0, 32).map(({ vendor, type, value }) => `AVP ${vendor}/${type} ${hex(value)}`),
    ...(message.sealed === "no" ? [] : ["hidden AVPs"]),
    ...(message.fault === undefined ? [] : [`fault: ${message.fault.message}`]),
  ];
  return clip(line(`L2TP ${message.name ?? `message ${message.type}`} ${place}`, parts));
}

function avpWords(name: AvpName, value: unknown, message: string | undefined): string {
  const title = titles.get(name)!;
  if (value === true) return title;
  if (name === "resultCode" && (message === "CDN" || message === "StopCCN")) {
    return `${title} ${quote(describeResult(message, value as ResultCode))}`;
  }
  const show = special[name];
  return `${title} ${show === undefined ? plain(value) : show(value as never)}`;
}

function plain(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value !== "object" || value === null) return `${value}`;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${name} ${plain(field)}`).join(", ")}}`;
}
