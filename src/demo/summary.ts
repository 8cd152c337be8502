/** What the demo found, in a few lines. */
import type { Flow, Report } from "../blast/index.js";
import { duration, grouped } from "../blast/units.js";

export interface Outcome {
  readonly switched: Report;
  readonly terminated: Report;
  /** By subscribers, after all have hung up. */
  readonly addressesInUse: number;
}

const row = (title: string, text: string): string => `${title.padEnd(12)}${text}`;

const setUp = ({ setup: { tunnels, sessions } }: Report, noun: string): string =>
  `${grouped(sessions.up)} ${noun} in ${tunnels.up} tunnels, up in ${duration(sessions.seconds * 1e6)}, ${grouped(sessions.failed)} failed`;

const spread = (what: string, { delay }: Flow): string =>
  delay && delay.count > 0 ? `; ${what}: p50 ${duration(delay.p50)}, p99 ${duration(delay.p99)}` : "";

const crossed = (title: string, flow: Flow): string =>
  row(
    "",
    `${title}  sent ${grouped(flow.sent)}, received ${grouped(flow.received)}, lost ${grouped(flow.lost)}, altered ${grouped(flow.altered)}${spread("on the way", flow)}`,
  );

const pinged = (flow: Flow): string =>
  row(
    "",
    `pings        sent ${grouped(flow.sent)}, answered ${grouped(flow.received)}, lost ${grouped(flow.lost)}, altered ${grouped(flow.altered)}${spread("there and back", flow)}`,
  );

const failures = ({ setup }: Report): string[] =>
  Object.entries(setup.failures).map(([reason, n]) => row("", `${grouped(n)} × ${reason}`));

function problemsOf({ switched, terminated, addressesInUse }: Outcome): readonly string[] {
  return [
    ...switched.problems.map((problem) => `switched: ${problem}`),
    ...terminated.problems.map((problem) => `terminated: ${problem}`),
    ...(addressesInUse > 0 ? [`${addressesInUse} addresses are still in use`] : []),
  ];
}

function verdict(problems: readonly string[], interrupted: boolean): string {
  if (problems.length > 0) return `FAILED: ${problems.join("; ")}`;
  return interrupted ? "interrupted; nothing went wrong until then" : "passed";
}

export function summary(outcome: Outcome): { readonly text: string; readonly passed: boolean } {
  const { switched, terminated, addressesInUse } = outcome;
  const problems = problemsOf(outcome);
  const withoutCode = switched.teardown.withoutCode + terminated.teardown.withoutCode;
  const hungUp = switched.teardown.sessions + terminated.teardown.sessions;
  const { traffic } = switched;
  const lines = [
    row("switched", setUp(switched, "sessions")),
    ...failures(switched),
    ...(traffic ? [crossed("LACs → LNSs", traffic.up), crossed("LNSs → LACs", traffic.down)] : []),
    row("terminated", setUp(terminated, "subscribers")),
    ...failures(terminated),
    ...(terminated.traffic ? [pinged(terminated.traffic.up)] : []),
    row(
      "hung up",
      `${grouped(hungUp)} sessions, ${grouped(withoutCode)} without a code; addresses still in use: ${addressesInUse}`,
    ),
    verdict(problems, switched.interrupted || terminated.interrupted),
    "",
  ];
  return { text: lines.join("\n"), passed: problems.length === 0 };
}
