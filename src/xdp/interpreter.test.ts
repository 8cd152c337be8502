import { describe, expect, it } from "vitest";
import { helperById } from "./helpers/table.js";
import { assemble } from "./insn/assembler.js";
import { createInterpreter, type InterpreterOptions, ProgramFault } from "./interpreter.js";
import { mapRecord } from "./maps/descriptor.js";
import { createXdpMemory } from "./memory.js";
import { fault, state } from "./run/state.js";

const block = 8192;
const frame = 32768;
const record = 40960;
const values = 45056;

function scene(text: string, extra: Partial<InterpreterOptions> = {}) {
  const memory = createXdpMemory(65536);
  const set = (at: number, value: number) => memory.view.setUint32(at, value, true);
  set(block + state.data, frame);
  set(block + state.dataMeta, frame);
  set(block + state.dataEnd, frame + 14);
  set(block + state.cpu, 1);
  set(record + mapRecord.maxEntries * 4, 2);
  set(record + mapRecord.values * 4, values);
  set(record + mapRecord.valuesBytes * 4, 16);
  set(record + mapRecord.cpuStride * 4, 64);
  const program = createInterpreter({
    memory,
    insns: assemble(text),
    maps: [record],
    calls: {},
    signature: (id, kfunc) => (kfunc ? undefined : helperById(id)),
    ...extra,
  });
  return { memory, program, run: () => program.run(block), faulted: () => memory.u32[(block + state.fault) >> 2] };
}

const packet = "r2 = *(u32 *)(r1 +0)\n";
const value = `r2 = map[0][0]+0\nr2 += 64\n`;

describe("interpreter", () => {
  it.each([
    ["the frame's last byte", `${packet}r0 = *(u8 *)(r2 +13)\nexit`],
    ["its cpu's values", `${value}*(u64 *)(r2 +8) = 1\nr0 = 0\nexit`],
    ["the whole stack frame", "*(u64 *)(r10 -512) = 1\nr0 = 0\nexit"],
    ["the context", "r0 = *(u32 *)(r1 +20)\nr0 = 0\nexit"],
  ])("lets a program touch %s", (_, text) => {
    expect(scene(text).run()).toBe(0);
  });

  it.each([
    ["past the frame", `${packet}r0 = *(u16 *)(r2 +13)\nexit`, 1],
    ["before the frame", `${packet}r0 = *(u8 *)(r2 -1)\nexit`, 1],
    ["another cpu's values", "r2 = map[0][0]+0\nr0 = *(u8 *)(r2 +0)\nexit", 2],
    ["past its values", `${value}r0 = *(u64 *)(r2 +9)\nexit`, 3],
    ["below its stack", "*(u8 *)(r10 -513) = 1\nexit", 0],
    ["above its stack", "*(u8 *)(r10 +0) = 1\nexit", 0],
    ["the state block", "r0 = *(u32 *)(r1 +24)\nexit", 0],
    ["the context, writing", "*(u32 *)(r1 +0) = 1\nexit", 0],
    ["what a wide pointer wraps to", `${packet}r3 = 0x100000000 ll\nr2 += r3\nr0 = *(u8 *)(r2 +0)\nexit`, 4],
    ["all of memory's end", "r2 = -1\nr0 = *(u8 *)(r2 +0)\nexit", 1],
  ])("ends a run that reaches %s", (_, text, insn) => {
    const { run, faulted } = scene(text);
    expect(run).toThrow(new ProgramFault(fault.bounds, insn));
    expect(faulted()).toBe(fault.bounds);
  });

  it("holds each access to what it is said to touch", () => {
    const text = `${packet}r0 = *(u8 *)(r2 +0)\nexit`;
    const context = { kind: "context" } as const;
    expect(scene(text, { accesses: [context, { kind: "packet" }] }).run()).toBe(0);
    expect(scene(text, { accesses: [context, { kind: "stack" }] }).run).toThrow(ProgramFault);
    expect(scene(text, { accesses: [context, { kind: "map", map: 0 }] }).run).toThrow(ProgramFault);
    expect(scene(text, { accesses: [context, undefined] }).run).toThrow(ProgramFault);
  });

  it("ends what runs too long, recurses, or is not aligned", () => {
    expect(scene("again: goto again", { fuel: 100 }).run).toThrow(new ProgramFault(fault.fuel, 0));
    expect(scene("f: call f\nexit").run).toThrow(new ProgramFault(fault.bounds, 0));
    expect(scene("*(u64 *)(r10 -16) = 0\nlock *(u64 *)(r10 -12) += r1\nexit").run).toThrow(
      new ProgramFault(fault.alignment, 1),
    );
    expect(scene("call x#999\nexit").run).toThrow(new ProgramFault(fault.unknown, 0));
  });

  it("passes wide arguments as words, and extends results as the signature says", () => {
    const seen: number[][] = [];
    const helper = (...passed: number[]) => {
      seen.push(passed.slice(1));
      return -5;
    };
    const signature = (returns: "integer" | "unsigned") => () =>
      ({ id: 1, name: "x", arguments: ["scalar", "scalar"], wide: [1], returns, summary: "" }) as const;
    const text = "r1 = 7\nr2 = 0x100000002 ll\ncall x#1\nr0 >>= 32\nexit";
    expect(scene(text, { calls: { helper_1: helper }, signature: signature("integer") }).run()).toBe(-1);
    expect(scene(text, { calls: { helper_1: helper }, signature: signature("unsigned") }).run()).toBe(0);
    expect(seen[0]).toEqual([7, 2, 1]);
  });

  it("loops", () => {
    const text = (rounds: number, last: number) => `*(u64 *)(r10 -8) = 0
      r1 = ${rounds}
      r2 = subprog[body]
      r3 = r10
      r3 += -8
      r4 = 0
      call loop#181
      r1 = *(u64 *)(r10 -8)
      r0 *= 1000
      r0 += r1
      exit
      body: r3 = *(u64 *)(r2 +0)
      r3 += r1
      *(u64 *)(r2 +0) = r3
      r0 = 0
      if r1 != ${last} goto end
      r0 = 1
      end: exit`;
    expect(scene(text(10, 100)).run()).toBe(10_045);
    expect(scene(text(10, 3)).run()).toBe(4006);
    expect(scene(text(1 << 20, -1), { fuel: 1000 }).run).toThrow(new ProgramFault(fault.fuel, 7));
  });

  it("visits a map's elements", () => {
    const text = `r6 = 0
      *(u64 *)(r10 -8) = 0
      r1 = map[0]
      r2 = subprog[body]
      r3 = r10
      r3 += -8
      r4 = 0
      call for_each#164
      r0 = *(u64 *)(r10 -8)
      exit
      body: r0 = *(u64 *)(r3 +0)
      r1 = *(u64 *)(r4 +0)
      r1 += r0
      *(u64 *)(r4 +0) = r1
      r0 = 0
      exit`;
    const made = scene(text, { forEach: (_, __, visit) => visit(0, values + 64) + visit(0, values + 72) });
    made.memory.view.setUint32(values + 64, 30, true);
    made.memory.view.setUint32(values + 72, 12, true);
    expect(made.run()).toBe(42);
  });

  it("calls other programs in its place, 33 times at most", () => {
    const target = { run: () => 3 };
    const text = "r2 = map[0]\nr3 = 1\ncall tail_call#12\nr0 = 9\nexit";
    expect(
      scene(text, { tailCall: (_, map, index) => (map === record && index === 1 ? target : undefined) }).run(),
    ).toBe(3);
    expect(scene(text).run()).toBe(9);
    expect(scene(text.replace("r3 = 1", "r3 = 2"), { tailCall: () => target }).run()).toBe(9);
    let runs = 0;
    const itself: ReturnType<typeof scene> = scene(text, {
      tailCall: () => {
        runs += 1;
        return itself.program;
      },
    });
    expect(itself.run()).toBe(9);
    expect(runs).toBe(33);
  });

  it("refuses what is no program", () => {
    expect(() => scene("r0 = 0\n.insn 0xff r0 r0 0 0")).toThrow(/insn 1: opcode 0xff/);
  });
});
