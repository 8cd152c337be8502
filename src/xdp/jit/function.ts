/** The code of one function. */
import { JunctorError } from "../../errors.js";
import { callKind, type Instruction, insnClass, isWideLoad, jmpOp, loadKind } from "../insn/instruction.js";
import { pushAddress } from "../maps/placed.js";
import { fault, state as field } from "../run/state.js";
import type { ProgramSpec } from "../spec.js";
import type { Verified } from "../verifier/result.js";
import { type FunctionBuilder, i32, i64, type Local } from "../wasm/builder.js";
import { defaultWork } from "./abi.js";
import { writeMemory } from "./access.js";
import { writeAlu, writeCondition } from "./alu.js";
import { writeCall, writeSpend } from "./calls.js";
import { buildGraph, flowOf, type Graph, type Node } from "./cfg.js";
import { loadFuel, reloadPacket, type Scope, saveFuel, type Unit, writeFault } from "./context.js";
import { isReducible, type Order, orderGraph } from "./dominators.js";
import { commonOf, follow, type Known, nothingKnown } from "./known.js";
import { makeReducible } from "./reducible.js";
import { writeStructured } from "./structure.js";
import { measureWork, mostWork, type Work } from "./work.js";

/** A function as it is to be written. */
export interface Body {
  readonly start: number;
  readonly end: number;
  readonly graph: Graph;
  readonly order: Order;
  readonly work: Work;
  /** It has loops, of its own or of a helper. */
  readonly spends: boolean;
}

export interface Bodies {
  of(start: number): Body;
  /** Work of a call of the function at `start`, its loops not counted. */
  weight(start: number): number;
}

const callbackHelpers: ReadonlySet<number> = new Set([164, 181]);
const isCallOf = (insn: Instruction, kind: number): boolean =>
  (insn.opcode & 7) === insnClass.jmp && (insn.opcode & 0xf0) === jmpOp.call && insn.src === kind;

/** Orders the code of all functions, and counts their work. Errors: E2BIG. */
export function planBodies(spec: ProgramSpec, verified: Verified): Bodies {
  const { insns } = spec;
  const bodies = new Map<number, Body | "begun">();
  const ends = new Map(verified.subprograms.map(({ start, end }) => [start, end]));

  function plan(start: number): Body | undefined {
    const known = bodies.get(start);
    if (known === "begun") return undefined;
    if (known !== undefined) return known;
    const end = ends.get(start);
    if (end === undefined) return undefined;
    bodies.set(start, "begun");
    const graph = buildGraph(insns, start, end, verified.reachable);
    let order = orderGraph(graph);
    if (!isReducible(graph, order)) {
      makeReducible(graph);
      order = orderGraph(graph);
      if (!isReducible(graph, order)) throw new JunctorError("EINVAL", `program ${spec.name}: its loops have no order`);
    }
    const work = measureWork(graph, order, insns, weight);
    const loops = graph.successors.some((out, node) => out.some((to) => order.place[to]! <= order.place[node]!));
    const callsBack = insns
      .slice(start, end)
      .some((insn) => isCallOf(insn, callKind.helper) && callbackHelpers.has(insn.imm));
    const body = { start, end, graph, order, work, spends: loops || callsBack };
    bodies.set(start, body);
    return body;
  }
  /** Who calls itself never ends; the frames are at an end before. */
  function weight(start: number): number {
    return plan(start)?.work.total ?? mostWork;
  }

  for (const { start } of verified.subprograms) plan(start);
  if (weight(0) > defaultWork) {
    throw new JunctorError(
      "E2BIG",
      `program ${spec.name}: its functions call each other so often that a run could take ${weight(0)} instructions`,
      `at most ${defaultWork}`,
    );
  }
  return { weight, of: (start) => bodies.get(start) as Body };
}

/** Locals with the offsets of maps' records, by the maps' indexes. */
export type MapLocals = ReadonlyMap<number, Local>;

/** Reads where the maps are that a function names, once: ahead of a loop over frames, too. */
export function placeMaps({ spec, verified, bindings }: Unit, f: FunctionBuilder, { start, end }: Body): MapLocals {
  const used = new Set<number>();
  for (let slot = start; slot < end; slot++) {
    const insn = spec.insns[slot]!;
    const access = verified.accesses[slot];
    if (access?.kind === "map") used.add(access.map);
    used.add(verified.calls.get(slot)?.map ?? -1);
    if (!isWideLoad(insn)) continue;
    if (insn.src === loadKind.map || insn.src === loadKind.mapValue) used.add(insn.imm);
    slot++;
  }
  return new Map(
    [...used].flatMap((map): [number, Local][] => {
      const base = bindings[map]?.base;
      if (base === undefined) return [];
      const local = f.local(i32);
      f.getGlobal(base).set(local);
      return [[map, local]];
    }),
  );
}

export interface Frame {
  readonly state: Local;
  readonly frame: Local;
  /** Where r1 to r5 are; undefined: it is the program itself, whose r1 is the context. */
  readonly passed?: readonly Local[];
  readonly maps: MapLocals;
  /** Goes away with r0 on the stack. */
  readonly leave: () => void;
}

/** Writes a function's code to where `f` stands. Control does not go on behind it. */
export function writeBody(
  unit: Unit,
  f: FunctionBuilder,
  body: Body,
  { state, frame, passed, maps, leave }: Frame,
): void {
  const { spec, verified } = unit;
  const { start, end, graph, order, work } = body;
  const locals = (count: number): Local[] => Array.from({ length: count }, () => f.local(i64));
  const registers = [...locals(1), ...(passed ?? locals(5)), ...locals(5)];
  const code = f.local(i32);
  const failed = f.block(i32);
  const scope: Scope = {
    ...unit,
    bindings: unit.bindings.map((binding, map) => ({ ...binding, local: maps.get(map) })),
    f,
    state,
    frame,
    registers,
    packet: touchesPacket(verified, start, end),
    packetStart: f.local(i32),
    packetBytes: f.local(i64),
    fuel: body.spends ? f.local(i32) : undefined,
    failed,
    address: f.local(i32),
    wide: f.local(i64),
    counter: f.local(i32),
    known: nothingKnown(),
  };
  // In a loop over frames locals are not as new.
  if (passed === undefined) {
    for (const register of registers) f.i64Const(0).set(register);
    f.get(state).i64ExtendI32U().set(registers[1]!);
  }
  f.get(frame).i64ExtendI32U().set(registers[10]!);
  reloadPacket(scope, field);
  loadFuel(scope, field);

  const chosen = new Map<number, Local>();
  const choiceOf = (dispatcher: number): Local => {
    const known = chosen.get(dispatcher) ?? f.local(i32);
    chosen.set(dispatcher, known);
    return known;
  };
  const after: (Known | undefined)[] = [];
  writeStructured(f, graph, order, {
    body(node, index) {
      const before = order.predecessors[index]!;
      const ways = before.map((from) => after[from]);
      scope.known = ways.some((way) => way === undefined) ? nothingKnown() : commonOf(ways as Known[]).slice();
      if (node.kind === "choose") f.i32Const(node.choice).set(choiceOf(node.dispatcher));
      else if (node.kind === "dead") writeFault(scope, fault.unknown, node.start);
      else if (node.kind === "code") writeCode(scope, spec.insns, node, leave);
      after[index] = scope.known;
    },
    backEdge(from, to) {
      const node = graph.nodes[from]!;
      writeSpend(scope, work.back(from, to), node.kind === "code" ? Math.max(node.end - 1, start) : start);
    },
    choice(dispatcher) {
      f.get(choiceOf(dispatcher));
    },
  });
  f.unreachable().end();
  f.set(code).get(state).get(code).call(unit.noteFault).unreachable();
}

function touchesPacket(verified: Verified, start: number, end: number): boolean {
  if (verified.accesses.slice(start, end).some((access) => access?.kind === "packet")) return true;
  for (const [slot, call] of verified.calls) {
    if (slot >= start && slot < end && call.memory.some((access) => access?.kind === "packet")) return true;
  }
  return false;
}

function writeCode(
  scope: Scope,
  insns: readonly Instruction[],
  node: Extract<Node, { kind: "code" }>,
  leave: () => void,
): void {
  const { f, registers } = scope;
  for (let slot = node.start; slot < node.end; slot++) {
    const insn = insns[slot]!;
    const kind = insn.opcode & 7;
    if (kind === insnClass.alu || kind === insnClass.alu64) writeAlu(scope, insn);
    else if (kind === insnClass.ldx || kind === insnClass.st || kind === insnClass.stx) {
      writeMemory(scope, insn, slot, node.end);
    } else if (kind === insnClass.ld) {
      if (!isWideLoad(insn)) throw new JunctorError("EINVAL", `instruction ${slot}: legacy packet access`);
      pushWide(scope, insn, insns[slot + 1]?.imm ?? 0, slot);
      f.set(registers[insn.dst]!);
    } else {
      const flow = flowOf(insn, slot);
      if (flow.kind === "exit") {
        saveFuel(scope, field);
        f.get(registers[0]!);
        leave();
      } else if (flow.kind === "branch") writeCondition(scope, insn);
      else if (flow.kind === "next") writeCall(scope, insn, slot, leave);
      continue;
    }
    follow(scope.known, insn);
    if (kind === insnClass.ld) slot++;
  }
}

/** The value of a load of 64 bits. */
function pushWide({ f, bindings }: Scope, insn: Instruction, high: number, slot: number): void {
  if (insn.src === loadKind.value) {
    f.i64Const((BigInt(high) << 32n) | BigInt(insn.imm >>> 0));
    return;
  }
  if (insn.src === loadKind.function) {
    f.i64Const(slot + 1 + insn.imm);
    return;
  }
  const binding = bindings[insn.imm];
  if ((insn.src !== loadKind.map && insn.src !== loadKind.mapValue) || binding === undefined) {
    throw new JunctorError("EINVAL", `instruction ${slot}: loads what is not known`);
  }
  pushAddress(f, binding, insn.src === loadKind.map ? binding.record : binding.values + high).i64ExtendI32U();
}
