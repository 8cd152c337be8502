/** What a RADIUS server's answer says of a subscriber: one row for each attribute that is obeyed. */
import * as ipv4 from "../../wire/ipv4.js";
import type { Attribute, Attributes } from "../../wire/radius.js";
import { type AttributeName, attributeName, type radiusAttributes } from "../../wire/radius-attributes.js";
import { revealSalted } from "../../wire/radius-hidden.js";
import { firstOf, type Tagged, type ValueOf } from "../../wire/radius-values.js";
import { parseFramedIpv6Route, parseFramedRoute } from "./framed-route.js";
import { type MutableProfile, newProfile } from "./profile.js";
import { parseMikrotikRateLimit, rateOf } from "./rate-limit.js";
import { type TunnelDraft, tunnelTargets } from "./tunnel-targets.js";
import type { Profile, Rate, Rates } from "./types.js";

/** What decrypts hidden values, and what a Filter-Id may name. */
export interface AnswerContext {
  readonly secret: Uint8Array;
  readonly authenticator: Uint8Array;
  readonly filters: Readonly<Record<string, Rates>>;
}

interface Draft {
  readonly profile: MutableProfile;
  readonly tunnels: Map<number, TunnelDraft>;
  /** Rates that are given outright win over those of a Filter-Id, and Mikrotik's over WISPr's. */
  wispr: { up?: Rate | undefined; down?: Rate | undefined } | undefined;
  mikrotik: Rates | undefined;
}

/** Puts a well-formed value into the draft; false: it makes no sense. */
type Apply<N extends AttributeName> = (draft: Draft, value: ValueOf<N>, context: AnswerContext) => boolean;

export interface AnswerRow {
  readonly attribute: AttributeName;
  /** For the operator's page. */
  readonly means: string;
  readonly apply: Apply<AttributeName>;
}

const row = <N extends AttributeName>(attribute: N, means: string, apply: Apply<N>): AnswerRow => ({
  attribute,
  means,
  apply: apply as Apply<AttributeName>,
});

type Scalar = "userName" | "pool" | "ipv6Prefix" | "ipv6Pool" | "delegatedPrefix" | "delegatedPool" | "interfaceId";
type Texts = "dns" | "ipv6Dns" | "nbns" | "filters";
type Times = "sessionTimeout" | "idleTimeout" | "interimInterval";

const set =
  (key: Scalar) =>
  ({ profile }: Draft, value: string) => {
    profile[key] ??= value;
    return true;
  };
const add =
  (key: Texts) =>
  ({ profile }: Draft, value: string) => {
    profile[key] = [...profile[key], value];
    return true;
  };
const seconds =
  (key: Times) =>
  ({ profile }: Draft, value: number) => {
    profile[key] = 1000 * value;
    return true;
  };
const routes =
  (key: "routes" | "ipv6Routes", parse: (text: string) => string | undefined) =>
  ({ profile }: Draft, value: string) => {
    const prefix = parse(value);
    if (prefix !== undefined) profile[key] = [...profile[key], prefix];
    return prefix !== undefined;
  };
function tunnelOf({ tunnels }: Draft, tag: number): TunnelDraft {
  const found = tunnels.get(tag) ?? {};
  tunnels.set(tag, found);
  return found;
}
const tunnel =
  <K extends keyof TunnelDraft>(key: K) =>
  (draft: Draft, { tag, value }: Tagged<NonNullable<TunnelDraft[K]>>) => {
    tunnelOf(draft, tag)[key] = value;
    return true;
  };

/** RFC 2865 §5.8: the user, or the NAS, is to choose. */
const chosenElsewhere = new Set(["255.255.255.255", "255.255.255.254"]);
/** RFC 2865 §5.12. */
const mtuRange = { least: 64, most: 65_535 } as const;

export const answerRows: readonly AnswerRow[] = [
  row("User-Name", "Name of the user from here on, in accounting as well", set("userName")),
  row("Framed-IP-Address", "IPv4 address; 255.255.255.254 and .255: from a pool", ({ profile }, value) => {
    if (!chosenElsewhere.has(value)) profile.address = value;
    return ipv4.parseAddress(value) !== 0;
  }),
  row("Framed-Pool", "Pool of the IPv4 address", set("pool")),
  row(
    "Framed-Route",
    "IPv4 prefix behind the subscriber: `192.0.2.0/24 GATEWAY METRIC` or `192.0.2.0 255.255.255.0 …`; the gateway is ignored",
    routes("routes", parseFramedRoute),
  ),
  row("Framed-IPv6-Prefix", "Prefix on the link, for SLAAC", set("ipv6Prefix")),
  row("Framed-IPv6-Pool", "Pool of the prefix on the link", set("ipv6Pool")),
  row("Delegated-IPv6-Prefix", "Prefix to delegate by DHCPv6", set("delegatedPrefix")),
  row("Delegated-IPv6-Prefix-Pool", "Pool of the delegated prefix", set("delegatedPool")),
  row("Mikrotik-Delegated-IPv6-Pool", "As Delegated-IPv6-Prefix-Pool", set("delegatedPool")),
  row("Framed-IPv6-Route", "IPv6 prefix behind the subscriber", routes("ipv6Routes", parseFramedIpv6Route)),
  row("Framed-Interface-Id", "Interface identifier that the subscriber must use", set("interfaceId")),
  row("MS-Primary-DNS-Server", "IPv4 name server", add("dns")),
  row("MS-Secondary-DNS-Server", "IPv4 name server", add("dns")),
  row("MS-Primary-NBNS-Server", "NetBIOS name server", add("nbns")),
  row("MS-Secondary-NBNS-Server", "NetBIOS name server", add("nbns")),
  row("DNS-Server-IPv6-Address", "IPv6 name server; may be repeated", add("ipv6Dns")),
  row("Framed-MTU", "Largest packet, 64 to 65535", ({ profile }, value) => {
    if (value < mtuRange.least || value > mtuRange.most) return false;
    profile.mtu = value;
    return true;
  }),
  row("Session-Timeout", "Seconds that the session may last; 0: for ever", seconds("sessionTimeout")),
  row("Idle-Timeout", "Seconds that it may be without traffic; 0: for ever", seconds("idleTimeout")),
  row("Acct-Interim-Interval", "Seconds between interim updates; 0: none", seconds("interimInterval")),
  row("Port-Limit", "Links in a multilink bundle", ({ profile }, value) => {
    profile.portLimit = value;
    return value > 0;
  }),
  row("Filter-Id", "Name of a profile of the configuration; may be repeated", add("filters")),
  row("Class", "Given back in accounting; may be repeated", ({ profile }, value) => {
    profile.class = [...profile.class, value];
    return true;
  }),
  row("Mikrotik-Rate-Limit", "Rates: rx (from the subscriber) / tx (to it), with bursts", (draft, value) => {
    draft.mikrotik = parseMikrotikRateLimit(value);
    return draft.mikrotik !== undefined;
  }),
  row("WISPr-Bandwidth-Max-Up", "Bits a second from the subscriber; 0: without limit", (draft, value) => {
    draft.wispr = { ...draft.wispr, up: rateOf(value) };
    return true;
  }),
  row("WISPr-Bandwidth-Max-Down", "Bits a second to the subscriber; 0: without limit", (draft, value) => {
    draft.wispr = { ...draft.wispr, down: rateOf(value) };
    return true;
  }),
  row("Tunnel-Type", "3, L2TP: forward instead of terminate", tunnel("type")),
  row("Tunnel-Medium-Type", "1 or 2; the address tells", tunnel("medium")),
  row("Tunnel-Server-Endpoint", "Address of the LNS", tunnel("server")),
  row(
    "Tunnel-Client-Endpoint",
    "Our address: the tunnel comes from the port that has it; where none has, that is logged, and it comes from the usual one",
    tunnel("client"),
  ),
  row("Tunnel-Password", "Secret of the tunnel", (draft, { tag, value }, { secret, authenticator }) => {
    const revealed = revealSalted(value, secret, authenticator);
    if (revealed) tunnelOf(draft, tag).secret = revealed;
    return revealed !== undefined;
  }),
  row("Tunnel-Assignment-ID", "Which calls share a tunnel", tunnel("assignmentId")),
  row("Tunnel-Client-Auth-ID", "Our host name in the tunnel", tunnel("clientName")),
  row("Tunnel-Server-Auth-ID", "The LNS's host name", tunnel("serverName")),
  row("Tunnel-Preference", "The lowest is tried first", tunnel("preference")),
];

const rowsByName = new Map(answerRows.map((each) => [each.attribute, each]));

export interface ReadAnswer {
  readonly profile: Profile;
  /** What was not understood, and ignored: names of attributes. */
  readonly ignored: readonly string[];
  /** It is to be forwarded, but to nowhere that we could: then it is to be refused (RFC 2868 §3.1). */
  readonly nowhere: boolean;
}

/** Never fails: a value that makes no sense is left out, and named. Attributes without a row are not for us. */
export function readAnswer(attributes: Attributes, context: AnswerContext): ReadAnswer {
  const draft = newDraft();
  const ignored: string[] = [];
  for (const attribute of attributes) {
    const name = attributeName(attribute);
    const found = name && rowsByName.get(name);
    if (found && !applyRow(found, draft, attribute, context)) ignored.push(found.attribute);
  }
  const { profile, tunnels, wispr, mikrotik } = draft;
  profile.rates = mikrotik ?? mergedRates(wispr, profile.filters, context.filters);
  if (tunnels.size > 0) profile.tunnels = tunnelTargets(tunnels, (what) => ignored.push(what));
  return { profile, ignored, nowhere: tunnels.size > 0 && profile.tunnels.length === 0 };
}

function applyRow({ attribute: name, apply }: AnswerRow, draft: Draft, attribute: Attribute, context: AnswerContext) {
  const value = firstOf([attribute], name);
  return value !== undefined && value !== "" && apply(draft, value, context);
}

function mergedRates(
  given: Draft["wispr"],
  names: readonly string[],
  filters: Readonly<Record<string, Rates>>,
): Rates | undefined {
  const name = names.find((each) => Object.hasOwn(filters, each));
  const named = name === undefined ? undefined : filters[name];
  if (given === undefined) return named;
  return { up: "up" in given ? given.up : named?.up, down: "down" in given ? given.down : named?.down };
}

const newDraft = (): Draft => ({ profile: newProfile(), tunnels: new Map(), wispr: undefined, mikrotik: undefined });

/** Those that say rates outright. */
export const rateAttributes = [
  "Mikrotik-Rate-Limit",
  "WISPr-Bandwidth-Max-Up",
  "WISPr-Bandwidth-Max-Down",
] as const satisfies readonly (keyof typeof radiusAttributes)[];
