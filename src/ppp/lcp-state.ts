/** LCP on one link as plain data, and what it needs of the link. */
import { defaultMru } from "../wire/lcp.js";
import { encodeText } from "../wire/octets.js";
import type { Event } from "./automaton.js";
import { freshNegotiation, type Host, type Negotiation, type Packet } from "./negotiation.js";
import type { LcpOptions, LinkEnd, LinkSettings } from "./types.js";

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What is on the table. */
export interface LcpOffer {
  /** What we ask for, and in the end have. */
  local: Mutable<LcpOptions>;
  /** What the peer has asked for and got. */
  peer: Mutable<LcpOptions>;
  /** Configure-Requests with our own magic number that came one after the other. */
  loops: number;
}

export interface Lcp extends Negotiation, LcpOffer {
  /** What our Terminate-Requests say. */
  farewell: string | undefined;
}

export interface LcpHost extends Host {
  readonly settings: LinkSettings;
  /** Steps LCP's automaton. */
  lcpSignal(event: Event, packet?: Packet): void;
  /** The link cannot go on; it ends once the packet at hand is done with. */
  fail(reason: LinkEnd, message?: string): void;
  lcpUp(): void;
  lcpDown(): void;
  lcpFinished(): void;
  /** The peer ended the link. */
  lcpTerminated(message: Uint8Array): void;
  protocolRejected(protocol: number): void;
  told(what: "identification" | "time-remaining", text: string): void;
}

/** RFC 1661 §6: what holds for a side that asks for nothing. */
export const defaults: LcpOptions = {
  mru: defaultMru,
  magicNumber: 0,
  accm: undefined,
  protocolFieldCompression: false,
  addressAndControlFieldCompression: false,
  authentication: undefined,
  mrru: undefined,
  shortSequence: false,
  discriminator: undefined,
};

export const freshLcp = (settings: LinkSettings, magicNumber: number): Lcp => ({
  local: {
    mru: settings.mru,
    magicNumber,
    accm: undefined,
    protocolFieldCompression: settings.protocolFieldCompression,
    addressAndControlFieldCompression: settings.addressAndControlFieldCompression,
    authentication: settings.authenticate[0],
    mrru: settings.multilink?.mrru,
    shortSequence: settings.multilink?.shortSequence ?? false,
    discriminator: settings.multilink?.discriminator,
  },
  peer: { ...defaults },
  loops: 0,
  farewell: undefined,
  ...freshNegotiation(),
});

/** Longest text in a packet, ours or theirs, in octets. */
export const longestText = 255;
export function textBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(longestText);
  return bytes.slice(0, encodeText(bytes, 0, longestText, text));
}

/** How much of a rejected packet the peer can surely receive back (RFC 1661 §5.6, §5.7). */
export const rejectRoom = ({ peer }: Lcp): number => Math.min(peer.mru, defaultMru);
