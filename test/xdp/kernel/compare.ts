/** The kernel's verdicts and outcomes against ours, over many generated programs. */
import { setImmediate } from "node:timers/promises";
import type { ProgramSpec } from "../../../src/xdp/spec.js";
import type { Verdict, Verified } from "../../../src/xdp/verifier/result.js";
import { type Entry, type Generated, type GenerateOptions, generate } from "../generate/generate.js";
import type { KernelSide } from "./kernel-side.js";
import { difference, type Outcome } from "./outcome.js";

/** Something of ours that runs programs: the interpreter, a compiler. */
export interface Runner {
  readonly name: string;
  /** What it did to the frames and maps of a program that our verifier accepts. */
  run(spec: ProgramSpec, verified: Verified, frames: readonly Uint8Array[], entries: readonly Entry[]): Outcome;
}

export interface Comparison {
  readonly programs: number;
  readonly accepted: { readonly both: number; readonly neither: number };
  /** Programs that only the kernel accepts, and how often we give which reason, numbers left out. */
  readonly kernelOnly: { count: number; readonly reasons: ReadonlyMap<string, readonly Case[]> };
  /**
   * Programs that only we accept: `unsafe` if a run of ours was ended for an access that is not allowed, `limit` if the kernel's reason is
   * none of safety, `precise` if it was for safety, and all runs kept to what is allowed: we know more of some number.
   */
  readonly oursOnly: readonly (Case & { readonly kind: OursOnly })[];
  /** Programs that did something else in one of our runners. */
  readonly different: readonly Case[];
  /**
   * The same of programs with a mistake that went through: root's kernel lets them read their stack uninitialized and give away addresses,
   * neither of which can be the same.
   */
  readonly undetermined: readonly Case[];
  readonly milliseconds: { readonly kernel: number; readonly verifier: number; readonly runners: number };
}

export type OursOnly = "unsafe" | "limit" | "precise";

export interface Case {
  readonly seed: number;
  readonly mutation: string | undefined;
  readonly what: string;
}

export interface ComparisonOptions {
  readonly kernel: KernelSide;
  readonly verify: (spec: ProgramSpec) => Verdict;
  readonly runners: readonly Runner[];
  readonly generate?: GenerateOptions;
  /** How many programs both must have accepted before it ends. */
  readonly accepted: number;
  /** Milliseconds after which no further program is begun. */
  readonly budget?: number;
}

/** What WebAssembly leaves behind is only freed between two turns of the event loop. */
const programsPerTurn = 50;
/** However slow the machine is: shares of fewer say little. */
const fewest = 1500;
/** More programs than this for each one that both should accept are not tried. */
const mostPerAccepted = 4;

/** Reasons that say nothing of safety: limits, and what the kernel wants beyond it. */
const limits =
  /too (?:large|complex|many)|sequence of \d+ jumps|combined stack|BPF program is too|verifier bug|unreachable insn|back-edge|infinite loop|not supported|call stack of|recursive call|last insn is not an exit/;

/** A log that ends with nothing but figures is of a program that the kernel accepts when it is asked again: it ran out of something. */
export const isLimit = (log: string): boolean => reasonOf(log).trim() === "" || limits.test(log);

/** The line that says why: the last one before the statistics. */
export function reasonOf(log: string): string {
  const lines = log.trimEnd().split("\n");
  return (
    lines.filter((line) => !/^(?:processed \d|verification time|stack depth|mark_precise)/.test(line)).at(-1) ?? ""
  );
}

const withoutNumbers = (text: string): string => text.replace(/-?(?:0x[\da-f]+|\d+)/g, "N");

export async function compare(from: number, options: ComparisonOptions): Promise<Comparison> {
  const { kernel, verify } = options;
  const began = performance.now();
  const milliseconds = { kernel: 0, verifier: 0, runners: 0 };
  const accepted = { both: 0, neither: 0 };
  const reasons = new Map<string, Case[]>();
  const oursOnly: (Case & { kind: OursOnly })[] = [];
  const different: Case[] = [];
  const undetermined: Case[] = [];
  let kernelOnly = 0;
  let programs = 0;
  for (let seed = from; accepted.both < options.accepted && programs < mostPerAccepted * options.accepted; seed++) {
    const spent = performance.now() - began;
    if (options.budget !== undefined && spent > options.budget && programs >= fewest) break;
    if (programs++ % programsPerTurn === 0) await setImmediate();
    const generated = generate(seed, options.generate);
    const about = (what: string): Case => ({ seed, mutation: generated.mutation, what });
    const before = performance.now();
    const fd = kernel.load(generated.spec);
    const loaded = performance.now();
    milliseconds.kernel += loaded - before;
    let verdict: Verdict;
    try {
      verdict = verify(generated.spec);
    } catch (error) {
      different.push(about(`the verifier throws: ${String(error instanceof Error ? error.stack : error)}`));
      if (fd >= 0) kernel.release(fd);
      continue;
    }
    milliseconds.verifier += performance.now() - loaded;
    if (fd < 0) {
      if (verdict.ok) {
        const log = kernel.log(generated.spec);
        const wrong = fault(generated, verdict, options);
        const kind = wrong !== undefined ? "unsafe" : isLimit(log) ? "limit" : "precise";
        oursOnly.push({ ...about(wrong === undefined ? reasonOf(log) : `${reasonOf(log)}, and ${wrong}`), kind });
      } else accepted.neither++;
      continue;
    }
    if (!verdict.ok) {
      kernelOnly++;
      const reason = withoutNumbers(verdict.summary);
      reasons.set(reason, [...(reasons.get(reason) ?? []), about(verdict.summary)]);
    } else {
      accepted.both++;
      const running = performance.now();
      const wrong = runAll(fd, generated, verdict, options);
      milliseconds.runners += performance.now() - running;
      if (wrong !== undefined) (isOutcome(wrong) && generated.mutation ? undetermined : different).push(about(wrong));
    }
    kernel.release(fd);
  }
  return {
    programs,
    accepted,
    kernelOnly: { count: kernelOnly, reasons },
    oursOnly,
    different,
    undetermined,
    milliseconds,
  };
}

/** Another outcome, and not a run that was ended. */
const isOutcome = (wrong: string): boolean => /^(?:frame|map) \d/.test(wrong);

/** Runs what the kernel would not: whether a runner, which checks every access, finds one that is not allowed. */
function fault(
  { spec, frames, entries }: Generated,
  verified: Verified,
  { runners }: ComparisonOptions,
): string | undefined {
  for (const runner of runners) {
    try {
      runner.run(spec, verified, frames, entries);
    } catch (error) {
      return `${runner.name} ends it: ${String(error)}`;
    }
  }
  return undefined;
}

function runAll(
  fd: number,
  { spec, frames, entries }: Generated,
  verified: Verified,
  { kernel, runners }: ComparisonOptions,
): string | undefined {
  const theirs = kernel.run(fd, spec, frames, entries);
  for (const runner of runners) {
    try {
      const wrong = difference(theirs, runner.run(spec, verified, frames, entries), ["kernel", runner.name]);
      if (wrong !== undefined) return wrong;
    } catch (error) {
      return `${runner.name} throws: ${String(error instanceof Error ? error.stack : error)}`;
    }
  }
  return undefined;
}

/** The figures in a few lines, with the first cases of each kind. */
export function describeComparison(result: Comparison, examples = 5): string {
  const { programs, accepted, kernelOnly, oursOnly, different, undetermined, milliseconds } = result;
  const agreed = accepted.both + accepted.neither;
  const share = (part: number, of: number): string => ((100 * part) / Math.max(of, 1)).toFixed(2);
  const count = (wanted: OursOnly): number => oursOnly.filter(({ kind }) => kind === wanted).length;
  const line = ({ seed, mutation, what }: Case): string =>
    `    seed ${seed}${mutation === undefined ? "" : ` [${mutation}]`}: ${what}`;
  const byCount = [...kernelOnly.reasons].sort(([, a], [, b]) => b.length - a.length);
  return [
    `${programs} programs: verdicts agree on ${share(agreed, programs)} %: both accept ${accepted.both}, neither ${accepted.neither};` +
      ` the kernel alone ${kernelOnly.count}, we alone ${oursOnly.length}` +
      ` (unsafe ${count("unsafe")}, more precise ${count("precise")}, the kernel's limits ${count("limit")})`,
    `  of what the kernel accepts, we accept ${share(accepted.both, accepted.both + kernelOnly.count)} %; of ${accepted.both} programs that ran, outcomes differ ${different.length}, undetermined ${undetermined.length}`,
    `  kernel ${milliseconds.kernel.toFixed(0)} ms, verifier ${milliseconds.verifier.toFixed(0)} ms, runs ${milliseconds.runners.toFixed(0)} ms`,
    ...(["unsafe", "precise", "limit"] as const)
      .flatMap((wanted) => oursOnly.filter(({ kind }) => kind === wanted).slice(0, examples))
      .map((found) => `${line(found)} (${found.kind})`),
    ...byCount
      .slice(0, examples * 2)
      .map(([reason, [first, ...more]]) => `  ${more.length + 1} × ${reason}: seed ${first?.seed}`),
    ...different.slice(0, examples).map(line),
    ...undetermined.slice(0, examples).map(({ seed, mutation }) => `    undetermined: seed ${seed} [${mutation}]`),
  ].join("\n");
}
