/** Shape of the program: jumps, ends, loops. */
import type { Instruction } from "../../../src/xdp/insn/instruction.js";
import { bad, good, pass, type VerdictRow } from "./row.js";

const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
const exit = insn(0x95);
const two = insn(0xb7, 0, 0, 0, 2);

export const controlRows: readonly VerdictRow[] = [
  good("the least program", pass),
  bad("no exit at all", "r0 = 2", /end|exit|fall/i),
  bad("falls off the end after a branch", "r0 = 2\nif r0 == 2 goto +1\nexit\nr0 = 1", /end|exit|fall/i),
  bad("nothing returned", "exit", /R0/),
  bad("nothing returned on one way", "r1 = *(u32 *)(r1 +12)\nif r1 == 0 goto +1\nr0 = 2\nexit", /R0/),
  bad("code that is never reached", "r0 = 2\nexit\nr0 = 3\nexit", /reach/i),
  bad("code behind a jump over it", "r0 = 2\ngoto +1\nr0 = 3\nexit", /reach/i),
  good("code that no value reaches, but a jump leads to", "r0 = 2\nif r0 == 2 goto +1\nr0 = 3\nexit"),
  bad("jump beyond the end", [two, insn(0x05, 0, 0, 5), exit], /jump|range|outside/i),
  bad("jump before the start", [two, insn(0x05, 0, 0, -5), exit], /jump|range|outside/i),
  bad("conditional jump beyond the end", [two, insn(0x15, 0, 0, 9, 0), exit], /jump|range|outside/i),
  bad(
    "jump into the middle of a 64-bit load",
    [two, insn(0x15, 0, 0, 1, 7), insn(0x18, 1, 0, 0, 1), insn(0), exit],
    /jump|middle|second|half/i,
  ),
  bad("half of a 64-bit load at the end", [two, insn(0x18, 1, 0, 0, 1)], /64|lddw|half|cut/i),
  bad(
    "second half of a 64-bit load that is something else",
    [insn(0x18, 1, 0, 0, 1), two, exit],
    /64|wide|half|second/i,
  ),
  bad("second half with a register", [insn(0x18, 0, 0, 0, 1), insn(0, 3), exit], /./),
  bad("an opcode that is none", [insn(0xff), two, exit], /opcode|0xff|unknown|instruction/i),
  bad("register 11", [insn(0xb7, 11, 0, 0, 2), two, exit], /R11|register/i),
  bad("source register 12", [insn(0xbf, 0, 12), exit], /R12|register/i),
  bad(
    "fields that must be zero: offset of an addition",
    [two, insn(0x07, 0, 0, 7, 1), exit],
    /reserved|offset|zero|field/i,
  ),
  bad(
    "fields that must be zero: imm of a register move",
    [two, insn(0xbf, 1, 0, 0, 7), exit],
    /reserved|imm|zero|field/i,
  ),
  bad("fields that must be zero: exit", [two, insn(0x95, 0, 0, 0, 1)], /reserved|imm|zero|field/i),
  bad("division by constant zero", [two, insn(0x37, 0, 0, 0, 0), exit], /zero/i),
  bad("modulo constant zero on 32 bits", [two, insn(0x94, 0, 0, 0, 0), exit], /zero/i),
  bad("shift by 64", [two, insn(0x67, 0, 0, 0, 64), exit], /shift/i),
  bad("shift by -1", [two, insn(0x77, 0, 0, 0, -1), exit], /shift/i),
  bad("32-bit shift by 32", [two, insn(0x64, 0, 0, 0, 32), exit], /shift/i),
  good("shift by 63", "r0 = 2\nr0 <<= 63\nr0 >>= 63\nexit"),
  bad("byte swap of 24 bits", [two, insn(0xd4, 0, 0, 0, 24), exit], /24|size|width|instruction|imm|swap|end/i),
  bad("legacy packet load", [insn(0xbf, 6, 1), insn(0x20, 0, 0, 0, 0), exit], /legacy|abs|packet|instruction|opcode/i),
  bad("a loop without end", "r0 = 0\nloop:\nr0 += 1\ngoto loop", /loop|reach|end|exit|more/i),
  bad(
    "a loop without end, which could end",
    "r0 = 0\nr1 = 0\nloop:\nif r1 == 1 goto done\ngoto loop\ndone:\nexit",
    /loop/i,
  ),
  bad(
    "a loop on what never changes",
    "r6 = *(u32 *)(r1 +0)\nloop:\nif r6 != 0 goto loop\nr0 = 2\nexit",
    /loop|context|packet|number|pointer/i,
  ),
  bad("jump to itself", [two, insn(0x05, 0, 0, -1), exit], /loop|reach/i),
  good("a loop with a constant bound", "r0 = 0\nloop:\nr0 += 1\nif r0 < 100 goto loop\nexit"),
  good("a loop down to zero", "r0 = 100\nloop:\nr0 -= 1\nif r0 != 0 goto loop\nexit"),
  good(
    "a loop with a bound from data",
    "r6 = *(u32 *)(r1 +12)\nr6 &= 63\nr0 = 0\nloop:\nif r0 >= r6 goto done\nr0 += 1\ngoto loop\ndone:\nexit",
  ),
  good(
    "a loop within a loop",
    "r1 = 0\nouter:\nr2 = 0\ninner:\nr2 += 1\nif r2 < 8 goto inner\nr1 += 1\nif r1 < 8 goto outer\nr0 = 2\nexit",
  ),
  bad(
    "a loop that takes more than a million steps",
    "r0 = 0\nloop:\nr0 += 1\nif r0 < 1000000 goto loop\nexit",
    /complex|large|many|million/i,
  ),
  good("a long jump", "r0 = 2\ngotol done\ndone:\nexit"),
  good("a jump of zero", "r0 = 2\ngoto +0\nexit"),
];

export const registerRows: readonly VerdictRow[] = [
  bad("a register never written", "r0 = r2\nexit", /R2/),
  bad("a register never written, as operand", "r0 = 2\nr0 += r7\nexit", /R7/),
  bad("a register never written, compared", "r0 = 2\nif r3 == 0 goto +0\nexit", /R3/),
  bad("a register never written, as address", "r0 = *(u32 *)(r5 +0)\nexit", /R5/),
  bad("a register never written, stored", "*(u64 *)(r10 -8) = r9\nr0 = 2\nexit", /R9/),
  bad("written on one way only", "r1 = *(u32 *)(r1 +16)\nif r1 == 0 goto +1\nr6 = 1\nr0 = r6\nexit", /R6/),
  good("written on both ways", "r1 = *(u32 *)(r1 +16)\nr6 = 2\nif r1 == 0 goto +1\nr6 = 1\nr0 = r6\nexit"),
  bad("the frame pointer is written", "r10 = 0\nr0 = 2\nexit", /R10|frame pointer/i),
  bad("the frame pointer is moved", "r10 += -8\nr0 = 2\nexit", /R10|frame pointer/i),
  bad("r1 to r5 after a call", "call bpf_ktime_get_ns\nr0 = r1\nexit", /R1/),
  bad("r5 after a call", "r5 = 5\ncall bpf_ktime_get_ns\nr0 = r5\nexit", /R5/),
  good("r6 after a call", "r6 = 2\ncall bpf_ktime_get_ns\nr0 = r6\nexit"),
  good("any number is returned", "call bpf_get_prandom_u32\nexit"),
  bad("negating what was never written", "r3 = -r3\nr0 = 2\nexit", /R3/),
  bad("swapping what was never written", "r3 = be16 r3\nr0 = 2\nexit", /R3/),
];
