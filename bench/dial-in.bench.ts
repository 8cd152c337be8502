/**
 * npm run bench -- dial-in [--quick] [--json]
 *
 * What a subscriber costs the LNS's control plane: the load tool dials in, authenticates by PAP, gets an address, and hangs up; RADIUS is
 * asked and told, and the host has a route for each. The same load for Debian's l2tpns. See docs/benchmarks.md.
 */
import { type Contender, type Cost, load } from "./dial-in/contender.js";
import { allowedCores } from "./harness/cpu.js";
import { startDaemon } from "./harness/junctor.js";
import { startL2tpns } from "./harness/l2tpns.js";
import { startRadius } from "./harness/radius.js";
import { progress, type Result, readOptions, report } from "./harness/report.js";
import { addresses, createSpaces } from "./harness/spaces.js";
import { median } from "./harness/statistics.js";

const options = readOptions(["--quick", "--json"], process.argv.slice(2));
const { rounds, sessions } = options.quick ? { rounds: 3, sessions: 4000 } : { rounds: 4, sessions: 20_000 };
/** Milliseconds in which an idle daemon collects its garbage and gives pages back. */
const settling = options.quick ? 1000 : 10_000;
/** KiB of memory that a terminated session may take. */
const wantedMemory = 24;

const [first = 0, ...others] = allowedCores();
const core = others.at(-1) ?? first;
const spaces = await createSpaces();
const radius = await startRadius(spaces, first);
progress("dial-in: starting l2tpns and the daemon");
const address = (port: number): string => `${addresses.lns}:${port}`;
const l2tpns: Contender = {
  name: "l2tpns",
  process: await startL2tpns(spaces, core, "100.64.0.0/16"),
  address: address(1701),
};
const ours: Contender = {
  name: "Junctor",
  process: (await startDaemon(spaces, core, address(1711), "100.65.0.0/16")).process,
  address: address(1711),
};

const costs = new Map<Contender, Cost[]>([
  [l2tpns, []],
  [ours, []],
]);
for (let round = 0; round <= rounds; round++) {
  for (const [contender, all] of costs) {
    const cost = await load(spaces, first, radius, contender, { sessions, hold: round === rounds ? settling : 0 });
    const { cpu, tool, upPerSecond, downPerSecond, resident } = cost;
    progress(
      `dial-in: ${contender.name}, ${round === 0 ? "warming up" : `round ${round} of ${rounds}`}: ${cpu.toFixed(0)} µs of CPU a session ` +
        `(the load tool ${tool.toFixed(0)}), ${upPerSecond.toFixed(0)} up and ${downPerSecond.toFixed(0)} down per second, ` +
        `${resident} KiB resident`,
    );
    all.push(cost);
    const { accepted, started, stopped, bad } = cost.counts;
    if (accepted !== sessions || started !== sessions || stopped !== sessions || bad > 0) {
      const heard = JSON.stringify({ accepted, started, stopped, bad });
      progress(`dial-in: of ${sessions} subscribers of ${contender.name}, RADIUS has heard something else: ${heard}`);
    }
  }
}

const theirs = costs.get(l2tpns)!;
const own = costs.get(ours)!;
const memory = (own.at(-1)!.resident - own[0]!.before) / sessions;
/** Not in a quick run: what V8 keeps for its young generation is as much as so few sessions take. */
const sessionMemory: Result = {
  name: "session-memory",
  value: memory,
  unit: "KiB a session",
  against: `${wantedMemory} KiB`,
  ratio: memory / wantedMemory,
  goal: 1,
  better: "lower",
};
report(
  "dial-in",
  [
    {
      name: "session-cpu",
      value: median(own.slice(1).map(({ cpu }) => cpu)),
      unit: "microseconds of CPU a session",
      against: `l2tpns: ${median(theirs.slice(1).map(({ cpu }) => cpu)).toFixed(0)}`,
      ratio: median(own.slice(1).map(({ cpu }, i) => theirs[i + 1]!.cpu / cpu)),
      goal: 0.5,
      better: "higher",
    },
    ...(options.quick ? [] : [sessionMemory]),
  ],
  options,
);
process.exit(0);
