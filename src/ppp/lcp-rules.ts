/** What we ask for, grant and refuse of LCP's options; the order is that of our requests. */
import { authenticationAt, defaultMru, lcpOption, longestDiscriminator, putAuthentication } from "../wire/lcp.js";
import { copyOf, putU16, putU32, u16, u32 } from "../wire/octets.js";
import type { LcpHost, LcpOffer } from "./lcp-state.js";
import { notAsked, type OptionRule } from "./options.js";
import type { AuthProtocol, LinkSettings, RandomBytes } from "./types.js";

type Rule = OptionRule<LcpOffer, LcpHost>;

/** Below this no network protocol gets its packets through. */
const leastMru = 128;

const never = (): typeof notAsked => notAsked;
const nothing = (): void => {};

/** RFC 1661 §6.1. */
const mru: Rule = {
  type: lcpOption.mru,
  least: 2,
  most: 2,
  ask: ({ local }, into, at) => (local.mru === defaultMru ? notAsked : number16(into, at, local.mru)),
  judge: (_lcp, _host, bytes, at) => (u16(bytes, at) < leastMru ? "nak" : "ack"),
  suggest: (_lcp, _host, into, at) => number16(into, at, leastMru),
  accept: ({ peer }, bytes, at) => {
    peer.mru = u16(bytes, at);
  },
  naked: ({ local }, { settings }, bytes, at) => {
    const wish = u16(bytes, at);
    if (wish >= leastMru && wish <= settings.mru) local.mru = wish;
  },
  rejected: ({ local }) => {
    local.mru = defaultMru;
  },
};

/** RFC 1662 §7.1: tunnels carry frames without transparency, so that the peer's map means nothing. */
const accm: Rule = {
  type: lcpOption.accm,
  least: 4,
  most: 4,
  ask: never,
  judge: () => "ack",
  suggest: (_lcp, _host, into, at) => number32(into, at, 0),
  accept: ({ peer }, bytes, at) => {
    peer.accm = u32(bytes, at);
  },
  naked: nothing,
  rejected: nothing,
};

/** RFC 1661 §6.2. */
const authentication: Rule = {
  type: lcpOption.authentication,
  least: 2,
  most: 253,
  ask: ({ local }, into, at) =>
    local.authentication === undefined ? notAsked : putAuthentication(into, at, local.authentication),
  judge: (_lcp, { settings }, bytes, at, length) => {
    const allowed = settings.credentials?.allow ?? [];
    if (allowed.length === 0) return "reject";
    const demanded = authenticationAt(bytes, at, length);
    return demanded !== undefined && allowed.includes(demanded) ? "ack" : "nak";
  },
  suggest: (_lcp, { settings }, into, at) => {
    const best = settings.credentials?.allow[0];
    return best === undefined ? notAsked : putAuthentication(into, at, best);
  },
  accept: ({ peer }, bytes, at, length) => {
    peer.authentication = authenticationAt(bytes, at, length);
  },
  naked: ({ local }, host, bytes, at, length) => {
    const next = alternative(host.settings, local.authentication, authenticationAt(bytes, at, length));
    if (next === undefined) host.fail("no-agreement", "no authentication protocol in common");
    else local.authentication = next;
  },
  rejected: (_lcp, host) => host.fail("no-agreement", "authentication is required"),
};

/** What the peer would rather do, if we allow it; else the next of ours after the one it refused. */
function alternative(
  { authenticate }: LinkSettings,
  refused: AuthProtocol | undefined,
  wish: AuthProtocol | undefined,
): AuthProtocol | undefined {
  if (wish !== undefined && authenticate.includes(wish)) return wish;
  return refused === undefined ? undefined : authenticate[authenticate.indexOf(refused) + 1];
}

/** RFC 1661 §6.4. Our own number in the peer's request is a loop, or one chance in four thousand million. */
const magicNumber: Rule = {
  type: lcpOption.magicNumber,
  least: 4,
  most: 4,
  ask: ({ local }, into, at) => (local.magicNumber === 0 ? notAsked : number32(into, at, local.magicNumber)),
  judge: (lcp, host, bytes, at) => {
    const theirs = u32(bytes, at);
    if (theirs === 0) return "nak";
    if (theirs !== lcp.local.magicNumber) {
      lcp.loops = 0;
      return "ack";
    }
    if (++lcp.loops >= host.timing.maxFailure) host.fail("loop", "our own magic number comes back");
    return "nak";
  },
  suggest: (_lcp, { random }, into, at) => number32(into, at, freshMagic(random)),
  accept: ({ peer }, bytes, at) => {
    peer.magicNumber = u32(bytes, at);
  },
  naked: ({ local }, { random }) => {
    local.magicNumber = freshMagic(random);
  },
  rejected: ({ local }) => {
    local.magicNumber = 0;
  },
};

/** §6.4: neither zero nor predictable. */
export function freshMagic(random: RandomBytes): number {
  return u32(random(4), 0) || 1;
}

/** RFC 1661 §6.5 and §6.6: granted if we ask for it as well; we read both forms anyway. */
const flag = (
  type: number,
  field: "protocolFieldCompression" | "addressAndControlFieldCompression" | "shortSequence",
  granted: (settings: LinkSettings) => boolean,
): Rule => ({
  type,
  least: 0,
  most: 0,
  ask: ({ local }) => (local[field] ? 0 : notAsked),
  judge: (_lcp, { settings }) => (granted(settings) ? "ack" : "reject"),
  suggest: () => 0,
  accept: ({ peer }) => {
    peer[field] = true;
  },
  naked: nothing,
  rejected: ({ local }) => {
    local[field] = false;
  },
});

/** RFC 1990 §5.1.1. */
const mrru: Rule = {
  type: lcpOption.mrru,
  least: 2,
  most: 2,
  ask: ({ local }, into, at) => (local.mrru === undefined ? notAsked : number16(into, at, local.mrru)),
  judge: (_lcp, { settings }, bytes, at) => {
    if (settings.multilink === undefined) return "reject";
    return u16(bytes, at) < leastMru ? "nak" : "ack";
  },
  suggest: (_lcp, { settings }, into, at) =>
    settings.multilink === undefined ? notAsked : number16(into, at, settings.multilink.mrru),
  accept: ({ peer }, bytes, at) => {
    peer.mrru = u16(bytes, at);
  },
  naked: ({ local }, { settings }, bytes, at) => {
    const wish = u16(bytes, at);
    if (wish >= leastMru && wish <= (settings.multilink?.mrru ?? 0)) local.mrru = wish;
  },
  /** A link that is not to be in a bundle needs neither of the others. */
  rejected: ({ local }) => {
    local.mrru = undefined;
    local.shortSequence = false;
    local.discriminator = undefined;
  },
};

/** RFC 1990 §5.1.3. */
const discriminator: Rule = {
  type: lcpOption.discriminator,
  least: 1,
  most: 1 + longestDiscriminator,
  ask: ({ local }, into, at) => {
    if (local.discriminator === undefined) return notAsked;
    into[at] = local.discriminator.class;
    into.set(local.discriminator.address, at + 1);
    return 1 + local.discriminator.address.length;
  },
  judge: (_lcp, { settings }) => (settings.multilink === undefined ? "reject" : "ack"),
  suggest: never,
  accept: ({ peer }, bytes, at, length) => {
    peer.discriminator = { class: bytes[at]!, address: copyOf(bytes, at + 1, at + length) };
  },
  naked: nothing,
  rejected: ({ local }) => {
    local.discriminator = undefined;
  },
};

export const lcpRules: readonly Rule[] = [
  mru,
  authentication,
  magicNumber,
  flag(lcpOption.protocolFieldCompression, "protocolFieldCompression", (s) => s.protocolFieldCompression),
  flag(
    lcpOption.addressAndControlFieldCompression,
    "addressAndControlFieldCompression",
    (s) => s.addressAndControlFieldCompression,
  ),
  mrru,
  flag(lcpOption.shortSequence, "shortSequence", ({ multilink }) => multilink?.shortSequence ?? false),
  discriminator,
  accm,
];

function number16(into: Uint8Array, at: number, value: number): number {
  putU16(into, at, value);
  return 2;
}

function number32(into: Uint8Array, at: number, value: number): number {
  putU32(into, at, value);
  return 4;
}
