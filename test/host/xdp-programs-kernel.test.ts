/**
 * The C programs of the tests, at all levels of optimization and of the instruction set: the kernel, the interpreter and compiled code give
 * the same verdicts, frames and maps.
 */
import { describe, expect, it } from "vitest";
import { BpfError, bpfMissing } from "../../src/system/bpf.js";
import { loadXdp } from "../../src/xdp/index.js";
import { long, seed } from "../seed.js";
import { type CompileOptions, cannotCompile, compileProgram, cpus, programNames } from "../xdp/compile.js";
import { alteredFrames, usualFrames } from "../xdp/frames.js";
import { compareObject } from "../xdp/kernel/compare-object.js";
import { setups } from "../xdp/programs-setup.js";

const reason = bpfMissing() ?? cannotCompile();
if (reason !== undefined) console.warn(`skipped: programs and the kernel: ${reason}`);

const levels = [1, 2, 3, "s"] as const;
type Variant = Required<Pick<CompileOptions, "cpu" | "optimize">>;
const all = cpus.flatMap((cpu) => levels.map((optimize): Variant => ({ cpu, optimize })));
/** Each version and each level once; the rest in long runs. */
const variants = all.filter(({ cpu }, index) => long || index % 4 === cpus.indexOf(cpu));

describe.skipIf(reason !== undefined)("programs do in both engines what they do in the kernel", () => {
  const frames = [...usualFrames(), ...alteredFrames(seed, long ? 1000 : 60)];
  for (const name of programNames) {
    const setup = setups[name];
    it(name, { timeout: 300_000 }, () => {
      for (const { cpu, optimize } of variants) {
        if (cannotCompile(cpu) !== undefined) continue;
        const about = `${name} -mcpu=${cpu} -O${optimize}`;
        const bytes = compileProgram(name, { cpu, optimize });
        try {
          const { differences } = compareObject(bytes, { ...setup, frames });
          expect(differences, about).toEqual([]);
        } catch (error) {
          if (!(error instanceof BpfError)) throw error;
          // What the kernel does not take need not run here.
          console.log(`${about}: ${error.message}`);
          expect(loadXdp(bytes).programs.length, about).toBeGreaterThan(0);
        }
      }
    });
  }
});
