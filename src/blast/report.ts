/** What a run found, as data and as text. Times are seconds unless the name says otherwise; sizes are those of PPP frames. */
import { arrivals, type Board, type Counters, counter, countersOf, legOf, type Side } from "./board.js";
import type { Calls, Endings } from "./calls.js";
import { direction } from "./frame.js";
import { type Percentiles, percentiles } from "./histogram.js";
import type { BlastOptions, Role } from "./options.js";

export interface Flow extends Counters {
  /** Sent and not received whole at its session: neither altered nor misdelivered, just gone. */
  readonly lost: number;
  /** Of what was sent (or, if the sender is elsewhere, of what its sequence numbers tell). */
  readonly loss: number;
  readonly framesPerSecond: number;
  readonly bitsPerSecond: number;
  /** Microseconds on the way; only if both ends are ours. */
  readonly delay: Percentiles | undefined;
}

export interface Report {
  readonly version: 1;
  readonly run: {
    readonly role: Role;
    readonly target: string;
    readonly transport: "ffi" | "dgram";
    readonly tunnels: number;
    readonly sessions: number;
    readonly size: number;
    readonly rate: number;
    readonly seed: number | undefined;
  };
  readonly setup: {
    readonly tunnels: { readonly up: number; readonly failed: number; readonly seconds: number };
    readonly sessions: {
      readonly up: number;
      readonly failed: number;
      readonly seconds: number;
      readonly perSecond: number;
      /** Milliseconds from the ICRQ to where both ends are up. */
      readonly latency: Percentiles;
    };
    /** How often tunnels and calls failed for which reason. */
    readonly failures: Readonly<Record<string, number>>;
  };
  /** With --ppp: what became of the subscribers. */
  readonly ppp:
    | {
        readonly up: number;
        /** Addresses that two had at the same time. */
        readonly duplicateAddresses: number;
        /** Links that ended before they were hung up. */
        readonly lost: number;
        /** How those that never came up failed, by reason. */
        readonly failures: Readonly<Record<string, number>>;
      }
    | undefined;
  readonly traffic: { readonly seconds: number; readonly up: Flow; readonly down: Flow } | null;
  readonly teardown: {
    readonly sessions: number;
    readonly seconds: number;
    readonly perSecond: number;
    /** Ends of calls that ended without a code, or not at all. */
    readonly withoutCode: number;
    /** How often each side's calls ended in which way. */
    readonly lac: Readonly<Record<string, number>>;
    readonly lns: Readonly<Record<string, number>>;
  };
  /** Whether it was ended early. */
  readonly interrupted: boolean;
  /** Why the run counts as failed. */
  readonly problems: readonly string[];
  readonly passed: boolean;
}

/** What the phases leave behind for the report. */
export interface Outcome {
  readonly options: BlastOptions;
  readonly target: string;
  readonly transport: "ffi" | "dgram";
  readonly board: Board;
  readonly calls: Calls;
  readonly tunnelSeconds: number;
  readonly setupSeconds: number;
  readonly failures: Endings;
  /** Undefined if no frames were sent. */
  readonly trafficSeconds: number | undefined;
  /** Sessions that ended before they were hung up. */
  readonly dropped: number;
  readonly hungUp: number;
  readonly teardownSeconds: number;
  /** Ends of calls that were still there at the end. */
  readonly remaining: number;
  readonly interrupted: boolean;
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** Frames that the sender must have sent, judged by the sequence numbers that arrived. */
function expectedBySequence({ sequences, sessions }: Board, receiver: Side): number {
  let sum = 0;
  for (let session = 0; session < sessions; session++) sum += sequences.next[legOf(session, receiver)]!;
  return sum;
}

function flow(board: Board, way: number, closed: boolean, seconds: number): Flow {
  const counters = countersOf(board, way);
  const expected = closed ? counters.sent : expectedBySequence(board, (1 - way) as Side);
  const lost = Math.max(0, expected - counters.received - counters.altered - counters.misdelivered);
  return {
    ...counters,
    lost,
    loss: ratio(lost, expected),
    framesPerSecond: ratio(counters.received, seconds),
    bitsPerSecond: ratio(counters.receivedBytes * 8, seconds),
    delay: closed ? percentiles(board.delay[way]!) : undefined,
  };
}

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;

function flowProblems(
  name: string,
  { lost, loss, altered, misdelivered, stray, duplicated }: Flow,
  maxLoss: number,
): string[] {
  const found: readonly (readonly [boolean, string])[] = [
    [loss > maxLoss, `${name}: ${plural(lost, "frame")} lost (${(loss * 100).toFixed(3)} %)`],
    [altered > 0, `${name}: ${plural(altered, "frame")} altered`],
    [misdelivered > 0, `${name}: ${plural(misdelivered, "frame")} delivered to another session`],
    [stray > 0, `${name}: ${plural(stray, "frame")} for ids that no session has`],
    [duplicated > 0, `${name}: ${plural(duplicated, "frame")} came twice`],
  ];
  return found.filter(([is]) => is).map(([, words]) => words);
}

/** Whether what we send comes back to us. */
export const isClosed = ({ role, ppp }: BlastOptions): boolean => role === "both" || ppp;

export function makeReport(outcome: Outcome): Report {
  const { options, board, calls, trafficSeconds } = outcome;
  const sessions = board.sessions;
  const closed = isClosed(options);
  const traffic =
    trafficSeconds === undefined
      ? null
      : {
          seconds: trafficSeconds,
          up: flow(board, direction.up, closed, trafficSeconds),
          down: flow(board, direction.down, closed, trafficSeconds),
        };
  const [lac, lns] = calls.sides;
  const withoutCode = lac.silent + lns.silent + outcome.remaining;
  const failed = sessions - calls.up;
  const tunnelsFailed = options.role === "lns" ? 0 : options.tunnels - calls.tunnels.up;

  // Whoever ends a run early did not wait for all to come up.
  const complete = !outcome.interrupted;
  const problems = [
    ...(complete && tunnelsFailed > 0
      ? [`${plural(tunnelsFailed, "tunnel")} of ${options.tunnels} did not come up`]
      : []),
    ...(complete && failed > 0 ? [`${plural(failed, "session")} of ${sessions} did not come up`] : []),
    ...(outcome.dropped > 0 ? [`${plural(outcome.dropped, "session")} ended before being hung up`] : []),
    ...(traffic ? flowProblems("up", traffic.up, options.maxLoss) : []),
    ...(traffic ? flowProblems("down", traffic.down, options.maxLoss) : []),
    ...(complete && traffic && nothingMoved(board, options) ? ["no frame arrived"] : []),
    ...(calls.ppp && calls.ppp.duplicates > 0
      ? [`${calls.ppp.duplicates} of the addresses were given to two subscribers at once`]
      : []),
    ...(withoutCode > 0 ? [`${plural(withoutCode, "call")} ended without a code, or not at all`] : []),
  ];
  return {
    version: 1,
    run: {
      role: options.role,
      target: outcome.target,
      transport: outcome.transport,
      tunnels: options.tunnels,
      sessions,
      size: options.size,
      rate: options.rate,
      seed: options.seed,
    },
    setup: {
      tunnels: { up: calls.tunnels.up, failed: tunnelsFailed, seconds: outcome.tunnelSeconds },
      sessions: {
        up: calls.up,
        failed,
        seconds: outcome.setupSeconds,
        perSecond: ratio(calls.up, outcome.setupSeconds),
        latency: percentiles(calls.latency, 0.001),
      },
      failures: Object.fromEntries(outcome.failures),
    },
    ppp: calls.ppp && {
      up: calls.up,
      duplicateAddresses: calls.ppp.duplicates,
      lost: calls.ppp.lost,
      failures: Object.fromEntries(calls.ppp.failures),
    },
    traffic,
    teardown: {
      sessions: outcome.hungUp,
      seconds: outcome.teardownSeconds,
      perSecond: ratio(outcome.hungUp, outcome.teardownSeconds),
      withoutCode,
      lac: Object.fromEntries(lac.endings),
      lns: Object.fromEntries(lns.endings),
    },
    interrupted: outcome.interrupted,
    problems,
    passed: problems.length === 0 && !outcome.interrupted,
  };
}

const nothingMoved = (board: Board, { seconds }: BlastOptions): boolean =>
  seconds > 0 && arrivals(board, direction.up) + arrivals(board, direction.down) === 0;

export const sentAndBack = (board: Board): { readonly sent: number; readonly back: number } => ({
  sent: board.counters[0][counter.sent]! + board.counters[1][counter.sent]!,
  back: arrivals(board, direction.up) + arrivals(board, direction.down),
});
