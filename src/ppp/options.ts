/**
 * Options in negotiation (RFC 1661 §5.1 to §5.4): a protocol is a table of rules, one per option, and these functions write
 * our requests, judge the peer's, and take its answers by that table. An option without a rule is rejected.
 */
import { frameHeaderLength } from "../wire/ppp.js";
import { controlCode, controlHeaderLength, dataAt, emptyControl, optionHeaderLength } from "../wire/ppp-control.js";
import type { Host, Layer, Negotiation, Packet } from "./negotiation.js";

export type Verdict = "ack" | "nak" | "reject";

/** `at` and `length` are those of an option's data in `bytes`. */
export interface OptionRule<S, H> {
  readonly type: number;
  /** Octets of data, from and to; another length is Nak'd with what we would have. */
  readonly least: number;
  readonly most: number;
  /** Writes the data of the option that we ask for; returns their length, or `notAsked`. */
  ask(state: S, into: Uint8Array, at: number): number;
  judge(state: S, host: H, bytes: Uint8Array, at: number, length: number): Verdict;
  /** Writes the data that we would accept; returns their length, or `notAsked` where there is none. */
  suggest(state: S, host: H, into: Uint8Array, at: number): number;
  /** Whether a request without the option is to be Nak'd with a suggestion. */
  demanded?(state: S, host: H): boolean;
  /** The peer's option was acknowledged. */
  accept(state: S, bytes: Uint8Array, at: number, length: number): void;
  /** The peer would have this instead of what we asked for. */
  naked(state: S, host: H, bytes: Uint8Array, at: number, length: number): void;
  /** The peer does not negotiate what we asked for. */
  rejected(state: S, host: H): void;
}

export const notAsked = -1;

/** Scratch space of one call: answers are gathered here, then copied into a frame of their size. */
const room = 8192;
const gathered = new Uint8Array(room);
const refused = new Uint8Array(room);
/** The largest option. */
const margin = 256;

type Rules<S, H> = readonly OptionRule<S, H>[];

function ruleOf<S, H>(rules: Rules<S, H>, type: number): OptionRule<S, H> | undefined {
  for (const rule of rules) if (rule.type === type) return rule;
  return undefined;
}

/** Writes our options; returns where they end. */
function ask<S, H>(state: S, rules: Rules<S, H>, into: Uint8Array): number {
  let at = 0;
  for (const rule of rules) {
    const length = rule.ask(state, into, at + optionHeaderLength);
    if (length === notAsked) continue;
    into[at] = rule.type;
    into[at + 1] = optionHeaderLength + length;
    at += optionHeaderLength + length;
  }
  return at;
}

/** Our options as they stand, without a packet's header. */
export function currentOptions<S, H>(state: S, rules: Rules<S, H>): Uint8Array {
  return gathered.slice(0, ask(state, rules, gathered));
}

/** §5.1: a frame with our Configure-Request. */
export function writeRequest<S extends Negotiation, H extends Host>(
  state: S,
  layer: Layer<S, H>,
  identifier: number,
): Uint8Array {
  const length = ask(state, layer.rules, gathered);
  return answer(layer.protocol, controlCode.configureRequest, identifier, gathered, length);
}

/** §5.2: whether an Ack has the very options that we asked for. */
export function isOurRequest<S extends Negotiation, H extends Host>(
  state: S,
  layer: Layer<S, H>,
  { bytes, at, end }: Packet,
): boolean {
  const length = ask(state, layer.rules, gathered);
  if (end - at !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== gathered[i]) return false;
  return true;
}

/**
 * Judges a Configure-Request whose options are whole, and writes the answer: Reject before Nak before Ack. After
 * `maxFailure` Naks whatever would be Nak'd is rejected, and nothing is demanded any more (§4.6).
 */
export function judgeRequest<S extends Negotiation, H extends Host>(
  state: S,
  layer: Layer<S, H>,
  host: H,
  packet: Packet,
): boolean {
  const { bytes, end } = packet;
  const patient = state.naksSent < host.timing.maxFailure;
  let naks = 0;
  let rejects = 0;
  for (let at = packet.at; at < end; at += bytes[at + 1]!) {
    const rule = ruleOf(layer.rules, bytes[at]!);
    let verdict = rule ? judgeOption(rule, state, host, bytes, at) : "reject";
    if (verdict === "nak" && rule) {
      const length = patient ? suggest(rule, state, host, naks) : notAsked;
      if (length === notAsked) verdict = "reject";
      else naks += length;
    }
    if (verdict === "reject") {
      for (let i = 0; i < bytes[at + 1]!; i++) refused[rejects + i] = bytes[at + i]!;
      rejects += bytes[at + 1]!;
    }
  }
  if (patient) {
    for (const rule of layer.rules) {
      if (!rule.demanded?.(state, host) || asked(packet, rule.type)) continue;
      naks += Math.max(0, suggest(rule, state, host, naks));
    }
  }
  if (rejects > 0) {
    packet.reply = answer(layer.protocol, controlCode.configureReject, packet.identifier, refused, rejects);
  } else if (naks > 0) {
    packet.reply = answer(layer.protocol, controlCode.configureNak, packet.identifier, gathered, naks);
  } else {
    packet.reply = emptyControl(layer.protocol, controlCode.configureAck, packet.identifier, end - packet.at);
    packet.reply.set(bytes.subarray(packet.at, end), dataAt);
    return true;
  }
  return false;
}

function judgeOption<S, H>(rule: OptionRule<S, H>, state: S, host: H, bytes: Uint8Array, at: number): Verdict {
  const length = bytes[at + 1]! - optionHeaderLength;
  if (length < rule.least || length > rule.most) return "nak";
  return rule.judge(state, host, bytes, at + optionHeaderLength, length);
}

/** Adds an option to the Nak at `at`; returns its whole length. */
function suggest<S, H>(rule: OptionRule<S, H>, state: S, host: H, at: number): number {
  if (at > room - margin) return notAsked;
  const length = rule.suggest(state, host, gathered, at + optionHeaderLength);
  if (length === notAsked) return notAsked;
  gathered[at] = rule.type;
  gathered[at + 1] = optionHeaderLength + length;
  return optionHeaderLength + length;
}

function asked({ bytes, at, end }: Packet, type: number): boolean {
  for (let next = at; next < end; next += bytes[next + 1]!) if (bytes[next] === type) return true;
  return false;
}

/** Takes over the options of a request that is acknowledged. */
export function commit<S, H>(state: S, rules: Rules<S, H>, { bytes, at, end }: Packet): void {
  for (let next = at; next < end; next += bytes[next + 1]!) {
    ruleOf(rules, bytes[next]!)?.accept(state, bytes, next + optionHeaderLength, bytes[next + 1]! - optionHeaderLength);
  }
}

/** §5.3. With `impatient` the options are not asked for any more, so that Naks without end come to one. */
export function takeNak<S, H>(
  state: S,
  rules: Rules<S, H>,
  host: H,
  { bytes, at, end }: Packet,
  impatient: boolean,
): void {
  for (let next = at; next < end; next += bytes[next + 1]!) {
    const rule = ruleOf(rules, bytes[next]!);
    const length = bytes[next + 1]! - optionHeaderLength;
    if (rule === undefined || length < rule.least || length > rule.most) continue;
    if (impatient) rule.rejected(state, host);
    else rule.naked(state, host, bytes, next + optionHeaderLength, length);
  }
}

/** §5.4: what is rejected must be as we asked for it, in our order. False: it is not, and nothing is taken. */
export function takeReject<S extends Negotiation, H extends Host>(
  state: S,
  layer: Layer<S, H>,
  host: H,
  { bytes, at, end }: Packet,
): boolean {
  const length = ask(state, layer.rules, gathered);
  let ours = 0;
  let theirs = at;
  while (theirs < end && ours < length) {
    if (sameOption(bytes, theirs, end, ours)) theirs += bytes[theirs + 1]!;
    ours += gathered[ours + 1]!;
  }
  if (theirs !== end || at === end) return false;
  for (let next = at; next < end; next += bytes[next + 1]!) ruleOf(layer.rules, bytes[next]!)?.rejected(state, host);
  return true;
}

function sameOption(bytes: Uint8Array, at: number, end: number, ours: number): boolean {
  const length = gathered[ours + 1]!;
  if (at + length > end) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== gathered[ours + i]) return false;
  return true;
}

function answer(protocol: number, code: number, identifier: number, from: Uint8Array, length: number): Uint8Array {
  const frame = emptyControl(protocol, code, identifier, length);
  for (let i = 0; i < length; i++) frame[frameHeaderLength + controlHeaderLength + i] = from[i]!;
  return frame;
}
