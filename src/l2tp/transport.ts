/**
 * Reliable delivery of control messages (RFC 2661 §5.8, appendix A): sequence numbers, window, slow start and congestion
 * avoidance, retransmission with back-off, acknowledgements that wait a moment for something to ride on. State is plain
 * data; every function here changes nothing else.
 */
import type { ControlHeader } from "../wire/l2tp2.js";
import { putSequence } from "../wire/l2tp2.js";
import { copyOf } from "../wire/octets.js";

export interface TransportSettings {
  /** Receive window that we offer. */
  readonly receiveWindow: number;
  readonly maxRetries: number;
  readonly retransmitTimeout: number;
  readonly retransmitCap: number;
}

export interface Transport {
  /** Ns of the first message in `queue`. */
  una: number;
  /** Messages that the peer has not acknowledged, in order: `una`, `una` + 1, … */
  queue: Uint8Array[];
  /** Messages that the peer has acknowledged so far; does not wrap around. */
  acknowledged: number;
  /** How many from the front of `queue` are on their way now, and how many ever were. */
  inFlight: number;
  sent: number;
  /** The Ns that we expect next. */
  nr: number;
  /** Messages that came before their turn, by Ns. */
  early: Map<number, Uint8Array> | undefined;
  peerWindow: number;
  congestionWindow: number;
  threshold: number;
  /** Acknowledgements counted towards the next step of the congestion window. */
  credit: number;
  /** Messages received since the last acknowledgement went out, and when one is due at the latest. */
  owed: number;
  ackAt: number | undefined;
  retransmitAt: number | undefined;
  timeout: number;
  retries: number;
  retransmissions: number;
}

/** §5.8: what a peer offers that sends no Receive Window Size AVP. */
export const defaultPeerWindow = 4;

/** How long an acknowledgement waits for a message to ride on, milliseconds: far below any peer's retransmission time-out. */
export const ackDelay = 20;
/** So many messages make an acknowledgement due at once, so that the peer's window does not run dry. */
const ackThreshold = 3;

/** An early message beyond this size is not kept; it will come again. Bounds what a peer can make us hold. */
const longestEarly = 2048;

export const createTransport = (settings: TransportSettings): Transport => ({
  una: 0,
  queue: [],
  acknowledged: 0,
  inFlight: 0,
  sent: 0,
  nr: 0,
  early: undefined,
  peerWindow: defaultPeerWindow,
  congestionWindow: 1,
  threshold: defaultPeerWindow,
  credit: 0,
  owed: 0,
  ackAt: undefined,
  retransmitAt: undefined,
  timeout: settings.retransmitTimeout,
  retries: 0,
  retransmissions: 0,
});

/** Half of the numbers: with more on the way, old and new could not be told apart. */
const largestWindow = 0x7fff;

/** The peer's Receive Window Size; slow start begins anew below it (appendix A.1). */
export function setPeerWindow(transport: Transport, window: number): void {
  transport.peerWindow = Math.min(Math.max(1, window), largestWindow);
  transport.threshold = transport.peerWindow;
  transport.congestionWindow = Math.min(transport.congestionWindow, transport.peerWindow);
}

export const enqueue = (transport: Transport, message: Uint8Array): void => {
  transport.queue.push(message);
};

/** Ns of the next message that was never sent. A ZLB carries it without consuming it. */
export const nextNs = (transport: Transport): number => (transport.una + transport.sent) & 0xffff;

/** How many messages Nr acknowledges that were not before; negative if it is beyond what was sent. An old Nr gives 0. */
export function acknowledgedBy(transport: Transport, nr: number): number {
  const ahead = (nr - transport.una) & 0xffff;
  if (ahead <= transport.sent) return ahead;
  return ahead >= 0x8000 ? 0 : -1;
}

/** Takes `count` messages off the queue, opens the congestion window, restarts the timer (appendix A.2). */
export function acknowledge(transport: Transport, count: number, settings: TransportSettings, now: number): void {
  if (count === 0) return;
  transport.queue.splice(0, count);
  transport.una = (transport.una + count) & 0xffff;
  transport.acknowledged += count;
  transport.sent -= count;
  transport.inFlight = Math.max(0, transport.inFlight - count);
  for (let i = 0; i < count && transport.congestionWindow < transport.peerWindow; i++) grow(transport);
  transport.retries = 0;
  transport.timeout = settings.retransmitTimeout;
  transport.retransmitAt = transport.inFlight > 0 ? now + transport.timeout : undefined;
}

function grow(transport: Transport): void {
  transport.credit++;
  if (transport.congestionWindow >= transport.threshold && transport.credit < transport.congestionWindow) return;
  transport.congestionWindow++;
  transport.credit = 0;
}

/** The peer wants nothing more of us: whatever it has not acknowledged is over, as if it had. */
export function abandon(transport: Transport): void {
  transport.una = (transport.una + transport.sent) & 0xffff;
  transport.acknowledged += transport.sent;
  transport.queue.length = transport.sent = transport.inFlight = 0;
  transport.retransmitAt = undefined;
}

export type Arrival =
  /** Its turn: hand it on, then what `takeEarly` gives. */
  | "next"
  /** Kept until its turn comes. */
  | "early"
  /** Seen before: acknowledged again, otherwise ignored. */
  | "duplicate"
  | "beyond-window";

/** What becomes of a message with a body (a ZLB consumes no Ns and is not asked about). */
export function arrive(
  transport: Transport,
  { ns, length }: ControlHeader,
  bytes: Uint8Array,
  receiveWindow: number,
  now: number,
): Arrival {
  const ahead = (ns - transport.nr) & 0xffff;
  if (ahead === 0) {
    advance(transport, now);
    return "next";
  }
  if (ahead >= 0x8000) {
    transport.owed = Math.max(transport.owed, 1);
    transport.ackAt = now;
    return "duplicate";
  }
  if (ahead >= receiveWindow || length > longestEarly) return "beyond-window";
  transport.early ??= new Map();
  if (!transport.early.has(ns)) transport.early.set(ns, copyOf(bytes, 0, length));
  return "early";
}

/** The early message whose turn it is now, if it is there; its turn is over with this. */
export function takeEarly(transport: Transport, now: number): Uint8Array | undefined {
  const bytes = transport.early?.get(transport.nr);
  if (bytes === undefined) return undefined;
  transport.early!.delete(transport.nr);
  if (transport.early!.size === 0) transport.early = undefined;
  advance(transport, now);
  return bytes;
}

function advance(transport: Transport, now: number): void {
  transport.nr = (transport.nr + 1) & 0xffff;
  transport.owed++;
  if (transport.owed >= ackThreshold) transport.ackAt = now;
  else transport.ackAt ??= now + ackDelay;
}

/** Hands to `send` what the windows let out now, numbered; each carries the acknowledgement that is owed. */
export function transmit(transport: Transport, now: number, send: (message: Uint8Array, again: boolean) => void): void {
  const window = Math.min(transport.congestionWindow, transport.peerWindow, transport.queue.length);
  if (transport.inFlight >= window) return;
  for (; transport.inFlight < window; transport.inFlight++) {
    const again = transport.inFlight < transport.sent;
    // What was sent before may still be in the driver's hands.
    const message = again ? transport.queue[transport.inFlight]!.slice() : transport.queue[transport.inFlight]!;
    putSequence(message, (transport.una + transport.inFlight) & 0xffff, transport.nr);
    if (again) transport.retransmissions++;
    else transport.sent++;
    send(message, again);
  }
  settled(transport);
  transport.retransmitAt ??= now + transport.timeout;
}

/** Whether an acknowledgement has to go out alone now. */
export const acknowledgementDue = (transport: Transport, now: number): boolean =>
  transport.ackAt !== undefined && transport.ackAt <= now;

/** An acknowledgement went out. */
export function settled(transport: Transport): void {
  transport.owed = 0;
  transport.ackAt = undefined;
}

/**
 * The retransmission timer, if it is due: halves the threshold, closes the congestion window to one and doubles the
 * time-out; the next `transmit` sends the oldest message again. `dead`: the peer has not answered `maxRetries` times.
 */
export function timeOut(transport: Transport, settings: TransportSettings, now: number): "dead" | "again" | "not-due" {
  if (transport.retransmitAt === undefined || transport.retransmitAt > now) return "not-due";
  if (transport.retries >= settings.maxRetries) return "dead";
  transport.retries++;
  transport.timeout = Math.min(transport.timeout * 2, settings.retransmitCap);
  transport.threshold = Math.max(1, transport.congestionWindow >> 1);
  transport.congestionWindow = 1;
  transport.credit = 0;
  transport.inFlight = 0;
  transport.retransmitAt = undefined;
  return "again";
}

/** How long a message is repeated before the sender gives up: for so long an ended connection still acknowledges (§5.7). */
export function fullRetransmission({ maxRetries, retransmitTimeout, retransmitCap }: TransportSettings): number {
  let whole = 0;
  for (let i = 0; i <= maxRetries; i++) whole += Math.min(retransmitTimeout * 2 ** i, retransmitCap);
  return whole;
}
