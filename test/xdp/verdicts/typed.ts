/** What needs BTF: callbacks and spin locks. */
import { bad, good, lookup, pass, type VerdictRow } from "./row.js";

const typed = (row: VerdictRow): VerdictRow => ({ ...row, btf: true });

const loop = (context: string, flags = 0): string => `
  r1 = 10
  r2 = subprog[function] ll
  ${context}
  r4 = ${flags}
  call bpf_loop`;
const callee = `${pass}\nfunction:\n`;

export const callbackRows: readonly VerdictRow[] = [
  good("a loop", `${loop("r3 = 0")}${callee}r0 = 0\nexit`),
  good("a loop that may stop", `${loop("r3 = 0")}${callee}r0 = 1\nexit`),
  bad(
    "a callback that returns what is neither 0 nor 1",
    `${loop("r3 = 0")}${callee}r0 = 2\nexit`,
    /callback|return|R0/i,
  ),
  bad("a callback that returns its index", `${loop("r3 = 0")}${callee}r0 = r1\nexit`, /callback|return|R0/i),
  bad("a callback that returns nothing", `${loop("r3 = 0")}${callee}exit`, /R0|return/),
  good(
    "a callback that writes its context on the stack",
    `*(u64 *)(r10 -8) = 0${loop("r3 = r10\nr3 += -8")}${callee}r3 = *(u64 *)(r2 +0)\nr3 += 1\n*(u64 *)(r2 +0) = r3\nr0 = 0\nexit`,
  ),
  bad(
    "a callback that writes beyond its context",
    `*(u64 *)(r10 -8) = 0${loop("r3 = r10\nr3 += -8")}${callee}*(u64 *)(r2 +8) = 1\nr0 = 0\nexit`,
    /stack|R2/i,
  ),
  bad("a callback that reads a third argument", `${loop("r3 = 0")}${callee}r0 = r3\nr0 = 0\nexit`, /R3/),
  bad(
    "a callback that uses its index unchecked",
    `${loop("r3 = r10\nr3 += -8")}${callee}r2 += r1\n*(u8 *)(r2 +0) = 1\nr0 = 0\nexit`,
    /stack|bound|offset|R2/i,
  ),
  good(
    "a callback that uses its index checked",
    `*(u64 *)(r10 -8) = 0${loop("r3 = r10\nr3 += -8")}${callee}if r1 > 7 goto out\nr2 += r1\n*(u8 *)(r2 +0) = 1\nout:\nr0 = 0\nexit`,
  ),
  bad(
    "flags that are not zero, as the kernel refuses them when it runs, and a context never written",
    `r1 = 10\nr2 = subprog[function] ll\nr4 = 1\ncall bpf_loop${callee}r0 = 0\nexit`,
    /R3/,
  ),
  bad(
    "a number where the callback should be",
    `r1 = 10\nr2 = 5\nr3 = 0\nr4 = 0\ncall bpf_loop${pass}`,
    /R2|callback|function/i,
  ),
  bad(
    "a pointer in place of the number of rounds",
    `r1 = r10\nr2 = subprog[function] ll\nr3 = 0\nr4 = 0\ncall bpf_loop${callee}r0 = 0\nexit`,
    /R1/,
  ),
  bad(
    "a packet pointer after a loop whose callback changes the frame",
    `r6 = r1\nr7 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r7\nr4 += 14\nif r4 > r3 goto out${loop("*(u64 *)(r10 -8) = r6\nr3 = r10\nr3 += -8")}\nr0 = *(u8 *)(r7 +0)\nout:${callee}r1 = *(u64 *)(r2 +0)\nr2 = 0\ncall bpf_xdp_adjust_head\nr0 = 0\nexit`,
    /R7|packet/i,
  ),
  bad(
    "a callback that counts beyond what the stack has",
    `*(u64 *)(r10 -8) = 0${loop("r3 = r10\nr3 += -8")}\nr1 = *(u64 *)(r10 -8)\nr2 = r10\nr2 += -8\nr2 += r1\n*(u8 *)(r2 +0) = 1${callee}r3 = *(u64 *)(r2 +0)\nr3 += 1\n*(u64 *)(r2 +0) = r3\nr0 = 0\nexit`,
    /stack|bound|offset|R2|complex|many/i,
  ),
  bad(
    "a reference taken in a callback and kept",
    `${loop("r3 = 0")}${callee}r1 = map[ring] ll\nr2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve\nr0 = 0\nexit`,
    /reference|given back|release/i,
  ),
  good(
    "a loop within a loop",
    `${loop("r3 = 0")}${callee}r1 = 4\nr2 = subprog[inner] ll\nr3 = 0\nr4 = 0\ncall bpf_loop\nr0 = 0\nexit\ninner:\nr0 = 0\nexit`,
  ),
  good("a static function with types", `call function${callee}r0 = 0\nexit`),
  good(
    "a tail call in a called function",
    `call function${callee}r2 = map[jumps] ll\nr3 = 1\ncall bpf_tail_call\nr0 = 2\nexit`,
  ),
  bad(
    "a tail call in a callback",
    `r6 = r1${loop("*(u64 *)(r10 -8) = r6\nr3 = r10\nr3 += -8")}${callee}r1 = *(u64 *)(r2 +0)\nr2 = map[jumps] ll\nr3 = 1\ncall bpf_tail_call\nr0 = 0\nexit`,
    /tail|callback/i,
  ),
].map(typed);

const locked = `${lookup("locks")}
  if r0 == 0 goto out
  r6 = r0
  r1 = r0
  call bpf_spin_lock`;
const unlock = "\nr1 = r6\ncall bpf_spin_unlock";
const out = `\nout:${pass}`;

export const lockRows: readonly VerdictRow[] = [
  good("locked, written, unlocked", `${locked}\n*(u64 *)(r6 +8) = 1${unlock}${out}`),
  bad("never unlocked", `${locked}\n*(u64 *)(r6 +8) = 1${out}`, /lock/i),
  bad("unlocked on one way only", `${locked}\nr2 = *(u64 *)(r6 +8)\nif r2 == 0 goto out${unlock}${out}`, /lock/i),
  bad(
    "unlocked without having been locked",
    `${lookup("locks")}\nif r0 == 0 goto out\nr1 = r0\ncall bpf_spin_unlock${out}`,
    /lock/i,
  ),
  bad("locked twice", `${locked}\nr1 = r6\ncall bpf_spin_lock${unlock}${out}`, /lock/i),
  bad("a helper called while locked", `${locked}\ncall bpf_ktime_get_ns${unlock}${out}`, /lock/i),
  good("a function called while locked", `${locked}\ncall function${unlock}${out}\nfunction:\nr0 = 0\nexit`),
  bad("the lock itself written", `${lookup("locks")}\nif r0 == 0 goto out\n*(u32 *)(r0 +0) = 0${out}`, /lock/i),
  bad("the lock itself read", `${lookup("locks")}\nif r0 == 0 goto out\nr1 = *(u32 *)(r0 +0)${out}`, /lock/i),
  bad("part of the lock read", `${lookup("locks")}\nif r0 == 0 goto out\nr1 = *(u8 *)(r0 +3)${out}`, /lock/i),
  good("what lies beside the lock", `${lookup("locks")}\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 +8)${out}`),
  bad(
    "a place that is no lock",
    `${lookup("locks")}\nif r0 == 0 goto out\nr1 = r0\nr1 += 8\ncall bpf_spin_lock${out}`,
    /lock/i,
  ),
  bad("a map without lock", `${lookup("counters")}\nif r0 == 0 goto out\nr1 = r0\ncall bpf_spin_lock${out}`, /lock/i),
  bad("the stack as a lock", `*(u64 *)(r10 -8) = 0\nr1 = r10\nr1 += -8\ncall bpf_spin_lock${pass}`, /lock|R1/i),
  bad(
    "another element's lock unlocked",
    `${locked}\nr8 = r6${unlock}${lookup("locks")}\nif r0 == 0 goto out\nr7 = r0\nr1 = r6\ncall bpf_spin_lock\nr1 = r7\ncall bpf_spin_unlock${out}`,
    /lock/i,
  ),
  bad(
    "a lock that may be null",
    `*(u32 *)(r10 -8) = 7${lookup("locks").replace("= 0", "= 7")}\nr1 = r0\ncall bpf_spin_lock${pass}`,
    /null|lock/i,
  ),
  bad(
    "a tail call while locked",
    `r9 = r1${locked}\nr1 = r9\nr2 = map[jumps] ll\nr3 = 0\ncall bpf_tail_call${unlock}${out}`,
    /lock/i,
  ),
].map(typed);
