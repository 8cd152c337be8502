/** What a CoA or Disconnect request says (RFC 5176 §3): which session, and what is to change. Rows as for answers. */

import { errorCause } from "../../radius/index.js";
import type { DynamicAnswer, DynamicRequest } from "../../radius/types.js";
import { type AttributeName, attributeName } from "../../wire/radius-attributes.js";
import { allOf, firstOf, hasAttribute } from "../../wire/radius-values.js";
import { rateAttributes, readAnswer } from "./answer-attributes.js";
import type { AaaConfig } from "./config.js";
import { nasAttributes } from "./request-attributes.js";
import type { DynamicHandler, ProfileChange, SessionNames } from "./types.js";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Attributes that name a session, and the name's key; all that are given must fit. */
export const namingRows = {
  "Acct-Session-Id": "session",
  "User-Name": "userName",
  "Framed-IP-Address": "address",
  "Framed-IPv6-Prefix": "ipv6Prefix",
  "Calling-Station-Id": "callingNumber",
  "NAS-Port": "nasPort",
} as const satisfies Partial<Record<AttributeName, keyof SessionNames>>;

/** Attributes that change a session. */
export const changingAttributes = [
  "Session-Timeout",
  "Idle-Timeout",
  "Acct-Interim-Interval",
  "Filter-Id",
  "Class",
  ...rateAttributes,
] as const satisfies readonly AttributeName[];

/** They name us, or are about the packet; Reply-Message is for people. */
const othersTaken: readonly AttributeName[] = [
  "NAS-Identifier",
  "NAS-IP-Address",
  "NAS-IPv6-Address",
  "Message-Authenticator",
  "Event-Timestamp",
  "Proxy-State",
  "Reply-Message",
];

const naming = Object.keys(namingRows) as (keyof typeof namingRows)[];
const takenByCoa = new Set<AttributeName>([...naming, ...othersTaken, ...changingAttributes]);
/** A Disconnect may have a Class and a reason (RFC 5176 §3.6). */
const takenByDisconnect = new Set<AttributeName>([...naming, ...othersTaken, "Class", "Acct-Terminate-Cause"]);

const refusal = (cause: number): DynamicAnswer => ({ ok: false, errorCause: cause });

/** Does what a request asks for, by the handler, or says why not. */
export function answerDynamic(
  request: DynamicRequest,
  config: Pick<AaaConfig, "filters" | "nasIdentifier" | "nasAddress">,
  handler: DynamicHandler,
): DynamicAnswer {
  const { kind, attributes } = request;
  // Authorize Only (RFC 5176 §3.1) would have us ask RADIUS again.
  if (hasAttribute(attributes, "Service-Type")) return refusal(errorCause.unsupportedService);
  const taken = kind === "coa" ? takenByCoa : takenByDisconnect;
  const strange = attributes.find((attribute) => {
    const name = attributeName(attribute);
    return name === undefined || !taken.has(name);
  });
  if (strange) return refusal(errorCause.unsupportedAttribute);
  if (!isForUs(request, config)) return refusal(errorCause.nasIdentificationMismatch);

  const names = namesOf(request);
  if (names === undefined) return refusal(errorCause.invalidAttributeValue);
  if (Object.keys(names).length === 0) return refusal(errorCause.missingAttribute);
  if (kind === "disconnect") return answerOf(handler.disconnect(names));

  const change = changeOf(request, config);
  if (change === undefined) return refusal(errorCause.invalidAttributeValue);
  if (Object.keys(change).length === 0) return refusal(errorCause.missingAttribute);
  return answerOf(handler.change(names, change));
}

const answerOf = (cause: number | undefined): DynamicAnswer => (cause === undefined ? { ok: true } : refusal(cause));

/** What names a NAS must name us, as far as we are configured to have such a name. */
function isForUs({ attributes }: DynamicRequest, config: Pick<AaaConfig, "nasIdentifier" | "nasAddress">): boolean {
  const own = nasAttributes(config);
  return (["NAS-Identifier", "NAS-IP-Address", "NAS-IPv6-Address"] as const).every((name) => {
    const ours = firstOf(own, name);
    return ours === undefined || allOf(attributes, name).every((theirs) => theirs === ours);
  });
}

/** Undefined: a name that is malformed, or given twice. */
function namesOf({ attributes }: DynamicRequest): SessionNames | undefined {
  const names: Record<string, string | number> = {};
  for (const name of naming) {
    if (!hasAttribute(attributes, name)) continue;
    const [value, another] = allOf(attributes, name);
    if (value === undefined || another !== undefined) return undefined;
    names[namingRows[name]] = value;
  }
  return names;
}

/** Undefined: a value that makes no sense. */
function changeOf(
  { attributes, secret, authenticator }: DynamicRequest,
  { filters }: Pick<AaaConfig, "filters">,
): ProfileChange | undefined {
  // What names the session has been read, and may not be taken for something to change.
  const changing = attributes.filter((attribute) =>
    (changingAttributes as readonly (AttributeName | undefined)[]).includes(attributeName(attribute)),
  );
  const { profile, ignored } = readAnswer(changing, { secret, authenticator, filters });
  if (ignored.length > 0 || profile.filters.some((name) => !Object.hasOwn(filters, name))) return undefined;
  const change: Mutable<ProfileChange> = {};
  if (profile.sessionTimeout !== undefined) change.sessionTimeout = profile.sessionTimeout || Number.POSITIVE_INFINITY;
  if (profile.idleTimeout !== undefined) change.idleTimeout = profile.idleTimeout;
  if (profile.interimInterval !== undefined) change.interimInterval = profile.interimInterval;
  if (profile.filters.length > 0) change.filters = profile.filters;
  if (profile.class.length > 0) change.class = profile.class;
  if (profile.rates) change.rates = profile.rates;
  return change;
}
