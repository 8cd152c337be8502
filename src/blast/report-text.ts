/** The report for people. */
import type { Percentiles } from "./histogram.js";
import type { Flow, Report } from "./report.js";
import { duration, grouped, short } from "./units.js";

const spread = ({ p50, p90, p99, max }: Percentiles, scale: number): string =>
  `p50 ${duration(p50 * scale)}, p90 ${duration(p90 * scale)}, p99 ${duration(p99 * scale)}, max ${duration(max * scale)}`;

const row = (name: string, text: string): string => `  ${name.padEnd(10)}${text}`;

function flowRows(name: string, flow: Flow): string[] {
  const { sent, received, lost, reordered, duplicated, altered, misdelivered, stray, delay } = flow;
  const oddities = { lost, reordered, duplicated, altered, misdelivered, stray };
  return [
    row(
      name,
      `sent ${grouped(sent)}, received ${grouped(received)}: ${short(flow.framesPerSecond, "pps")}, ${short(flow.bitsPerSecond, "bit/s")}`,
    ),
    row(
      "",
      Object.entries(oddities)
        .map(([word, n]) => `${word} ${grouped(n)}`)
        .join(", "),
    ),
    ...(delay && delay.count > 0 ? [row("", `on the way: ${spread(delay, 1)}`)] : []),
  ];
}

const reasons = (title: string, counts: Readonly<Record<string, number>>): string[] =>
  Object.entries(counts).map(([reason, n]) => row(title, `${grouped(n)} × ${reason}`));

function verdict(problems: readonly string[], interrupted: boolean): string {
  if (problems.length > 0) return `FAILED: ${problems.join("; ")}`;
  return interrupted ? "interrupted; nothing went wrong until then" : "passed";
}

export function reportText({ run, setup, ppp, traffic, teardown, problems, interrupted }: Report): string {
  const { tunnels, sessions } = setup;
  return [
    `${run.role === "lns" ? "as LNS" : `to ${run.target}`}, ${run.tunnels} tunnels, ${grouped(run.sessions)} sessions, frames of ${run.size} bytes (${run.transport})`,
    "set-up",
    ...(run.role === "lns"
      ? []
      : [row("tunnels", `${tunnels.up} up, ${tunnels.failed} failed, in ${duration(tunnels.seconds * 1e6)}`)]),
    row(
      "sessions",
      `${grouped(sessions.up)} up, ${grouped(sessions.failed)} failed, in ${duration(sessions.seconds * 1e6)}: ${grouped(sessions.perSecond)}/s`,
    ),
    ...(sessions.latency.count > 0 ? [row("", `each took ${spread(sessions.latency, 1000)}`)] : []),
    ...reasons("failures", setup.failures),
    ...(traffic
      ? [
          `traffic, ${duration(traffic.seconds * 1e6)}`,
          ...flowRows("up", traffic.up),
          ...(ppp ? [] : flowRows("down", traffic.down)),
        ]
      : []),
    "tear-down",
    row(
      "sessions",
      `${grouped(teardown.sessions)} in ${duration(teardown.seconds * 1e6)}: ${grouped(teardown.perSecond)}/s, ${teardown.withoutCode} without a code`,
    ),
    ...reasons("LAC", teardown.lac),
    ...reasons("LNS", teardown.lns),
    verdict(problems, interrupted),
    "",
  ].join("\n");
}
