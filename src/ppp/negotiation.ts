/**
 * A control protocol in negotiation: the automaton's actions, the restart timer, and the packets that LCP and every NCP have
 * in common (RFC 1661 §5.1 to §5.6). What differs from protocol to protocol is a `Layer`.
 */
import { copyOf } from "../wire/octets.js";
import { frameHeaderLength } from "../wire/ppp.js";
import { areOptions, controlCode, controlEnd, controlHeaderLength, dataAt, emptyControl } from "../wire/ppp-control.js";
import { type Action, type Event, timed, transitions } from "./automaton.js";
import { commit, isOurRequest, judgeRequest, type OptionRule, takeNak, takeReject, writeRequest } from "./options.js";
import type { LcpState, RandomBytes } from "./types.js";

/** RFC 1661 §4.6, in milliseconds and packets. */
export interface Timing {
  readonly restartTimer: number;
  readonly maxConfigure: number;
  readonly maxTerminate: number;
  readonly maxFailure: number;
}

/** Of one protocol on one link or unit. Plain; each protocol adds what it has agreed on. */
export interface Negotiation {
  state: LcpState;
  /** Of the restart timer. */
  deadline: number | undefined;
  restartCounter: number;
  /** Of the last packet that we began. */
  identifier: number;
  /** Of our Configure-Request that has no answer yet; -1: none. */
  outstanding: number;
  /** Configure-Naks sent since the last Configure-Ack, and heard since the last time that it was open. */
  naksSent: number;
  naksHeard: number;
}

/** To be spread last: V8 gives each object that is added to after a spread a hidden class of its own. */
export const freshNegotiation = (): Negotiation => ({
  state: "initial",
  deadline: undefined,
  restartCounter: 0,
  identifier: 0,
  outstanding: -1,
  naksSent: 0,
  naksHeard: 0,
});

/** Whose protocol it is: a link, or a network. */
export interface Host {
  readonly now: number;
  readonly random: RandomBytes;
  readonly timing: Timing;
  send(frame: Uint8Array): void;
  /** Counts a packet that was not taken. */
  drop(reason: string): void;
}

export interface Layer<S extends Negotiation, H extends Host> {
  /** In the names of counters. */
  readonly name: string;
  readonly protocol: number;
  readonly rules: readonly OptionRule<S, H>[];
  /** What the peer gets by not asking for anything; before its request is taken over. */
  clear(state: S): void;
  /** This-Layer-Up, -Down, -Finished (§4.4). */
  up(state: S, host: H): void;
  down(state: S, host: H): void;
  finished(state: S, host: H): void;
  /** The peer's Naks do not end. */
  diverged(state: S, host: H): void;
  /** A Terminate-Request; `message` is its data. */
  terminated?(state: S, host: H, message: Uint8Array): void;
  /** The data of our Terminate-Requests. */
  farewell?(state: S): Uint8Array | undefined;
  /** Packets of codes above 7; false: the code is unknown. */
  other?(state: S, host: H, packet: Packet): boolean;
  /** How much of a rejected packet may go back. */
  room(state: S): number;
}

/** A packet that was received; `at` and `end` enclose its data in `bytes`. */
export interface Packet {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
  readonly code: number;
  readonly identifier: number;
  /** The answer, should the automaton give one by `sca`, `scn` or `ser`. */
  reply: Uint8Array | undefined;
}

/** Longer packets than anybody has options for; what is built from them has room in one buffer. */
const longestPacket = 4096;

/** Steps the automaton. */
export function signal<S extends Negotiation, H extends Host>(
  state: S,
  layer: Layer<S, H>,
  host: H,
  event: Event,
  packet?: Packet,
): void {
  const transition = transitions[event][state.state];
  if (transition === undefined) return;
  state.state = transition.next;
  if (!timed.has(transition.next)) state.deadline = undefined;
  for (const action of transition.actions) perform[action](state, layer, host, packet);
}

/** The restart timer (§4.6): call it at or after `state.deadline`. */
export function timeOut<S extends Negotiation, H extends Host>(state: S, layer: Layer<S, H>, host: H): void {
  if (state.deadline === undefined || state.deadline > host.now) return;
  state.deadline = undefined;
  signal(state, layer, host, state.restartCounter > 0 ? "to+" : "to-");
}

type Perform = <S extends Negotiation, H extends Host>(
  state: S,
  layer: Layer<S, H>,
  host: H,
  packet: Packet | undefined,
) => void;

const perform: Readonly<Record<Action, Perform>> = {
  tlu: (state, layer, host) => {
    state.naksHeard = 0;
    state.naksSent = 0;
    layer.up(state, host);
  },
  tld: (state, layer, host) => layer.down(state, host),
  tls: () => {},
  tlf: (state, layer, host) => layer.finished(state, host),
  irc: (state, _layer, host) => {
    const terminating = state.state === "closing" || state.state === "stopping";
    state.restartCounter = terminating ? host.timing.maxTerminate : host.timing.maxConfigure;
  },
  zrc: (state, _layer, host) => {
    state.restartCounter = 0;
    state.deadline = host.now + host.timing.restartTimer;
  },
  scr: (state, layer, host) => {
    startTimer(state, host);
    state.outstanding = nextIdentifier(state);
    host.send(writeRequest(state, layer, state.outstanding));
  },
  sca: (state, layer, host, packet) => {
    state.naksSent = 0;
    layer.clear(state);
    commit(state, layer.rules, packet!);
    host.send(packet!.reply!);
  },
  scn: (state, _layer, host, packet) => {
    if (packet!.reply![frameHeaderLength] === controlCode.configureNak) state.naksSent++;
    host.send(packet!.reply!);
  },
  str: (state, layer, host) => {
    startTimer(state, host);
    state.outstanding = -1;
    const message = layer.farewell?.(state) ?? nothing;
    const frame = emptyControl(layer.protocol, controlCode.terminateRequest, nextIdentifier(state), message.length);
    frame.set(message, dataAt);
    host.send(frame);
  },
  sta: (state, layer, host, packet) => {
    const identifier = packet?.code === controlCode.terminateRequest ? packet.identifier : nextIdentifier(state);
    host.send(emptyControl(layer.protocol, controlCode.terminateAck, identifier, 0));
  },
  scj: (state, layer, host, packet) => {
    const { bytes, at, end } = packet!;
    const from = at - controlHeaderLength;
    const length = Math.min(end - from, layer.room(state) - controlHeaderLength);
    const frame = emptyControl(layer.protocol, controlCode.codeReject, nextIdentifier(state), length);
    frame.set(bytes.subarray(from, from + length), dataAt);
    host.send(frame);
  },
  ser: (_state, _layer, host, packet) => {
    if (packet!.reply) host.send(packet!.reply);
  },
};

const nothing = new Uint8Array(0);

/** §5: each packet that we begin has its own. */
export function nextIdentifier(state: Negotiation): number {
  state.identifier = (state.identifier + 1) & 0xff;
  return state.identifier;
}

function startTimer(state: Negotiation, host: Host): void {
  state.restartCounter--;
  state.deadline = host.now + host.timing.restartTimer;
}

/** Takes the packet that begins at `at` and ends with `bytes`, or before, at its padding. */
export function receive<S extends Negotiation, H extends Host>(
  state: S,
  layer: Layer<S, H>,
  host: H,
  bytes: Uint8Array,
  at: number,
): void {
  const end = controlEnd(bytes, at);
  if (end === undefined || end - at > longestPacket) {
    host.drop(`${layer.name}-length`);
    return;
  }
  const packet: Packet = {
    bytes,
    at: at + controlHeaderLength,
    end,
    code: bytes[at]!,
    identifier: bytes[at + 1]!,
    reply: undefined,
  };
  const take = takers[packet.code];
  if (take) take(state, layer, host, packet);
  else if (!layer.other?.(state, host, packet)) {
    host.drop(`${layer.name}-unknown-code`);
    signal(state, layer, host, "ruc", packet);
  }
}

type Take = <S extends Negotiation, H extends Host>(state: S, layer: Layer<S, H>, host: H, packet: Packet) => void;

const takers: Readonly<Record<number, Take>> = {
  [controlCode.configureRequest]: (state, layer, host, packet) => {
    if (!areOptions(packet.bytes, packet.at, packet.end)) return host.drop(`${layer.name}-options`);
    const good = judgeRequest(state, layer, host, packet);
    signal(state, layer, host, good ? "rcr+" : "rcr-", packet);
  },
  [controlCode.configureAck]: (state, layer, host, packet) => {
    if (!answersUs(state, layer, host, packet)) return;
    if (!isOurRequest(state, layer, packet)) return host.drop(`${layer.name}-altered-ack`);
    state.outstanding = -1;
    signal(state, layer, host, "rca", packet);
  },
  [controlCode.configureNak]: (state, layer, host, packet) => {
    if (!answersUs(state, layer, host, packet)) return;
    if (!areOptions(packet.bytes, packet.at, packet.end)) return host.drop(`${layer.name}-options`);
    state.outstanding = -1;
    state.naksHeard++;
    if (state.naksHeard > 3 * host.timing.maxFailure) return layer.diverged(state, host);
    takeNak(state, layer.rules, host, packet, state.naksHeard > 2 * host.timing.maxFailure);
    signal(state, layer, host, "rcn", packet);
  },
  [controlCode.configureReject]: (state, layer, host, packet) => {
    if (!answersUs(state, layer, host, packet)) return;
    if (!takeReject(state, layer, host, packet)) return host.drop(`${layer.name}-altered-reject`);
    state.outstanding = -1;
    signal(state, layer, host, "rcn", packet);
  },
  [controlCode.terminateRequest]: (state, layer, host, packet) => {
    layer.terminated?.(state, host, copyOf(packet.bytes, packet.at, packet.end));
    signal(state, layer, host, "rtr", packet);
  },
  [controlCode.terminateAck]: (state, layer, host, packet) => signal(state, layer, host, "rta", packet),
  [controlCode.codeReject]: (state, layer, host, packet) => {
    if (packet.end - packet.at < controlHeaderLength) return host.drop(`${layer.name}-length`);
    const needed = takers[packet.bytes[packet.at]!] !== undefined;
    signal(state, layer, host, needed ? "rxj-" : "rxj+", packet);
  },
};

/**
 * §5.2: an answer that does not match what we asked last is discarded, and so is a second one. Before anything was asked it
 * is an event all the same.
 */
function answersUs<S extends Negotiation, H extends Host>(
  state: S,
  layer: Layer<S, H>,
  host: H,
  packet: Packet,
): boolean {
  if (packet.identifier === state.outstanding) return true;
  host.drop(`${layer.name}-identifier`);
  if (state.state === "closed" || state.state === "stopped") signal(state, layer, host, "rca", packet);
  return false;
}
