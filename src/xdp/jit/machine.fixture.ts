/** Compiles and runs programs that no verifier has seen, for tests. */
import { assemble } from "../insn/assembler.js";
import type { Instruction } from "../insn/instruction.js";
import { createXdpMemory, wasm, type XdpMemory } from "../memory.js";
import { state } from "../run/state.js";
import type { ProgramSpec } from "../spec.js";
import type { Access, CallFacts, Verified } from "../verifier/result.js";
import { type MapBinding, mapImports } from "./bindings.js";
import { compileProgram } from "./compile.js";

if (wasm === undefined) throw new Error("this test needs WebAssembly");
const api = wasm;

export interface Setting {
  readonly access?: (insn: Instruction, slot: number) => Access;
  readonly calls?: ReadonlyMap<number, CallFacts>;
  /** First slots of functions. */
  readonly functions?: readonly number[];
  readonly bindings?: readonly MapBinding[];
  readonly env?: Readonly<Record<string, unknown>>;
  readonly fuel?: number;
  readonly memory?: XdpMemory;
}

export const block = 8192;

export function specOf(insns: readonly Instruction[], setting: Setting = {}): ProgramSpec {
  const starts = setting.functions ?? [0];
  return {
    name: "test",
    section: "xdp",
    attach: "xdp",
    frags: false,
    license: "GPL",
    insns,
    maps: (setting.bindings ?? []).map((binding) => binding.spec),
    functions: starts.map((start) => ({ name: `f${start}`, start, btfId: 0, linkage: "static" })),
    lines: [],
  };
}

export function blindly(insns: readonly Instruction[], setting: Setting = {}): Verified {
  const starts = setting.functions ?? [0];
  const access = setting.access ?? (() => ({ kind: "stack" }) as const);
  return {
    ok: true,
    accesses: insns.map((insn, slot) => ([1, 2, 3].includes(insn.opcode & 7) ? access(insn, slot) : undefined)),
    calls: setting.calls ?? new Map(),
    subprograms: starts.map((start, index) => ({
      start,
      end: starts[index + 1] ?? insns.length,
      stack: 512,
      callback: false,
    })),
    reachable: insns.map(() => true),
    stackDepth: 512,
    statistics: { instructions: 0, states: 0, peakStates: 0 },
    log: () => "",
  };
}

export interface Machine {
  readonly memory: XdpMemory;
  readonly run: () => number;
  readonly batch: (start: number, count: number, size: number, stride: number, outcomes: number) => number;
  readonly word: (offset: number) => number;
}

export function machine(program: string | readonly Instruction[], setting: Setting = {}): Machine {
  const insns = typeof program === "string" ? assemble(program) : program;
  const memory = setting.memory ?? createXdpMemory(1 << 20);
  const { bytes } = compileProgram({
    spec: specOf(insns, setting),
    verified: blindly(insns, setting),
    bindings: setting.bindings ?? [],
    ...(setting.fuel === undefined ? {} : { fuel: setting.fuel }),
  });
  const records = (setting.bindings ?? []).map(({ record }) => record);
  const env = { memory: memory.shared, check_access: () => 0, ...mapImports(records), ...setting.env };
  const { exports } = new api.Instance(new api.Module(bytes), { env });
  const call = (name: string) => exports[name] as (...words: number[]) => number;
  return {
    memory,
    run: () => call("run")(block),
    batch: (...words) => call("batch")(block, ...words),
    word: (offset) => memory.u32[(block + offset) >>> 2]!,
  };
}

/** Places a frame at `at`. */
export function setFrame(memory: XdpMemory, at: number, bytes: number): void {
  for (const [field, value] of [
    [state.data, at],
    [state.dataMeta, at],
    [state.dataEnd, at + bytes],
  ] as const) {
    memory.u32[(block + field) >>> 2] = value;
  }
}
