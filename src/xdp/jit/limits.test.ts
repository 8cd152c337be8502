/** Programs made to take long: to compile, or to run. */
import { describe, expect, it } from "vitest";
import { assemble } from "../insn/assembler.js";
import { type Instruction, insnClass, jmpOp } from "../insn/instruction.js";
import { fault, state } from "../run/state.js";
import { defaultWork } from "./abi.js";
import { buildGraph } from "./cfg.js";
import { compileProgram } from "./compile.js";
import { isReducible, orderGraph } from "./dominators.js";
import { blindly, machine, specOf } from "./machine.fixture.js";
import { makeReducible } from "./reducible.js";

const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
const move = (dst: number, imm: number): Instruction => insn(0xb7, dst, 0, 0, imm);
const exit = insn(insnClass.jmp | jmpOp.exit);
const unless = (offset: number): Instruction => insn(insnClass.jmp | jmpOp.jne, 1, 0, offset, 7);

const compile = (insns: readonly Instruction[], functions: readonly number[] = [0]): Uint8Array =>
  compileProgram({
    spec: specOf(insns, { functions }),
    verified: blindly(insns, { functions }),
    bindings: [],
  }).bytes;

/** Seconds of processor time, in other words not those that the machine spends on others. */
function seconds(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

describe("compiling takes time in proportion", () => {
  const shapes: Readonly<Record<string, (count: number) => Instruction[]>> = {
    "straight on": (count) => [...new Array<Instruction>(count).fill(insn(0x07, 0, 0, 0, 1)), exit],
    "jumps forward, each over one": (count) => [
      move(1, 0),
      ...Array.from({ length: count }, () => unless(1)),
      exit,
      exit,
    ],
    "jumps to the end": (count) => [
      move(1, 0),
      ...Array.from({ length: Math.min(count, 32000) }, (_, index) => unless(Math.min(count, 32000) - index - 1)),
      exit,
    ],
    "loops in loops": (count) => {
      const half = Math.min(count >> 1, 16000);
      const forward = Array.from({ length: half }, () => insn(0x07, 2, 0, 0, 1));
      return [move(1, 0), ...forward, ...forward.map((_, index) => unless(-2 * index - 2)), exit];
    },
  };
  it.each(Object.keys(shapes))("%s", { timeout: 60_000 }, (name) => {
    const shape = shapes[name]!;
    compile(shape(1000));
    const few = seconds(() => compile(shape(4000)));
    const many = seconds(() => compile(shape(32000)));
    expect(many).toBeLessThan(Math.max(few, 0.02) * 8 * 4);
  });

  it("gives up on loops entered everywhere", { timeout: 60_000 }, () => {
    // Each instruction may go to the next, or back to the middle of what is before it.
    const ladder = (count: number): Instruction[] => [
      move(1, 0),
      ...Array.from({ length: count }, (_, index) => unless(index % 2 === 0 ? 1 : -Math.min(index, 3 + (index >> 1)))),
      exit,
      exit,
    ];
    const few = ladder(60);
    const graph = buildGraph(few, 0, few.length, []);
    expect(isReducible(graph, orderGraph(graph))).toBe(false);
    makeReducible(graph);
    expect(isReducible(graph, orderGraph(graph))).toBe(true);
    const spent = seconds(() => expect(() => compile(ladder(10000))).toThrow(/entered at several places/));
    expect(spent).toBeLessThan(20);
  });

  it("refuses what no engine takes", { timeout: 60_000 }, () => {
    const long = [...new Array<Instruction>(999_999).fill(insn(0x07, 1, 0, 0, 0x7654_3210)), exit];
    expect(() => compile(long)).toThrow(/split it into several functions/);
    expect(() => compile([...long, exit])).toThrow(/at most 1000000/);
  });

  it("refuses functions that call each other beyond measure", () => {
    const call = (to: number, at: number): Instruction => insn(0x85, 0, 1, 0, to - at - 1);
    const insns: Instruction[] = [];
    const functions: number[] = [];
    for (let level = 0; level < 8; level++) {
      functions.push(insns.length);
      const next = insns.length + 12;
      for (let index = 0; index < 11; index++) insns.push(level < 7 ? call(next, insns.length) : move(0, 0));
      insns.push(exit);
    }
    expect(() => compile(insns, functions)).toThrow(/call each other so often/);
    const some = insns.map((one) => (one.opcode === 0x85 && one.imm < 8 ? move(0, 0) : one));
    expect(compile(some, functions).length).toBeGreaterThan(0);
  });
});

describe("a run ends", () => {
  it.each([
    ["again:\nr0 = 1\nif r0 == 1 goto again\nexit"],
    ["r2 = 0\nagain:\nr2 += 1\nif r2 != 0 goto again\nexit"],
    ["outer:\nr3 = 100\ninner:\nr3 -= 1\nif r3 != 0 goto inner\nif r3 == 0 goto outer\nexit"],
  ])("of %j", (text) => {
    const endless = machine(assemble(text));
    const spent = seconds(() => expect(() => endless.run()).toThrow());
    expect(endless.word(state.fault)).toBe(fault.fuel);
    expect(spent).toBeLessThan(5);
  });

  it("sooner if more is done in each round", () => {
    const rounds = (body: number): number => {
      const text = `r9 = 0\nagain:\nr9 += 1\n*(u32 *)(r10 -4) = r9\n${"r2 += 3\n".repeat(body)}if r9 != 0 goto again\nexit`;
      const endless = machine(text, { fuel: 100_000 });
      expect(() => endless.run()).toThrow();
      return endless.memory.u32[(8192 + state.stackTop - 4) >>> 2]!;
    };
    expect(rounds(1)).toBeGreaterThan(15_000);
    expect(rounds(1)).toBeLessThanOrEqual(100_000 / 4 + 1);
    expect(rounds(96)).toBeLessThanOrEqual(100_000 / 99 + 1);
    expect(defaultWork).toBeLessThanOrEqual(1 << 27);
  });
});
