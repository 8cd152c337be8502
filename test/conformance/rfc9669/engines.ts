/** Engines that the cases run on, and how a case becomes a program that all of them can run. */
import { assemble } from "../../../src/xdp/insn/assembler.js";
import { frameBytes, framePointer, type Instruction } from "../../../src/xdp/insn/instruction.js";
import { createInterpreter } from "../../../src/xdp/interpreter.js";
import { compileProgram } from "../../../src/xdp/jit/compile.js";
import { createXdpMemory, wasm } from "../../../src/xdp/memory.js";
import { state } from "../../../src/xdp/run/state.js";
import { createWindows } from "../../../src/xdp/run/windows.js";
import type { ProgramSpec } from "../../../src/xdp/spec.js";
import type { Access, Verified } from "../../../src/xdp/verifier/result.js";
import type { ConformanceCase } from "./cases.js";

export interface EngineInput {
  /** The frame; its first 8 bytes are where the result comes out. */
  readonly packet: Uint8Array;
  readonly accesses: readonly (Access | undefined)[];
}

export interface Engine {
  readonly name: string;
  /** Runs a program made by `programOf`; gives what it stored in the first 8 bytes of the frame, unsigned. */
  run(insns: readonly Instruction[], input: EngineInput): bigint;
}

const resultBytes = 8;

/** What each slot touches, by a rule that suits the cases: the context by r1 at slot 0 and 1, else the stack by r10, and what a register of the case points to is not said. */
function accessesOf(insns: readonly Instruction[]): (Access | undefined)[] {
  return insns.map((insn, slot) => {
    const kind = insn.opcode & 7;
    if (kind === 0 || kind > 3) return undefined;
    if (slot === 1 || slot === 3) return { kind: "context" };
    const base = kind === 1 ? insn.src : insn.dst;
    return base === framePointer ? { kind: "stack" } : { kind: "any" };
  });
}

/**
 * The case as a function that a program calls. XDP gives 32 bits back, so the program stores all 64 of r0 in the frame. It checks the frame's
 * length, as the verifier wants it: 8 bytes for the result and the case's own.
 */
export function programOf(one: ConformanceCase): { insns: Instruction[]; input: EngineInput } {
  const own = one.packet ?? [];
  const body = assemble(one.text);
  const head = assemble(
    `r6 = r1
     r2 = *(u32 *)(r1 +0)
     r7 = r2
     r3 = *(u32 *)(r1 +4)
     r2 += ${resultBytes + own.length}
     if r2 > r3 goto out
     r2 = r7
     r2 += ${resultBytes}
     call pc+3
     *(u64 *)(r7 +0) = r0
     out: r0 = 2
     exit`,
  );
  const insns = [...head, ...body];
  const packet = new Uint8Array(resultBytes + own.length);
  packet.set(own, resultBytes);
  return { insns, input: { packet, accesses: accessesOf(insns) } };
}

const block = 8192;
const frame = 32768;

/** A memory with a state block and a frame, as every engine wants it. */
export function prepare(packet: Uint8Array) {
  const memory = createXdpMemory(65536);
  memory.u8.set(packet, frame);
  memory.u8.fill(0xaa, block + state.stack, block + state.stackTop);
  const set = (field: number, value: number) => memory.view.setUint32(block + field, value, true);
  set(state.data, frame);
  set(state.dataMeta, frame);
  set(state.dataEnd, frame + packet.length);
  set(state.hardStart, frame);
  set(state.hardEnd, frame + packet.length);
  return { memory, block, result: () => memory.view.getBigUint64(frame, true) };
}

export const interpreter: Engine = {
  name: "interpreter",
  run(insns, { packet, accesses }) {
    const prepared = prepare(packet);
    const program = createInterpreter({
      memory: prepared.memory,
      insns,
      maps: [],
      calls: {},
      signature: () => undefined,
      accesses,
    });
    program.run(prepared.block);
    return prepared.result();
  },
};

/** First slots of the functions, and the slot after the last. */
const functionsOf = (insns: readonly Instruction[]): number[] => {
  const called = insns.flatMap(({ opcode, src, imm }, slot) => (opcode === 0x85 && src === 1 ? [slot + 1 + imm] : []));
  return [...new Set([0, ...called, insns.length])].sort((a, b) => a - b);
};

/** As the verifier would say of programs of this form. */
function verifiedOf(insns: readonly Instruction[], accesses: readonly (Access | undefined)[]): Verified {
  const bounds = functionsOf(insns);
  return {
    ok: true,
    accesses,
    calls: new Map(),
    subprograms: bounds.slice(1).map((_, index) => ({
      start: bounds[index]!,
      end: bounds[index + 1]!,
      stack: frameBytes,
      callback: false,
    })),
    reachable: insns.map(() => true),
    stackDepth: 2 * frameBytes,
    statistics: { instructions: 0, states: 0, peakStates: 0 },
    log: () => "",
  };
}

export const compiler: Engine = {
  name: "compiler",
  run(insns, { packet, accesses }) {
    if (wasm === undefined) throw new Error("there is no WebAssembly");
    const { memory, block, result } = prepare(packet);
    const spec: ProgramSpec = {
      name: "case",
      section: "xdp",
      attach: "xdp",
      frags: false,
      license: "GPL",
      insns,
      maps: [],
      functions: [],
      lines: [],
    };
    const { bytes } = compileProgram({ spec, verified: verifiedOf(insns, accesses), bindings: [] });
    const windows = createWindows(memory, []);
    const env = {
      memory: memory.shared,
      check_access: (of: number, pointer: number, size: number, write: number): number =>
        windows.mayTouch(of, pointer, size, write !== 0) ? 1 : 0,
    };
    const { exports } = new wasm.Instance(new wasm.Module(bytes), { env });
    (exports.run as (block: number) => number)(block);
    return result();
  },
};

export const engines: readonly Engine[] = [interpreter, compiler];
