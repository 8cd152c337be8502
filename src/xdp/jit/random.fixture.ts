/** Random programs of any control flow, loops of several entries among them, that end and touch their own memory alone. */
import { aluOp, atomicOp, type Instruction, insnClass, jmpOp, memMode, memSize, sourceX } from "../insn/instruction.js";
import type { Access } from "../verifier/result.js";

export interface RandomProgram {
  readonly insns: readonly Instruction[];
  readonly accesses: readonly (Access | undefined)[];
  /** First slots of its functions. */
  readonly functions: readonly number[];
}

export const packetBytes = 64;

/** r6 points into the frame, r7 into the packet; r8 counts what blocks may still be entered; r9 is a value like r0 to r5. */
const [framed, packet, counter] = [6, 7, 8] as const;
const values = [0, 1, 2, 3, 4, 5, 9] as const;
const aluOps = Object.values(aluOp).filter((op) => op !== aluOp.end && op !== aluOp.neg && op !== aluOp.mov);
const conditions = Object.values(jmpOp).filter((op) => op !== jmpOp.ja && op !== jmpOp.call && op !== jmpOp.exit);
const sizes = [memSize.b, memSize.h, memSize.w, memSize.dw] as const;
const atomics = [atomicOp.add, atomicOp.or, atomicOp.and, atomicOp.xor] as const;
const constants = [0, 1, -1, 2, 31, 32, 63, 127, -128, 255, 0x7fff, 0x7fffffff, -0x80000000, 0x12345678];

type Draft = { opcode: number; dst: number; src: number; offset: number; imm: number; block?: number; callee?: number };

const bytes: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };

/** @param next 32-bit random numbers. */
export function randomProgram(next: () => number): RandomProgram {
  const below = (count: number): number => next() % count;
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Draft => ({ opcode, dst, src, offset, imm });
  const value = (): number => pick(values);
  const constant = (): number => (below(3) === 0 ? next() | 0 : pick(constants));

  function arithmetic(): Draft {
    const wide = below(2) === 0;
    const kind = wide ? insnClass.alu64 : insnClass.alu;
    const choice = below(12);
    if (choice === 0) return insn(kind | aluOp.neg, value());
    if (choice === 1) {
      const swap = wide ? 0 : below(2) * sourceX;
      return insn(kind | aluOp.end | swap, value(), 0, 0, pick([16, 32, 64]));
    }
    if (choice === 2) return insn(kind | aluOp.mov, value(), 0, 0, constant());
    if (choice === 3)
      return insn(kind | aluOp.mov | sourceX, value(), value(), pick(wide ? [0, 8, 16, 32] : [0, 8, 16]));
    const op = pick(aluOps);
    const offset = op === aluOp.div || op === aluOp.mod ? below(2) : 0;
    if (below(2) === 0) return insn(kind | op | sourceX, value(), value(), offset);
    const shift = op === aluOp.lsh || op === aluOp.rsh || op === aluOp.arsh;
    return insn(kind | op, value(), 0, offset, shift ? below(wide ? 64 : 32) : constant());
  }

  /** Base and offset of `size` bytes; beyond the end now and then, of the packet alone. */
  function place(size: number, aligned: boolean): readonly [number, number] {
    const step = aligned ? size : 1;
    if (below(2) === 0) return [10, -512 + below((512 - size) / step + 1) * step];
    if (below(2) === 0) return [framed, -128 + below((256 - size) / step + 1) * step];
    const room = packetBytes - size + (below(300) === 0 ? 9 : 0);
    return [packet, below(room / step + 1) * step];
  }

  function memory(): Draft[] {
    const code = pick(sizes);
    const size = bytes[code]!;
    const choice = below(8);
    if (choice < 2 && size >= 4) {
      const [base, offset] = place(size, true);
      const op = below(6);
      const imm = op === 4 ? atomicOp.xchg : op === 5 ? atomicOp.cmpxchg : atomics[op]! | below(2);
      return [insn(insnClass.stx | memMode.atomic | code, base, value(), offset, imm)];
    }
    const [base, offset] = place(size, false);
    if (choice < 4) return [insn(insnClass.stx | memMode.mem | code, base, value(), offset)];
    if (choice === 4) return [insn(insnClass.st | memMode.mem | code, base, 0, offset, constant())];
    const mode = size < 8 && below(3) === 0 ? memMode.memsx : memMode.mem;
    return [insn(insnClass.ldx | mode | code, value(), base, offset)];
  }

  /** Moves a pointer and back, with accesses between. */
  function moved(): Draft[] {
    const base = pick([framed, packet]);
    const by = below(32);
    const back = [...memory(), ...memory()].filter(({ opcode, dst, src }) => {
      const used = (opcode & 7) === insnClass.ldx ? src : dst;
      return used !== base;
    });
    return [
      insn(insnClass.alu64 | aluOp.add, base, 0, 0, by),
      ...back,
      insn(insnClass.ldx | memMode.mem | memSize.b, value(), base, base === packet ? -below(by + 1) : below(32) - by),
      insn(insnClass.alu64 | aluOp.sub, base, 0, 0, by),
    ];
  }

  const count = 1 + below(3);
  const drafts: Draft[] = [];
  const starts: number[] = [];
  for (let index = 0; index < count; index++) {
    starts.push(drafts.length);
    const blocks = 2 + below(10);
    const begins: number[] = [];
    const from = drafts.length;
    if (index === 0) {
      drafts.push(insn(insnClass.ldx | memMode.mem | memSize.w, packet, 1, 0));
      for (const register of values) drafts.push(insn(insnClass.alu64 | aluOp.mov, register, 0, 0, constant()));
      // A frame begins with known bytes.
      for (let at = -512; at < 0; at += 64) {
        drafts.push(insn(insnClass.stx | memMode.mem | memSize.dw, 10, value(), at));
      }
    } else {
      drafts.push(insn(insnClass.alu64 | aluOp.mov | sourceX, packet, 1));
      drafts.push(insn(insnClass.alu64 | aluOp.mov, 9, 0, 0, constant()));
      for (const register of [0, 1]) drafts.push(insn(insnClass.alu64 | aluOp.mov, register, 0, 0, constant()));
    }
    drafts.push(insn(insnClass.alu64 | aluOp.mov, counter, 0, 0, index === 0 ? 40 : 8));
    drafts.push(insn(insnClass.alu64 | aluOp.mov | sourceX, framed, 10));
    drafts.push(insn(insnClass.alu64 | aluOp.add, framed, 0, 0, -256));
    for (let block = 0; block < blocks; block++) {
      begins.push(drafts.length);
      drafts.push(insn(insnClass.alu64 | aluOp.sub, counter, 0, 0, 1));
      drafts.push({ ...insn(insnClass.jmp | jmpOp.jsle, counter), block: blocks });
      for (let left = below(8); left > 0; left--) {
        const choice = below(10);
        if (choice < 5) drafts.push(arithmetic());
        else if (choice < 8) drafts.push(...memory());
        else if (choice === 8) drafts.push(...moved());
        else if (index + 1 < count) {
          drafts.push(insn(insnClass.alu64 | aluOp.mov | sourceX, 1, packet));
          drafts.push({ ...insn(insnClass.jmp | jmpOp.call, 0, 1), callee: index + 1 + below(count - index - 1) });
          for (const register of [1, 2, 3, 4, 5]) {
            drafts.push(insn(insnClass.alu64 | aluOp.mov, register, 0, 0, constant()));
          }
        }
      }
      const kind = below(2) === 0 ? insnClass.jmp : insnClass.jmp32;
      const target = below(blocks + 1);
      const last = below(8);
      if (last === 0) drafts.push({ ...insn(insnClass.jmp | jmpOp.ja), block: target });
      else if (last === 1) drafts.push(insn(insnClass.jmp | jmpOp.exit));
      else if (last < 7) {
        const ofRegister = below(2) * sourceX;
        const draft = insn(
          kind | pick(conditions) | ofRegister,
          value(),
          ofRegister ? value() : 0,
          0,
          ofRegister ? 0 : constant(),
        );
        drafts.push({ ...draft, block: target });
      }
    }
    begins.push(drafts.length);
    drafts.push(insn(insnClass.jmp | jmpOp.exit));
    for (let slot = from; slot < drafts.length; slot++) {
      const draft = drafts[slot]!;
      if (draft.block !== undefined) draft.offset = begins[draft.block]! - slot - 1;
    }
  }
  drafts.forEach((draft, slot) => {
    if (draft.callee !== undefined) draft.imm = starts[draft.callee]! - slot - 1;
  });
  const insns = drafts.map(({ opcode, dst, src, offset, imm }) => ({ opcode, dst, src, offset, imm }));
  const accesses = insns.map(({ opcode, dst, src }, slot): Access | undefined => {
    const kind = opcode & 7;
    if (kind !== insnClass.ldx && kind !== insnClass.st && kind !== insnClass.stx) return undefined;
    if (slot === 0) return { kind: "context" };
    return { kind: (kind === insnClass.ldx ? src : dst) === packet ? "packet" : "stack" };
  });
  return { insns, accesses, functions: starts };
}
