import { describe, expect, it } from "vitest";
import { outcome } from "../run/outcome.js";
import { fault, state } from "../run/state.js";
import { machine, setFrame } from "./machine.fixture.js";

const run = (text: string): number => machine(text).run() >>> 0;

describe("arithmetic", () => {
  it.each([
    ["r0 = 7\nexit", 7],
    ["r0 = -1\nw0 += 2\nexit", 1],
    ["r0 = 5\nr1 = 0\nr0 /= r1\nexit", 0],
    ["r0 = 5\nr1 = 0\nr0 %= r1\nexit", 5],
    ["w0 = -2147483648\nw1 = -1\nw0 s/= w1\nexit", 0x8000_0000],
    ["w0 = -2147483648\nw1 = -1\nw0 s%= w1\nexit", 0],
    ["r0 = 1\nr0 <<= 63\nr0 s>>= 62\nexit", 0xffff_fffe],
    ["r0 = 0x12345678\nr0 = be32 r0\nexit", 0x7856_3412],
    ["r0 = 0x12345678\nr0 = be16 r0\nexit", 0x7856],
    ["r0 = 0x1122334455667788 ll\nr0 = be64 r0\nr0 >>= 32\nexit", 0x8877_6655],
    ["r1 = 0x80\nr0 = (s8)r1\nexit", 0xffff_ff80],
  ])("%j gives %i", (text, expected) => {
    expect(run(text)).toBe(expected);
  });
});

describe("control flow", () => {
  it("loops", () => {
    expect(run("r0 = 0\nr1 = 10\nagain:\nr0 += r1\nr1 -= 1\nif r1 != 0 goto again\nexit")).toBe(55);
  });

  it("runs loops of two entries", () => {
    const program = (first: number): string => `
      r0 = 0
      r1 = 6
      r2 = ${first}
      if r2 == 1 goto right
    left:
      r0 += 1
      r1 -= 1
      if r1 == 0 goto out
    right:
      r0 += 100
      r1 -= 1
      if r1 != 0 goto left
    out:
      exit`;
    expect(run(program(0))).toBe(303);
    expect(run(program(1))).toBe(303);
  });

  it("ends a loop without end", () => {
    const endless = machine("again:\ngoto again\nexit", { fuel: 1000 });
    expect(() => endless.run()).toThrow();
    expect(endless.word(state.fault)).toBe(fault.fuel);
  });

  it("compiles 20000 instructions of branches", () => {
    const lines = ["r0 = 0", "r1 = 1"];
    for (let index = 0; index < 10000; index++) lines.push(`if r1 == ${index + 2} goto +1`, "r0 += 1");
    expect(run([...lines, "exit"].join("\n"))).toBe(10000);
  });
});

describe("memory", () => {
  it("keeps the packet's bounds", () => {
    const program = "r2 = *(u32 *)(r1 +0)\nr0 = *(u32 *)(r2 +12)\nexit";
    const accesses = machine(program, {
      access: (insn) => ({ kind: insn.offset === 0 ? "context" : "packet" }),
    });
    accesses.memory.u32[(65536 + 12) >>> 2] = 77;
    setFrame(accesses.memory, 65536, 16);
    expect(accesses.run()).toBe(77);
    setFrame(accesses.memory, 65536, 15);
    expect(() => accesses.run()).toThrow();
    expect(accesses.word(state.fault)).toBe(fault.bounds);
    expect(accesses.word(state.faultInsn)).toBe(1);
  });

  it.each(["packet", "memory"] as const)("checks anew what was cut off (%s)", (kind) => {
    const program = `
      r6 = *(u32 *)(r1 +0)
      r0 = *(u8 *)(r6 +15)
      r2 = -8
      call bpf_xdp_adjust_tail#65
      r0 = *(u8 *)(r6 +15)
      exit`;
    let cut = 0;
    const env = {
      helper_65: (state: number, delta: number) => {
        accesses.memory.u32[(state + 4) >>> 2]! += cut === 0 ? 0 : delta;
        return 0;
      },
    };
    const accesses = machine(program, { access: (_, slot) => ({ kind: slot === 0 ? "context" : kind }), env });
    setFrame(accesses.memory, 65536, 16);
    expect(accesses.run()).toBe(0);
    cut = 1;
    expect(() => accesses.run()).toThrow();
    expect(accesses.word(state.faultInsn)).toBe(4);
  });

  it("shares a check with what follows, and ends the run at the first", () => {
    const program = "r2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +1)\nr0 = *(u64 *)(r2 +8)\nexit";
    const accesses = machine(program, { access: (_, slot) => ({ kind: slot === 0 ? "context" : "packet" }) });
    setFrame(accesses.memory, 65536, 16);
    expect(accesses.run()).toBe(0);
    setFrame(accesses.memory, 65536, 15);
    expect(() => accesses.run()).toThrow();
    expect(accesses.word(state.faultInsn)).toBe(1);
  });

  it("says what each frame of a batch comes to, and ends with one that is aborted", () => {
    const program = "r2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +1)\nexit";
    const batch = machine(program, { access: (insn) => ({ kind: insn.offset === 0 ? "context" : "packet" }) });
    const outcomes = 32_768;
    const verdicts = (count: number): number[] =>
      Array.from({ length: count }, (_, frame) => batch.memory.u32[(outcomes + frame * outcome.bytes) >>> 2]!);
    const frames = [2, 1, 3, 4, 2, 5, 2, 0];
    for (const [frame, byte] of frames.entries()) batch.memory.u8[65536 + frame * 64 + 1] = byte;
    expect(batch.batch(65536, frames.length, 60, 64, outcomes)).toBe(6);
    expect(verdicts(6)).toEqual(frames.slice(0, 6));
    expect(batch.batch(65536, 5, 60, 64, outcomes)).toBe(5);
    expect(batch.batch(65536 + 6 * 64, 2, 60, 64, outcomes)).toBe(2);
    expect(verdicts(2)).toEqual([2, 0]);
    expect(batch.batch(65536, 0, 60, 64, outcomes)).toBe(0);
  });
});
