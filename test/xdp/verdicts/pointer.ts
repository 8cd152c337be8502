/** Pointers as numbers: arithmetic, comparisons, leaks. */
import { bad, good, lookup, pass, type VerdictRow } from "./row.js";

export const pointerRows: readonly VerdictRow[] = [
  bad("two pointers added", `r2 = r10\nr2 += r10${pass}`, /pointer/i),
  good("a pointer subtracted from one to the same stack", `r2 = r10\nr2 -= r10\nr0 = 2\nexit`),
  bad("a pointer multiplied", `r2 = r10\nr2 *= 2${pass}`, /pointer|stack|R2/i),
  bad("a pointer masked", `r2 = r10\nr2 &= -8\n*(u64 *)(r2 -8) = 0${pass}`, /pointer|stack|R2/i),
  bad("a pointer shifted, then used", `r2 = r10\nr2 >>= 1\n*(u64 *)(r2 -8) = 0${pass}`, /pointer|stack|R2/i),
  good("a pointer negated, with privilege", `r2 = r10\nr2 = -r2${pass}`),
  good("a pointer's bytes swapped, with privilege", `r2 = r10\nr2 = be32 r2${pass}`),
  bad("a pointer moved on 32 bits, then used", `r2 = r10\nw2 = w2\n*(u64 *)(r2 -8) = 0${pass}`, /pointer|stack|R2/i),
  bad("32-bit addition to a pointer", `r2 = r10\nw2 += -8\n*(u64 *)(r2 +0) = 0${pass}`, /pointer|stack|R2|32/i),
  bad("the context multiplied", `r1 *= 2${pass}`, /context|R1/i),
  bad("a pointer subtracted from a number", `r2 = 8\nr2 -= r10${pass}`, /pointer|R2|number/i),
  good("a pointer added to a number", `r2 = -8\nr2 += r10\n*(u64 *)(r2 +0) = 0${pass}`),
  bad(
    "a pointer to a map moved",
    `r1 = map[counters] ll\nr1 += 8\nr2 = r10\nr2 += -8\n*(u64 *)(r2 +0) = 0\ncall bpf_map_lookup_elem${pass}`,
    /map|R1/i,
  ),
  bad("a far offset", `r2 = r10\nr2 += 0x7fffffff\nr2 += 0x7fffffff\n*(u8 *)(r2 +0) = 0${pass}`, /far|stack|offset/i),
  bad("a number as address", `r2 = 0x1234 ll\nr0 = *(u64 *)(r2 +0)\nexit`, /R2|number|scalar/i),
  bad("zero as address", "r2 = 0\nr0 = *(u64 *)(r2 +0)\nexit", /R2|number|null/i),
  bad(
    "a pointer or a number, by way",
    `r2 = *(u32 *)(r1 +12)\nr3 = r10\nif r2 == 0 goto +1\nr3 = 5\n*(u64 *)(r3 -8) = 0${pass}`,
    /R3|number|scalar/i,
  ),
  bad(
    "the stack or a map value at one load",
    `${lookup("wide")}\nif r0 == 0 goto +4\nr6 = *(u64 *)(r0 +0)\nif r6 == 7 goto +1\nr0 = r6\nr0 = *(u64 *)(r0 +0)${pass}`,
    /R0|number/i,
  ),
  bad(
    "the context or the stack at one load",
    `r2 = *(u32 *)(r1 +12)\nr3 = r1\nif r2 == 0 goto +2\nr3 = r10\nr3 += -64\nr0 = *(u32 *)(r3 +0)\nexit`,
    /context|stack|differ|same|pointers|R3/i,
    { ours: { accept: true, because: "each access is checked by what it is at the time" } },
  ),
  good("a pointer returned, with privilege", "r0 = r10\nexit"),
  good("the context returned, with privilege", "r0 = r1\nexit"),
  good("a map value returned, with privilege", `${lookup("counters")}\nif r0 != 0 goto +1\nr0 = 0\nexit`),
  good("a pointer compared with zero", `if r1 == 0 goto +0${pass}`),
  good("a pointer compared with another, with privilege", `r2 = r10\nif r1 == r2 goto +0${pass}`),
  good("a pointer compared with a number, with privilege", `if r1 > 7 goto +0${pass}`),
  bad("a pointer exchanged into the context", `r2 = r10\nlock *(u64 *)(r1 +0) += r2${pass}`, /context|atomic|R/i),
  bad(
    "atomic addition of 2 bytes",
    [
      { opcode: 0xb7, dst: 2, src: 0, offset: 0, imm: 0 },
      { opcode: 0xcb, dst: 10, src: 2, offset: -8, imm: 0 },
      { opcode: 0xb7, dst: 0, src: 0, offset: 0, imm: 2 },
      { opcode: 0x95, dst: 0, src: 0, offset: 0, imm: 0 },
    ],
    /atomic|size|instruction|opcode/i,
  ),
  bad(
    "atomic operation that is none",
    [
      { opcode: 0xb7, dst: 2, src: 0, offset: 0, imm: 0 },
      { opcode: 0xdb, dst: 10, src: 2, offset: -8, imm: 0x33 },
      { opcode: 0xb7, dst: 0, src: 0, offset: 0, imm: 2 },
      { opcode: 0x95, dst: 0, src: 0, offset: 0, imm: 0 },
    ],
    /atomic|operation|instruction/i,
  ),
  good(
    "atomic exchange on the stack",
    `*(u64 *)(r10 -8) = 1\nr2 = 5\nr2 = atomic64_xchg((u64 *)(r10 -8), r2)\nr0 = r2\nexit`,
  ),
  good(
    "compare and exchange on the stack",
    `*(u64 *)(r10 -8) = 1\nr0 = 1\nr2 = 5\nr0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)\nexit`,
  ),
  bad(
    "compare and exchange without r0",
    `*(u64 *)(r10 -8) = 1\nr2 = 5\nr0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)\nexit`,
    /R0/,
  ),
  bad("atomic misaligned", `*(u64 *)(r10 -8) = 1\nr2 = 5\nlock *(u32 *)(r10 -6) += r2${pass}`, /align/i),
];
