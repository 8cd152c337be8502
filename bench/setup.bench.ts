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
import { fail, progress, readOptions, report } from "./harness/report.js";
import { startDaemon } from "./setup/daemon.js";

const options = readOptions(["--quick", "--json"], process.argv.slice(2));
const sizes = options.quick
  ? { warm: 1000, few: 2000, many: 10_000, tunnels: 100 }
  : { warm: 5000, few: 5000, many: 50_000, tunnels: 500 };
/** Bridged sessions per second of CPU, and KiB of memory per bridged session, that one has to have. */
const wanted = { rate: 2500, memory: 8 };
/** Long enough for idle onward tunnels to close and for V8 to collect and release what is left. */
const settling = 6000;

const [access = "", ...lns] = await freeAddresses(11);
const daemon = await startDaemon(allowedCores().at(-1) ?? 0, access, lns);

interface Cost {
  /** Seconds of the daemon's CPU from the first SCCRQ to the last StopCCN. */
  readonly cpu: number;
  /** KiB that the daemon had while every session was up. */
  readonly resident: number;
}

async function load(sessions: number): Promise<Cost> {
  const before = daemon.cpu();
  let resident = 0;
  const { problems, setup, teardown } = await runBlast(
    { switch: access, lnsListen: lns, tunnels: sizes.tunnels, sessions: sessions / sizes.tunnels, traffic: false },
    {
      phase(phase) {
        if (phase === "sessions") resident = daemon.resident();
      },
    },
  );
  if (problems.length > 0) fail(`${sessions} sessions: ${problems.join("; ")}`);
  const cpu = daemon.cpu() - before;
  const perSecond = `${setup.sessions.perSecond.toFixed(0)} up and ${teardown.perSecond.toFixed(0)} down per second`;
  progress(`setup: ${sessions} sessions over ${sizes.tunnels} tunnels, ${perSecond}, ${cpu.toFixed(2)} s of CPU`);
  return { cpu, resident };
}

const empty = daemon.resident();
await load(sizes.warm);
const few = await load(sizes.few);
const many = await load(sizes.many);
await sleep(settling);
const after = daemon.resident();
progress(
  `setup: resident ${empty} KiB empty, ${many.resident} KiB with ${sizes.many} sessions, ${after} KiB after tear-down`,
);

const rate = sizes.many / many.cpu;
const growth = many.cpu / sizes.many / (few.cpu / sizes.few);
const memory = (many.resident - empty) / sizes.many;
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
    {
      name: "returned",
      value: (many.resident - after) / (many.resident - empty),
      unit: "share of memory",
      against: "what the sessions took",
      ratio: (many.resident - after) / (many.resident - empty),
      goal: 0.8,
      better: "higher",
    },
  ],
  options,
);
process.exit(0);
