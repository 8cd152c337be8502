/** What a benchmark prints: a table for people, or with `--json` one object for programs and nothing else on stdout. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";

export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What `ratio` compares with. */
  readonly against: string;
  readonly ratio: number;
  readonly goal: number;
  readonly better: "higher" | "lower";
}

/** Reads options that are words, all of them off unless given: `readOptions(["--quick"], words)` answers `{ quick }`. */
export function readOptions<Word extends string>(
  known: readonly `--${Word}`[],
  words: readonly string[],
): Record<Word, boolean> {
  const unknown = words.find((word) => !known.some((option) => option === word));
  if (unknown !== undefined) fail(`unknown option ${unknown}: expected ${known.join(", ")}`);
  return Object.fromEntries(known.map((option) => [option.slice(2), words.includes(option)])) as Record<Word, boolean>;
}

/** Ends the benchmark with a message for the one who started it. */
export function fail(message: string): never {
  process.stderr.write(`bench: ${message}\n`);
  process.exit(1);
}

/** Progress goes to stderr, so that stdout stays a result. */
export const progress = (line: string): void => void process.stderr.write(`${line}\n`);

const host = () => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
  node: process.version,
});

const met = ({ ratio, goal, better }: Result): boolean => (better === "higher" ? ratio >= goal : ratio <= goal);

const round = (x: number, digits: number): number => Number(x.toFixed(digits));

export function report(bench: string, results: readonly Result[], { json }: { readonly json: boolean }): void {
  if (json) {
    const rounded = results.map((result) => ({
      ...result,
      value: round(result.value, 2),
      ratio: round(result.ratio, 3),
    }));
    console.log(JSON.stringify({ bench, host: host(), results: rounded }));
    return;
  }
  const { cpu, cores, kernel, node } = host();
  console.log(`${bench}: ${cpu} (${cores} cores), Linux ${kernel}, Node ${node}\n`);
  console.log(row("", "value", "unit", "ratio", "goal", "", "against"));
  for (const result of results) {
    const goal = `${result.better === "higher" ? "≥" : "≤"} ${result.goal}`;
    const verdict = met(result) ? "met" : "MISSED";
    console.log(
      row(result.name, result.value.toFixed(1), result.unit, result.ratio.toFixed(2), goal, verdict, result.against),
    );
  }
}

const row = (
  name: string,
  value: string,
  unit: string,
  ratio: string,
  goal: string,
  verdict: string,
  against: string,
) =>
  `${name.padEnd(20)}${value.padStart(10)} ${unit.padEnd(34)}${ratio.padStart(7)}  ${goal.padEnd(8)}${verdict.padEnd(8)}${against}`;
