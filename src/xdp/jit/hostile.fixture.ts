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
    const base = pick([random(), 9, 9, 9, 9, 10, 10, 10, 10]);
    const near = base === 10 ? -8 * (1 + below(64)) : below(92);
    const offset = below(12) === 0 ? pick([-1, -8, -513, 1, 93, 100, 32767, -32768, below(65536) - 32768]) : near;
    const choice = below(6);
    if (choice < 3) return [insn(insnClass.ldx | memMode.mem | size, random(), base, offset)];
    if (choice === 3) return [insn(insnClass.st | memMode.mem | size, base, 0, offset, next() | 0)];
    if (choice === 4) return [insn(insnClass.stx | memMode.mem | size, base, random(), offset)];
    const atomicSize = pick([memSize.w, memSize.dw]);
    return [insn(insnClass.stx | memMode.atomic | atomicSize, base, random(), offset & ~7, pick(atomics))];
  }

  /** A pointer moved about, and accesses around the edges of what it points to. */
  function edges(): Draft[] {
    const to = random();
    const map = below(maps.length);
    const kind = below(3);
    const code =
      kind === 0
        ? [insn(move | sourceX, to, 9)]
        : kind === 1
          ? [insn(move | sourceX, to, 10)]
          : wide(to, loadKind.mapValue, map, 0);
    const bytes = kind === 0 ? 100 : kind === 1 ? 512 : maps[map]!.maxEntries * maps[map]!.valueSize;
    const [low, high] = kind === 1 ? [-512, 0] : [0, bytes];
    let moved = 0;
    let base = to;
    for (let left = 1 + below(5); left > 0; left--) {
      if (below(3) === 0) {
        const by = pick([1, 8, 16, -8, 100, -100, below(2000) - 1000]);
        code.push(insn(insnClass.alu64 | (by < 0 && below(2) === 0 ? aluOp.sub : aluOp.add), base, 0, 0, by));
        const last = code.at(-1)!;
        if ((last.opcode & 0xf0) === aluOp.sub) last.imm = -by;
        moved += by;
      } else if (below(5) === 0) {
        const copy = random();
        code.push(insn(move | sourceX, copy, base));
        base = copy;
      }
      const size = pick(sizes);
      const width = { 0: 4, 8: 2, 16: 1, 24: 8 }[size];
      const inside = [low, high - width, low + 8, high - 16];
      const at = below(8) === 0 ? pick([low - 1, high - width + 1, high, low - 8]) : pick(inside);
      const offset = Math.max(-32768, Math.min(32767, at - moved));
      const into = random();
      if (below(3) === 0) code.push(insn(insnClass.stx | memMode.mem | size, base, into, offset));
      else if (into !== base || left === 1) code.push(insn(insnClass.ldx | memMode.mem | size, into, base, offset));
      if (below(8) === 0) code.push(insn(call, 0, 0, 0, pick([8, 7, 5])));
    }
    return code;
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
      if (choice < 2) code.push(...pointer(random()));
      else if (choice < 5) code.push(...edges());
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
  /** What registers point to if control goes straight on: a mistaken verifier is seldom wrong in everything. */
  const points: (Access | undefined)[] = [];
  points[9] = { kind: "packet" };
  points[10] = { kind: "stack" };
  const accesses = spec.insns.map((insn, slot): Access | undefined => {
    const kind = insn.opcode & 7;
    if (insn.opcode === (move | sourceX)) points[insn.dst] = points[insn.src];
    else if (insn.opcode === 0x18) {
      points[insn.dst] = insn.src === loadKind.mapValue ? { kind: "map", map: insn.imm } : undefined;
    } else if (insn.opcode === call) points.fill({ kind: "packet" }, 0, 6);
    const known = verified.accesses[slot];
    if (known === undefined) return undefined;
    if (slot < 4) return slot === 1 ? { kind: "context" } : { kind: "stack" };
    const load = (insn.opcode & 0xe7) === (insnClass.ldx | memMode.mem);
    const bytes = { 0: 4, 8: 2, 16: 1, 24: 8 }[insn.opcode & 0x18]!;
    const context = load && insn.offset >= 0 && insn.offset + bytes <= 24;
    const base = kind === insnClass.ldx ? insn.src : insn.dst;
    const likely = points[base];
    return likely !== undefined && below(8) > 0 ? likely : access(context);
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
