/** For tests of what lies behind the verifier: whatever has a shape is accepted, and nothing is known of it. */
import { type Instruction, isWideLoad } from "../insn/instruction.js";
import type { ProgramSpec } from "../spec.js";
import type { Access, CallFacts, Subprogram, Verified } from "./result.js";
import { classOf, isCall, type Structure, widthOf } from "./structure.js";

export function acceptBlindly(program: ProgramSpec, structure: Structure): Verified {
  const accesses: (Access | undefined)[] = [];
  const calls = new Map<number, CallFacts>();
  const reachable: boolean[] = [];
  const any: Access = { kind: "any" };
  const { insns } = program;
  for (let slot = 0; slot < insns.length; slot += 1) {
    const insn = insns[slot] as Instruction;
    const kind = classOf(insn);
    accesses[slot] = kind >= 1 && kind <= 3 ? any : undefined;
    reachable[slot] = true;
    if (isCall(insn) && insn.src !== 1) calls.set(slot, { map: -1, callback: -1, memory: [any, any, any, any, any] });
    if (isWideLoad(insn)) reachable[slot + 1] = true;
    slot += widthOf(insn) - 1;
  }
  const subprograms: Subprogram[] = structure.routines.map(({ start, end, callback }) => ({
    start,
    end,
    stack: 512,
    callback,
  }));
  return {
    ok: true,
    accesses,
    calls,
    subprograms,
    reachable,
    stackDepth: 512 * Math.min(8, subprograms.length),
    statistics: { instructions: 0, states: 0, peakStates: 0 },
    log: () => "",
  };
}
