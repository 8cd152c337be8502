/** What a tunnel switch hands on of a call: the AVPs of the caller's ICRQ and ICCN that say something about the call. */
import type { AvpName, AvpValues } from "../wire/l2tp2-avp.js";
import { messageTable } from "../wire/l2tp2-message.js";

/** All that the message may have (RFC 2661 §6.6, §6.8) but what names the session, which is each tunnel's own. */
const ofCall = (message: "ICRQ" | "ICCN"): readonly AvpName[] => {
  const { required, optional } = messageTable[message];
  return [...required, ...optional].filter((name) => name !== "assignedSessionId");
};

const incomingCallRequest = ofCall("ICRQ");
const incomingCallConnected = ofCall("ICCN");

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
