/**
 * Loops of callbacks. A way that comes back to a state still being walked is covered by it, but what that state needs is known only
 * when all ways from it are at their end. Until then what the states within the loop need is not known either: they cover only what
 * they cover in everything. At the end of the loop the marks are carried along the ways back until nothing changes.
 */
import { adoptMarks, markAll } from "./marks.js";
import type { Checkpoint, State } from "./state.js";

/** A way that ended at a checkpoint whose marks were not all known. */
export interface BackEdge {
  readonly to: Checkpoint;
  readonly state: State;
  readonly live: readonly number[];
}

/** Of more than these everything is taken as needed, which bounds the time that carrying marks takes. */
const maximumEdges = 256;

/** The outermost checkpoint that this one waits for to know all its marks; undefined: it knows them. */
export function unsettled(checkpoint: Checkpoint): Checkpoint | undefined {
  let at = checkpoint.waits;
  while (at !== undefined && at.waits !== undefined && at.waits !== at) at = at.waits;
  return at === undefined || at.settled ? undefined : at;
}

/** The way of `state` ends at `to`, which is still walked, or waits for a checkpoint that is. */
export function endInLoop(edges: BackEdge[], to: Checkpoint, state: State, live: readonly number[]): void {
  adoptMarks(to.state, state, live);
  if (edges.length >= maximumEdges) {
    markAll(state);
    return;
  }
  // Ways are walked depth first: a checkpoint with open ways is one that the way in hand came through.
  const root = unsettled(to) ?? to;
  edges.push({ to, state, live });
  root.waits ??= root;
  for (let at = state.parent; at !== undefined && at !== root; at = at.parent) {
    if (at.waits === undefined || at.waits.depth > root.depth) at.waits = root;
  }
}

/** All ways from `checkpoint` are at their end. If it is the outermost of a loop, what was needed in it is known now. */
export function settle(edges: BackEdge[], checkpoint: Checkpoint): void {
  if (checkpoint.waits !== checkpoint) return;
  const others: BackEdge[] = [];
  const own: BackEdge[] = [];
  for (const edge of edges) (unsettled(edge.to) === checkpoint ? own : others).push(edge);
  for (let changed = true; changed; ) {
    changed = false;
    for (const { to, state, live } of own) if (adoptMarks(to.state, state, live)) changed = true;
  }
  checkpoint.settled = true;
  edges.splice(0, edges.length, ...others);
}
