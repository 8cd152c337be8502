/**
 * Where ways end early: states that were passed are kept, and a way that comes to one of them is walked no further. When a state is kept,
 * which are compared and which are given up is as in the kernel (is_state_visited), so that programs which it can tell are told here, too.
 */
import type { Analysis } from "./analysis.js";
import { type Comparison, covers } from "./compare.js";
import type { Logger } from "./log.js";
import { type BackEdge, endInLoop, settle, unsettled } from "./loops.js";
import { adoptMarks, renewMarks } from "./marks.js";
import { refuse } from "./refusal.js";
import { type Checkpoint, copyState, type State } from "./state.js";
import type { Structure } from "./structure.js";

export interface Exploration {
  readonly analysis: Analysis;
  /** By instruction, the newest last. */
  readonly seen: Map<number, Checkpoint[]>;
  readonly maximum: number;
  /** Ways that ended in a loop that is still walked. */
  readonly edges: BackEdge[];
  instructions: number;
  states: number;
  kept: number;
  peak: number;
  lastJumps: number;
  lastInstructions: number;
  /** Registers and stack slots that checkpoints may still have for themselves, which bounds the memory of long ways. */
  ownMarks: number;
  readonly logger: Logger | undefined;
}

/** A way from `checkpoint` is at its end. */
export function endWay({ edges }: Exploration, checkpoint: Checkpoint | undefined): void {
  for (let at = checkpoint; at !== undefined; ) {
    at.branches -= 1;
    if (at.branches > 0) return;
    settle(edges, at);
    const { parent } = at;
    // Nothing asks for it any more, and what only it holds can go.
    at.parent = undefined;
    at = parent;
  }
}

/** By frame: the registers that may be read, as bits. */
function liveRegisters(structure: Structure, { frames, insn }: State): number[] {
  return frames.map((_, depth) => {
    const callee = frames[depth + 1];
    if (callee === undefined) return structure.live[insn] as number;
    // Of callers: what is read after the call, and by a call that calls back again.
    return callee.callback
      ? (structure.live[callee.callsite] as number)
      : (structure.live[callee.callsite + 1] as number) & ~1;
  });
}

/** Whether the way ends at `old`, which covers the state in hand. */
function endsAt(exploration: Exploration, old: Checkpoint, live: readonly number[], callsBack: boolean): boolean {
  const { state } = exploration.analysis;
  if (old.branches > 0 && !callsBack) {
    if (old.state.unrolled === state.unrolled && covers(old.state, state, live, "exact")) {
      refuse(
        "an infinite loop: it comes here again with nothing changed",
        "let something that the condition reads change in every round",
      );
    }
    return false;
  }
  const waits = old.branches > 0 || unsettled(old) !== undefined;
  const how: Comparison = waits ? "covers" : "needed";
  if (!covers(old.state, state, live, how)) return false;
  if (waits) endInLoop(exploration.edges, old, state, live);
  else adoptMarks(old.state, state, live);
  return true;
}

/** Compares the state in hand with earlier ones here, and keeps it. True: it is covered, the way ends. */
export function visited(exploration: Exploration): boolean {
  const { analysis, seen } = exploration;
  const { state, structure } = analysis;
  const { insn } = state;
  const live = liveRegisters(structure, state);
  const list = seen.get(insn) ?? [];
  const callsBack = structure.callsBack[insn] === 1;
  const jumps = analysis.jumps - exploration.lastJumps;
  const steps = exploration.instructions - exploration.lastInstructions;
  let add = callsBack || (jumps >= 2 && steps >= 8);
  for (let at = list.length - 1; at >= 0; at -= 1) {
    const old = list[at] as Checkpoint;
    if (endsAt(exploration, old, live, callsBack)) {
      old.hits += 1;
      return true;
    }
    // Rounds of a loop are seldom alike: to keep each would only make all later comparisons longer.
    if (old.branches > 0 && !callsBack && jumps < 20 && steps < 100) add = false;
    if (add) old.misses += 1;
    const patience = callsBack && old.branches > 0 ? 64 : 3;
    if (old.misses > old.hits * patience + patience) {
      list.splice(at, 1);
      exploration.kept -= 1;
    }
  }
  if (add) keep(exploration, list, live);
  return false;
}

function keep(exploration: Exploration, list: Checkpoint[], live: readonly number[]): void {
  const { analysis, seen } = exploration;
  const { state } = analysis;
  exploration.lastJumps = analysis.jumps;
  exploration.lastInstructions = exploration.instructions;
  exploration.ownMarks -= renewMarks(state, live, exploration.ownMarks > 0);
  const checkpoint: Checkpoint = {
    insn: state.insn,
    state: copyState(state),
    parent: state.parent,
    branches: 1,
    hits: 0,
    misses: 0,
    depth: (state.parent?.depth ?? 0) + 1,
    waits: undefined,
    settled: false,
  };
  state.parent = checkpoint;
  list.push(checkpoint);
  seen.set(state.insn, list);
  exploration.states += 1;
  exploration.kept += 1;
  exploration.peak = Math.max(exploration.peak, exploration.kept);
}
