import { describe, expect, it } from "vitest";
import { assemble } from "../insn/assembler.js";
import type { AttachType, FunctionSpec, MapSpec, ProgramSpec } from "../spec.js";
import { mapFlag } from "../spec.js";
import { verify } from "./verify.js";

const map = (name: string, type: MapSpec["type"], more: Partial<MapSpec> = {}): MapSpec => ({
  name,
  type,
  keySize: 4,
  valueSize: 16,
  maxEntries: 8,
  flags: 0,
  ...more,
});

const maps: readonly MapSpec[] = [
  map("counters", "array"),
  map("table", "hash"),
  map("ring", "ringbuf", { keySize: 0, valueSize: 0, maxEntries: 4096 }),
  map("locked", "array", { spinLockOffset: 0 }),
  map("rodata", "array", {
    maxEntries: 1,
    flags: mapFlag.readOnlyProgram,
    initial: Uint8Array.from([5, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]),
  }),
  map("jumps", "prog_array", { valueSize: 4 }),
];
const helpers = new Map([
  ["map_lookup_elem", 1],
  ["map_update_elem", 2],
  ["ktime_get_ns", 5],
  ["tail_call", 12],
  ["xdp_adjust_head", 44],
  ["fib_lookup", 69],
  ["spin_lock", 93],
  ["spin_unlock", 94],
  ["ringbuf_output", 130],
  ["ringbuf_reserve", 131],
  ["ringbuf_submit", 132],
  ["loop", 181],
]);

interface More {
  readonly attach?: AttachType;
  readonly license?: string;
  readonly functions?: readonly FunctionSpec[];
}

function program(text: string, more: More = {}): ProgramSpec {
  return {
    name: "test",
    section: "xdp",
    attach: more.attach ?? "xdp",
    frags: false,
    license: more.license ?? "GPL",
    insns: assemble(text, { helpers, maps: maps.map(({ name }) => name) }),
    maps,
    functions: more.functions ?? [{ name: "test", start: 0, btfId: 0, linkage: "global" }],
    lines: [{ insn: 0, file: "test.c", text: "  int verdict;", line: 7, column: 3 }],
  };
}

const bounds = `
  r6 = r1
  r2 = *(u32 *)(r1 +0)
  r3 = *(u32 *)(r1 +4)
  r4 = r2
  r4 += 14
  if r4 > r3 goto out`;
const lookup = (name: string, key = "r2 = r10\nr2 += -4\n*(u32 *)(r10 -4) = 1") => `
  ${key}
  r1 = map[${name}] ll
  call bpf_map_lookup_elem`;
const out = `
  r0 = 0
out:
  r0 = 2
  exit`;

const good: Record<string, string> = {
  "returns a constant": "r0 = 2\nexit",
  "reads the packet within its bounds": `${bounds}\nr0 = *(u16 *)(r2 +12)${out}`,
  "reads backwards from a checked pointer": `${bounds}\nr0 = *(u8 *)(r4 -1)${out}`,
  "compares the other way round": `
    r2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 14\nif r3 < r4 goto out\nr0 = *(u64 *)(r2 +6)${out}`,
  "reads with a variable offset": `${bounds}
    r5 = *(u8 *)(r2 +0)\nr5 &= 15\nr2 += r5\nr4 = r2\nr4 += 4\nif r4 > r3 goto out\nr0 = *(u32 *)(r2 +0)${out}`,
  "keeps a packet pointer on the stack": `${bounds}
    *(u64 *)(r10 -8) = r2\nr5 = *(u64 *)(r10 -8)\nr0 = *(u8 *)(r5 +13)${out}`,
  "checks the result of a lookup": `${lookup("table")}\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 +8)${out}`,
  "knows that a constant key of an array is there": `
    *(u32 *)(r10 -8) = 3\nr2 = r10\nr2 += -8\nr1 = map[counters] ll\ncall bpf_map_lookup_elem\nr1 = *(u32 *)(r0 +12)\nr0 = 2\nexit`,
  "loops to a bound": "r1 = 0\nr0 = 0\nagain:\nr0 += r1\nr1 += 1\nif r1 < 200 goto again\nexit",
  "learns of a copy": `
    r2 = *(u32 *)(r1 +12)\nr3 = r2\nif r3 > 7 goto out\nr4 = r10\nr4 += -8\nr4 += r2\n*(u8 *)(r4 +0) = 1${out}`,
  "knows constants of .rodata": `
    r1 = map[rodata][0]+0 ll\nr2 = *(u32 *)(r1 +0)\nr3 = r10\nr3 += -8\nr3 += r2\n*(u8 *)(r3 +0) = 1\nr0 = 0\nexit`,
  "gives a record back on each way": `
    r1 = map[ring] ll\nr2 = 24\nr3 = 0\ncall bpf_ringbuf_reserve\nif r0 == 0 goto out\n*(u64 *)(r0 +16) = 1\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit${out}`,
  "takes a lock and gives it back": `${lookup("locked")}\nif r0 == 0 goto out\nr6 = r0\nr1 = r6\ncall bpf_spin_lock\nr1 = *(u32 *)(r6 +8)\nr1 = r6\ncall bpf_spin_unlock${out}`,
  "tail-calls": "r2 = map[jumps] ll\nr3 = 5\ncall bpf_tail_call\nr0 = 2\nexit",
  "calls a function with a pointer to its stack": `
    r1 = r10\nr1 += -8\n*(u64 *)(r10 -8) = 3\ncall half\nr0 = *(u64 *)(r10 -8)\nexit\nhalf:\nr2 = *(u64 *)(r1 +0)\nr2 >>= 1\n*(u64 *)(r1 +0) = r2\nr0 = 0\nexit`,
};

const bad: Record<string, readonly [string, RegExp]> = {
  "no verdict": ["exit", /R0 has no value/],
  "a register before it is written": ["r0 = r3\nexit", /R3 is read before/],
  "the packet without comparison": [
    "r2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +0)\nexit",
    /invalid access to packet: off=0 size=1/,
  ],
  "the packet beyond what was compared": [
    `${bounds}\nr0 = *(u32 *)(r2 +12)${out}`,
    /off=12 size=4, R2 may reach only 14 bytes; compare data \+ 16 with data_end/,
  ],
  "a packet pointer from before the frame moved": [
    `${bounds}\n*(u64 *)(r10 -8) = r2\nr1 = r6\nr2 = -4\ncall bpf_xdp_adjust_head\nr2 = *(u64 *)(r10 -8)\nr0 = *(u8 *)(r2 +0)${out}`,
    /R2 is a number/,
  ],
  "a lookup without check": [`${lookup("table")}\nr0 = *(u32 *)(r0 +0)\nexit`, /may be null/],
  "outside of a map value": [`${lookup("table")}\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 +12)${out}`, /off=12 size=8/],
  "outside of the stack": ["*(u64 *)(r10 -520) = 1\nr0 = 0\nexit", /invalid access to the stack/],
  "above the stack": ["*(u64 *)(r10 +0) = 1\nr0 = 0\nexit", /invalid access to the stack/],
  "a misaligned slot": ["*(u64 *)(r10 -12) = 1\nr0 = 0\nexit", /misaligned/],
  "the context written": ["*(u32 *)(r1 +0) = 1\nr0 = 0\nexit", /write to the context/],
  "half a field of the context": ["r0 = *(u16 *)(r1 +12)\nexit", /invalid access to the context/],
  "egress_ifindex outside of a devmap": ["r0 = *(u32 *)(r1 +20)\nexit", /xdp\/devmap/],
  "multiplied pointers": ["r1 *= 2\nr0 = 0\nexit", /only addition and subtraction/],
  "a loop without end": ["r0 = 0\nr2 = *(u32 *)(r1 +12)\nagain:\nif r2 > 5 goto again\nexit", /infinite loop/],
  "what nobody reaches": ["r0 = 0\nexit\nr0 = 1\nexit", /unreachable/],
  "a record that is kept": [
    `r1 = map[ring] ll\nr2 = 24\nr3 = 0\ncall bpf_ringbuf_reserve\nif r0 == 0 goto out${out}`,
    /never given back/,
  ],
  "a record after it was given back": [
    `r1 = map[ring] ll\nr2 = 24\nr3 = 0\ncall bpf_ringbuf_reserve\nif r0 == 0 goto out\nr6 = r0\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\n*(u64 *)(r6 +0) = 1${out}`,
    /R6 is a number/,
  ],
  "a lock that is kept": [
    `${lookup("locked")}\nif r0 == 0 goto out\nr1 = r0\ncall bpf_spin_lock${out}`,
    /spin lock of map locked is held/,
  ],
  "the lock itself": [`${lookup("locked")}\nif r0 == 0 goto out\nr1 = *(u32 *)(r0 +0)${out}`, /accessed directly/],
  "a constant map written": ["r1 = map[rodata][0]+0 ll\n*(u32 *)(r1 +0) = 1\nr0 = 0\nexit", /may only read/],
  "a helper of GPL programs": ["r2 = r10\nr2 += -64\nr3 = 64\nr4 = 0\ncall bpf_fib_lookup\nr0 = 0\nexit", /licence/],
  "a helper that is not there": ["call bpf_unknown#9999\nexit", /there is no helper/],
  "a map of the wrong type": [`${lookup("jumps")}\nr0 = 0\nexit`, /cannot be used with map jumps/],
  "a function that calls itself": ["call f\nexit\nf:\ncall f\nexit", /calls itself/],
  "512 bytes of stack twice": [
    "*(u64 *)(r10 -512) = 1\ncall f\nexit\nf:\n*(u64 *)(r10 -8) = 1\nr0 = 0\nexit",
    /512 are allowed/,
  ],
  "a callback that answers 2": [
    "r1 = 4\nr2 = subprog[f] ll\nr3 = 0\nr4 = 0\ncall bpf_loop\nr0 = 0\nexit\nf:\nr0 = 2\nexit",
    /a callback returns 2/,
  ],
};

describe("the verifier", () => {
  for (const [name, text] of Object.entries(good)) {
    it(`accepts a program that ${name}`, () => {
      const verdict = verify(program(text));
      expect(verdict.ok ? "" : verdict.summary).toBe("");
    });
  }
  for (const [name, [text, reason]] of Object.entries(bad)) {
    it(`refuses ${name}`, () => {
      const verdict = verify(program(text, { license: /fib_lookup/.test(text) ? "MIT" : "GPL" }));
      expect(verdict.ok ? "accepted" : verdict.summary).toMatch(reason);
    });
  }

  it("says where, in the program and in its source", () => {
    const verdict = verify(program("r2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +0)\nexit"));
    expect(verdict).toMatchObject({ ok: false, insn: 1, source: "test.c:7", reason: "unsafe" });
    expect(verdict.ok ? "" : verdict.summary).toMatch(/^program test, instruction 1 \(test\.c:7: `int verdict;`\): /);
    expect(verdict.log()).toContain("R2=pkt(");
  });

  it("tells what each access touches", () => {
    const verdict = verify(program(`${bounds}\nr0 = *(u16 *)(r2 +12)\n*(u64 *)(r10 -8) = r0${out}`));
    if (!verdict.ok) throw new Error(verdict.summary);
    expect(verdict.accesses.map((access) => access?.kind)).toEqual(
      expect.arrayContaining(["context", "packet", "stack"]),
    );
    expect(verdict.stackDepth).toBe(16);
    expect(verdict.reachable.every(Boolean)).toBe(true);
  });

  it("gives up where there are too many ways", () => {
    const verdict = verify(program("r1 = 0\nagain:\nr1 += 1\nif r1 < 100000 goto again\nr0 = 0\nexit"), {
      maximumInstructions: 1000,
    });
    expect(verdict).toMatchObject({ ok: false, reason: "complexity" });
  });

  it("accepts whatever has a shape when it is blind", () => {
    const spec = program("r0 = *(u8 *)(r3 +0)\nexit");
    expect(verify(spec).ok).toBe(false);
    expect(verify(spec, { blind: true })).toMatchObject({ ok: true, accesses: [{ kind: "any" }, undefined] });
  });
});
