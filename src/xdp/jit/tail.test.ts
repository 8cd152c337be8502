/** Programs that go on with others: one budget, one limit, one stack. */
import { describe, expect, it } from "vitest";
import { assemble } from "../insn/assembler.js";
import type { Instruction } from "../insn/instruction.js";
import { createMapStore } from "../maps/store.js";
import { createXdpMemory, wasm } from "../memory.js";
import { action, fault, state } from "../run/state.js";
import { createThread } from "../run/thread.js";
import type { MapSpec } from "../spec.js";
import { maximumTailCalls } from "./abi.js";
import { bindMap } from "./bindings.js";
import { compileProgram } from "./compile.js";
import { blindly, block, setFrame, specOf } from "./machine.fixture.js";

const programs: MapSpec = { name: "programs", type: "prog_array", keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 };
const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

/** Tail calls by index `key`. */
const goOn = (key: number | string): string => `r1 = r6\nr2 = map[0] ll\nr3 = ${key}\ncall bpf_tail_call#12`;

function chain(texts: readonly string[], fuel = 1 << 20) {
  const memory = createXdpMemory(1 << 20);
  const store = createMapStore({ memory, region: { start: 131072, bytes: 65536 }, cpus: 1 });
  const map = store.create(programs);
  const thread = createThread({ memory, state: block, cpu: 0, slots: 4 });
  const bindings = [bindMap(memory, map.record, programs, 1)];
  const instances = texts.map((text, slot) => {
    const insns: readonly Instruction[] = assemble(text);
    const functions = [
      0,
      ...insns.flatMap(({ opcode, src, imm }, at) => (opcode === 0x85 && src === 1 ? [at + 1 + imm] : [])),
    ];
    const setting = { bindings, functions };
    const { bytes } = compileProgram({
      spec: specOf(insns, setting),
      verified: blindly(insns, setting),
      bindings,
      fuel,
    });
    map.update(word(slot), word(slot));
    return thread.install({ code: { kind: "module", module: new wasm!.Module(bytes) }, maps: [map.record] }, slot);
  });
  setFrame(memory, 65536, 64);
  const get = (field: number): number => memory.u32[(block + field) >>> 2]!;
  return { thread, memory, get, run: () => instances[0]!.run() };
}

describe("tail calls", () => {
  it("end after 33", () => {
    const self = chain([`r6 = r1\n${goOn(0)}\nr0 = 1\nexit`]);
    expect(self.run()).toBe(action.drop);
    expect(self.get(state.tailCalls)).toBe(maximumTailCalls);
    expect(self.run()).toBe(action.drop);
  });

  it("end after 33 across programs", () => {
    const pair = chain([`r6 = r1\n${goOn(1)}\nr0 = 1\nexit`, `r6 = r1\n${goOn(0)}\nr0 = 3\nexit`]);
    expect(pair.run()).toBe(action.tx);
  });

  it("fall through where there is no program", () => {
    const alone = chain([`r6 = r1\n${goOn(3)}\nr0 = 1\nexit`, "r0 = 2\nexit"]);
    expect(alone.run()).toBe(action.drop);
    expect(alone.get(state.tailCalls)).toBe(0);
    const left = chain([`r6 = r1\n${goOn(1)}\nr0 = 1\nexit`, "r0 = 2\nexit"]);
    expect(left.run()).toBe(action.pass);
    left.thread.remove(1);
    expect(left.run()).toBe(action.drop);
    expect(left.get(state.tailCalls)).toBe(0);
  });

  it("spend what the first program has", () => {
    // Each spends some 3000, and goes on with itself.
    const text = `r6 = r1\nr7 = 1000\nagain:\nr7 -= 1\nr0 = r7\nif r7 != 0 goto again\n${goOn(0)}\nr0 = 2\nexit`;
    const poor = chain([text], 20_000);
    expect(poor.run()).toBe(action.aborted);
    expect(poor.get(state.fault)).toBe(fault.fuel);
    expect(poor.get(state.tailCalls)).toBeGreaterThan(3);
    expect(poor.get(state.tailCalls)).toBeLessThan(9);
    expect(chain([text], 200_000).run()).toBe(action.pass);
  });

  it("keep the stack of who called the function they are made in", () => {
    const caller = `
      r6 = r1
      *(u64 *)(r10 -8) = 1234
      call pc+3
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      exit
      r6 = r1
      ${goOn(1)}
      r0 = 0
      exit`;
    const callee = "*(u64 *)(r10 -8) = 99\nr0 = -1233\nexit";
    const both = chain([caller, callee]);
    expect(both.run()).toBe(action.drop);
  });
});
