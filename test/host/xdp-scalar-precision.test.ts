/**
 * What the verifier knows of numbers, beside what the running kernel's knows: random arithmetic and branches are loaded with the
 * kernel's full log, and each step is taken again here from the state that the log shows before it.
 */
import { expect, it } from "vitest";
import { encodeInstructions } from "../../src/dataplane/linux/bpf/encode.js";
import { seededWords } from "../../src/random.js";
import { bpfMissing, closeDescriptor, loadBpfProgram } from "../../src/system/bpf.js";
import type { Instruction } from "../../src/xdp/insn/instruction.js";
import { aluOp, insnClass, jmpOp, sourceX } from "../../src/xdp/insn/instruction.js";
import { type AluOperation, alu32, alu64 } from "../../src/xdp/verifier/scalar/alu.js";
import { type BranchOperation, refine } from "../../src/xdp/verifier/scalar/branch.js";
import { formatScalar } from "../../src/xdp/verifier/scalar/format.js";
import { parseScalar } from "../../src/xdp/verifier/scalar/parse.fixture.js";
import { constant, type Scalar, within } from "../../src/xdp/verifier/scalar/scalar.js";
import { long, seed } from "../seed.js";

const reason = bpfMissing();
if (reason !== undefined) console.warn(`skipped: bpf(2): ${reason}`);

const next = seededWords(seed);
const below = (count: number): number => next() % count;
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;

const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
const registers = [6, 7, 8] as const;
const stepsEach = 14;

/** A step: the instruction, and how it is taken here. `source`: a register, or none for the immediate. */
interface Step {
  readonly insn: Instruction;
  readonly is32: boolean;
  readonly source: number | undefined;
  readonly alu?: AluOperation;
  readonly branch?: BranchOperation;
}

function immediate(): number {
  switch (below(4)) {
    case 0:
      return below(20) - 4;
    case 1:
      return (next() | 0) >> below(32);
    case 2:
      return ((1 << below(32)) - below(2)) | 0;
    default:
      return pick([0xff, 0xffff, -1, 0x7fff_ffff, -0x8000_0000, 0xf0, 63, 31, 4096]);
  }
}

const binary = ["add", "sub", "mul", "and", "and", "or", "xor", "div", "mod"] as const;
const shifts = ["lsh", "rsh", "arsh"] as const;
const jumps = ["jeq", "jne", "jgt", "jge", "jlt", "jle", "jsgt", "jsge", "jslt", "jsle", "jset"] as const;

function alu(): Step {
  const dst = pick(registers);
  const is32 = below(2) === 0;
  const kind = is32 ? insnClass.alu : insnClass.alu64;
  switch (below(8)) {
    case 0: {
      const op = pick(shifts);
      const count = below(is32 ? 32 : 64);
      return { insn: insn(kind | aluOp[op], dst, 0, 0, count), is32, source: undefined, alu: op };
    }
    case 1: {
      const bits = pick(is32 ? ([8, 16] as const) : ([8, 16, 32] as const));
      return { insn: insn(kind | aluOp.mov | sourceX, dst, dst, bits), is32, source: dst, alu: `movsx${bits}` };
    }
    case 2:
      return below(2) === 0
        ? { insn: insn(kind | aluOp.neg, dst), is32, source: undefined, alu: "neg" }
        : { insn: insn(insnClass.alu | aluOp.mov | sourceX, dst, dst), is32: true, source: dst, alu: "mov" };
    case 3:
    case 4: {
      const op = pick(binary);
      const source = pick(registers);
      return { insn: insn(kind | aluOp[op] | sourceX, dst, source), is32, source, alu: op };
    }
    default: {
      const op = pick(binary);
      const imm = immediate();
      return {
        insn: insn(kind | aluOp[op], dst, 0, 0, (op === "div" || op === "mod") && imm === 0 ? 7 : imm),
        is32,
        source: undefined,
        alu: op,
      };
    }
  }
}

function jump(): Step {
  const is32 = below(2) === 0;
  const kind = is32 ? insnClass.jmp32 : insnClass.jmp;
  const op = pick(jumps);
  const dst = pick(registers);
  if (below(3) > 0)
    return { insn: insn(kind | jmpOp[op], dst, 0, 0, immediate()), is32, source: undefined, branch: op };
  const source = pick(registers.filter((register) => register !== dst));
  return { insn: insn(kind | jmpOp[op] | sourceX, dst, source), is32, source, branch: op };
}

/** Three numbers of which nothing is known; then the steps. Each jump leads to an exit of its own, so that no state is pruned there. */
function program(): { readonly code: readonly Instruction[]; readonly steps: ReadonlyMap<number, Step> } {
  const code: Instruction[] = [];
  for (const register of registers) {
    code.push(insn(0x85, 0, 0, 0, 7), insn(0xbf, register, 0));
  }
  code.push(insn(0xb7, 0, 0, 0, 0));
  const steps = new Map<number, Step>();
  for (let index = 0; index < stepsEach; index += 1) {
    const step = below(2) === 0 ? alu() : jump();
    steps.set(code.length, step);
    code.push(step.insn);
  }
  code.push(insn(0x95));
  for (const [slot, step] of steps) {
    if (step.branch === undefined) continue;
    code[slot] = { ...step.insn, offset: code.length - slot - 1 };
    code.push(insn(0x95));
  }
  return { code, steps };
}

type Registers = Map<number, { readonly scalar: Scalar; readonly text: string }>;

const register = /R(\d+)(?:_\w+)?=(P?scalar\((?:[^()]|\([^()]*\))*\)|P?-?(?:0x[0-9a-f]+|\d+))(?= |$)/g;

function registersOf(text: string): Registers {
  const found: Registers = new Map();
  for (const [, name, value] of text.matchAll(register)) {
    const scalar = parseScalar(value!);
    if (scalar !== undefined) found.set(Number(name), { scalar, text: value! });
  }
  return found;
}

const tally = { steps: 0, equal: 0, tighter: 0, looser: 0, crossing: 0, texts: 0, sameTexts: 0 };
const looser = new Map<string, string[]>();

function compare(what: string, ours: Scalar | undefined, theirs: { scalar: Scalar; text: string } | undefined): void {
  if (theirs === undefined) return;
  tally.steps += 1;
  if (ours === undefined) {
    tally.tighter += 1;
    return;
  }
  const [inside, outside] = [within(theirs.scalar, ours), within(ours, theirs.scalar)];
  if (inside && outside) {
    tally.equal += 1;
    tally.texts += 1;
    // An id tells registers of the same number apart from others; it is no bound.
    if (formatScalar(ours) === theirs.text.replace(/^P/, "").replace(/id=\d+(?:[+-]\w+)?,?/, "")) tally.sameTexts += 1;
  } else if (inside) tally.tighter += 1;
  else {
    if (outside) tally.looser += 1;
    else tally.crossing += 1;
    const key = what.split(" ")[0]!;
    looser.set(key, [...(looser.get(key) ?? []), `${what}: ${formatScalar(ours)}, the kernel's ${theirs.text}`]);
  }
}

function follow({ code, steps }: ReturnType<typeof program>, log: string): void {
  const state: Registers = new Map();
  const lines = log.split("\n");
  const visited = lines.map((line) => Number(/^(\d+): \(/.exec(line)?.[1] ?? -1)).filter((slot) => slot >= 0);
  const elsewhere = new Map<string, Registers>();
  for (const line of lines) {
    const from = /^from (\d+) to (\d+): (.*)$/.exec(line);
    if (from !== null) elsewhere.set(`${from[1]}-${from[2]}`, registersOf(from[3]!));
  }
  for (const line of lines) {
    if (line.startsWith("from ")) break;
    const parsed = /^(\d+): \(\w\w\) [^;]*(?:; (.*))?$/.exec(line);
    if (parsed === null) continue;
    const slot = Number(parsed[1]);
    const after = registersOf(parsed[2] ?? "");
    const step = steps.get(slot);
    if (step !== undefined) {
      const a = state.get(step.insn.dst)?.scalar;
      const b = step.source === undefined ? constant(BigInt(step.insn.imm)) : state.get(step.source)?.scalar;
      if (a === undefined || b === undefined) return;
      const name = `${step.alu ?? step.branch}${step.is32 ? 32 : 64}`;
      const what = `${name} of ${formatScalar(a)} and ${formatScalar(b)}`;
      if (step.alu !== undefined) {
        compare(what, (step.is32 ? alu32 : alu64)(step.alu, a, b), after.get(step.insn.dst));
      } else {
        const target = slot + 1 + code[slot]!.offset;
        const there = elsewhere.get(`${slot}-${target}`);
        const { taken, fallthrough } = refine(step.branch!, a, b, step.is32);
        const wentOn = visited[visited.indexOf(slot) + 1] === slot + 1;
        const went = there !== undefined || !wentOn;
        tally.steps += 2;
        for (const [ours, theirs] of [
          [taken, went],
          [fallthrough, wentOn],
        ] as const) {
          if ((ours !== undefined) === theirs) tally.equal += 1;
          else if (theirs) tally.tighter += 1;
          else {
            tally.looser += 1;
            looser.set(`${name}?`, [...(looser.get(`${name}?`) ?? []), what]);
          }
        }
        if (went && wentOn) {
          compare(`${name} taken ${what}`, taken?.a, there?.get(step.insn.dst));
          compare(`${name} fallthrough ${what}`, fallthrough?.a, after.get(step.insn.dst));
          if (step.source !== undefined) {
            compare(`${name} taken source ${what}`, taken?.b, there?.get(step.source));
            compare(`${name} fallthrough source ${what}`, fallthrough?.b, after.get(step.source));
          }
        }
      }
    }
    for (const [number, value] of after) state.set(number, value);
  }
}

it.skipIf(reason !== undefined)("knows as much of numbers as the kernel does", { timeout: 600_000 }, () => {
  const programs = long ? 20_000 : 500;
  let loaded = 0;
  for (let index = 0; index < programs; index += 1) {
    const made = program();
    const { fd, log } = loadBpfProgram({ insns: encodeInstructions(made.code), log: 2 });
    closeDescriptor(fd);
    loaded += 1;
    follow(made, log);
  }
  const { steps, equal, tighter, looser: less, crossing, texts, sameTexts } = tally;
  const share = (count: number): string => `${((100 * count) / steps).toFixed(2)} %`;
  console.log(
    `${loaded} programs, ${steps} comparisons: as precise ${share(equal)}, more ${share(tighter)}, less ${share(less)}, ` +
      `neither ${share(crossing)}; written alike ${sameTexts} of ${texts}`,
  );
  for (const [name, cases] of [...looser].sort((a, b) => b[1].length - a[1].length)) {
    console.log(`${name}: ${cases.length}, as ${cases[0]}`);
  }
  expect(steps).toBeGreaterThan(programs);
  expect((equal + tighter) / steps).toBeGreaterThan(0.999);
});
