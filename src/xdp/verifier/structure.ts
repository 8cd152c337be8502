/** The shape of a program before anything is executed: subprograms, jumps, calls, what is live where. */

import { helperById } from "../helpers/table.js";
import {
  callKind,
  type Instruction,
  insnClass,
  isWideLoad,
  jmpOp,
  loadKind,
  maximumFrames,
  memMode,
} from "../insn/instruction.js";
import { validateProgram } from "../insn/validate.js";
import type { ProgramSpec } from "../spec.js";
import { refuse, refuseAt } from "./refusal.js";

export interface Routine {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly global: boolean;
  readonly btfId: number;
  callback: boolean;
  tailCall: boolean;
  changesPacket: boolean;
  /** Bytes of stack that were used. */
  stack: number;
}

export interface Structure {
  readonly routines: readonly Routine[];
  /** By slot: the routine it is of. */
  readonly routineOf: Int32Array;
  /** By slot: states are compared here. */
  readonly prune: Uint8Array;
  /** By slot: a call that calls back. */
  readonly callsBack: Uint8Array;
  /** By slot: registers (bits) whose value before it may be read. */
  readonly live: Uint16Array;
}

export const classOf = (insn: Instruction): number => insn.opcode & 7;
export const operationOf = (insn: Instruction): number => insn.opcode & 0xf0;
export const isJump = (insn: Instruction): boolean => {
  const kind = classOf(insn);
  return kind === insnClass.jmp || kind === insnClass.jmp32;
};
export const isCall = (insn: Instruction): boolean => insn.opcode === (insnClass.jmp | jmpOp.call);
export const isExit = (insn: Instruction): boolean => insn.opcode === (insnClass.jmp | jmpOp.exit);
export const isGoto = (insn: Instruction): boolean => isJump(insn) && operationOf(insn) === jmpOp.ja;
export const isConditional = (insn: Instruction): boolean =>
  isJump(insn) && !isCall(insn) && !isExit(insn) && !isGoto(insn);
export const widthOf = (insn: Instruction): number => (isWideLoad(insn) ? 2 : 1);

/** Slot that a jump goes to. */
export const targetOf = (slot: number, insn: Instruction): number =>
  slot + 1 + (insn.opcode === (insnClass.jmp32 | jmpOp.ja) ? insn.imm : insn.offset);

export const isLocalCall = (insn: Instruction): boolean => isCall(insn) && insn.src === callKind.local;
const isFunctionLoad = (insn: Instruction): boolean => isWideLoad(insn) && insn.src === loadKind.function;

const maximumInsns = 1_000_000;

function findRoutines(program: ProgramSpec): Routine[] {
  const { insns } = program;
  const starts = new Set<number>([0]);
  const callbacks = new Set<number>();
  for (let slot = 0; slot < insns.length; slot += 1) {
    const insn = insns[slot] as Instruction;
    if (isLocalCall(insn) || isFunctionLoad(insn)) {
      const target = slot + 1 + insn.imm;
      if (target < 0 || target >= insns.length) refuseAt(slot, `a call goes to slot ${target}, outside of the program`);
      starts.add(target);
      if (isFunctionLoad(insn)) callbacks.add(target);
    }
    slot += widthOf(insn) - 1;
  }
  for (const { start } of program.functions) if (start >= 0 && start < insns.length) starts.add(start);
  const sorted = [...starts].sort((a, b) => a - b);
  if (sorted.length > 256) refuse(`it has ${sorted.length} functions, and may have 256`);
  return sorted.map((start, index) => {
    const spec = program.functions.find((one) => one.start === start);
    return {
      start,
      end: sorted[index + 1] ?? insns.length,
      name: spec?.name ?? (start === 0 ? program.name : `function at ${start}`),
      global: start !== 0 && spec?.linkage === "global",
      btfId: spec?.btfId ?? 0,
      callback: callbacks.has(start),
      tailCall: false,
      changesPacket: false,
      stack: 0,
    };
  });
}

/** Where control may go from a slot within its routine. */
export function successors(slot: number, insn: Instruction): number[] {
  if (isExit(insn)) return [];
  if (isGoto(insn)) return [targetOf(slot, insn)];
  if (isConditional(insn)) return [slot + 1, targetOf(slot, insn)];
  return [slot + widthOf(insn)];
}

function checkFlow(insns: readonly Instruction[], routine: Routine, isSecond: Uint8Array): void {
  const { start, end } = routine;
  for (let slot = start; slot < end; slot += 1) {
    const insn = insns[slot] as Instruction;
    if (isJump(insn) && !isCall(insn) && !isExit(insn)) {
      const target = targetOf(slot, insn);
      if (target < start || target >= end) {
        refuseAt(slot, `jump to slot ${target}, outside of its function (${start} to ${end - 1})`);
      }
      if (isSecond[target] === 1) refuseAt(slot, `jump into the second half of the 64-bit load at slot ${target - 1}`);
    }
    slot += widthOf(insn) - 1;
  }
  const last = insns[end - 1] as Instruction;
  if (isSecond[end - 1] === 1 || !(isExit(last) || isGoto(last))) {
    refuseAt(end - 1, "the last instruction of a function must be exit or a jump");
  }
  const seen = new Uint8Array(end - start);
  const waiting = [start];
  seen[0] = 1;
  for (let slot = waiting.pop(); slot !== undefined; slot = waiting.pop()) {
    for (const next of successors(slot, insns[slot] as Instruction)) {
      if (seen[next - start] === 0) {
        seen[next - start] = 1;
        waiting.push(next);
      }
    }
  }
  for (let slot = start; slot < end; slot += 1) {
    if (seen[slot - start] === 0) refuseAt(slot, "no way leads to this instruction (unreachable)");
    slot += widthOf(insns[slot] as Instruction) - 1;
  }
}

/** Registers that an instruction reads and writes, as bits. */
export function registersOf(insn: Instruction): { reads: number; writes: number } {
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const useX = (insn.opcode & 8) !== 0;
  switch (classOf(insn)) {
    case insnClass.ld:
      return { reads: 0, writes: dst };
    case insnClass.ldx:
      return { reads: src, writes: dst };
    case insnClass.st:
      return { reads: dst, writes: 0 };
    case insnClass.stx: {
      if ((insn.opcode & 0xe0) !== memMode.atomic) return { reads: dst | src, writes: 0 };
      if (insn.imm === 0xf1) return { reads: dst | src | 1, writes: 1 };
      return { reads: dst | src, writes: (insn.imm & 1) !== 0 ? src : 0 };
    }
    case insnClass.alu:
    case insnClass.alu64: {
      const operation = operationOf(insn);
      if (operation === 0xb0) return { reads: useX ? src : 0, writes: dst };
      if (operation === 0xd0 || operation === 0x80) return { reads: dst, writes: dst };
      return { reads: dst | (useX ? src : 0), writes: dst };
    }
    default: {
      if (isExit(insn)) return { reads: 1, writes: 0 };
      if (isGoto(insn)) return { reads: 0, writes: 0 };
      if (isCall(insn)) {
        const count = insn.src === callKind.helper ? (helperById(insn.imm)?.arguments.length ?? 5) : 5;
        return { reads: (1 << (count + 1)) - 2, writes: 0x3f };
      }
      return { reads: dst | (useX ? src : 0), writes: 0 };
    }
  }
}

function findLive(insns: readonly Instruction[], routines: readonly Routine[]): Uint16Array {
  const live = new Uint16Array(insns.length + 1);
  for (const { start, end } of routines) {
    for (let changed = true, round = 0; changed; round += 1) {
      changed = false;
      for (let slot = end - 1; slot >= start; slot -= 1) {
        const insn = insns[slot] as Instruction;
        if (slot > start && isWideLoad(insns[slot - 1] as Instruction) && insn.opcode === 0) continue;
        let after = 0;
        for (const next of successors(slot, insn)) after |= live[next] as number;
        const { reads, writes } = registersOf(insn);
        const before = (after & ~writes) | reads;
        if (before !== live[slot]) {
          live[slot] = before;
          changed = true;
        }
      }
      // Very deep nests of backward jumps: everything is live, which costs time but is right.
      if (changed && round > 200) {
        live.fill(0x7ff, start, end);
        break;
      }
    }
  }
  return live;
}

/** Calls do not recurse; what a callee does to packets its callers do. */
function checkCalls(insns: readonly Instruction[], routines: readonly Routine[], routineOf: Int32Array): void {
  const callees = routines.map(() => [] as { to: number; at: number }[]);
  for (let slot = 0; slot < insns.length; slot += 1) {
    const insn = insns[slot] as Instruction;
    const from = routineOf[slot] as number;
    const routine = routines[from] as Routine;
    if (isLocalCall(insn) || isFunctionLoad(insn)) {
      (callees[from] as { to: number; at: number }[]).push({ to: routineOf[slot + 1 + insn.imm] as number, at: slot });
    } else if (isCall(insn) && insn.src === callKind.helper) {
      if (insn.imm === 12) {
        routine.tailCall = true;
        // The program that is gone on with may change it; only the first function does not come back from that.
        if (from !== 0) routine.changesPacket = true;
      }
      if (helperById(insn.imm)?.changesPacket === true) routine.changesPacket = true;
    }
    slot += widthOf(insn) - 1;
  }
  const done = new Uint8Array(routines.length); // 1: under way, 2: done
  const visit = (index: number, depth: number, at: number): void => {
    if (done[index] === 2) return;
    if (done[index] === 1)
      refuseAt(at, `${(routines[index] as Routine).name} calls itself, directly or through others`);
    if (depth > 256) refuseAt(at, "calls are nested too deeply");
    done[index] = 1;
    const routine = routines[index] as Routine;
    for (const callee of callees[index] as { to: number; at: number }[]) {
      visit(callee.to, depth + 1, callee.at);
      const other = routines[callee.to] as Routine;
      if (other.changesPacket) routine.changesPacket = true;
      if (other.tailCall && isLocalCall(insns[callee.at] as Instruction)) routine.tailCall = true;
    }
    done[index] = 2;
  };
  routines.forEach((_, index) => {
    visit(index, 0, 0);
  });
}

/** Throws a Refusal where the program has no good shape. */
export function structureOf(program: ProgramSpec): Structure {
  const { insns } = program;
  if (insns.length === 0) refuse("it has no instructions");
  if (insns.length > maximumInsns) refuse(`it has ${insns.length} instructions, and may have ${maximumInsns}`);
  const problem = validateProgram(insns);
  if (problem !== undefined) refuseAt(problem.insn, problem.message.replace(/^insn \d+(: )?/, "").trim());
  const isSecond = new Uint8Array(insns.length);
  for (let slot = 0; slot < insns.length; slot += 1) {
    const insn = insns[slot] as Instruction;
    if ((registersOf(insn).writes & (1 << 10)) !== 0) refuseAt(slot, "r10, the frame pointer, cannot be written");
    if (isWideLoad(insn)) {
      slot += 1;
      isSecond[slot] = 1;
    }
  }
  const routines = findRoutines(program);
  const routineOf = new Int32Array(insns.length);
  routines.forEach((routine, index) => {
    if (isSecond[routine.start] === 1) refuseAt(routine.start, "a function begins in the second half of a 64-bit load");
    routineOf.fill(index, routine.start, routine.end);
  });
  const prune = new Uint8Array(insns.length + 1);
  const callsBack = new Uint8Array(insns.length);
  for (const routine of routines) {
    checkFlow(insns, routine, isSecond);
    prune[routine.start] = 1;
  }
  for (let slot = 0; slot < insns.length; slot += 1) {
    const insn = insns[slot] as Instruction;
    if (isConditional(insn)) {
      prune[slot] = 1;
      prune[targetOf(slot, insn)] = 1;
    } else if (isGoto(insn)) prune[targetOf(slot, insn)] = 1;
    else if (isCall(insn) || isFunctionLoad(insn)) {
      prune[slot + widthOf(insn)] = 1;
      if (!isCall(insn) || isLocalCall(insn)) prune[slot] = 1;
      else if (insn.src === callKind.helper && helperById(insn.imm)?.callback !== undefined) {
        prune[slot] = 1;
        callsBack[slot] = 1;
      }
    }
    slot += widthOf(insn) - 1;
  }
  checkCalls(insns, routines, routineOf);
  return { routines, routineOf, prune, callsBack, live: findLive(insns, routines) };
}

const roundUp = (bytes: number): number => Math.ceil(Math.max(bytes, 1) / 16) * 16;
const frameLimit = 512;
const tailCallLimit = 256;

/** After all ways are known: the largest sum of stacks on any chain of calls. Throws a Refusal if it is too large. */
export function stackDepth(insns: readonly Instruction[], structure: Structure): number {
  const { routines, routineOf } = structure;
  const callees = routines.map((routine) => {
    const found = new Set<number>();
    for (let slot = routine.start; slot < routine.end; slot += 1) {
      const insn = insns[slot] as Instruction;
      if (isLocalCall(insn) || isFunctionLoad(insn)) found.add(routineOf[slot + 1 + insn.imm] as number);
      slot += widthOf(insn) - 1;
    }
    return found;
  });
  // The call graph has no cycles; chains are limited to eight, so a depth for each number of frames suffices.
  const memo = new Map<number, { bytes: number; frames: number }>();
  const below = (index: number): { bytes: number; frames: number } => {
    const before = memo.get(index);
    if (before !== undefined) return before;
    let bytes = 0;
    let frames = 0;
    for (const callee of callees[index] as Set<number>) {
      const deeper = below(callee);
      bytes = Math.max(bytes, deeper.bytes);
      frames = Math.max(frames, deeper.frames);
    }
    const result = { bytes: bytes + roundUp((routines[index] as Routine).stack), frames: frames + 1 };
    memo.set(index, result);
    return result;
  };
  let deepest = 0;
  // What lies above each routine: the largest sum of its callers.
  const above = new Int32Array(routines.length);
  const order = topological(callees);
  for (const index of order) {
    const routine = routines[index] as Routine;
    const total = below(index);
    if (total.frames > maximumFrames)
      refuseAt(routine.start, `${total.frames} calls deep; ${maximumFrames} frames are allowed`);
    if (total.bytes > frameLimit) {
      refuseAt(routine.start, `the stacks of nested calls take ${total.bytes} bytes; ${frameLimit} are allowed`);
    }
    deepest = Math.max(deepest, total.bytes);
    const here = (above[index] as number) + roundUp(routine.stack);
    if ((above[index] as number) > 0 && routine.tailCall && (above[index] as number) >= tailCallLimit) {
      refuseAt(
        routine.start,
        `a tail call below callers with ${above[index]} bytes of stack; fewer than ${tailCallLimit} are allowed`,
      );
    }
    for (const callee of callees[index] as Set<number>) above[callee] = Math.max(above[callee] as number, here);
  }
  return deepest;
}

function topological(callees: readonly Set<number>[]): number[] {
  const seen = new Set<number>();
  const order: number[] = [];
  const visit = (index: number): void => {
    if (seen.has(index)) return;
    seen.add(index);
    for (const callee of callees[index] as Set<number>) visit(callee);
    order.push(index);
  };
  callees.forEach((_, index) => {
    visit(index);
  });
  return order.reverse();
}
