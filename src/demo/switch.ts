/** The switch of the demo: the daemon as an operator runs it, with everything it needs in a temporary directory. */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export interface DemoSwitch {
  /** Where LACs call. */
  readonly address: string;
  /** The API's socket. */
  readonly socket: string;
  /** Rejects if the daemon ended before it was told to. */
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL("../../bin/junctor.js", import.meta.url));
const startPatience = 15_000;
const stopPatience = 10_000;

/** A UDP port of the loopback that nobody had a moment ago. */
export async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

const configuration = (address: string, socket: string, lns: readonly string[], tunnels: number): string => `\
listen: { api: "unix:${socket}" }
log: { level: warn }
workers: 1
limits: { tunnels-per-peer: ${tunnels + 64}, tunnels: ${tunnels + 64} }
access:
  - l2tp: { listen: "${address}" }
policy:
  - name: everybody
    forward: { lns: [${lns.map((each) => `"${each}"`).join(", ")}] }
`;

const ready = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = request({ socketPath, path: "/readyz" }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on("error", () => resolve(false));
    asked.end();
  });

/** Starts a switch that forwards every call to one of `lns`; ready when this resolves. */
export async function startSwitch(lns: readonly string[], tunnels: number): Promise<DemoSwitch> {
  const home = mkdtempSync(join(tmpdir(), "junctor-demo-"));
  const address = `127.0.0.1:${await freePort()}`;
  const socket = join(home, "api.sock");
  const log = join(home, "log");
  const file = join(home, "junctor.yaml");
  writeFileSync(file, configuration(address, socket, lns, tunnels));

  // A process group of its own: Ctrl-C is for the demo, which then hangs up before it stops the switch.
  const output = openSync(log, "a");
  const daemon = spawn(process.execPath, [program, "run", "-c", file], {
    stdio: ["ignore", output, output],
    detached: true,
  });
  closeSync(output);
  const atExit = (): void => void daemon.kill("SIGKILL");
  process.on("exit", atExit);
  const clean = (): void => {
    process.off("exit", atExit);
    rmSync(home, { recursive: true, force: true });
  };
  const ended = (): Error => new Error(`the switch ended by itself:\n${readFileSync(log, "utf8")}`);

  const deadline = performance.now() + startPatience;
  while (!(await ready(socket))) {
    if (running(daemon) && performance.now() < deadline) {
      await sleep(50);
      continue;
    }
    const error = running(daemon) ? new Error("the switch did not become ready") : ended();
    daemon.kill("SIGKILL");
    clean();
    throw error;
  }
  return {
    address,
    socket,
    async stop() {
      try {
        if (!running(daemon)) throw ended();
        const exited = once(daemon, "exit");
        daemon.kill("SIGTERM");
        const patience = setTimeout(() => daemon.kill("SIGKILL"), stopPatience);
        await exited;
        clearTimeout(patience);
      } finally {
        clean();
      }
    },
  };
}

const running = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;
