/** Many mutants, what became of them, and what is wrong. */
import { setImmediate } from "node:timers/promises";
import { loadObject } from "../../../src/xdp/object/load.js";
import type { ProgramSpec } from "../../../src/xdp/spec.js";
import { verify } from "../../../src/xdp/verifier/verify.js";
import { generate } from "../generate/generate.js";
import { createDraw, type Draw } from "../generate/random.js";
import { createArena, type End, type Limits, withSmallMaps } from "./arena.js";
import { fingerprint } from "./fingerprint.js";
import { randomProgram, spoilObject, spoilProgram } from "./mutate.js";

export interface Finding {
  readonly seed: number;
  readonly kind: Kind;
  readonly what: string;
}

export type Kind = "object" | "program" | "generated" | "random" | "unverified";

export interface Campaign {
  readonly mutants: number;
  readonly ends: Readonly<Partial<Record<End, number>>>;
  readonly findings: readonly Finding[];
  /** Of processor time: others may have the processors. */
  readonly slowest: { readonly milliseconds: number; readonly seed: number; readonly kind: Kind };
  /** Bytes of resident memory more than after the first tenth. */
  readonly grown: number;
}

const kinds: readonly (readonly [number, Kind])[] = [
  [45, "object"],
  [25, "program"],
  [10, "generated"],
  [10, "random"],
  [10, "unverified"],
];

/** What WebAssembly leaves behind is only freed between two turns of the event loop. */
const mutantsPerTurn = 50;

/** How many instructions the verifier looks at, roughly. */
function costOf(program: ProgramSpec): number {
  const verdict = verify(program, { maximumInstructions: 5000 });
  return verdict.ok ? verdict.statistics.instructions : 20_000;
}

/** How often it is spoiled: the more often, the cheaper it is. All would wait for the few that take long. */
const weightOf = (costs: readonly number[]): number =>
  Math.ceil(1e6 / (100 + costs.reduce((sum, each) => sum + each, 0)));

/** However slow the machine is: so many reach everything. */
const fewest = 600;

/** @param budget Milliseconds after which it ends early. */
export async function attack(
  corpus: readonly Uint8Array[],
  from: number,
  count: number,
  limits: Limits,
  budget = Number.POSITIVE_INFINITY,
): Promise<Campaign> {
  const arena = createArena(limits);
  const loaded = corpus.map((bytes) => {
    const { programs } = withSmallMaps(loadObject(bytes));
    return { bytes, programs, costs: programs.map(costOf) };
  });
  const objects = loaded.map(({ bytes, costs }) => [weightOf(costs), bytes] as const);
  const programs = loaded.flatMap((each) =>
    each.programs.map((program, index) => [weightOf([each.costs[index]!]), program] as const),
  );
  const sound = new Set(programs.map(([, program]) => fingerprint(program)));
  const frame = Uint8Array.from({ length: 128 }, (_, at) =>
    at === 12 ? 8 : at === 13 ? 0 : at === 14 ? 0x45 : at * 7,
  );
  const kindOf = (seed: number): readonly [Draw, Kind] => {
    const draw = createDraw(Math.imul(seed, 0x9e37_79b1) + 7);
    return [draw, draw.weighed(kinds)];
  };
  function tryOne(seed: number): End {
    const [draw, kind] = kindOf(seed);
    switch (kind) {
      case "object":
        return arena.tryObject(
          spoilObject(draw, () => draw.weighed(objects)),
          frame,
          draw.word(),
          draw.chance(2),
          (program) => !draw.chance(5) && sound.has(fingerprint(program)),
        );
      case "program":
        return arena.tryProgram(spoilProgram(draw, draw.weighed(programs)), frame, false);
      case "generated":
        return arena.tryProgram(spoilProgram(draw, generate(seed).spec), frame, false);
      case "random":
        return arena.tryProgram(randomProgram(draw, draw.weighed(programs)), frame, false);
      default: {
        const spec = draw.chance(50) ? draw.weighed(programs) : generate(seed).spec;
        return arena.tryProgram(spoilProgram(draw, spec, true), frame, true);
      }
    }
  }

  const ends: Partial<Record<End, number>> = {};
  const findings: Finding[] = [];
  let slowest: Campaign["slowest"] = { milliseconds: 0, seed: from, kind: "object" };
  let mutants = 0;
  let resident = 0;
  const began = performance.now();
  for (let seed = from; mutants < count && findings.length < 200; seed++) {
    const begun = performance.now();
    if (begun - began > budget && mutants >= fewest) break;
    if (mutants++ % mutantsPerTurn === 0) await setImmediate();
    const kind = kindOf(seed)[1];
    try {
      const end = tryOne(seed);
      ends[end] = (ends[end] ?? 0) + 1;
    } catch (error) {
      findings.push({ seed, kind, what: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      continue;
    }
    if (performance.now() - begun > slowest.milliseconds) {
      const milliseconds = Math.min(
        performance.now() - begun,
        processorTime(() => tryOne(seed)),
      );
      if (milliseconds > slowest.milliseconds) slowest = { milliseconds, seed, kind };
    }
    if (mutants === Math.floor(count / 10)) resident = process.memoryUsage.rss();
  }
  const grown = resident === 0 ? 0 : process.memoryUsage.rss() - resident;
  return { mutants, ends, findings, slowest, grown };
}

/** In milliseconds: others may have the processors meanwhile. */
function processorTime(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

export function describeCampaign({ mutants, ends, findings, slowest, grown }: Campaign): string {
  const counts = Object.entries(ends)
    .map(([end, count]) => `${end} ${count}`)
    .join(", ");
  return [
    `${mutants} mutants: ${counts}; findings ${findings.length}`,
    `  slowest ${slowest.milliseconds.toFixed(0)} ms (seed ${slowest.seed}, ${slowest.kind}); memory ${(grown / 2 ** 20).toFixed(0)} MiB more than after the first tenth`,
    ...findings.slice(0, 5).map(({ seed, kind, what }) => `  seed ${seed} (${kind}): ${what}`),
  ].join("\n");
}
