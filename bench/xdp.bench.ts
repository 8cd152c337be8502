/**
 * npm run bench -- xdp [--quick] [--json]
 *
 * What a run of an eBPF program costs here, compiled to WebAssembly, against the kernel's own timing of the same object and
 * against our interpreter; and what programs on the port of the switch cost it. See docs/benchmarks.md.
 */
import { join } from "node:path";
import { compileBpf } from "./harness/clang.js";
import { allowedCores } from "./harness/cpu.js";
import { compileC } from "./harness/gcc.js";
import { createNetwork } from "./harness/network.js";
import { root } from "./harness/paths.js";
import { fail, progress, type Result, readOptions, report } from "./harness/report.js";
import { median } from "./harness/statistics.js";
import { type Bench, check, enter, measure, type Traffic } from "./switch/contender.js";
import { east, forwarderAddress, west } from "./switch/layout.js";
import { createFrame } from "./xdp/frame.js";
import { createKernelRuns } from "./xdp/kernel-runs.js";
import { createUserRuns } from "./xdp/user-runs.js";

const options = readOptions(["--quick", "--json"], process.argv.slice(2));
const { rounds, seconds, times } = options.quick
  ? { rounds: 7, seconds: 0.3, times: 1_000_000 }
  : { rounds: 21, seconds: 0.5, times: 3_000_000 };

/** The interpreter takes that much longer. */
const interpretedShare = 50;

/** Names of results, programs in `bench/xdp/programs/runs.c`, and the most that the ratio to the kernel should be. */
const programs = [
  ["drop", "drop", 2],
  ["l2-swap", "l2_swap", 2],
  ["parse-lpm", "parse_lpm", 1],
  ["csum", "csum", 2],
  ["tail-call", "tail_call", 3],
  ["devmap", "devmap", 3],
] as const;

const frame = createFrame();
const user = createUserRuns(compileBpf("runs"), frame);
const kernel = createKernelRuns(user.spec, frame);

function timings(): Result[] {
  const figures = programs.map(([, program]) => ({ program, ours: [] as number[], theirs: [] as number[] }));
  const interpreted: number[] = [];
  for (const { program } of figures) {
    const [here, there] = [user.verdict(program), kernel.verdict(program)];
    if (here !== there) fail(`${program}: the verdict is ${here} here and ${there} in the kernel`);
    // Until the compiler has done its best.
    for (let warm = 0; warm < 3; warm++) user.compiled(program, times / 4);
  }
  for (let round = 0; round < rounds; round++) {
    progress(`xdp: programs, round ${round + 1} of ${rounds}`);
    for (const { program, ours, theirs } of figures) {
      ours.push(user.compiled(program, times));
      theirs.push(kernel.time(program, times));
    }
    interpreted.push(user.interpreted("parse_lpm", times / interpretedShare));
  }
  const perSecond = (nanoseconds: number): string => `${(1000 / nanoseconds).toFixed(1)} M/s`;
  const results = figures.map(({ ours, theirs }, index): Result => {
    const [name, , goal] = programs[index]!;
    const value = median(ours);
    return {
      name,
      value,
      unit: `ns a run (${perSecond(value)})`,
      against: `the kernel: ${median(theirs).toFixed(1)}`,
      ratio: median(ours.map((nanoseconds, round) => nanoseconds / theirs[round]!)),
      goal,
      better: "lower",
    };
  });
  const parse = figures.find(({ program }) => program === "parse_lpm")!;
  results.push({
    name: "interpreter",
    value: median(interpreted),
    unit: `ns a run (${perSecond(median(interpreted))})`,
    against: `compiled: ${median(parse.ours).toFixed(1)}`,
    ratio: median(interpreted.map((nanoseconds, round) => nanoseconds / parse.ours[round]!)),
    goal: 20,
    better: "higher",
  });
  return results;
}

const host = (address: string): string => address.split(":")[0]!;
const [first = 0, ...others] = allowedCores();

async function hooks(): Promise<Result[]> {
  const bench: Bench = {
    programs: { generate: compileC("generate"), sink: compileC("sink") },
    cores: { generator: first, forwarder: others.at(-1) ?? first },
    network: await createNetwork({
      segmentsUdp: false,
      outside: [host(west), host(east)],
      inside: Array.from({ length: 3 }, (_, index) => forwarderAddress(index)),
    }),
  };
  const forwarder = join(root, ".build/bench/switch/forward.js");
  compileBpf("hooks");
  const object = join(root, "bench", ".cache", "hooks.o");
  const command = (program: string) => (local: string) =>
    [process.execPath, forwarder, local, "1", "true", ...(program === "" ? [] : [object, program])] as const;
  const contenders = {
    without: await enter(bench, 0, "the switch", command("")),
    "empty-hook": await enter(bench, 1, "the switch with an empty program", command("empty")),
    "firewall-hook": await enter(bench, 2, "the switch with a firewall", command("firewall")),
  };
  const traffic: Traffic = { size: 64, segments: 64, sessions: 1 };
  bench.network.deliver(host(east), "stack");
  for (const contender of Object.values(contenders)) await check(bench, contender, traffic);
  bench.network.deliver(host(east), "nobody");
  const figures = { without: [] as number[], "empty-hook": [] as number[], "firewall-hook": [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    progress(round === 0 ? "xdp: hooks, warming up" : `xdp: hooks, round ${round} of ${rounds}`);
    for (const name of ["without", "empty-hook", "firewall-hook"] as const) {
      const figure = await measure(bench, contenders[name], traffic, seconds);
      if (round > 0) figures[name].push(figure);
    }
  }
  const compare = (name: "empty-hook" | "firewall-hook", goal: number): Result => ({
    name,
    value: median(figures[name]),
    unit: "thousand frames per CPU second",
    against: `without: ${median(figures.without).toFixed(0)}`,
    ratio: median(figures[name].map((figure, round) => figure / figures.without[round]!)),
    goal,
    better: "higher",
  });
  return [compare("empty-hook", 0.97), compare("firewall-hook", 0.85)];
}

report("xdp", [...timings(), ...(await hooks())], options);
process.exit(0);
