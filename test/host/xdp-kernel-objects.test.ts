/** Objects that a compiler made, as our loader reads them, in the running kernel: it accepts what we accept, and refuses what we refuse. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadKernelObject } from "../../src/dataplane/linux/bpf/kernel-object.js";
import { BpfError, bpfMissing } from "../../src/system/bpf.js";
import { loadObject } from "../../src/xdp/index.js";
import { verify } from "../../src/xdp/verifier/verify.js";
import { type Cpu, cannotCompile, compileProgram, programNames } from "../xdp/compile.js";

const reason = bpfMissing() ?? cannotCompile();
if (reason !== undefined) console.warn(`skipped: compiled objects in the kernel: ${reason}`);

/** Objects on whose verdict we differ, and why; a row that is no longer needed fails. */
const differ: Readonly<Record<string, string>> = {};

describe.skipIf(reason !== undefined)("compiled objects in the kernel", () => {
  const counts = { both: 0, neither: 0 };
  const refused: string[] = [];
  beforeAll(() => {
    counts.both = counts.neither = 0;
  });
  afterAll(() => {
    console.log(`objects: both accept ${counts.both}, neither ${counts.neither}`);
    for (const line of refused) console.log(`  ${line}`);
  });

  const cases = programNames.flatMap((name) => (["v1", "v3"] as const).map((cpu) => [name, cpu] as [string, Cpu]));
  it.each(cases)("%s (%s)", (name, cpu) => {
    const object = loadObject(compileProgram(name, { cpu }));
    let kernel: string | undefined;
    try {
      const loaded = loadKernelObject(object);
      expect([...loaded.programs.keys()].sort()).toEqual(object.programs.map((program) => program.name).sort());
      loaded.close();
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      kernel = error.message;
    }
    const verdicts = object.programs.map((program) => verify(program));
    const ours = verdicts.flatMap((verdict) => (verdict.ok ? [] : [verdict.summary]));
    if (kernel !== undefined) refused.push(`${name} (${cpu}): ${kernel}`);
    const agree = (kernel === undefined) === (ours.length === 0);
    expect(agree, `the kernel: ${kernel ?? "accepted"}; we: ${ours.join("; ") || "accepted"}`).toBe(
      differ[name] === undefined,
    );
    if (agree) counts[kernel === undefined ? "both" : "neither"]++;
  });
});
