/**
 * Ways that join: one is walked to its end, another comes to the same place with something that differs. If it is believed to be covered
 * though what comes after depends on the difference, a bad program is accepted. Each bad row has a good one, where the ways agree.
 */
import { bad, good, lookup, type VerdictRow } from "./row.js";

/** Enough jumps and instructions that a state is kept at the next place where ways join, and not before. */
const settle = `
  ${"r7 = 0\n".repeat(9)}goto +0
  goto +0
  goto +0
  goto +0
  goto +0
  ${"r7 = 0\n".repeat(9)}`;

let labels = 0;
const fork = (first: string, second: string, end = ""): string => {
  labels += 1;
  return `
  call bpf_get_prandom_u32
  if r0 == 7 goto other${labels}
  ${first}${settle}goto join${labels}
  other${labels}:
  ${second}
  r7 = 0
  join${labels}:
  if r7 == 0 goto +0${end}`;
};

/** r8 = an element of `wide` (64 bytes), r9 = the context. */
const element = `
  r9 = r1${lookup("wide")}
  if r0 == 0 goto out
  r8 = r0`;
const out = `
  out:
  r0 = 2
  exit`;
const useR6 = `
  r8 += r6
  r0 = *(u8 *)(r8 +0)`;
const useSlot = `
  r6 = *(u64 *)(r10 -16)${useR6}`;
/** The upper half of a slot zero, by bytes. */
const zeroes = (register: string): string =>
  `${register} = 0\n${[-12, -11, -10, -9].map((at) => `*(u8 *)(r10 ${at}) = ${register}`).join("\n")}`;
const useUpper = `
  r6 = *(u32 *)(r10 -12)${useR6}`;
/** r0 = the element of `wide` whose key lies at -8, or null. */
const find = `
  r2 = r10
  r2 += -8
  r1 = map[wide] ll
  call bpf_map_lookup_elem`;
const again = `
  ${settle}if r7 == 0 goto +0`;
const outside = /outside|invalid|bytes|bound|offset|negative/i;

interface Pair {
  readonly setup?: string;
  readonly first: string;
  /** What the other way does instead, in the bad row. */
  readonly second: string;
  /** In the good one; default: what the first does. */
  readonly mended?: string;
  readonly use: string;
  readonly after?: string;
  readonly says?: RegExp;
}

const pairs: Readonly<Record<string, Pair>> = {
  "a number used after a join": { first: "r6 = 1", second: "r6 = 1000", use: useR6 },
  "a negative number after a join": { first: "r6 = 1", second: "r6 = -1", use: useR6 },
  "a range after a join": {
    setup: "r6 = *(u64 *)(r8 +8)",
    first: "r6 &= 7",
    second: "r6 &= 255",
    mended: "r6 &= 3",
    use: useR6,
  },
  "a number used two joins later": { first: "r6 = 1", second: "r6 = 1000", use: `${again}${again}${useR6}` },
  "a number that another was made of": {
    first: "r6 = 1",
    second: "r6 = 1000",
    use: `${again}\nr5 = r6\nr5 += 3\nr6 = r5${useR6}`,
  },
  "a sum of two, of which one differs": {
    setup: "r6 = 2",
    first: "r9 = 1",
    second: "r9 = 1000",
    use: `r6 += r9${again}${useR6}`,
  },
  "a number that only a comparison depends on": {
    first: "r6 = 1",
    second: "r6 = 2",
    mended: "r6 = 1",
    use: "if r6 == 1 goto out\nr8 += 1000\nr0 = *(u8 *)(r8 +0)",
  },
  "a number that is used on one of the ways after": {
    first: "r6 = 1",
    second: "r6 = 1000",
    use: `call bpf_get_prandom_u32\nif r0 != 3 goto out${useR6}`,
  },
  "a number on the stack": {
    first: "r1 = 1\n*(u64 *)(r10 -16) = r1",
    second: "r1 = 1000\n*(u64 *)(r10 -16) = r1",
    use: useSlot,
  },
  "a slot that is read on one of the ways after": {
    first: "r1 = 1\n*(u64 *)(r10 -16) = r1",
    second: "r1 = 1000\n*(u64 *)(r10 -16) = r1",
    use: `call bpf_get_prandom_u32\nif r0 != 3 goto out${again}${useSlot}`,
  },
  "a number in the lower half of a slot": {
    setup: "*(u64 *)(r10 -16) = 0",
    first: "r1 = 1\n*(u32 *)(r10 -16) = r1",
    second: "r1 = 1000\n*(u32 *)(r10 -16) = r1",
    use: `r6 = *(u32 *)(r10 -16)${useR6}`,
  },
  "one byte of a slot": {
    setup: `${zeroes("r1")}\nr6 = *(u64 *)(r8 +8)`,
    first: "r1 = 0\n*(u8 *)(r10 -11) = r1",
    second: "*(u8 *)(r10 -11) = r6",
    use: useUpper,
  },
  "bytes of zero, one by one": {
    setup: "r6 = *(u64 *)(r8 +8)",
    first: zeroes("r1"),
    second: zeroes("r1").replaceAll("= r1", "= r6"),
    use: useUpper,
  },
  "a zero that bytes are made of after a join": {
    first: "r6 = 0",
    second: "r6 = 200",
    use: `${[-12, -11, -10, -9].map((at) => `*(u8 *)(r10 ${at}) = r6`).join("\n")}${useUpper}`,
  },
  "the lower half of a number, stored after a join": {
    first: "r6 = 0x100000001 ll",
    second: "r6 = 0x1000003e8 ll",
    use: `*(u32 *)(r10 -16) = r6\nr6 = *(u32 *)(r10 -16)${useR6}`,
  },
  "a number that is copied after a join": {
    setup: "r6 = *(u64 *)(r8 +8)",
    first: "r6 &= 7",
    second: "r6 &= 255",
    mended: "r6 &= 3",
    use: `r5 = r6\nr6 = 0\nr6 = r5${useR6}`,
  },
  "what an atomic operation fetches": {
    first: "r1 = 1\n*(u64 *)(r10 -16) = r1",
    second: "r1 = 1000\n*(u64 *)(r10 -16) = r1",
    use: `r6 = *(u64 *)(r10 -16)\nr1 = 0\nlock *(u64 *)(r10 -16) += r1${useR6}`,
  },
  "a pointer and a number in a slot": {
    first: "*(u64 *)(r10 -16) = r8",
    second: "r1 = 0\n*(u64 *)(r10 -16) = r1",
    use: "r6 = *(u64 *)(r10 -16)\nr0 = *(u8 *)(r6 +0)",
    says: /number|memory|read/i,
  },
  "a key on the stack that makes a lookup succeed": {
    first: "r1 = 0\n*(u32 *)(r10 -16) = r1",
    second: "r1 = 9\n*(u32 *)(r10 -16) = r1",
    use: "r2 = r10\nr2 += -16\nr1 = map[wide] ll\ncall bpf_map_lookup_elem\nr0 = *(u8 *)(r0 +0)",
    says: /null/i,
  },
  "equal numbers, of which one is compared": {
    setup: "r6 = *(u64 *)(r8 +8)",
    first: "r5 = r6\n*(u64 *)(r10 -16) = r5",
    second: "r5 = *(u64 *)(r8 +16)\n*(u64 *)(r10 -16) = r5",
    use: `if r6 > 63 goto out${useSlot}`,
  },
  "packet bytes proven on one way": {
    setup: "r6 = *(u32 *)(r9 +0)\nr5 = *(u32 *)(r9 +4)",
    first: "r6 = *(u32 *)(r9 +0)\nr5 = *(u32 *)(r9 +4)\nr1 = r6\nr1 += 64\nif r1 > r5 goto out",
    second: "r6 = *(u32 *)(r9 +0)\nr5 = *(u32 *)(r9 +4)\nr1 = r6\nr1 += 14\nif r1 > r5 goto out",
    mended: "r6 = *(u32 *)(r9 +0)\nr5 = *(u32 *)(r9 +4)\nr1 = r6\nr1 += 65\nif r1 > r5 goto out",
    use: "r0 = *(u8 *)(r6 +40)",
  },
  "two packet pointers that are the same on one way": {
    setup:
      "r6 = *(u64 *)(r8 +8)\nr6 &= 255\n*(u64 *)(r10 -24) = r6\nr6 = *(u64 *)(r8 +16)\nr6 &= 255\n*(u64 *)(r10 -32) = r6",
    first:
      "r6 = *(u32 *)(r9 +0)\nr1 = *(u64 *)(r10 -24)\nr6 += r1\nr2 = r6\nr1 = *(u64 *)(r10 -32)\n*(u64 *)(r10 -16) = r2",
    second:
      "r6 = *(u32 *)(r9 +0)\nr2 = r6\nr1 = *(u64 *)(r10 -24)\nr6 += r1\nr1 = *(u64 *)(r10 -32)\nr2 += r1\n*(u64 *)(r10 -16) = r2",
    use: "r5 = *(u32 *)(r9 +4)\nr1 = r6\nr1 += 14\nif r1 > r5 goto out\nr2 = *(u64 *)(r10 -16)\nr0 = *(u8 *)(r2 +0)",
  },
  "a pointer that may be null on one way": {
    setup: "r6 = r8",
    first: "r6 = r8",
    second: `*(u32 *)(r10 -8) = r0${find}\nr6 = r0`,
    use: "r0 = *(u8 *)(r6 +0)",
    says: /null/i,
  },
  "two results that are null together on one way": {
    setup: `r9 = *(u32 *)(r9 +12)\n*(u32 *)(r10 -8) = r9${find}\n*(u64 *)(r10 -24) = r0`,
    first: "r6 = *(u64 *)(r10 -24)\n*(u64 *)(r10 -16) = r6",
    second: `*(u32 *)(r10 -8) = r9${find}\n*(u64 *)(r10 -16) = r0\nr6 = *(u64 *)(r10 -24)`,
    use: "if r6 == 0 goto out\nr1 = *(u64 *)(r10 -16)\nr0 = *(u8 *)(r1 +0)",
    says: /null/i,
  },
  "values of maps of different sizes": {
    setup: `${lookup("counters")}\nif r0 == 0 goto out\n*(u64 *)(r10 -24) = r0`,
    first: "r6 = r8",
    second: "r6 = *(u64 *)(r10 -24)",
    use: "r0 = *(u8 *)(r6 +40)",
  },
  "a record that is held on one way": {
    first: "r6 = 0",
    second: "r1 = map[ring] ll\nr2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve\nr6 = r0",
    mended:
      "r1 = map[ring] ll\nr2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve\nif r0 == 0 goto +3\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\nr6 = 0",
    use: "r6 = 0",
    says: /reference|never given back/i,
  },
  "a number that a function gives back": {
    first: "r6 = 1",
    second: "r6 = 1000",
    use: `r1 = r6\ncall twice\nr6 = r0${useR6}`,
    after: `twice:\nr0 = r1${again}\nr0 += r0\nexit`,
  },
  "a number that a caller keeps over a join in a function": {
    first: "r6 = 1",
    second: "r6 = 1000",
    use: `call nothing${useR6}`,
    after: `nothing:${again}${again}\nr0 = 0\nexit`,
  },
  "a caller's slot over a join in a function": {
    first: "r1 = 1\n*(u64 *)(r10 -16) = r1",
    second: "r1 = 1000\n*(u64 *)(r10 -16) = r1",
    use: `call nothing${useSlot}`,
    after: `nothing:${again}${again}\nr0 = 0\nexit`,
  },
  "a caller's slot that a function reads": {
    first: "r1 = 1\n*(u64 *)(r10 -16) = r1",
    second: "r1 = 1000\n*(u64 *)(r10 -16) = r1",
    use: `r1 = r10\nr1 += -16\ncall fetch\nr6 = r0${useR6}`,
    after: `fetch:${again}\nr0 = *(u64 *)(r1 +0)\nexit`,
  },
  "a caller's slot that a function writes on one way": {
    setup: "r1 = 1\n*(u64 *)(r10 -16) = r1",
    first: "r1 = r10\nr1 += -16\nr2 = 1\ncall put",
    second: "r1 = r10\nr1 += -16\nr2 = 1000\ncall put",
    use: useSlot,
    after: "put:\n*(u64 *)(r1 +0) = r2\nr0 = 0\nexit",
  },
  "the bound of a loop": {
    first: "r9 = 4",
    second: "r9 = 100",
    mended: "r9 = 8",
    use: "r6 = 0\nround:\nr1 = r8\nr1 += r6\nr0 = *(u8 *)(r1 +0)\nr6 += 1\nif r6 < r9 goto round",
  },
  "where a loop's counter begins": {
    first: "r6 = 0",
    second: "r6 = 60",
    mended: "r6 = 4",
    use: "r9 = 0\nround:\nr1 = r8\nr1 += r6\nr0 = *(u8 *)(r1 +0)\nr6 += 1\nr9 += 1\nif r9 < 8 goto round",
  },
  "how far a loop's rounds go": {
    first: "r6 = 1",
    second: "r6 = 9",
    mended: "r6 = 2",
    use: "r9 = 0\nround:\nr0 = *(u8 *)(r8 +0)\nr8 += r6\nr9 += 1\nif r9 < 10 goto round",
  },
};

const rowOf = ({ setup = "", use, after = "" }: Pair, first: string, second: string): string =>
  `${element}\n${setup}\n${fork(first, second)}\n${use}${out}\n${after}`;

/** One way ends where another went on; what it went on to need, the ways to where the second began need too. */
const chained = (set: (value: number) => string, use: string, value: number): string => `${element}
  ${fork(set(1), fork(set(1), set(value)))}
  ${use}${out}`;

const register = (value: number): string => `r6 = ${value}`;
const slot = (value: number): string => `r1 = ${value}\n*(u64 *)(r10 -16) = r1`;

export const pruningRows: readonly VerdictRow[] = [
  ...Object.entries(pairs).flatMap(([name, pair]) => [
    bad(name, rowOf(pair, pair.first, pair.second), pair.says ?? outside),
    good(`${name}, alike`, rowOf(pair, pair.first, pair.mended ?? pair.first)),
  ]),
  bad("a number that was needed beyond where a way ended", chained(register, useR6, 1000), outside),
  good("a number that was needed beyond where a way ended, alike", chained(register, useR6, 1)),
  bad("a slot that was read beyond where a way ended", chained(slot, useSlot, 1000), outside),
  good("a slot that was read beyond where a way ended, alike", chained(slot, useSlot, 1)),
];
