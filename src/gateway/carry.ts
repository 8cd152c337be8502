/** What a tunnel switch hands on of a call: the AVPs of the caller's ICRQ and ICCN that say something about the call. */
import type { AvpName, AvpValues } from "../wire/l2tp2-avp.js";

/** RFC 2661 §6.6, and the access line's names of RFC 5515 §5. What names the session or the message is each tunnel's own. */
const incomingCallRequest = [
  "callSerialNumber",
  "bearerType",
  "physicalChannelId",
  "callingNumber",
  "calledNumber",
  "subAddress",
  "agentCircuitId",
  "agentRemoteId",
] as const satisfies readonly AvpName[];

/** RFC 2661 §6.8. */
const incomingCallConnected = [
  "txConnectSpeed",
  "framingType",
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
  "agentCircuitId",
  "agentRemoteId",
] as const satisfies readonly AvpName[];

export const carryIcrq = (avps: AvpValues): AvpValues => carry(avps, incomingCallRequest);

/** With `sequencing` off, the demand for sequence numbers ends here; with on, it is made whether or not the caller did. */
export function carryIccn(avps: AvpValues, sequencing: "off" | "follow" | "on"): AvpValues {
  const carried = carry(avps, incomingCallConnected);
  if (sequencing === "follow") return carried;
  return { ...carried, sequencingRequired: sequencing === "on" ? true : undefined };
}

/** Vendors' AVPs go along as they are, unless they are mandatory: then only who knows them may use them (§4.1). */
function carry(avps: AvpValues, names: readonly AvpName[]): AvpValues {
  const carried: Record<string, unknown> = {};
  for (const name of names) if (avps[name] !== undefined) carried[name] = avps[name];
  const raw = avps.raw?.filter((avp) => !avp.mandatory);
  if (raw !== undefined && raw.length > 0) carried.raw = raw;
  return carried as AvpValues;
}
