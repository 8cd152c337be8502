/** What a program can do at all, so that the entries of its module do no more for it than it needs. */
import { kfuncById } from "../helpers/kfuncs.js";
import { helperById } from "../helpers/table.js";
import { callKind, frameBytes, framePointer, insnClass, isWideLoad, jmpOp } from "../insn/instruction.js";
import type { ProgramSpec } from "../spec.js";
import type { Verified } from "../verifier/result.js";

export interface Traits {
  readonly tailCalls: boolean;
  /** It says where a frame goes, or a program that it goes on with may. */
  readonly redirects: boolean;
  /** It may move the frame's begin or end. */
  readonly moves: boolean;
  readonly locks: boolean;
  /** Functions of its own. */
  readonly calls: boolean;
  /** It looks at nothing but registers and its own frame, and cannot fail. */
  readonly plain: boolean;
}

const helper = { redirect: 23, redirectMap: 51, tailCall: 12, lock: 93 } as const;

export function traitsOf({ insns }: ProgramSpec, verified: Verified): Traits {
  const called = new Set<number>();
  let [moves, calls, plain] = [false, false, true];
  for (let slot = 0; slot < insns.length; slot += isWideLoad(insns[slot]!) ? 2 : 1) {
    if (verified.reachable[slot] === false) continue;
    const insn = insns[slot]!;
    const kind = insn.opcode & 7;
    if (kind === insnClass.jmp && (insn.opcode & 0xf0) === jmpOp.call) {
      plain = false;
      if (insn.src === callKind.local) calls = true;
      else {
        const kfunc = insn.src === callKind.kfunc;
        if (!kfunc) called.add(insn.imm);
        const signature = kfunc ? kfuncById(insn.imm) : helperById(insn.imm);
        if (signature?.changesPacket === true) moves = true;
        if (signature?.callback !== undefined) calls = true;
      }
    } else if (kind === insnClass.jmp || kind === insnClass.jmp32) {
      if ((insn.opcode & 0xf0) !== jmpOp.exit && (insn.offset < 0 || insn.imm < 0)) plain = false;
    } else if (kind === insnClass.ldx || kind === insnClass.st || kind === insnClass.stx) {
      const base = kind === insnClass.ldx ? insn.src : insn.dst;
      const inFrame = base === framePointer && insn.offset >= -frameBytes && insn.offset <= -8;
      if (!inFrame || verified.accesses[slot]?.kind !== "stack") plain = false;
    }
  }
  const tailCalls = called.has(helper.tailCall);
  return {
    tailCalls,
    redirects: tailCalls || called.has(helper.redirect) || called.has(helper.redirectMap),
    moves: tailCalls || moves,
    locks: called.has(helper.lock),
    calls,
    plain,
  };
}
