/** The verifier: whether a program is safe to run, and what is known of each of its instructions. */
import type { Instruction } from "../insn/instruction.js";
import type { MapSpec, ProgramSpec } from "../spec.js";
import type { Analysis } from "./analysis.js";
import { acceptBlindly } from "./blind.js";
import { explore } from "./explore.js";
import { type Logger, lineOf } from "./log.js";
import type { Exploration } from "./prune.js";
import { Refusal } from "./refusal.js";
import type { Refused, Verdict, Verified, VerifierOptions } from "./result.js";
import { newFrame } from "./state.js";
import { type Structure, stackDepth, structureOf } from "./structure.js";

const defaultMaximum = 1_000_000;
const maximumLog = 1 << 24;

function newAnalysis(program: ProgramSpec, structure: Structure, options: VerifierOptions): Analysis {
  const mapIndex = new Map<MapSpec, number>();
  program.maps.forEach((map, index) => {
    if (!mapIndex.has(map)) mapIndex.set(map, index);
  });
  return {
    program,
    insns: program.insns,
    structure,
    strict: options.strictAlignment === true,
    mapIndex,
    accesses: program.insns.map(() => undefined),
    calls: new Map(),
    reachable: program.insns.map(() => false),
    wanted: new Set(),
    state: {
      frames: [newFrame(0, 0, -1)],
      references: [],
      lock: undefined,
      insn: 0,
      previous: -1,
      parent: undefined,
      unrolled: 0,
    },
    pending: [],
    nextId: 0,
    jumps: 0,
  };
}

function refused(program: ProgramSpec, refusal: Refusal, insn: number, log: () => string): Refused {
  const line = insn < 0 ? undefined : lineOf(program, insn);
  const source = line === undefined ? undefined : `${line.file}:${line.line}`;
  const where =
    insn < 0 ? "" : `, instruction ${insn}${line === undefined ? "" : ` (${source}: \`${line.text.trim()}\`)`}`;
  return {
    ok: false,
    summary: `program ${program.name}${where}: ${refusal.message}`,
    insn,
    source,
    reason: refusal.reason,
    log,
  };
}

function attempt(
  program: ProgramSpec,
  options: VerifierOptions,
  logger: Logger | undefined,
  log: () => string,
): Verdict {
  let analysis: Analysis | undefined;
  try {
    const structure = structureOf(program);
    if (options.blind === true) return acceptBlindly(program, structure);
    analysis = newAnalysis(program, structure, options);
    const exploration: Exploration = {
      analysis,
      seen: new Map(),
      edges: [],
      maximum: options.maximumInstructions ?? defaultMaximum,
      instructions: 0,
      states: 0,
      kept: 0,
      peak: 0,
      lastJumps: 0,
      lastInstructions: 0,
      ownMarks: 1 << 20,
      logger,
    };
    explore(exploration, 0);
    const done = new Set<number>();
    for (const index of analysis.wanted) {
      if (done.has(index)) continue;
      done.add(index);
      explore(exploration, index);
    }
    return verified(program, analysis, exploration, log);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refused(program, error, error.insn ?? analysis?.state.insn ?? -1, log);
  }
}

function verified(program: ProgramSpec, analysis: Analysis, exploration: Exploration, log: () => string): Verified {
  const { structure, accesses, calls, reachable } = analysis;
  const depth = stackDepth(program.insns, structure);
  program.insns.forEach((insn: Instruction, slot) => {
    if (insn.opcode === 0x18 && reachable[slot] === true) reachable[slot + 1] = true;
  });
  return {
    ok: true,
    accesses,
    calls,
    subprograms: structure.routines.map(({ start, end, stack, callback }) => ({ start, end, stack, callback })),
    reachable,
    stackDepth: depth,
    statistics: { instructions: exploration.instructions, states: exploration.states, peakStates: exploration.peak },
    log,
  };
}

/**
 * Whether `program` is safe, as the Linux kernel's verifier judges programs of type XDP that root loads (Documentation/bpf/verifier.rst).
 * It throws nothing, whatever the program; the time it takes is bounded by `maximumInstructions`.
 */
export function verify(program: ProgramSpec, options: VerifierOptions = {}): Verdict {
  let text: string | undefined;
  const log = (): string => {
    if (text === undefined) {
      const lines: string[] = [];
      let length = 0;
      const logger: Logger = {
        line: (line) => {
          length += line.length + 1;
          if (length < maximumLog) lines.push(line);
        },
      };
      const again = attempt(program, options, logger, () => "");
      lines.push(
        again.ok
          ? `processed ${again.statistics.instructions} instructions, ${again.statistics.states} states`
          : again.summary,
      );
      text = `${lines.join("\n")}\n`;
    }
    return text;
  };
  return attempt(program, options, undefined, log);
}
