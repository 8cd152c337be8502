/** Loops of several entries are given one. */
import { JunctorError } from "../../errors.js";
import type { Graph } from "./cfg.js";

/** Nodes and edges looked at before it is given up: the time is at worst that of all loops' sizes together. */
const patience = 5_000_000;

/** Strongly connected components of more than one node, or with an edge to itself, of the graph within `members` (Tarjan). */
function components(graph: Graph, members: ReadonlySet<number>, look: (edges: number) => void): number[][] {
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const onStack = new Set<number>();
  const stack: number[] = [];
  const found: number[][] = [];
  for (const root of members) {
    if (index.has(root)) continue;
    const path: { readonly node: number; edge: number }[] = [{ node: root, edge: 0 }];
    while (path.length > 0) {
      const frame = path.at(-1)!;
      const { node } = frame;
      if (frame.edge === 0 && !index.has(node)) {
        index.set(node, index.size);
        low.set(node, index.get(node)!);
        stack.push(node);
        onStack.add(node);
      }
      const out = graph.successors[node]!;
      look(1);
      if (frame.edge < out.length) {
        const next = out[frame.edge++]!;
        if (!members.has(next)) continue;
        if (!index.has(next)) path.push({ node: next, edge: 0 });
        else if (onStack.has(next)) low.set(node, Math.min(low.get(node)!, index.get(next)!));
        continue;
      }
      path.pop();
      const above = path.at(-1);
      if (above !== undefined) low.set(above.node, Math.min(low.get(above.node)!, low.get(node)!));
      if (low.get(node) !== index.get(node)) continue;
      const component: number[] = [];
      for (let member = -1; member !== node; ) {
        member = stack.pop()!;
        onStack.delete(member);
        component.push(member);
      }
      if (component.length > 1 || out.includes(node)) found.push(component);
    }
  }
  return found;
}

/**
 * Gives each loop one entry: where a strongly connected component has several, all edges to them lead through a new node that goes on
 * to the one that was chosen before. Changes the graph.
 */
export function makeReducible(graph: Graph): void {
  const { nodes, successors } = graph;
  let looks = 0;
  const look = (edges: number): void => {
    looks += edges;
    if (looks <= patience) return;
    throw new JunctorError(
      "E2BIG",
      "too many loops lie within loops that are entered at several places",
      "compile it from C, or enter loops at their first instruction",
    );
  };
  const waiting: Set<number>[] = [new Set(nodes.keys())];
  for (let members = waiting.pop(); members !== undefined; members = waiting.pop()) {
    for (const component of components(graph, members, look)) {
      const inside = new Set(component);
      const entries = new Set<number>();
      look(successors.length);
      successors.forEach((out, node) => {
        if (inside.has(node)) return;
        for (const next of out) if (inside.has(next)) entries.add(next);
      });
      let header: number | undefined = [...entries][0];
      if (entries.size > 1) {
        const targets = [...entries];
        const dispatcher = nodes.length;
        nodes.push({ kind: "dispatch" });
        successors.push(targets);
        // Edges from outside and from inside go by different nodes, or these would be entries again.
        const redirected = { outside: new Map<number, number>(), inside: new Map<number, number>() };
        targets.forEach((target, choice) => {
          for (const side of ["outside", "inside"] as const) {
            redirected[side].set(target, nodes.length);
            nodes.push({ kind: "choose", dispatcher, choice });
            successors.push([dispatcher]);
          }
        });
        for (let node = 0; node < dispatcher; node++) {
          const by = redirected[inside.has(node) ? "inside" : "outside"];
          successors[node] = successors[node]!.map((next) => by.get(next) ?? next);
        }
        header = undefined;
      }
      if (header !== undefined) inside.delete(header);
      waiting.push(inside);
    }
  }
}
