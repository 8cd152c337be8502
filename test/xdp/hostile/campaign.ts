/** Many mutants, what became of them, and what is wrong. */
import { loadObject } from "../../../src/xdp/object/load.js";
import type { ProgramSpec } from "../../../src/xdp/spec.js";
import { generate } from "../generate/generate.js";
import { createDraw } from "../generate/random.js";
import { createArena, type End, type Limits, withSmallMaps } from "./arena.js";
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
  [20, "program"],
  [10, "generated"],
  [5, "random"],
  [20, "unverified"],
];

/** @param budget Milliseconds after which it ends early. */
export function attack(
  corpus: readonly Uint8Array[],
  from: number,
  count: number,
  limits: Limits,
  budget = Number.POSITIVE_INFINITY,
): Campaign {
  const arena = createArena(limits);
  const programs: readonly ProgramSpec[] = corpus.flatMap((bytes) => withSmallMaps(loadObject(bytes)).programs);
  const frame = Uint8Array.from({ length: 128 }, (_, at) =>
    at === 12 ? 8 : at === 13 ? 0 : at === 14 ? 0x45 : at * 7,
  );
  const ends: Partial<Record<End, number>> = {};
  const findings: Finding[] = [];
  let slowest: Campaign["slowest"] = { milliseconds: 0, seed: from, kind: "object" };
  let mutants = 0;
  let resident = 0;
  const began = performance.now();
  for (let seed = from; seed < from + count && findings.length < 200; seed++) {
    const begun = performance.now();
    if (begun - began > budget) break;
    const used = process.cpuUsage();
    const draw = createDraw(Math.imul(seed, 0x9e37_79b1) + 7);
    const kind = draw.weighed(kinds);
    try {
      const end = tryOne(kind, seed);
      ends[end] = (ends[end] ?? 0) + 1;
    } catch (error) {
      findings.push({ seed, kind, what: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
    const { user, system } = process.cpuUsage(used);
    const milliseconds = (user + system) / 1000;
    if (milliseconds > slowest.milliseconds) slowest = { milliseconds, seed, kind };
    mutants++;
    if (mutants === Math.floor(count / 10)) resident = process.memoryUsage.rss();

    function tryOne(what: Kind, of: number): End {
      switch (what) {
        case "object":
          return arena.tryObject(spoilObject(draw, corpus), frame, draw.word(), draw.chance(2));
        case "program":
          return arena.tryProgram(spoilProgram(draw, draw.pick(programs)), frame, false);
        case "generated":
          return arena.tryProgram(spoilProgram(draw, generate(of).spec), frame, false);
        case "random":
          return arena.tryProgram(randomProgram(draw, draw.pick(programs)), frame, false);
        default: {
          const spec = draw.chance(50) ? draw.pick(programs) : generate(of).spec;
          return arena.tryProgram(spoilProgram(draw, spec), frame, true);
        }
      }
    }
  }
  const grown = resident === 0 ? 0 : process.memoryUsage.rss() - resident;
  return { mutants, ends, findings, slowest, grown };
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
