/** Random programs that the kernel's verifier mostly accepts, and some that have one mistake. A seed determines everything. */
import { parseBtf } from "../../../src/xdp/btf/parse.js";
import type { FunctionSpec, ProgramSpec } from "../../../src/xdp/spec.js";
import { firstGlobal, firstStatic, functionsBtf, mostGlobals } from "../kernel/functions-btf.js";
import {
  afterCall,
  aluImm,
  aluReg,
  type Code,
  call,
  callLocal,
  exit,
  fork,
  initialize,
  join,
  jump,
  jumpImm,
  jumpLong,
  jumpReg,
  load,
  loadFunction,
  loadMap,
  movImm,
  movReg,
  type State,
  store,
  storeImm,
} from "./code.js";
import { generatedMaps, indexOfMap, keyedMaps } from "./maps.js";
import { adjust, checkPacket, memoryStatements, spillPointer } from "./memory-statements.js";
import { moreStatements } from "./more-statements.js";
import { mutate } from "./mutate.js";
import { createDraw, type Draw } from "./random.js";
import { jumps as comparisons, plainStatements, type Statement, scalar } from "./statements.js";

export interface Generated {
  readonly seed: number;
  readonly spec: ProgramSpec;
  readonly frames: readonly Uint8Array[];
  /** What the maps hold at first. A value of a per-CPU map is that of one CPU. */
  readonly entries: readonly Entry[];
  /** What was altered at last; undefined: it should be accepted. */
  readonly mutation: string | undefined;
}

export interface Entry {
  /** Index in the program's maps. */
  readonly map: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface GenerateOptions {
  /** Percent of programs that get a mistake. Default 30. */
  readonly mistakes?: number;
  /** Statements of the main program at most. Default 24. */
  readonly statements?: number;
}

const { btf } = parseBtf(functionsBtf());
const owned: ReadonlySet<number> = new Set([indexOfMap("jumps"), indexOfMap("dev")]);
/** Functions that are verified by their prototypes. */
const globals = new WeakSet<Code[]>();

export function generate(seed: number, { mistakes = 30, statements = 24 }: GenerateOptions = {}): Generated {
  const draw = createDraw(Math.imul(seed, 0x9e37_79b1) + 1);
  const functions: Code[][] = [];
  const main = program(draw, functions, draw.between(2, statements));
  const bodies = [main, ...functions];
  const starts: number[] = [];
  let slots = 0;
  for (const body of bodies) {
    starts.push(slots);
    slots += body.length;
  }
  const code = bodies.flat();
  const isGlobal = bodies.map((body) => globals.has(body));
  const globalsBefore = (index: number): number => isGlobal.slice(0, index).filter(Boolean).length;
  for (const [slot, insn] of code.entries()) {
    if (insn.calls !== undefined) insn.imm = starts[insn.calls + 1]! - slot - 1;
  }
  const mutation = draw.chance(mistakes) ? mutate(draw, code) : undefined;
  const spec: ProgramSpec = {
    name: `seed_${seed}`,
    section: "xdp",
    attach: "xdp",
    // Maps that hold programs take those of one kind.
    frags: draw.chance(10) && !code.some(({ opcode, src, imm }) => opcode === 0x18 && src === 1 && owned.has(imm)),
    license: "GPL",
    insns: code.map(({ opcode, dst, src, offset, imm }) => ({ opcode, dst, src, offset, imm })),
    maps: generatedMaps,
    functions: starts.map(
      (start, index): FunctionSpec => ({
        name: `f${index}`,
        start,
        btfId: isGlobal[index] === true ? firstGlobal + globalsBefore(index) : firstStatic + index,
        linkage: index === 0 || isGlobal[index] === true ? "global" : "static",
      }),
    ),
    lines: [],
    btf,
  };
  const frames = Array.from({ length: 3 }, () => frame(draw));
  const entries = keyedMaps.flatMap((index) =>
    Array.from({ length: draw.below(4) }, () => entry(draw, generatedMaps[index]!, index)),
  );
  return { seed, spec, frames, entries, mutation };
}

/** Keys are those that programs look for. */
function entry(
  draw: Draw,
  { type, keySize, valueSize, maxEntries }: (typeof generatedMaps)[number],
  map: number,
): Entry {
  const key = new Uint8Array(8);
  const words = new DataView(key.buffer);
  const isArray = type === "array" || type === "percpu_array";
  words.setUint32(0, isArray ? draw.below(maxEntries) : draw.below(type === "lpm_trie" ? 33 : 6), true);
  words.setUint32(4, draw.pick([0, 0, 1, 0x0a00_0001]), true);
  const value = Uint8Array.from({ length: valueSize }, () => draw.word());
  return { map, key: key.slice(0, keySize), value };
}

function frame(draw: Draw): Uint8Array {
  const bytes = new Uint8Array(draw.pick([14, 20, 42, 60, 64, 64, 98, 128, 256]));
  for (let at = 0; at < bytes.length; at++) bytes[at] = draw.word();
  if (bytes.length > 14 && draw.chance(50)) bytes.set([0x08, 0x00, 0x45], 12);
  return bytes;
}

const emptyState = (): State => ({
  scalars: new Set(),
  stack: new Uint8Array(512),
  reserved: new Set(),
  packet: undefined,
  adjusted: false,
  looping: false,
  depth: 0,
});

function program(draw: Draw, functions: Code[][], statements: number): Code[] {
  const state = emptyState();
  const code = [movReg(6, 1), ...checkPacket(draw, state, draw.pick([1, 14, 14, 20, 34, 42, 60]))];
  code.push(movImm(8, draw.immediate()), movImm(9, draw.immediate()));
  state.scalars.add(8).add(9);
  code.push(...block(draw, state, functions, statements, true));
  // The verdict carries what was computed, so that a difference shows.
  code.push(movReg(0, scalar(draw, state, code)));
  if (draw.chance(60)) code.push(aluImm("and", 0, draw.pick([3, 7, 0xff])));
  code.push(exit());
  return code;
}

/** A function of numbers, which may use maps. */
function local(draw: Draw, functions: Code[][], parameters: number, { depth, looping }: State): number {
  const index = functions.length;
  const placeholder: Code[] = [];
  functions.push(placeholder);
  const state: State = { ...emptyState(), looping, depth: depth + 1 };
  for (let reg = 1; reg <= parameters; reg++) state.scalars.add(reg);
  const code = block(draw, state, functions, draw.between(1, 6), false);
  code.push(movReg(0, scalar(draw, state, code)), exit());
  placeholder.push(...code);
  return index;
}

function block(draw: Draw, state: State, functions: Code[][], statements: number, top: boolean): Code[] {
  const code: Code[] = [];
  const nested: readonly (readonly [number, Statement])[] =
    state.depth > 3
      ? []
      : [
          [8, conditional(functions)],
          [state.looping ? 0 : 3, loop(functions)],
          [functions.length < 4 ? 3 : 0, callFunction(functions)],
          [functions.length < 4 ? 1 : 0, callGlobal(functions)],
          [functions.length < 4 && !state.looping ? 1 : 0, callback(functions)],
          [functions.length < 4 && !state.looping ? 1 : 0, forEach(functions)],
          [functions.length < 4 && !state.looping ? 1 : 0, nestedLoop(functions)],
          [2, spillPointer((inner, within) => block(inner, within, functions, inner.between(1, 3), false))],
          [top ? 2 : 0, adjust],
        ];
  const choices = [...plainStatements, ...memoryStatements, ...moreStatements, ...nested];
  for (let left = statements; left > 0; left--) code.push(...draw.weighed(choices)(draw, state));
  return code;
}

const conditional =
  (functions: Code[][]): Statement =>
  (draw, state) => {
    const code: Code[] = [];
    const dst = scalar(draw, state, code);
    const wide = draw.chance(60);
    const byRegister = draw.chance(40);
    const src = byRegister ? scalar(draw, state, code) : 0;
    const [one, other] = [fork(state), fork(state)];
    const then = block(draw, one, functions, draw.between(1, 4), false);
    const otherwise = draw.chance(50) ? block(draw, other, functions, draw.between(1, 3), false) : [];
    if (otherwise.length > 0) then.push(draw.chance(80) ? jump(otherwise.length) : jumpLong(otherwise.length));
    const op = draw.pick(comparisons);
    code.push(
      byRegister ? jumpReg(op, dst, src, then.length, wide) : jumpImm(op, dst, draw.immediate(), then.length, wide),
    );
    join(state, [one, other]);
    return [...code, ...then, ...otherwise];
  };

/** A loop with a counter on the stack or in r9. */
const loop =
  (functions: Code[][]): Statement =>
  (draw, state) => {
    const counter = 9;
    if (state.reserved.has(counter)) return [];
    const inner = fork(state, { looping: true });
    // Only what calls leave alone is still there in the next round.
    for (const reg of [...inner.scalars]) if (reg < 6) inner.scalars.delete(reg);
    inner.scalars.delete(counter);
    inner.reserved.add(counter);
    const body = block(draw, inner, functions, draw.between(1, 3), false);
    for (const reg of [...state.scalars]) if (!inner.scalars.has(reg)) state.scalars.delete(reg);
    state.scalars.add(counter);
    if (draw.chance(50)) {
      const back = -(body.length + 2);
      return [
        movImm(counter, draw.between(1, 8)),
        ...body,
        aluImm("sub", counter, 1),
        jumpImm("jne", counter, 0, back, draw.chance(70)),
      ];
    }
    const limit = draw.between(1, 12);
    // Counts up, and asks at the head.
    return [
      movImm(counter, 0),
      jumpImm(draw.pick(["jge", "jsge"]), counter, limit, body.length + 2),
      ...body,
      aluImm("add", counter, draw.between(1, 3)),
      jump(-(body.length + 3)),
    ];
  };

const callFunction =
  (functions: Code[][]): Statement =>
  (draw, state) => {
    if ([0, 1, 2, 3, 4, 5].some((reg) => state.reserved.has(reg))) return [];
    const parameters = draw.below(6);
    const code: Code[] = [];
    for (let reg = 1; reg <= parameters; reg++) {
      if (state.scalars.has(reg)) continue;
      code.push(draw.chance(50) ? movImm(reg, draw.immediate()) : movReg(reg, scalar(draw, state, code)));
      state.scalars.add(reg);
    }
    const index = local(draw, functions, parameters, state);
    afterCall(state);
    return [...code, callLocal(index)];
  };

/** A global function of two numbers. */
const callGlobal =
  (functions: Code[][]): Statement =>
  (draw, state) => {
    if ([0, 1, 2, 3, 4, 5].some((reg) => state.reserved.has(reg))) return [];
    if (functions.filter((one) => globals.has(one)).length >= mostGlobals) return [];
    const code: Code[] = [];
    for (let reg = 1; reg <= 2; reg++) {
      if (state.scalars.has(reg)) continue;
      code.push(movImm(reg, draw.immediate()));
      state.scalars.add(reg);
    }
    const index = local(draw, functions, 2, state);
    globals.add(functions[index]!);
    afterCall(state);
    return [...code, callLocal(index)];
  };

/** bpf_loop whose function calls bpf_loop with another. */
const nestedLoop =
  (functions: Code[][]): Statement =>
  (draw, state) => {
    if ([0, 1, 2, 3, 4, 5].some((reg) => state.reserved.has(reg))) return [];
    const at = -128;
    const inner = functions.length;
    // (index, context): *(u64 *)context ^= index * n
    functions.push([
      load("dw", 3, 2, 0),
      aluImm("mul", 1, draw.immediate()),
      aluReg("xor", 3, 1),
      store("dw", 2, 0, 3),
      movImm(0, draw.chance(80) ? 0 : 1),
      exit(),
    ]);
    const outer = functions.length;
    functions.push([
      movReg(3, 2),
      movImm(1, draw.between(0, 5)),
      ...loadFunction(2, inner),
      movImm(4, 0),
      call(181),
      movImm(0, 0),
      exit(),
    ]);
    const code = [storeImm("dw", 10, at, draw.immediate()), movImm(1, draw.between(0, 6)), ...loadFunction(2, outer)];
    code.push(movReg(3, 10), aluImm("add", 3, at), movImm(4, 0), call(181));
    initialize(state, at, 8);
    afterCall(state);
    return [...code, ...(state.reserved.has(8) ? [] : [load("dw", 8, 10, at)])];
  };

/** bpf_loop with a function that counts in its context on the stack. */
const callback =
  (functions: Code[][]): Statement =>
  (draw, state) => {
    if ([0, 1, 2, 3, 4, 5].some((reg) => state.reserved.has(reg))) return [];
    const at = -128;
    const index = functions.length;
    // (index, context): *(u64 *)context += index * n; return index > limit
    const body = [
      load("dw", 3, 2, 0),
      aluImm("mul", 1, draw.immediate()),
      aluReg("add", 3, 1),
      store("dw", 2, 0, 3),
      movImm(0, 0),
      ...(draw.chance(40) ? [jumpImm("jle", 1, draw.between(0, 40), 1), movImm(0, 1)] : []),
      exit(),
    ];
    functions.push(body);
    const code = [
      storeImm("dw", 10, at, draw.immediate()),
      movImm(1, draw.between(0, 20)),
      ...loadFunction(2, index),
      movReg(3, 10),
      aluImm("add", 3, at),
      movImm(4, draw.chance(90) ? 0 : 1),
      call(181),
    ];
    initialize(state, at, 8);
    afterCall(state);
    return [...code, ...(state.reserved.has(8) ? [] : [load("dw", 8, 10, at)])];
  };

/** bpf_for_each_map_elem with a function that adds up keys and values in its context on the stack: the order does not matter. */
const forEach =
  (functions: Code[][]): Statement =>
  (draw, state) => {
    if ([0, 1, 2, 3, 4, 5].some((reg) => state.reserved.has(reg))) return [];
    const at = -128;
    const index = functions.length;
    const map = draw.pick(keyedMaps.filter((each) => generatedMaps[each]!.type !== "lpm_trie"));
    functions.push([
      load("w", 1, 2, 0),
      load(draw.pick(["b", "h", "w", "dw"]), 2, 3, draw.below(4)),
      load("dw", 3, 4, 0),
      aluReg(draw.pick(["add", "xor"]), 1, 2),
      // Without bounds after one round: what grew by and by would have the verifier go round until it gives up.
      aluImm("mul", 1, -0x61c8_8647),
      aluReg("xor", 3, 1),
      store("dw", 4, 0, 3),
      movImm(0, 0),
      exit(),
    ]);
    const code = [storeImm("dw", 10, at, draw.immediate()), ...loadMap(1, map), ...loadFunction(2, index)];
    code.push(movReg(3, 10), aluImm("add", 3, at), movImm(4, draw.chance(90) ? 0 : 1), call(164));
    initialize(state, at, 8);
    afterCall(state);
    return [...code, ...(state.reserved.has(8) ? [] : [load("dw", 8, 10, at)])];
  };
