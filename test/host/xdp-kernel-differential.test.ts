/** Generated programs: the running kernel's verdicts and outcomes are the reference for ours. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bpfMissing } from "../../src/system/bpf.js";
import { long, seed } from "../seed.js";
import { generate } from "../xdp/generate/generate.js";
import { generatedMaps } from "../xdp/generate/maps.js";
import { isLimit } from "../xdp/kernel/compare.js";
import { type KernelSide, openKernelSide } from "../xdp/kernel/kernel-side.js";
import { difference } from "../xdp/kernel/outcome.js";

const reason = bpfMissing();
if (reason !== undefined) console.warn(`skipped: programs against the kernel: ${reason}`);

const programs = long ? 100_000 : 3000;

describe.skipIf(reason !== undefined)("generated programs", () => {
  let kernel: KernelSide;
  beforeAll(() => {
    kernel = openKernelSide(generatedMaps);
  });
  afterAll(() => kernel.close());

  it("are mostly accepted by the kernel, and do the same twice", () => {
    let accepted = 0;
    const count = Math.min(programs, 1000);
    for (let each = seed; each < seed + count; each++) {
      const { spec, frames, entries } = generate(each);
      const fd = kernel.load(spec);
      if (fd < 0) continue;
      accepted++;
      if (accepted % 8 === 0) {
        const once = kernel.run(fd, spec, frames, entries);
        expect(
          difference(once, kernel.run(fd, spec, frames, entries), ["once", "twice"]),
          `seed ${each}`,
        ).toBeUndefined();
      }
      kernel.release(fd);
    }
    expect(accepted / count).toBeGreaterThan(0.6);
  });

  it("without mistakes are refused for bounds or limits alone", () => {
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
