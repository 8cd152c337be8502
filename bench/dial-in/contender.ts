/** An LNS under test, and a load of subscribers that dial in, are held for a moment, and hang up. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Report } from "../../src/blast/index.js";
import { cpuSeconds } from "../harness/cpu.js";
import { root } from "../harness/paths.js";
import { sleep } from "../harness/process.js";
import { password, type Radius, type RadiusCounts } from "../harness/radius.js";
import { fail, progress } from "../harness/report.js";
import { addresses, type Child, type Spaces } from "../harness/spaces.js";

export interface Contender {
  readonly name: string;
  readonly process: Child;
  readonly address: string;
}

export interface Load {
  readonly sessions: number;
  /** Milliseconds in which the LNS may settle with all of them up. */
  readonly hold: number;
}

export interface Cost {
  /** Microseconds of the LNS's CPU for each session, from the first SCCRQ to the last accounting record. */
  readonly cpu: number;
  /** The same of the load tool. */
  readonly tool: number;
  /** KiB that it has with all of them up, and those that it had before. */
  readonly resident: number;
  readonly before: number;
  /** What RADIUS has been asked. */
  readonly counts: RadiusCounts;
  readonly upPerSecond: number;
  readonly downPerSecond: number;
}

const sessionsPerTunnel = 500;
/** Calls on their way at once: with more, l2tpns loses messages in its receive buffer and is asked again and again. */
const setupWindow = 50;

export const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

/** Milliseconds without a further record after which accounting counts as complete. */
const patience = 3000;

/** Waits until every session's end has been accounted for, or no more comes; answers what RADIUS has been asked. */
async function accounted(radius: Radius, sessions: number): Promise<RadiusCounts> {
  const sum = { accepted: 0, rejected: 0, started: 0, stopped: 0, interim: 0, bad: 0 };
  for (let last = performance.now(); sum.stopped < sessions && performance.now() - last < patience; ) {
    await sleep(50);
    const counts = await radius.counts();
    if (counts.stopped > 0) last = performance.now();
    for (const key of Object.keys(sum) as (keyof RadiusCounts)[]) sum[key] += counts[key];
  }
  return sum;
}

export async function load(
  spaces: Spaces,
  core: number,
  radius: Radius,
  { name, process: lns, address }: Contender,
  { sessions, hold }: Load,
): Promise<Cost> {
  const tunnels = Math.ceil(sessions / sessionsPerTunnel);
  const options = {
    switch: address,
    lacBind: addresses.lac,
    user: "subscriber-%d",
    password,
    tunnels,
    sessions: sessions / tunnels,
    hangup: "both",
    setupWindow,
  };
  const before = residentOf(lns.pid);
  const from = cpuSeconds(lns.pid);
  const dial = join(root, ".build/bench/dial-in/dial.js");
  const child = spaces.spawn("lac", core, [process.execPath, dial, JSON.stringify(options)]);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== "up") fail(`the subscribers of ${name} did not dial in`);
  await sleep(hold);
  const resident = residentOf(lns.pid);
  const tool = cpuSeconds(child.pid);
  child.stdin!.write("\n");
  const { setup, ppp, teardown, problems } = JSON.parse((await lines.next()).value) as Report;
  if (problems.length > 0 || setup.sessions.failed > 0)
    progress(`${name}: ${problems.join("; ")} ${JSON.stringify({ ...setup.failures, ...ppp })}`);
  const counts = await accounted(radius, sessions);
  return {
    counts,
    cpu: ((cpuSeconds(lns.pid) - from) / sessions) * 1e6,
    tool: (tool / sessions) * 1e6,
    resident,
    before,
    upPerSecond: setup.sessions.perSecond,
    downPerSecond: teardown.perSecond,
  };
}
