/** The real daemon as a child process on a core of its own, configured as a tunnel switch towards the given LNSs. */
import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuSeconds } from "../harness/cpu.js";
import { root } from "../harness/paths.js";
import { sleep } from "../harness/process.js";
import { fail } from "../harness/report.js";

export interface Daemon {
  /** Seconds of CPU of all its threads. */
  cpu(): number;
  /** KiB of resident memory. */
  resident(): number;
}

const configuration = (socket: string, listen: string, lns: readonly string[]): string => `
listen: { api: "unix:${socket}" }
log: { level: warn }
workers: 1
access: [{ l2tp: { listen: "${listen}" } }]
policy: [{ forward: { lns: ${JSON.stringify(lns)}, idle-timeout: 1s } }]
`;

const isReady = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    request({ socketPath, path: "/readyz", timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on("error", () => resolve(false))
      .end();
  });

/** Starts it and waits until it serves. It ends with this process. */
export async function startDaemon(core: number, listen: string, lns: readonly string[]): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), "switch-bench-"));
  const socket = join(folder, "api.sock");
  const file = join(folder, "switch.yaml");
  writeFileSync(file, configuration(socket, listen, lns));
  // The program reads its version from the package.json beside its folder, as it lies beside dist/.
  copyFileSync(join(root, "package.json"), join(root, ".build/package.json"));
  const command = [process.execPath, join(root, ".build/src/cli/main.js"), "run", "-c", file];
  const child = spawn("taskset", ["-c", String(core), ...command], { stdio: ["ignore", "ignore", "inherit"] });
  process.on("exit", () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
  child.on("error", (error) => fail(`cannot start the daemon with taskset (util-linux): ${error.message}`));
  child.on("exit", (status) => fail(`the daemon ended by itself with status ${status}`));

  const patience = performance.now() + 10_000;
  while (!(await isReady(socket))) {
    if (performance.now() > patience) fail("the daemon did not become ready within 10 seconds");
    await sleep(50);
  }
  const pid = child.pid!;
  return {
    cpu: () => cpuSeconds(pid),
    resident: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
  };
}
