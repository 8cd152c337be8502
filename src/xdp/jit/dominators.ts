/** Orders and dominators of a graph. Nothing here recurses: programs are large. */
import type { Graph } from "./cfg.js";

export interface Order {
  /** Nodes in reverse postorder. */
  readonly sequence: readonly number[];
  /** Place of a node in it; -1: it is not reached. */
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
  /** Parent in the tree of the search, and the nodes in the order in which it met them. */
  const parent = new Int32Array(count).fill(-1);
  const met: number[] = [0];
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
      parent[next] = node;
      met.push(next);
      path.push(next);
    }
  }
  const sequence = post.reverse();
  sequence.forEach((node, index) => {
    place[node] = index;
  });
  const predecessors: number[][] = successors.map(() => []);
  for (const node of sequence) for (const next of successors[node]!) predecessors[next]!.push(node);
  return { sequence, place, predecessors, idom: dominatorsOf(met, parent, predecessors) };
}

/** Lengauer, Tarjan: A Fast Algorithm for Finding Dominators in a Flowgraph (1979), the simple version: O(m log n) for any graph. */
function dominatorsOf(met: readonly number[], parent: Int32Array, predecessors: readonly number[][]): Int32Array {
  const count = parent.length;
  const number = new Int32Array(count).fill(-1);
  met.forEach((node, index) => {
    number[node] = index;
  });
  const semi = number.slice();
  const idom = new Int32Array(count).fill(-1);
  const ancestor = new Int32Array(count).fill(-1);
  const label = Int32Array.from({ length: count }, (_, node) => node);
  const bucket: number[][] = predecessors.map(() => []);
  const path: number[] = [];
  /** The node of the least semidominator on the way up from `node` in the forest. */
  const evaluate = (node: number): number => {
    if (ancestor[node] === -1) return node;
    for (let at = node; ancestor[ancestor[at]!] !== -1; at = ancestor[at]!) path.push(at);
    for (let at = path.pop(); at !== undefined; at = path.pop()) {
      const above = ancestor[at]!;
      if (semi[label[above]!]! < semi[label[at]!]!) label[at] = label[above]!;
      ancestor[at] = ancestor[above]!;
    }
    return label[node]!;
  };
  for (let index = met.length - 1; index > 0; index--) {
    const node = met[index]!;
    const above = parent[node]!;
    for (const from of predecessors[node]!) {
      const best = semi[evaluate(from)]!;
      if (best < semi[node]!) semi[node] = best;
    }
    bucket[met[semi[node]!]!]!.push(node);
    ancestor[node] = above;
    for (const waiting of bucket[above]!) {
      const best = evaluate(waiting);
      idom[waiting] = semi[best]! < semi[waiting]! ? best : above;
    }
    bucket[above] = [];
  }
  for (let index = 1; index < met.length; index++) {
    const node = met[index]!;
    if (idom[node] !== met[semi[node]!]) idom[node] = idom[idom[node]!]!;
  }
  idom[0] = 0;
  return idom;
}

/** Whether every edge backwards goes to a node that dominates its source. */
export function isReducible({ successors }: Graph, { sequence, place, idom }: Order): boolean {
  // Where each node's dominated ones begin and end in a walk of the tree: nodes come after their dominators in `sequence`.
  const size = new Int32Array(idom.length).fill(1);
  for (let index = sequence.length - 1; index > 0; index--) {
    const node = sequence[index]!;
    size[idom[node]!]! += size[node]!;
  }
  const begin = new Int32Array(idom.length);
  const taken = new Int32Array(idom.length).fill(1);
  for (let index = 1; index < sequence.length; index++) {
    const node = sequence[index]!;
    const above = idom[node]!;
    begin[node] = begin[above]! + taken[above]!;
    taken[above]! += size[node]!;
  }
  for (const node of sequence) {
    for (const next of successors[node]!) {
      if (place[next]! > place[node]!) continue;
      if (begin[node]! < begin[next]! || begin[node]! >= begin[next]! + size[next]!) return false;
    }
  }
  return true;
}
