/** Generated programs: the running kernel's verdicts and outcomes are the reference for ours. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bpfMissing } from "../../src/system/bpf.js";
import { verify } from "../../src/xdp/verifier/verify.js";
import { long, seed } from "../seed.js";
import { generate } from "../xdp/generate/generate.js";
import { generatedMaps } from "../xdp/generate/maps.js";
import { compare, describeComparison, isLimit } from "../xdp/kernel/compare.js";
import { type KernelSide, openKernelSide } from "../xdp/kernel/kernel-side.js";
import { createRunners } from "../xdp/kernel/our-side.js";
import { difference } from "../xdp/kernel/outcome.js";

const reason = bpfMissing();
if (reason !== undefined) console.warn(`skipped: programs against the kernel: ${reason}`);

/** Programs that both accept, whose outcomes are compared. */
const wanted = long ? 100_000 : 2000;

describe.skipIf(reason !== undefined)("generated programs", () => {
  let kernel: KernelSide;
  beforeAll(() => {
    kernel = openKernelSide(generatedMaps);
  });
  afterAll(() => kernel.close());

  it("are mostly accepted by the kernel, and do the same twice", { timeout: 120_000 }, () => {
    let accepted = 0;
    let repeated = 0;
    let differing = 0;
    const count = 1000;
    for (let each = seed; each < seed + count; each++) {
      const { spec, frames, entries, mutation } = generate(each);
      const fd = kernel.load(spec);
      if (fd < 0) continue;
      accepted++;
      // With a mistake a program may depend on stack that nobody has written, which the kernel lets root's programs read.
      if (mutation === undefined && accepted % 8 === 0) {
        const once = kernel.run(fd, spec, frames, entries);
        const twice = kernel.run(fd, spec, frames, entries);
        repeated++;
        if (difference(once, twice, ["once", "twice"]) !== undefined) differing++;
      }
      kernel.release(fd);
    }
    expect(accepted / count).toBeGreaterThan(0.5);
    expect(repeated).toBeGreaterThan(0);
    expect(differing).toBe(0);
  });

  it("get the same verdicts from our verifier, and do the same interpreted and compiled", {
    timeout: long ? 7_200_000 : 300_000,
  }, async () => {
    const runners = createRunners(generatedMaps);
    const result = await compare(seed, {
      kernel,
      verify,
      runners: [runners.interpreter, runners.jit],
      accepted: wanted,
      ...(long ? {} : { budget: 25_000 }),
    });
    console.log(describeComparison(result));
    expect(result.different).toEqual([]);
    expect(result.undetermined.length / result.programs).toBeLessThan(0.01);
    // What only we accept is proven where the kernel knows less, or it is a hole: then some run is ended by force.
    expect(result.oursOnly.filter(({ kind }) => kind === "unsafe")).toEqual([]);
    expect(result.oursOnly.filter(({ kind }) => kind === "precise").length / result.programs).toBeLessThan(0.01);
    const { both, neither } = result.accepted;
    if (long) expect(both).toBe(wanted);
    expect((both + neither) / result.programs).toBeGreaterThan(0.98);
    expect(both / (both + result.kernelOnly.count)).toBeGreaterThan(0.98);
  });

  it("without mistakes are refused for bounds or limits alone", { timeout: 120_000 }, () => {
    for (let each = seed; each < seed + 300; each++) {
      const { spec } = generate(each, { mistakes: 0 });
      const fd = kernel.load(spec);
      if (fd >= 0) kernel.release(fd);
      else {
        const log = kernel.log(spec);
        expect(
          isLimit(log) || /outside of|out of bounds|math between|unbounded|min value is negative/.test(log),
          log,
        ).toBe(true);
      }
    }
  });
});
