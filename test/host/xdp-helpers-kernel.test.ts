/** Each helper, with arguments drawn at random, does here what it does in the running kernel. */
import { beforeAll, describe, expect, it } from "vitest";
import { bpfMissing } from "../../src/system/bpf.js";
import { pinThread } from "../../src/system/thread.js";
import { disassemble, verify, type XdpHost } from "../../src/xdp/index.js";
import { long, seed } from "../seed.js";
import { makeCase } from "../xdp/helpers/case.js";
import { makers } from "../xdp/helpers/makers.js";
import { differ, runHere, runInKernel } from "../xdp/helpers/run.js";

const reason = bpfMissing();
if (reason !== undefined) console.warn(`skipped: helpers against the kernel: ${reason}`);

const cases = long ? 2000 : 150;
/** The loopback device, as the kernel has it. */
const host: XdpHost = {
  mtu: (ifindex) => (ifindex === 1 ? { mtu: 65536, header: 14 } : undefined),
  fib: ({ ifindex }) => (ifindex === 1 ? 0 : -19),
};

describe.skipIf(reason !== undefined)("helpers, in the kernel and here:", () => {
  beforeAll(() => pinThread(0));

  it.each(Object.keys(makers))("%s", { timeout: long ? 600_000 : 120_000 }, (name) => {
    const verdicts = { both: 0, kernelAlone: 0, hereAlone: 0 };
    const wrong: string[] = [];
    for (let each = seed; each < seed + cases && wrong.length < 3; each++) {
      const one = makeCase(makers[name]!, each);
      const theirs = runInKernel(one);
      const verdict = verify(one.object.programs[0]!);
      if (typeof theirs === "string" || !verdict.ok) {
        if (typeof theirs !== "string") verdicts.kernelAlone++;
        else if (verdict.ok) verdicts.hereAlone++;
        continue;
      }
      verdicts.both++;
      for (const engine of ["interpreter", "jit"] as const) {
        const difference = differ(theirs, runHere(one, engine, host));
        if (difference === undefined) continue;
        wrong.push(`seed ${each}, ${engine}: ${difference}\n${disassemble(one.object.programs[0]!.insns)}`);
      }
    }
    expect(wrong.join("\n")).toBe("");
    expect(verdicts.both).toBeGreaterThan(cases / 4);
    // The kernel reads formats when it loads a program, we when it runs.
    if (name !== "print" && name !== "trace") expect(verdicts).toMatchObject({ kernelAlone: 0, hereAlone: 0 });
  });
});
