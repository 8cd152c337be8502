/**
 * npm run bench -- setup [--quick] [--json]
 *
 * What a bridged session costs the control plane: the load tool opens calls through the real daemon on loopback, both legs come
 * up and are bridged, and everything is torn down again. See docs/benchmarks.md.
 */
import { runBlast } from "../src/blast/index.js";
import { allowedCores } from "./harness/cpu.js";
import { freeAddresses } from "./harness/free-port.js";
import { sleep } from "./harness/process.js";
import { fail, progress, type Result, readOptions, report } from "./harness/report.js";
import { startDaemon } from "./setup/daemon.js";

const options = readOptions(["--quick", "--json"], process.argv.slice(2));
const sizes = options.quick ? { few: 2000, many: 10_000 } : { few: 5000, many: 50_000 };
const sessionsPerTunnel = 100;
/** Bridged sessions per second of CPU, and KiB of memory per bridged session, that one has to have. */
const wanted = { rate: 2500, memory: 8 };
/** Milliseconds in which an idle daemon has V8 collect garbage and give pages back, and idle onward tunnels close. */
const settling = 10_000;

const [access = "", ...lns] = await freeAddresses(11);
const daemon = await startDaemon(allowedCores().at(-1) ?? 0, access, lns);

interface Cost {
  /** Seconds of the daemon's CPU from the first SCCRQ to the last StopCCN. */
  readonly cpu: number;
  /** KiB that the daemon has once every session is up and things have settled. */
  readonly resident: number;
}

async function load(sessions: number, hold = 0): Promise<Cost> {
  const before = daemon.cpu();
  const tunnels = sessions / sessionsPerTunnel;
  let resident = 0;
  const { problems, setup, teardown } = await runBlast(
    { switch: access, lnsListen: lns, tunnels, sessions: sessionsPerTunnel, traffic: false, hold },
    {
      phase(phase) {
        if (phase === "hold") resident = daemon.resident();
      },
    },
  );
  if (problems.length > 0) fail(`${sessions} sessions: ${problems.join("; ")}`);
  const cpu = daemon.cpu() - before;
  const perSecond = `${setup.sessions.perSecond.toFixed(0)} up and ${teardown.perSecond.toFixed(0)} down per second`;
  progress(`setup: ${sessions} sessions over ${tunnels} tunnels, ${perSecond}, ${cpu.toFixed(2)} s of CPU`);
  return { cpu, resident };
}

const empty = daemon.resident();
// What V8 compiles meanwhile would make the sessions of a small first load dear, and growth look good.
await load(sizes.many / 2);
await sleep(settling);
const used = daemon.resident();
const few = await load(sizes.few);
const many = await load(sizes.many, settling / 1000);
await sleep(settling);
const after = daemon.resident();
progress(
  `setup: resident ${empty} KiB new, ${used} KiB empty, ${many.resident} KiB with ${sizes.many} sessions, ${after} KiB after tear-down`,
);

const rate = sizes.many / many.cpu;
const growth = many.cpu / sizes.many / (few.cpu / sizes.few);
const memory = (many.resident - empty) / sizes.many;
/** Not in a quick run: what V8 keeps for its young generation is as much as so few sessions take. */
const returned: Result = {
  name: "returned",
  value: (many.resident - after) / (many.resident - used),
  unit: "share of memory",
  against: "what they took of an empty daemon that had served before",
  ratio: (many.resident - after) / (many.resident - used),
  goal: 0.75,
  better: "higher",
};
report(
  "setup",
  [
    {
      name: "rate",
      value: rate,
      unit: "bridged sessions per CPU second",
      against: `${wanted.rate} a second`,
      ratio: rate / wanted.rate,
      goal: 1,
      better: "higher",
    },
    {
      name: "growth",
      value: (many.cpu / sizes.many) * 1e6,
      unit: "CPU microseconds per session",
      against: `with ${sizes.few} sessions: ${((few.cpu / sizes.few) * 1e6).toFixed(0)}`,
      ratio: growth,
      goal: 1.3,
      better: "lower",
    },
    {
      name: "memory",
      value: memory,
      unit: "KiB per bridged session",
      against: `${wanted.memory} KiB`,
      ratio: memory / wanted.memory,
      goal: 1,
      better: "lower",
    },
    ...(options.quick ? [] : [returned]),
  ],
  options,
);
process.exit(0);
