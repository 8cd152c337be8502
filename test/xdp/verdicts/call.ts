/** Calls: helpers and their arguments, functions, callbacks, tail calls, references, locks. */
import type { Instruction } from "../../../src/xdp/insn/instruction.js";
import { bad, good, lookup, pass, type VerdictRow } from "./row.js";

const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
const exit = insn(0x95);

export const helperRows: readonly VerdictRow[] = [
  bad("a helper that there is not", [insn(0x85, 0, 0, 0, 5000), exit], /5000|helper/i),
  bad("a helper that XDP may not call", [insn(0x85, 0, 0, 0, 9), exit], /9|helper/i),
  bad("a negative helper", [insn(0x85, 0, 0, 0, -3), exit], /helper/i),
  bad("a call of an unknown kind", [insn(0x85, 0, 5, 0, 1), exit], /./),
  bad("an argument never written", `r1 = map[counters] ll\ncall bpf_map_lookup_elem${pass}`, /R2/),
  bad("a second argument never written", `call bpf_redirect\nexit`, /R[12]/),
  bad("a number where the context is wanted", `r1 = 5\nr2 = 0\ncall bpf_xdp_adjust_tail${pass}`, /R1/),
  bad("a size of zero", `r2 = 0\nr3 = r10\nr3 += -8\nr4 = 0\ncall bpf_xdp_load_bytes${pass}`, /size|R4|zero|0/i),
  bad("a negative size", `r2 = 0\nr3 = r10\nr3 += -8\nr4 = -8\ncall bpf_xdp_load_bytes${pass}`, /size|R4|negative/i),
  bad(
    "a size without bound",
    `r4 = *(u32 *)(r1 +12)\nr2 = 0\nr3 = r10\nr3 += -8\ncall bpf_xdp_load_bytes${pass}`,
    /size|R[34]|stack|bound/i,
  ),
  good(
    "a size with bounds",
    `r4 = *(u32 *)(r1 +12)\nr4 &= 7\nr4 += 1\nr2 = 0\nr3 = r10\nr3 += -8\ncall bpf_xdp_load_bytes${pass}`,
  ),
  bad(
    "a bounded size that is too much",
    `r4 = *(u32 *)(r1 +12)\nr4 &= 15\nr4 += 1\nr2 = 0\nr3 = r10\nr3 += -8\ncall bpf_xdp_load_bytes${pass}`,
    /size|R[34]|stack/i,
  ),
  bad("a null pointer for memory", `r2 = 0\nr3 = 0\nr4 = 8\ncall bpf_xdp_load_bytes${pass}`, /R3/),
  good("null with size zero where it may be", `r1 = 0\nr2 = 0\nr3 = 0\nr4 = 0\nr5 = 0\ncall bpf_csum_diff${pass}`),
  bad("null with a size", `r1 = 0\nr2 = 8\nr3 = 0\nr4 = 0\nr5 = 0\ncall bpf_csum_diff${pass}`, /R[12]|null/i),
  bad(
    "a GPL helper in a program of another licence",
    `*(u32 *)(r10 -4) = 0x6425\nr1 = r10\nr1 += -4\nr2 = 4\ncall bpf_trace_printk${pass}`,
    /GPL|licen/i,
    { license: "Proprietary" },
  ),
  good(
    "a GPL helper in a GPL program",
    `*(u32 *)(r10 -4) = 0x41\nr1 = r10\nr1 += -4\nr2 = 4\ncall bpf_trace_printk${pass}`,
  ),
  bad(
    "a map value that may be null as memory",
    `${lookup("flows", 8)}\nr3 = r0\n*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += -8\nr1 = map[flows] ll\nr4 = 0\ncall bpf_map_update_elem${pass}`,
    /null/i,
  ),
  good(
    "a map value that may be null, with a size, where memory may be null",
    `${lookup("flows", 8)}\nr1 = r0\nr2 = 8\nr3 = 0\nr4 = 0\nr5 = 0\ncall bpf_csum_diff${pass}`,
    {
      says: /null/i,
      ours: { accept: false, because: "null has no bytes: the kernel refuses this only of what is null for certain" },
    },
  ),
  good("redirect", "r1 = 1\nr2 = 0\ncall bpf_redirect\nexit"),
];

const callee = "\nexit\nfunction:\n";

export const functionRows: readonly VerdictRow[] = [
  good("a function", `r1 = 5\ncall function${callee}r0 = r1\nexit`),
  good("a function that reads the context", `call function${callee}r0 = *(u32 *)(r1 +12)\nexit`),
  bad("a function that reads an argument never given", `call function${callee}r0 = r2\nexit`, /R2/),
  bad("a function that reads the caller's r6", `r6 = 5\ncall function${callee}r0 = r6\nexit`, /R6/),
  good("r6 is as it was after a call", `r6 = 5\ncall function\nr0 = r6${callee}r6 = 7\nr0 = 0\nexit`),
  bad("r1 after a call of a function", `r1 = 5\ncall function\nr0 = r1${callee}r0 = 0\nexit`, /R1/),
  good(
    "the caller's stack, written by the called",
    `r1 = r10\nr1 += -8\n*(u64 *)(r1 +0) = 1\ncall function\nr0 = *(u64 *)(r10 -8)${callee}*(u64 *)(r1 +0) = 2\nr0 = 0\nexit`,
  ),
  bad(
    "the caller's stack left by the called",
    `r1 = r10\nr1 += -8\ncall function\nr0 = 0${callee}*(u64 *)(r1 +8) = 2\nr0 = 0\nexit`,
    /stack/i,
  ),
  bad(
    "a pointer to the called one's stack is returned",
    `call function\nr0 = 2${callee}r0 = r10\nexit`,
    /stack|return/i,
  ),
  bad(
    "a pointer to the called one's stack is left in the caller's",
    `r1 = r10\nr1 += -8\ncall function\nr0 = 2${callee}r2 = r10\n*(u64 *)(r1 +0) = r2\nr0 = 0\nexit`,
    /stack/i,
  ),
  good(
    "null check in the caller of a lookup in the called",
    `call function\nif r0 == 0 goto +1\nr0 = *(u64 *)(r0 +0)${callee}${lookup("flows", 8)}\nexit`,
  ),
  bad("no null check in either", `call function\nr0 = *(u64 *)(r0 +0)${callee}${lookup("flows", 8)}\nexit`, /null/i),
  bad("recursion", `call function${callee}call function\nexit`, /recurs|deep|frames|back|call|loop/i),
  good("eight frames deep", chain(7)),
  bad("nine frames deep", chain(8), /deep|frames/i),
  good(
    "512 bytes of stack over two frames",
    `call function\nr0 = 2\n*(u64 *)(r10 -256) = 0${callee}*(u64 *)(r10 -256) = 0\nr0 = 0\nexit`,
  ),
  bad(
    "more than 512 bytes of stack over two frames",
    `call function\nr0 = 2\n*(u64 *)(r10 -264) = 0${callee}*(u64 *)(r10 -256) = 0\nr0 = 0\nexit`,
    /stack/i,
  ),
  bad("a call into the middle of the program's own code", [insn(0x85, 0, 1, 0, -1), exit], /./),
  bad("a call beyond the end", [insn(0x85, 0, 1, 0, 9), exit], /call|range|outside|function/i),
  bad(
    "a jump into another function",
    `call function\nif r0 == 0 goto inside${callee}r0 = 0\ninside:\nr0 = 1\nexit`,
    /jump|function|outside|range/i,
  ),
  bad(
    "a function that falls into the next",
    `call one\ncall two\nexit\none:\nr0 = 1\ntwo:\nr0 = 2\nexit`,
    /end|exit|fall|function/i,
  ),
  bad(
    "a packet pointer that the called made invalid",
    `r6 = r1\nr7 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r7\nr4 += 14\nif r4 > r3 goto +2\ncall function\nr0 = *(u8 *)(r7 +0)\nr0 = 2${callee}r2 = 0\ncall bpf_xdp_adjust_head\nr0 = 0\nexit`,
    /R7|packet/i,
  ),
];

/** `count` calls, each from the one before. */
function chain(count: number): string {
  const parts = ["call f1\nexit"];
  for (let index = 1; index < count; index += 1) parts.push(`f${index}:\ncall f${index + 1}\nexit`);
  parts.push(`f${count}:\nr0 = 2\nexit`);
  return parts.join("\n");
}

export const tailCallRows: readonly VerdictRow[] = [
  good("a tail call", `r2 = map[jumps] ll\nr3 = 1\ncall bpf_tail_call${pass}`),
  good("a tail call by a number from data", `r3 = *(u32 *)(r1 +12)\nr2 = map[jumps] ll\ncall bpf_tail_call${pass}`),
  bad("a tail call without context", `r1 = 0\nr2 = map[jumps] ll\nr3 = 1\ncall bpf_tail_call${pass}`, /R1/),
  bad("a tail call into an array", `r2 = map[counters] ll\nr3 = 1\ncall bpf_tail_call${pass}`, /counters|array|map/i),
  bad(
    "a lookup in a program array",
    `*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += -8\nr1 = map[jumps] ll\ncall bpf_map_lookup_elem${pass}`,
    /jumps|prog/i,
  ),
  bad("an index never written", `r2 = map[jumps] ll\ncall bpf_tail_call${pass}`, /R3/),
  bad(
    "a tail call in a called function, without BTF",
    `call function${callee}r2 = map[jumps] ll\nr3 = 1\ncall bpf_tail_call\nr0 = 2\nexit`,
    /BTF/,
    { ours: { accept: true, because: "functions need no BTF here" } },
  ),
  bad(
    "a tail call in a called function, with more than 256 bytes of stack before it",
    `*(u64 *)(r10 -320) = 0\ncall function${callee}r2 = map[jumps] ll\nr3 = 1\ncall bpf_tail_call\nr0 = 2\nexit`,
    /stack|tail/i,
  ),
];

const reserve = "r1 = map[ring] ll\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve";

export const referenceRows: readonly VerdictRow[] = [
  good(
    "reserved, written, submitted",
    `${reserve}\nif r0 == 0 goto +4\n*(u64 *)(r0 +8) = 1\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit${pass}`,
  ),
  good("reserved and discarded", `${reserve}\nif r0 == 0 goto +3\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_discard${pass}`),
  bad("never given back", `${reserve}${pass}`, /reference|given back|release/i),
  bad(
    "never given back after the null check",
    `${reserve}\nif r0 == 0 goto +1\n*(u64 *)(r0 +0) = 1${pass}`,
    /reference|given back|release/i,
  ),
  bad(
    "given back on one way only",
    `r6 = *(u32 *)(r1 +12)\n${reserve}\nif r0 == 0 goto +4\nif r6 == 0 goto +3\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit${pass}`,
    /reference|given back|release/i,
  ),
  bad("submitted without null check", `${reserve}\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit${pass}`, /null|R1/i),
  bad(
    "submitted twice",
    `${reserve}\nif r0 == 0 goto +7\nr6 = r0\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\nr1 = r6\nr2 = 0\ncall bpf_ringbuf_submit${pass}`,
    /R1|R6|reference|given back|read/i,
  ),
  bad(
    "written after it was submitted",
    `${reserve}\nif r0 == 0 goto +5\nr6 = r0\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\n*(u64 *)(r6 +0) = 1${pass}`,
    /R6/i,
  ),
  bad(
    "beyond its size",
    `${reserve}\nif r0 == 0 goto +4\n*(u64 *)(r0 +16) = 1\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit${pass}`,
    /memory|outside|bytes|R0/i,
  ),
  bad(
    "submitted from its middle",
    `${reserve}\nif r0 == 0 goto +4\nr1 = r0\nr1 += 8\nr2 = 0\ncall bpf_ringbuf_submit${pass}`,
    /R1|offset|modified/i,
  ),
  bad(
    "a size that is not constant",
    `r2 = *(u32 *)(r1 +12)\nr2 &= 15\nr1 = map[ring] ll\nr3 = 0\ncall bpf_ringbuf_reserve${pass}`,
    /size|R2|constant/i,
  ),
  bad(
    "something else submitted",
    `r1 = r10\nr1 += -8\n*(u64 *)(r1 +0) = 0\nr2 = 0\ncall bpf_ringbuf_submit${pass}`,
    /R1/,
  ),
  bad("overwritten, and so lost", `${reserve}\nr0 = 0\nr0 = 2\nexit`, /reference|given back|release/i),
  bad(
    "a tail call with a reference",
    `r6 = r1\n${reserve}\nif r0 == 0 goto +9\nr7 = r0\nr1 = r6\nr2 = map[jumps] ll\nr3 = 0\ncall bpf_tail_call\nr1 = r7\nr2 = 0\ncall bpf_ringbuf_submit${pass}`,
    /reference|tail/i,
  ),
  bad(
    "reserved in an array",
    `r1 = map[counters] ll\nr2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve${pass}`,
    /counters|map|ring/i,
  ),
  good(
    "kept over a spill",
    `${reserve}\n*(u64 *)(r10 -8) = r0\nif r0 == 0 goto +3\nr1 = *(u64 *)(r10 -8)\nr2 = 0\ncall bpf_ringbuf_submit${pass}`,
  ),
  good(
    "reserved in a function, submitted in the caller",
    `call function\nif r0 == 0 goto +3\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\nr0 = 2${callee}${reserve}\nexit`,
  ),
  good(
    "output",
    `*(u64 *)(r10 -8) = 1\nr1 = map[ring] ll\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0\ncall bpf_ringbuf_output${pass}`,
  ),
];
