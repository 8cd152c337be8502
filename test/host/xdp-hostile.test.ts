/** Spoiled objects and programs: an error that says what is wrong, or a run; nothing else, not for long, and nothing left behind. */
import { describe, expect, it } from "vitest";
import { JunctorError } from "../../src/errors.js";
import { loadObject, loadXdp } from "../../src/xdp/index.js";
import { long, seed } from "../seed.js";
import { cannotCompile, compileProgram, programNames } from "../xdp/compile.js";
import { createDraw } from "../xdp/generate/random.js";
import { createArena, withSmallMaps } from "../xdp/hostile/arena.js";
import { attack, describeCampaign } from "../xdp/hostile/campaign.js";
import { partsOf, spoilObject } from "../xdp/hostile/mutate.js";
import { attackInShards } from "../xdp/hostile/shards.js";

const reason = cannotCompile();
if (reason !== undefined) console.warn(`skipped: spoiled objects: ${reason}`);

const mutants = long ? 1_000_000 : 20_000;
const limits = { maximumInstructions: 20_000, fuel: 1 << 18 };

describe.skipIf(reason !== undefined)("spoiled XDP objects", () => {
  const corpus = (): readonly Uint8Array[] =>
    programNames.flatMap((name) => [compileProgram(name), compileProgram(name, { cpu: "v1" })]);
  const frame = new Uint8Array(128);

  it("are sound to begin with", { timeout: 300_000 }, () => {
    const arena = createArena(limits);
    let [ran, tried] = [0, 0];
    for (const bytes of corpus()) {
      expect(partsOf(bytes).map(({ name }) => name)).toContain(".symtab");
      for (const program of withSmallMaps(loadObject(bytes)).programs) {
        const end = arena.tryProgram(program, frame, false);
        tried++;
        if (end === "ran") ran++;
      }
    }
    expect(ran / tried).toBeGreaterThan(0.9);
  });

  it("give an error or a run, in bounded time and memory", { timeout: long ? 7_200_000 : 300_000 }, async () => {
    const result = long
      ? await attackInShards(corpus(), seed, mutants, limits, 4)
      : await attack(corpus(), seed, mutants, limits, 10_000);
    console.log(describeCampaign(result));
    expect(result.findings.map(({ seed: at, kind, what }) => `seed ${at} (${kind}): ${what}`)).toEqual([]);
    if (long) expect(result.mutants).toBe(mutants);
    expect(result.slowest.milliseconds).toBeLessThan(2000);
    expect(result.grown).toBeLessThan(2 ** 28);
    // The campaign reaches everything: the loader, the verifier, the compiler, the guards.
    for (const end of ["no object", "refused", "ran", "faulted unverified"] as const) {
      expect(result.ends[end] ?? 0, end).toBeGreaterThan(0);
    }
  });

  it("give an error or a run in the library, by either engine", { timeout: 300_000 }, () => {
    const objects = corpus();
    const began = performance.now();
    for (let each = seed; each < seed + 2000 && performance.now() - began < (long ? 60_000 : 5000); each++) {
      const draw = createDraw(each);
      const bytes = spoilObject(draw, () => draw.pick(objects));
      try {
        const object = loadXdp(bytes, {
          mapBytes: 2 ** 22,
          verifier: { maximumInstructions: limits.maximumInstructions },
        });
        for (const { run } of object.programs) {
          const engine = each % 2 === 0 ? "jit" : "interpreter";
          // bpf_loop may take longer than there is fuel for.
          expect(["none", "fuel"], `seed ${each}`).toContain(run(frame, { engine }).fault);
        }
      } catch (error) {
        if (error instanceof JunctorError) expect(error.message.length, `seed ${each}`).toBeGreaterThan(8);
        else throw new Error(`seed ${each}: ${error instanceof Error ? error.stack : error}`);
      }
    }
  });
});
