/** Programs to WebAssembly. */
import { JunctorError } from "../../errors.js";
import { type Instruction, insnClass, isWideLoad, jmpOp, loadKind } from "../insn/instruction.js";
import { action, fault, state as field } from "../run/state.js";
import type { ProgramSpec } from "../spec.js";
import type { Subprogram, Verified } from "../verifier/result.js";
import {
  type FunctionBuilder,
  type FunctionRef,
  i32,
  i64,
  type ModuleBuilder,
  moduleBuilder,
} from "../wasm/builder.js";
import { defaultFuel, importModule } from "./abi.js";
import { writeMemory } from "./access.js";
import { writeAlu, writeCondition } from "./alu.js";
import type { MapBinding } from "./bindings.js";
import { writeCall, writeSpend } from "./calls.js";
import { buildGraph, flowOf, type Node } from "./cfg.js";
import { reloadPacket, type Scope, type Unit, writeFault } from "./context.js";
import { isReducible, makeReducible, orderGraph } from "./dominators.js";
import { writeStructured } from "./structure.js";

/** Functions that the host gives, besides memory and table: `(state, ...words) -> word`. */
export interface ImportNeed {
  readonly name: string;
  /** Number of parameters, `state` among them. */
  readonly words: number;
}

/** Writes a routine `(state: i32, key: i32) -> i32` that looks a key up in a map: address of its value or 0. */
export type InlineLookup = (module: ModuleBuilder, binding: MapBinding) => FunctionRef | undefined;

export interface CompileInput {
  readonly spec: ProgramSpec;
  readonly verified: Verified;
  /** Of the program's maps, in their order. */
  readonly bindings: readonly MapBinding[];
  readonly fuel?: number;
  readonly inlineLookup?: InlineLookup;
  /** Whether the memory is one that threads share. Default true. */
  readonly sharedMemory?: boolean;
}

export interface Compiled {
  readonly bytes: Uint8Array;
  readonly imports: readonly ImportNeed[];
}

const pages = 65536;

/** @throws {JunctorError} EINVAL: the program is none that the verifier could have let through. */
export function compileProgram(input: CompileInput): Compiled {
  const { spec, verified, bindings } = input;
  const module = moduleBuilder();
  module.importMemory(importModule, "memory", { pages: 1, maximum: pages, shared: input.sharedMemory ?? true });
  module.importTable(importModule, "table");
  const fuel = module.global(i32, 0);
  const imports = new Map<string, ImportNeed>();

  const noteFault = module.func("fault", [i32, i32, i32], []);
  noteFault.get(0).get(1).i32Store(field.fault).get(0).get(2).i32Store(field.faultInsn);

  const functions = new Map<number, FunctionBuilder>();
  for (const subprogram of verified.subprograms) {
    const name = spec.functions.find((one) => one.start === subprogram.start)?.name ?? `f${subprogram.start}`;
    functions.set(subprogram.start, module.func(name, [i32, i32, i64, i64, i64, i64, i64], [i64]));
  }
  const main = functions.get(0);
  if (main === undefined) throw new JunctorError("EINVAL", `program ${spec.name}: the verifier found no function at 0`);

  const routines = new Map<number, FunctionRef | undefined>();
  const unit: Unit = {
    module,
    spec,
    verified,
    bindings,
    fuel,
    noteFault,
    functions,
    host(name, words) {
      imports.set(name, { name, words });
      return module.importFunction(importModule, name, new Array(words).fill(i32), [i32]);
    },
    lookup(map) {
      if (!routines.has(map)) routines.set(map, input.inlineLookup?.(module, bindings[map]!));
      return routines.get(map);
    },
  };
  for (const subprogram of verified.subprograms) {
    writeFunction(unit, functions.get(subprogram.start)!, subprogram);
  }
  writeEntries(unit, main, input.fuel ?? defaultFuel);
  return { bytes: module.finish(), imports: [...imports.values()] };
}

function writeFunction(unit: Unit, f: FunctionBuilder, { start, end }: Subprogram): void {
  const { spec, verified } = unit;
  const { insns } = spec;
  const r0 = f.local(i64);
  const saved = [6, 7, 8, 9, 10].map(() => f.local(i64));
  const scope: Scope = {
    ...unit,
    f,
    state: 0,
    frame: 1,
    registers: [r0, 2, 3, 4, 5, 6, ...saved],
    packet:
      verified.accesses.slice(start, end).some((access) => access?.kind === "packet") ||
      [...verified.calls.values()].some((call) => call.memory.some((access) => access?.kind === "packet")),
    packetStart: f.local(i32),
    packetBytes: f.local(i64),
    address: f.local(i32),
    wide: f.local(i64),
    counter: f.local(i32),
  };
  f.get(scope.frame).i64ExtendI32U().set(scope.registers[10]!);
  reloadPacket(scope, field);

  const graph = buildGraph(insns, start, end, verified.reachable);
  let order = orderGraph(graph);
  if (!isReducible(graph, order)) {
    makeReducible(graph);
    order = orderGraph(graph);
    if (!isReducible(graph, order)) throw new JunctorError("EINVAL", `program ${spec.name}: its loops have no order`);
  }
  const chosen = new Map<number, number>();
  const choiceOf = (dispatcher: number): number => {
    const known = chosen.get(dispatcher) ?? f.local(i32);
    chosen.set(dispatcher, known);
    return known;
  };
  writeStructured(f, graph, order, {
    body(node) {
      if (node.kind === "choose") f.i32Const(node.choice).set(choiceOf(node.dispatcher));
      else if (node.kind === "dead") writeFault(scope, fault.unknown, node.start);
      else if (node.kind === "code") writeCode(scope, insns, node);
    },
    backEdge(node) {
      writeSpend(scope, node.kind === "code" ? node.end - 1 : start);
    },
    choice(dispatcher) {
      f.get(choiceOf(dispatcher));
    },
  });
  f.unreachable();
}

function writeCode(scope: Scope, insns: readonly Instruction[], node: Extract<Node, { kind: "code" }>): void {
  const { f, registers, bindings } = scope;
  for (let slot = node.start; slot < node.end; slot++) {
    const insn = insns[slot]!;
    const kind = insn.opcode & 7;
    if (kind === insnClass.alu || kind === insnClass.alu64) writeAlu(scope, insn);
    else if (kind === insnClass.ldx || kind === insnClass.st || kind === insnClass.stx) writeMemory(scope, insn, slot);
    else if (kind === insnClass.ld) {
      if (!isWideLoad(insn)) throw new JunctorError("EINVAL", `instruction ${slot}: legacy packet access`);
      const high = insns[slot + 1]?.imm ?? 0;
      f.i64Const(wideValue(insn, high, bindings, slot)).set(registers[insn.dst]!);
      slot++;
    } else {
      const flow = flowOf(insn, slot);
      if (flow.kind === "exit") f.get(registers[0]!).return();
      else if (flow.kind === "branch") writeCondition(scope, insn);
      else if (flow.kind === "next" && (insn.opcode & 0xf0) === jmpOp.call) writeCall(scope, insn, slot);
    }
  }
}

function wideValue(insn: Instruction, high: number, bindings: readonly MapBinding[], slot: number): bigint {
  if (insn.src === loadKind.value) return (BigInt(high) << 32n) | BigInt(insn.imm >>> 0);
  if (insn.src === loadKind.function) return BigInt(slot + 1 + insn.imm);
  const binding = bindings[insn.imm];
  if ((insn.src !== loadKind.map && insn.src !== loadKind.mapValue) || binding === undefined) {
    throw new JunctorError("EINVAL", `instruction ${slot}: loads what is not known`);
  }
  return insn.src === loadKind.map ? BigInt(binding.record) : BigInt((binding.values + high) >>> 0);
}

/** `run`, `tail` and `batch`. */
function writeEntries({ module, fuel }: Unit, main: FunctionRef, amount: number): void {
  const callMain = (f: FunctionBuilder): void => {
    f.i32Const(amount).setGlobal(fuel);
    f.get(0).get(0).i32Const(field.stackTop).i32Add();
    f.get(0).i64ExtendI32U().i64Const(0).i64Const(0).i64Const(0).i64Const(0).call(main).i32WrapI64();
  };
  const begin = (f: FunctionBuilder): void => {
    f.get(0).i32Const(0).i32Store(field.tailCalls).get(0).i32Const(0).i32Store(field.redirect);
  };

  const tail = module.func("tail", [i32], [i32]);
  callMain(tail);
  module.exportFunction("tail", tail);

  const run = module.func("run", [i32], [i32]);
  run.get(0).i32Const(0).i32Store(field.fault);
  begin(run);
  callMain(run);
  module.exportFunction("run", run);

  const f = module.func("batch", [i32, i32, i32, i32, i32], [i32]);
  const [state, at, count, size, stride] = [0, 1, 2, 3, 4];
  const passed = f.local(i32);
  const end = f.local(i32);
  const verdict = f.local(i32);
  f.get(state).i32Const(0).i32Store(field.fault);
  const again = f.loop();
  f.get(passed).get(count).i32GeU().if();
  f.get(passed).return().end();
  f.get(at).get(size).i32Add().set(end);
  for (const where of [field.data, field.dataMeta, field.hardStart]) f.get(state).get(at).i32Store(where);
  for (const where of [field.dataEnd, field.hardEnd]) f.get(state).get(end).i32Store(where);
  f.get(state).get(passed).i32Store(field.frameIndex);
  begin(f);
  callMain(f);
  f.tee(verdict).i32Const(action.pass).i32Ne();
  f.get(state).i32Load(field.data).get(at).i32Ne().i32Or();
  f.get(state).i32Load(field.dataEnd).get(end).i32Ne().i32Or().if();
  f.get(state).get(verdict).i32Store(field.verdict).get(passed).return().end();
  f.get(passed).i32Const(1).i32Add().set(passed).get(at).get(stride).i32Add().set(at).br(again);
  f.end().unreachable();
  module.exportFunction("batch", f);
}
