/** Loops of callbacks: what is needed of a state is known late, when other ways from it have already been taken for walked. */
import { describe, expect, it } from "vitest";
import { good, lookup, pass, programOf } from "../../../test/xdp/verdicts/row.js";
import { verify } from "./verify.js";

const call = (rounds: number, name: string, context: string): string => `
  r1 = ${rounds}
  r2 = subprog[${name}] ll
  r3 = ${context}
  r4 = 0
  call bpf_loop`;

/**
 * A callback of which one way sets the number at its context to `set`, one does not, and both join; a third, met last, uses it as an
 * offset within the 64 bytes whose address lies after it.
 */
const tangled = (set: number, joined: string, rounds = 10): string => `
  ${lookup("wide")}
  if r0 == 0 goto out
  *(u64 *)(r10 -24) = r0
  *(u64 *)(r10 -32) = 0
  r6 = r10
  r6 += -32
  ${call(rounds, "function", "r6")}
  out:${pass}
  function:
  r6 = r2
  call bpf_get_prandom_u32
  if r0 == 7 goto use
  call bpf_get_prandom_u32
  if r0 == 7 goto set
  r7 = 0
  r7 = 0
  r7 = 0
  goto join
  set:
  r7 = 0
  *(u64 *)(r6 +0) = ${set}
  join:
  if r7 == 0 goto +0
  ${joined}
  r0 = 0
  exit
  use:
  r3 = *(u64 *)(r6 +0)
  r4 = *(u64 *)(r6 +8)
  r4 += r3
  r0 = *(u8 *)(r4 +0)
  r0 = 0
  exit${joined === "" ? "" : "\ninner:\nr0 = 0\nexit"}`;

const counting = `
  r3 = *(u32 *)(r2 +8)
  r3 += 1
  r0 = 1
  r4 = *(u32 *)(r2 +12)
  if r3 >= r4 goto stop
  r0 = 0
  stop:
  *(u32 *)(r2 +8) = r3
  exit`;

const verdictOf = (code: string) =>
  verify(programOf(good("loop", code, { btf: true })), { maximumInstructions: 50_000 });
const inner = call(3, "inner", "r6");

describe("loops of callbacks", () => {
  it.each([
    ["after a join", tangled(1000, "")],
    ["after a join and a loop within", tangled(1000, inner)],
    ["in two rounds only", tangled(1000, inner, 2)],
  ] as const)("refuse what one round sets and another uses, %s", (_, code) => {
    const verdict = verdictOf(code);
    expect(verdict.ok ? "accepted" : verdict.summary).toMatch(/map value|map wide/);
  });

  it("accept it where it is in bounds", () => {
    const verdict = verdictOf(tangled(0, inner));
    expect(verdict.ok ? "" : verdict.summary).toBe("");
  });

  it("settle one after the other, though each counts", () => {
    const loops = Array.from({ length: 6 }, () => call(1000, "function", "r6")).join("");
    const verdict = verdictOf(
      `*(u64 *)(r10 -32) = 0\n*(u64 *)(r10 -24) = 0\nr7 = *(u32 *)(r1 +12)\n*(u32 *)(r10 -20) = r7\nr6 = r10\nr6 += -32${loops}${pass}\nfunction:${counting}`,
    );
    expect(verdict.ok ? "" : verdict.summary).toBe("");
    expect(verdict.ok && verdict.statistics.instructions).toBeLessThan(1000);
  });
});
