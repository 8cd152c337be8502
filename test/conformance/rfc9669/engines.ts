/** Engines that the cases run on, and how a case becomes a program that all of them can run. */
import { assemble } from "../../../src/xdp/insn/assembler.js";
import { framePointer, type Instruction } from "../../../src/xdp/insn/instruction.js";
import { createInterpreter } from "../../../src/xdp/interpreter.js";
import { createXdpMemory } from "../../../src/xdp/memory.js";
import { state } from "../../../src/xdp/run/state.js";
import type { Access } from "../../../src/xdp/verifier/result.js";
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

export const engines: readonly Engine[] = [interpreter];
