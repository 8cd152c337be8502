/**
 * Structured control flow from a reducible graph by its dominator tree (Ramsey: Beyond Relooper, 2022): a node that several lead to
 * follows a block that they leave, a node that is led back to begins a loop, any other is written where it is gone to. The code of
 * every node ends in a jump, so that nothing has to be nested in an else.
 */
import type { FunctionBuilder, Label } from "../wasm/builder.js";
import type { Graph, Node } from "./cfg.js";
import type { Order } from "./dominators.js";

export interface NodeWriter {
  /** Writes a node's instructions; with two successors it leaves the condition for the first one on the stack. */
  body(node: Node, index: number): void;
  /** Before a jump backwards. */
  backEdge(from: number, to: number): void;
  /** Leaves the number of the successor on the stack. */
  choice(index: number): void;
}

type Task = () => void;

export function writeStructured(f: FunctionBuilder, graph: Graph, order: Order, writer: NodeWriter): void {
  const { nodes, successors } = graph;
  const { place, predecessors, idom, sequence } = order;
  const isBack = (from: number, to: number): boolean => place[to]! <= place[from]!;
  const isLoop = (node: number): boolean => predecessors[node]!.some((from) => isBack(from, node));
  const isMerge = (node: number): boolean => {
    let forward = 0;
    for (const from of predecessors[node]!) {
      if (isBack(from, node)) continue;
      if (nodes[from]!.kind === "dispatch") return true;
      forward++;
    }
    return forward > 1;
  };
  const merge = nodes.map((_, node) => place[node]! >= 0 && node !== 0 && isMerge(node));
  /** By node, those dominated by it at once that are merges, the last first. */
  const followers: number[][] = nodes.map(() => []);
  for (let index = sequence.length - 1; index >= 0; index--) {
    const node = sequence[index]!;
    if (merge[node]) followers[idom[node]!]!.push(node);
  }
  const blockLabel = new Map<number, Label>();
  const loopLabel = new Map<number, Label>();

  const tasks: Task[] = [];
  /** Written in this order, before what waits already. */
  const then = (...next: Task[]): void => {
    for (let index = next.length - 1; index >= 0; index--) tasks.push(next[index]!);
  };

  const isJump = (from: number, to: number): boolean => isBack(from, to) || merge[to] === true;
  const labelOf = (from: number, to: number): Label => (isBack(from, to) ? loopLabel.get(to)! : blockLabel.get(to)!);
  const goTo = (from: number, to: number): void => {
    if (isBack(from, to)) writer.backEdge(from, to);
    if (isJump(from, to)) f.br(labelOf(from, to));
    else writeTree(to);
  };

  const writeNode = (node: number): void => {
    writer.body(nodes[node]!, node);
    const out = successors[node]!;
    if (nodes[node]!.kind === "dispatch") {
      writer.choice(node);
      const labels = out.map((to) => labelOf(node, to));
      f.brTable(labels, labels.at(-1)!);
      return;
    }
    if (out.length === 0) return;
    const [taken, other] = out;
    if (other === undefined || taken === undefined) {
      if (taken !== undefined) goTo(node, taken);
      return;
    }
    if (isJump(node, taken) && !isBack(node, taken)) {
      f.brIf(labelOf(node, taken));
      goTo(node, other);
      return;
    }
    f.if();
    then(
      () => goTo(node, taken),
      () => {
        f.end();
      },
      () => goTo(node, other),
    );
  };

  const writeTree = (node: number): void => {
    const steps: Task[] = [];
    const loop = isLoop(node);
    if (loop) steps.push(() => loopLabel.set(node, f.loop()));
    for (const follower of followers[node]!) steps.push(() => blockLabel.set(follower, f.block()));
    steps.push(() => writeNode(node));
    for (const follower of [...followers[node]!].reverse()) {
      steps.push(
        () => {
          f.end();
        },
        () => writeTree(follower),
      );
    }
    if (loop) {
      steps.push(() => {
        f.end().unreachable();
      });
    }
    then(...steps);
  };

  then(() => writeTree(0));
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) task();
}
