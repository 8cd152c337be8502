/** A function's control-flow graph. */
import { type Instruction, insnClass, isWideLoad, jmpOp } from "../insn/instruction.js";

export type Node =
  /** Instructions [start, end). With two successors the last is a conditional jump: taken, then not taken. With none it ends in exit. */
  | { readonly kind: "code"; readonly start: number; readonly end: number }
  /** Notes that the dispatcher goes to its successor number `choice`, and goes to the dispatcher. */
  | { readonly kind: "choose"; readonly dispatcher: number; readonly choice: number }
  /** Goes to the successor that was chosen: the one entry of what would be a loop of several. */
  | { readonly kind: "dispatch" }
  /** Nothing leads here, as the verifier says. */
  | { readonly kind: "dead"; readonly start: number };

export interface Graph {
  readonly nodes: Node[];
  /** By node. The function begins at node 0. */
  readonly successors: number[][];
}

const classOf = (insn: Instruction): number => insn.opcode & 7;
const isJumpClass = (insn: Instruction): boolean =>
  classOf(insn) === insnClass.jmp || classOf(insn) === insnClass.jmp32;

export type Flow =
  | { readonly kind: "next" }
  | { readonly kind: "exit" }
  | { readonly kind: "goto"; readonly target: number }
  | { readonly kind: "branch"; readonly target: number };

/** Where an instruction goes. */
export function flowOf(insn: Instruction, slot: number): Flow {
  if (!isJumpClass(insn)) return { kind: "next" };
  const operation = insn.opcode & 0xf0;
  if (operation === jmpOp.call) return { kind: "next" };
  if (operation === jmpOp.exit) return { kind: "exit" };
  if (operation === jmpOp.ja) {
    return { kind: "goto", target: slot + 1 + (classOf(insn) === insnClass.jmp32 ? insn.imm : insn.offset) };
  }
  return { kind: "branch", target: slot + 1 + insn.offset };
}

/** The graph of [start, end), of what can be reached from start. A way out of it is a dead end. */
export function buildGraph(
  insns: readonly Instruction[],
  start: number,
  end: number,
  reachable: readonly boolean[],
): Graph {
  const leaders = new Uint8Array(end - start + 1);
  const inside = (slot: number): boolean => slot >= start && slot < end;
  for (let slot = start; slot < end; slot += isWideLoad(insns[slot]!) ? 2 : 1) {
    const flow = flowOf(insns[slot]!, slot);
    if (flow.kind === "next") continue;
    leaders[slot + 1 - start] = 1;
    if ("target" in flow && inside(flow.target)) leaders[flow.target - start] = 1;
  }
  const nodes: Node[] = [];
  const successors: number[][] = [];
  const known = new Map<number, number>();
  const waiting: number[] = [];
  const nodeAt = (slot: number): number => {
    const found = known.get(slot);
    if (found !== undefined) return found;
    const index = nodes.length;
    known.set(slot, index);
    nodes.push({ kind: "dead", start: slot });
    successors.push([]);
    if (inside(slot) && reachable[slot] !== false) waiting.push(slot);
    return index;
  };
  // The function's begin is a node of its own, which nothing leads back to.
  nodes.push({ kind: "code", start, end: start });
  successors.push([]);
  successors[0] = [nodeAt(start)];
  for (let slot = waiting.pop(); slot !== undefined; slot = waiting.pop()) {
    const node = known.get(slot)!;
    let at = slot;
    let flow: Flow;
    do {
      flow = flowOf(insns[at]!, at);
      at += isWideLoad(insns[at]!) ? 2 : 1;
    } while (flow.kind === "next" && at < end && leaders[at - start] === 0);
    nodes[node] = { kind: "code", start: slot, end: at };
    if (flow.kind === "next") successors[node] = [nodeAt(at)];
    else if (flow.kind === "goto") successors[node] = [nodeAt(flow.target)];
    else if (flow.kind === "branch") successors[node] = [nodeAt(flow.target), nodeAt(at)];
  }
  return { nodes, successors };
}
