/**
 * What programs may spend, so that the time of a run is bounded whatever a program is. Work is counted in instructions, a call of the host as
 * many. Going on forwards is free, because it ends; a jump backwards pays for all that lies between its source and its target in the order
 * that the code is written in. So the work of a run is never more than what is paid and once the program's length.
 */
import { callKind, type Instruction, insnClass, isWideLoad, jmpOp } from "../insn/instruction.js";
import type { Graph, Node } from "./cfg.js";
import type { Order } from "./dominators.js";

/** Work of one call of the host. */
export const hostWork = 64;
/** Largest that a sum of work gets. */
export const mostWork = 1 << 30;

export const addWork = (a: number, b: number): number => Math.min(a + b, mostWork);

function workOf(node: Node, insns: readonly Instruction[], weight: (start: number) => number): number {
  if (node.kind !== "code") return 1;
  let work = 0;
  for (let slot = node.start; slot < node.end; slot += isWideLoad(insns[slot]!) ? 2 : 1) {
    const insn = insns[slot]!;
    work = addWork(work, 1);
    if ((insn.opcode & 7) !== insnClass.jmp || (insn.opcode & 0xf0) !== jmpOp.call) continue;
    work = addWork(work, insn.src === callKind.local ? weight(slot + 1 + insn.imm) : hostWork);
  }
  return work;
}

export interface Work {
  /** Of all nodes of the function once. */
  readonly total: number;
  /** Of going back from one node to another. */
  readonly back: (from: number, to: number) => number;
}

export function measureWork(
  graph: Graph,
  order: Order,
  insns: readonly Instruction[],
  weight: (start: number) => number,
): Work {
  const { sequence, place } = order;
  const before = new Float64Array(sequence.length + 1);
  sequence.forEach((node, index) => {
    before[index + 1] = before[index]! + workOf(graph.nodes[node]!, insns, weight);
  });
  return {
    total: Math.min(before[sequence.length]!, mostWork),
    back: (from, to) => Math.max(1, Math.min(before[place[from]! + 1]! - before[place[to]!]!, mostWork)),
  };
}
