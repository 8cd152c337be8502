/** LCP that a LAC has done before it handed the call over (RFC 2661 §4.4.5, §18), and what we would hand on ourselves. */
import { lcpOptionBytes } from "../wire/lcp.js";
import { areOptions, encodeOptions, optionHeaderLength } from "../wire/ppp-control.js";
import { lcpRules } from "./lcp-rules.js";
import { defaults, type Lcp, type LcpHost, type LcpOffer } from "./lcp-state.js";
import { currentOptions, type OptionRule } from "./options.js";
import type { LcpOptions, LinkSettings, ProxyLcp } from "./types.js";

/**
 * Takes over what was agreed, as if LCP had just opened here. False: it is not what our settings would have come to, and
 * nothing is changed.
 */
export function adoptProxy(lcp: Lcp, host: LcpHost, { lastSent, lastReceived }: ProxyLcp): boolean {
  if (!areOptions(lastSent, 0, lastSent.length) || !areOptions(lastReceived, 0, lastReceived.length)) return false;
  const local = optionsOf(lastSent);
  const peer = optionsOf(lastReceived);
  if (local === undefined || peer === undefined || !acceptable(local, host.settings)) return false;
  const before = { ...lcp.local };
  Object.assign(lcp.local, local);
  if (!wouldAcknowledge(lcp, host, lastReceived)) {
    Object.assign(lcp.local, before);
    return false;
  }
  Object.assign(lcp.peer, peer);
  return true;
}

/**
 * What the LAC asked for in our place must be what we may ask for; the authentication that we need is in it. The MRU that
 * every link has is no more than can be received (RFC 1661 §6.1), though we would have asked for less.
 */
const acceptable = (local: LcpOptions, settings: LinkSettings): boolean =>
  local.mru <= Math.max(settings.mru, defaults.mru) &&
  (local.mrru === undefined || local.mrru <= (settings.multilink?.mrru ?? 0)) &&
  (local.authentication === undefined
    ? settings.authenticate.length === 0
    : settings.authenticate.includes(local.authentication));

/** A request's options as values; undefined: one of them is not known, or not whole. */
function optionsOf(bytes: Uint8Array): LcpOptions | undefined {
  const offer: LcpOffer = { local: defaults, peer: { ...defaults }, loops: 0 };
  for (let at = 0; at < bytes.length; at += bytes[at + 1]!) {
    const rule = lcpRules.find(({ type }) => type === bytes[at]);
    if (rule === undefined || !fits(rule, bytes[at + 1]! - optionHeaderLength)) return undefined;
    rule.accept(offer, bytes, at + optionHeaderLength, bytes[at + 1]! - optionHeaderLength);
  }
  return offer.peer;
}

const fits = <S, H>({ least, most }: OptionRule<S, H>, length: number): boolean => length >= least && length <= most;

function wouldAcknowledge(lcp: Lcp, host: LcpHost, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += bytes[at + 1]!) {
    const length = bytes[at + 1]! - optionHeaderLength;
    const rule = lcpRules.find(({ type }) => type === bytes[at]);
    if (rule?.judge(lcp, host, bytes, at + optionHeaderLength, length) !== "ack") return false;
  }
  return true;
}

/** The options of both sides, as Configure-Requests had them. */
export function proxyOf({ local, peer }: Lcp): Pick<ProxyLcp, "lastSent" | "lastReceived"> {
  return { lastSent: optionBytes(local), lastReceived: optionBytes(peer) };
}

function optionBytes(options: LcpOptions): Uint8Array {
  const asked = currentOptions({ local: options, peer: defaults, loops: 0 }, lcpRules);
  if (options.accm === undefined) return asked;
  return Uint8Array.of(...asked, ...encodeOptions([lcpOptionBytes({ name: "accm", map: options.accm })]));
}
