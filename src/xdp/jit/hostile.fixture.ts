/** Programs that nobody should run: random pointers, lengths, records and jumps, among what is allowed. */

import { helpers } from "../helpers/table.js";
import {
  aluOp,
  atomicOp,
  type Instruction,
  insnClass,
  jmpOp,
  loadKind,
  memMode,
  memSize,
  sourceX,
} from "../insn/instruction.js";
import type { MapSpec, ProgramSpec } from "../spec.js";
import type { Access, CallFacts, Verified } from "../verifier/result.js";

export interface Targets {
  readonly maps: readonly MapSpec[];
  /** Addresses that are none of the program's business, and some that are. */
  readonly addresses: readonly number[];
}

type Draft = { -readonly [K in keyof Instruction]: Instruction[K] };
const sizes = [memSize.b, memSize.h, memSize.w, memSize.dw] as const;
const atomics = [
  atomicOp.add,
  atomicOp.or | 1,
  atomicOp.and,
  atomicOp.xor | 1,
  atomicOp.xchg,
  atomicOp.cmpxchg,
] as const;
const move = insnClass.alu64 | aluOp.mov;
const call = insnClass.jmp | jmpOp.call;
const exit = insnClass.jmp | jmpOp.exit;

/** r9 is the packet's begin, r8 the context, where nobody spoils them. */
export function hostileProgram(next: () => number, { maps, addresses }: Targets): ProgramSpec {
  const below = (count: number): number => next() % count;
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Draft => ({ opcode, dst, src, offset, imm });
  const wide = (dst: number, src: number, low: number, high: number): Draft[] => [
    insn(0x18, dst, src, 0, low | 0),
    insn(0, 0, 0, 0, high | 0),
  ];
  const random = (): number => below(8);
  const distance = (): number =>
    pick([0, 0, 1, 4, 8, -1, -8, 63, 100, -100, 511, -512, 4096, -4096, 65536, 0x7fffffff, -0x80000000, next() | 0]);

  function pointer(to: number): Draft[] {
    const choice = below(9);
    if (choice < 2) return [insn(move | sourceX, to, 10), insn(insnClass.alu64 | aluOp.add, to, 0, 0, -below(600))];
    if (choice < 4) return [insn(move | sourceX, to, 9), insn(insnClass.alu64 | aluOp.add, to, 0, 0, below(120) - 10)];
    if (choice === 4) return wide(to, loadKind.map, below(maps.length), 0);
    if (choice === 5) return wide(to, loadKind.mapValue, below(maps.length), below(3) === 0 ? distance() : below(64));
    if (choice === 6)
      return wide(to, loadKind.value, (pick(addresses) + pick([0, 0, 4, -4, distance()])) | 0, below(2));
    if (choice === 7) return [insn(move | sourceX, to, pick([8, 9, 10, random()]))];
    return [insn(move, to, 0, 0, distance())];
  }

  function access(): Draft[] {
    const size = pick(sizes);
    const base = pick([random(), random(), 9, 9, 10, 10]);
    const near = base === 10 ? -8 * (1 + below(64)) : below(92);
    const offset = below(4) === 0 ? pick([-1, -8, -513, 1, 93, 100, 32767, -32768, below(65536) - 32768]) : near;
    const choice = below(6);
    if (choice < 3) return [insn(insnClass.ldx | memMode.mem | size, random(), base, offset)];
    if (choice === 3) return [insn(insnClass.st | memMode.mem | size, base, 0, offset, next() | 0)];
    if (choice === 4) return [insn(insnClass.stx | memMode.mem | size, base, random(), offset)];
    const atomicSize = pick([memSize.w, memSize.dw]);
    return [insn(insnClass.stx | memMode.atomic | atomicSize, base, random(), offset & ~7, pick(atomics))];
  }

  function helper(): Draft[] {
    const signature = pick(helpers);
    const code: Draft[] = [];
    signature.arguments.forEach((kind, argument) => {
      const to = argument + 1;
      if (kind === "context") code.push(insn(move | sourceX, to, 8));
      else if (kind === "map" && below(6) > 0) code.push(...wide(to, loadKind.map, below(maps.length), 0));
      else if ((kind.includes("size") || kind === "scalar" || kind === "anything") && below(3) > 0) {
        code.push(insn(move, to, 0, 0, pick([0, 1, 2, 4, 8, 16, 64, 100, 512, distance()])));
      } else code.push(...pointer(to));
    });
    code.push(insn(call, 0, 0, 0, signature.id));
    if (signature.returns.includes("null")) code.push(...(below(2) === 0 ? access() : [insn(move | sourceX, 6, 0)]));
    return code;
  }

  const drafts: Draft[] = [
    insn(move | sourceX, 8, 1),
    insn(insnClass.ldx | memMode.mem | memSize.w, 9, 1, 0),
    // Keys and lengths that make sense now and then.
    insn(insnClass.st | memMode.mem | memSize.dw, 10, 0, -8, below(4)),
    insn(insnClass.st | memMode.mem | memSize.dw, 10, 0, -16, below(40)),
  ];
  for (let register = 0; register < 8; register++) if (register !== 1) drafts.push(...pointer(register));
  const second: Draft[] = [];
  const calls: number[] = [];
  for (const [code, count] of [
    [drafts, 3 + below(16)],
    [second, below(6)],
  ] as const) {
    for (let left = count; left > 0; left--) {
      const choice = below(16);
      if (choice < 3) code.push(...pointer(random()));
      else if (choice < 9) code.push(...access());
      else if (choice < 12) code.push(...helper());
      else if (choice === 12) {
        const op = pick([aluOp.add, aluOp.sub, aluOp.lsh, aluOp.xor, aluOp.mul]);
        if (op === aluOp.lsh) code.push(insn(insnClass.alu64 | op, random(), 0, 0, below(64)));
        else if (below(2) === 0) code.push(insn(insnClass.alu64 | op | sourceX, random(), random()));
        else code.push(insn(pick([insnClass.alu, insnClass.alu64]) | op, random(), 0, 0, distance()));
      } else if (choice === 13 && code === drafts) {
        calls.push(code.length);
        code.push(insn(call, 0, 1));
      } else if (choice === 14 && code.length > 16) {
        const back = pick([jmpOp.jeq | sourceX, jmpOp.jne, jmpOp.jsgt]);
        const register = random();
        code.push(insn(insnClass.jmp | back, register, (back & sourceX) !== 0 ? register : 0, -1));
      } else {
        code.push(...wide(2, loadKind.map, below(maps.length), 0));
        code.push(insn(move, 3, 0, 0, pick([0, 1, 2, 3, distance()])));
        code.push(insn(move | sourceX, 1, 8), insn(call, 0, 0, 0, 12));
      }
    }
  }
  // What it has learnt it tries to tell.
  for (let register = 0; register < 8; register++) {
    drafts.push(insn(insnClass.stx | memMode.mem | memSize.dw, pick([9, 10]), register, 0));
    const last = drafts.at(-1)!;
    last.offset = last.dst === 9 ? register * 8 : -64 - register * 8;
  }
  drafts.push(insn(exit));
  second.push(insn(move, 0, 0, 0, below(2)), insn(exit));
  for (const slot of calls) drafts[slot]!.imm = drafts.length - slot - 1;
  const starts = [0, ...(calls.length > 0 ? [drafts.length] : [])];
  const insns = calls.length > 0 ? [...drafts, ...second] : drafts;
  return {
    name: "hostile",
    section: "xdp",
    attach: "xdp",
    frags: false,
    license: "GPL",
    insns,
    maps,
    functions: starts.map((start) => ({ name: `f${start}`, start, btfId: 0, linkage: "static" })),
    lines: [],
  };
}

/** What a verifier full of mistakes might say of it. */
export function wrongly(next: () => number, spec: ProgramSpec, verified: Verified): Verified {
  const below = (count: number): number => next() % count;
  const map = (): number => below(spec.maps.length);
  const access = (context: boolean): Access => {
    const kinds: readonly Access[] = [
      { kind: "stack" },
      { kind: "packet" },
      { kind: "packet" },
      { kind: "map", map: map() },
      { kind: "map", map: map() },
      { kind: "maps" },
      { kind: "memory" },
      { kind: "any" },
      { kind: "context" },
    ];
    return kinds[below(context ? 9 : 8)]!;
  };
  const accesses = verified.accesses.map((known, slot): Access | undefined => {
    const insn = spec.insns[slot]!;
    if (known === undefined) return undefined;
    const load = (insn.opcode & 0xe7) === (insnClass.ldx | memMode.mem);
    const bytes = { 0: 4, 8: 2, 16: 1, 24: 8 }[insn.opcode & 0x18]!;
    const context = load && insn.offset >= 0 && insn.offset + bytes <= 24;
    const base = (insn.opcode & 7) === insnClass.ldx ? insn.src : insn.dst;
    if (slot < 4) return slot === 1 ? { kind: "context" } : { kind: "stack" };
    if (below(3) > 0 && base === 9) return { kind: "packet" };
    if (below(3) > 0 && base === 10) return { kind: "stack" };
    return access(context);
  });
  const calls = new Map<number, CallFacts>();
  for (const slot of verified.calls.keys()) {
    calls.set(slot, {
      map: below(3) === 0 ? -1 : map(),
      callback: spec.functions[below(spec.functions.length)]!.start,
      ...(below(4) === 0 && { key: next() }),
      memory: Array.from({ length: 5 }, () => (below(4) === 0 ? undefined : access(true))),
    });
  }
  return { ...verified, accesses, calls };
}
