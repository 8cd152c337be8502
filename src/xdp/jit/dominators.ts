/** Orders and dominators of a graph; loops of several entries are given one. Nothing here recurses: programs are large. */
import type { Graph } from "./cfg.js";

export interface Order {
  /** Nodes in reverse postorder. */
  readonly sequence: readonly number[];
  /** Place of a node in it. */
  readonly place: Int32Array;
  readonly predecessors: readonly number[][];
  /** Immediate dominator of a node; of node 0 itself. */
  readonly idom: Int32Array;
}

export function orderGraph({ successors }: Graph): Order {
  const count = successors.length;
  const place = new Int32Array(count).fill(-1);
  const visited = new Uint8Array(count);
  const nextEdge = new Int32Array(count);
  const post: number[] = [];
  const path = [0];
  visited[0] = 1;
  while (path.length > 0) {
    const node = path.at(-1)!;
    // The last successor (not taken) first, so that the taken one comes first in the reverse.
    const out = successors[node]!;
    const edge = out.length - 1 - nextEdge[node]!++;
    if (edge < 0) {
      post.push(node);
      path.pop();
      continue;
    }
    const next = out[edge]!;
    if (visited[next] === 0) {
      visited[next] = 1;
      path.push(next);
    }
  }
  const sequence = post.reverse();
  sequence.forEach((node, index) => {
    place[node] = index;
  });
  const predecessors: number[][] = successors.map(() => []);
  for (const node of sequence) for (const next of successors[node]!) predecessors[next]!.push(node);

  // Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm.
  const idom = new Int32Array(count).fill(-1);
  idom[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of sequence) {
      if (node === 0) continue;
      let common = -1;
      for (const from of predecessors[node]!) {
        if (idom[from] === -1) continue;
        if (common === -1) common = from;
        else {
          let other = from;
          while (common !== other) {
            while (place[common]! > place[other]!) common = idom[common]!;
            while (place[other]! > place[common]!) other = idom[other]!;
          }
        }
      }
      if (common !== idom[node]) {
        idom[node] = common;
        changed = true;
      }
    }
  }
  return { sequence, place, predecessors, idom };
}

/** Whether every edge backwards goes to a node that dominates its source. */
export function isReducible(graph: Graph, order: Order): boolean {
  const { place, idom } = order;
  for (const node of order.sequence) {
    for (const next of graph.successors[node]!) {
      if (place[next]! > place[node]!) continue;
      let at = node;
      while (place[at]! > place[next]!) at = idom[at]!;
      if (at !== next) return false;
    }
  }
  return true;
}

/** Strongly connected components of more than one node, or with an edge to itself, of the graph within `members` (Tarjan). */
function components(graph: Graph, members: ReadonlySet<number>): number[][] {
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
  const waiting: Set<number>[] = [new Set(nodes.keys())];
  for (let members = waiting.pop(); members !== undefined; members = waiting.pop()) {
    for (const component of components(graph, members)) {
      const inside = new Set(component);
      const entries = new Set<number>();
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
