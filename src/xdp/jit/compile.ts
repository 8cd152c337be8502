/** Programs to WebAssembly. */
import { JunctorError } from "../../errors.js";
import type { HostFunction, MapOperation } from "../maps/inline/routines.js";
import { outcome } from "../run/outcome.js";
import { action, state as field } from "../run/state.js";
import type { ProgramSpec } from "../spec.js";
import type { Verified } from "../verifier/result.js";
import {
  type FunctionBuilder,
  type FunctionRef,
  i32,
  i64,
  type Local,
  type ModuleBuilder,
  moduleBuilder,
} from "../wasm/builder.js";
import { defaultWork, importModule } from "./abi.js";
import { writeReaches } from "./access.js";
import { type MapBinding, mapImport, type PlacedMap } from "./bindings.js";
import { writeRelease } from "./calls.js";
import { codeBits, mostSlots, type Unit } from "./context.js";
import { type Body, type MapLocals, placeMaps, planBodies, writeBody } from "./function.js";
import { type Traits, traitsOf } from "./traits.js";

/** Functions that the host gives, besides memory and `tail_call`: `(state, ...words) -> word`. */
export interface ImportNeed {
  readonly name: string;
  /** Number of parameters, `state` among them. */
  readonly words: number;
}

/** Writes the routine of an operation on a map, of those in `maps/inline/routines.ts`. Undefined: the host does it. */
export type InlineRoutine = (
  module: ModuleBuilder,
  map: PlacedMap,
  operation: MapOperation,
  host: HostFunction,
) => FunctionRef | undefined;

export interface CompileInput {
  readonly spec: ProgramSpec;
  readonly verified: Verified;
  /** Of the program's maps, in their order. */
  readonly bindings: readonly MapBinding[];
  readonly fuel?: number;
  readonly inlineRoutine?: InlineRoutine;
  /** Whether the memory is one that threads share. Default true. */
  readonly sharedMemory?: boolean;
}

export interface Compiled {
  readonly bytes: Uint8Array;
  readonly imports: readonly ImportNeed[];
}

const pages = 65536;
/** What engines take of one function, in bytes. */
const mostBytes = 7_654_321;
/** Some tens of milliseconds: who holds a lock may be waiting for a processor. */
const mostSpins = 1 << 22;
/** Programs of so few instructions are written into each entry, which saves a call for each frame. */
const fewSlots = 400;

/**
 * The time is near linear in the program's length.
 *
 * @throws {JunctorError} EINVAL: the program is none that the verifier could have let through; E2BIG: it is too large, or takes too long.
 */
export function compileProgram(input: CompileInput): Compiled {
  const { spec, verified } = input;
  if (spec.insns.length > mostSlots) {
    throw new JunctorError(
      "E2BIG",
      `program ${spec.name} has ${spec.insns.length} instructions`,
      `at most ${mostSlots}`,
    );
  }
  const module = moduleBuilder();
  module.importMemory(importModule, "memory", { pages: 1, maximum: pages, shared: input.sharedMemory ?? true });
  const bindings = input.bindings.map((binding, map) => ({
    ...binding,
    base: module.importGlobal(importModule, mapImport(map), i32),
  }));
  const imports = new Map<string, ImportNeed>();

  const noteFault = module.func("fault", [i32, i32], []);
  noteFault.get(0).get(1).i32Const(codeBits.shift).i32ShrU().i32Store(field.fault);
  noteFault.get(0).get(1).i32Const(codeBits.mask).i32And().i32Store(field.faultInsn);

  const first = verified.subprograms.find(({ start }) => start === 0);
  if (first === undefined)
    throw new JunctorError("EINVAL", `program ${spec.name}: the verifier found no function at 0`);
  const bodies = planBodies(spec, verified);
  const functions = new Map<number, FunctionBuilder>();
  for (const { start } of verified.subprograms) {
    const name = spec.functions.find((one) => one.start === start)?.name ?? `f${start}`;
    functions.set(start, module.func(name, [i32, i32, i64, i64, i64, i64, i64], [i64]));
  }

  const routines = new Map<string, FunctionRef | undefined>();
  const reaching = new Map<string, FunctionRef>();
  const unit: Unit = {
    module,
    spec,
    verified,
    bindings,
    noteFault,
    functions,
    weight: bodies.weight,
    patience: Math.min(input.fuel ?? defaultWork, mostSpins),
    host(name, words) {
      imports.set(name, { name, words });
      return module.importFunction(importModule, name, new Array(words).fill(i32), [i32]);
    },
    reaches(write, all) {
      const key = `${write} ${all}`;
      const known = reaching.get(key) ?? writeReaches(unit, write, all);
      reaching.set(key, known);
      return known;
    },
    routine(map, operation) {
      const key = `${operation} ${map}`;
      if (!routines.has(key)) {
        routines.set(key, input.inlineRoutine?.(module, bindings[map]!, operation, unit.host));
      }
      return routines.get(key);
    },
  };
  for (const { start } of verified.subprograms) {
    const f = functions.get(start)!;
    const body = bodies.of(start);
    const maps = placeMaps(unit, f, body);
    writeBody(unit, f, body, { state: 0, frame: 1, passed: [2, 3, 4, 5, 6], maps, leave: () => void f.return() });
    if (f.size() > mostBytes) throw tooLarge(spec, f.size());
  }
  writeEntries(unit, bodies.of(0), traitsOf(spec, verified), input.fuel ?? defaultWork);
  return { bytes: module.finish(), imports: [...imports.values()] };
}

function tooLarge({ name }: ProgramSpec, bytes: number): JunctorError {
  return new JunctorError(
    "E2BIG",
    `program ${name}: a function of it takes ${bytes} bytes of WebAssembly, of at most ${mostBytes}`,
    "split it into several functions, or into programs that tail calls join",
  );
}

/** `run`, `tail` and `batch`. */
function writeEntries(unit: Unit, body: Body, traits: Traits, amount: number): void {
  const { module, functions } = unit;
  const main = functions.get(0)!;
  const isInline = body.end <= fewSlots;
  const place = (f: FunctionBuilder): MapLocals => (isInline ? placeMaps(unit, f, body) : new Map());
  /** Leaves r0 of a run with its frame's end in a local. */
  const enter = (f: FunctionBuilder, frame: Local, maps: MapLocals): void => {
    if (!isInline) {
      f.get(0).get(frame).get(0).i64ExtendI32U().i64Const(0).i64Const(0).i64Const(0).i64Const(0).call(main);
      return;
    }
    const answer = f.block(i64);
    writeBody(unit, f, body, { state: 0, frame, maps, leave: () => void f.br(answer) });
    f.end();
  };
  const pushTop = (f: FunctionBuilder): void => void f.get(0).i32Const(field.stackTop).i32Add();
  const clear = (f: FunctionBuilder, word: number): void => void f.get(0).i32Const(0).i32Store(word);
  const begin = (f: FunctionBuilder): void => {
    if (traits.tailCalls) clear(f, field.tailCalls);
    if (traits.tailCalls || body.spends || traits.calls) f.get(0).i32Const(amount).i32Store(field.fuel);
  };
  const finish = (f: FunctionBuilder): void => {
    if (traits.locks) writeRelease({ f, state: 0 });
  };

  const tail = module.func("tail", [i32, i32], [i64]);
  enter(tail, 1, place(tail));
  finish(tail);
  module.exportFunction("tail", tail);

  const run = module.func("run", [i32], [i32]);
  for (const word of [field.fault, field.redirect]) clear(run, word);
  begin(run);
  const top = run.local(i32);
  pushTop(run);
  run.set(top);
  enter(run, top, place(run));
  run.i32WrapI64();
  finish(run);
  module.exportFunction("run", run);

  writeBatch(unit, traits, { place, enter, begin, finish });
}

interface RunParts {
  readonly place: (f: FunctionBuilder) => MapLocals;
  readonly enter: (f: FunctionBuilder, frame: Local, maps: MapLocals) => void;
  readonly begin: (f: FunctionBuilder) => void;
  readonly finish: (f: FunctionBuilder) => void;
}

function writeBatch({ module, spec }: Unit, traits: Traits, { place, enter, begin, finish }: RunParts): void {
  const f = module.func("batch", [i32, i32, i32, i32, i32, i32], [i32]);
  const [state, at, count, size, stride, record] = [0, 1, 2, 3, 4, 5];
  const [index, end, verdict, frame] = [f.local(i32), f.local(i32), f.local(i32), f.local(i32)];
  const set = (word: number, value: Local): void => void f.get(state).get(value).i32Store(word);
  f.get(state).i32Const(field.stackTop).i32Add().set(frame);
  f.get(state).i32Const(0).i32Store(field.fault);
  const maps = place(f);
  const again = f.loop();
  f.get(index).get(count).i32GeU().if();
  f.get(index).return().end();
  f.get(at).get(size).i32Add().set(end);
  if (!traits.plain) {
    set(field.data, at);
    set(field.dataMeta, at);
    set(field.dataEnd, end);
    set(field.frameIndex, index);
  }
  if (traits.moves) {
    set(field.hardStart, at);
    set(field.hardEnd, end);
  }
  begin(f);
  if (traits.redirects) f.get(state).i32Const(0).i32Store(field.redirect);
  enter(f, frame, maps);
  f.i32WrapI64();
  finish(f);
  f.set(verdict);
  // The verdict, and 0 for where the frame begins.
  f.get(record).get(verdict).i64ExtendI32U().i64Store(outcome.verdict);
  if (traits.moves) {
    f.get(state).i32Load(field.data).get(at).i32Ne().get(state).i32Load(field.dataEnd).get(end).i32Ne().i32Or().if();
    for (const word of ["data", "dataEnd", "dataMeta"] as const) {
      f.get(record).get(state).i32Load(field[word]).i32Store(outcome[word]);
    }
    f.end();
  }
  f.get(verdict).i32Const(action.redirect).i32Eq().if();
  if (!traits.redirects) f.get(record).i32Const(0).i32Store(outcome.redirect);
  else {
    for (const word of ["redirect", "redirectMap", "redirectKey", "redirectFlags"] as const) {
      f.get(record).get(state).i32Load(field[word]).i32Store(outcome[word]);
    }
  }
  f.end();
  f.get(index).i32Const(1).i32Add().set(index);
  f.get(verdict).i32Const(action.drop).i32Sub().i32Const(action.redirect).i32GeU();
  if (traits.moves) f.get(state).i32Load(field.hardStart).get(at).i32Ne().i32Or();
  f.if();
  f.get(index).return().end();
  f.get(at).get(stride).i32Add().set(at);
  f.get(record).i32Const(outcome.bytes).i32Add().set(record).br(again);
  f.end().unreachable();
  module.exportFunction("batch", f);
  if (f.size() > mostBytes) throw tooLarge(spec, f.size());
}
