/**
 * The states of calls (RFC 2661 §7.4.1, §7.4.2, §7.5.1, §7.5.2) as data, in the RFC's order. Policy answers requests by
 * command: a call that the peer asked for is `idle` until `accept`, and the LAC's incoming call waits in `replied` between
 * the ICRP and `connect`, which the RFC does in one step. A missing cell: the message is acknowledged and ignored.
 */
export type CallState =
  | "idle"
  | "wait-tunnel"
  | "wait-reply"
  | "replied"
  | "wait-connect"
  | "wait-cs-answer"
  | "established";

export type CallEvent =
  | "tunnel-open"
  | "accept"
  | "connect"
  | "close"
  | "ICRQ"
  | "ICRP"
  | "ICCN"
  | "OCRQ"
  | "OCRP"
  | "OCCN"
  | "CDN";

export type CallAction =
  | "send-ICRQ"
  | "send-ICRP"
  | "send-ICCN"
  | "send-OCRQ"
  | "send-OCRP"
  | "send-OCCN"
  | "send-CDN"
  | "call-accepted"
  | "call-up"
  | "clean-up";

type Cell = readonly [actions: readonly CallAction[], next: CallState];
export type CallTransitions = Partial<Record<CallState, Partial<Record<CallEvent, Cell>>>>;

const disconnect: Cell = [["send-CDN", "clean-up"], "idle"];
const cleanUp: Cell = [["clean-up"], "idle"];
const anyIncoming = { ICRQ: disconnect, ICRP: disconnect, ICCN: disconnect };
const anyOutgoing = { OCRQ: disconnect, OCRP: disconnect, OCCN: disconnect };

/** §7.4.1 */
const lacIncoming: CallTransitions = {
  "wait-tunnel": {
    close: cleanUp,
    "tunnel-open": [["send-ICRQ"], "wait-reply"],
  },
  "wait-reply": {
    ICRP: [["call-accepted"], "replied"],
    ICRQ: disconnect,
    CDN: cleanUp,
    ICCN: cleanUp,
    close: disconnect,
  },
  replied: {
    connect: [["send-ICCN", "call-up"], "established"],
    ...anyIncoming,
    CDN: cleanUp,
    close: disconnect,
  },
  established: {
    CDN: cleanUp,
    ...anyIncoming,
    close: disconnect,
  },
};

/** §7.4.2 */
const lnsIncoming: CallTransitions = {
  idle: {
    accept: [["send-ICRP"], "wait-connect"],
    close: disconnect,
    ICRP: disconnect,
    ICCN: cleanUp,
    CDN: cleanUp,
  },
  "wait-connect": {
    ICCN: [["call-up"], "established"],
    ICRQ: disconnect,
    ICRP: disconnect,
    CDN: cleanUp,
    close: disconnect,
  },
  established: {
    ...anyIncoming,
    CDN: cleanUp,
    close: disconnect,
  },
};

/** §7.5.1 */
const lacOutgoing: CallTransitions = {
  idle: {
    accept: [["send-OCRP"], "wait-cs-answer"],
    close: disconnect,
    OCRP: disconnect,
    OCCN: cleanUp,
    CDN: cleanUp,
  },
  "wait-cs-answer": {
    connect: [["send-OCCN", "call-up"], "established"],
    close: disconnect,
    ...anyOutgoing,
    CDN: cleanUp,
  },
  established: {
    CDN: cleanUp,
    ...anyOutgoing,
    close: disconnect,
  },
};

/** §7.5.2 */
const lnsOutgoing: CallTransitions = {
  "wait-tunnel": {
    "tunnel-open": [["send-OCRQ"], "wait-reply"],
    close: cleanUp,
  },
  "wait-reply": {
    OCRP: [["call-accepted"], "wait-connect"],
    OCCN: disconnect,
    OCRQ: disconnect,
    CDN: cleanUp,
    close: disconnect,
  },
  "wait-connect": {
    OCCN: [["call-up"], "established"],
    OCRQ: disconnect,
    OCRP: disconnect,
    CDN: cleanUp,
    close: disconnect,
  },
  established: {
    ...anyOutgoing,
    CDN: cleanUp,
    close: disconnect,
  },
};

export const callTransitions = {
  incoming: { lac: lacIncoming, lns: lnsIncoming },
  outgoing: { lac: lacOutgoing, lns: lnsOutgoing },
} as const;
