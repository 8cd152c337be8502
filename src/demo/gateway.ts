/** The gateway of the demo: the daemon as an operator runs it, with everything it needs in a temporary directory. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export interface Gateway {
  /** Where LACs call. */
  readonly address: string;
  /** Its own address towards subscribers that end there. */
  readonly router: string;
  /** The API's socket. */
  readonly socket: string;
  /** Addresses that subscribers have, once all have had the time to give them back. */
  addressesInUse(): Promise<number>;
  /** Rejects if the daemon ended before it was told to. */
  stop(): Promise<void>;
}

export interface GatewayOptions {
  /** Who is switched goes on to one of these. */
  readonly lns: readonly string[];
  readonly tunnels: number;
  /** How many subscribers may dial in. */
  readonly subscribers: number;
  /** Whether a virtual device stands for the network interface behind them. */
  readonly virtual: boolean;
}

/** The called numbers that decide a call's fate. */
export const called = { switched: "switch", terminated: "internet" } as const;

/** Names and passwords of subscribers; %d is a number. */
export const credentials = { user: "subscriber-%d", password: "secret-%d" } as const;

const program = fileURLToPath(new URL("../../bin/junctor.js", import.meta.url));
const startPatience = 15_000;
const stopPatience = 10_000;
/** Milliseconds in which those who have hung up give back their addresses. */
const releasePatience = 3000;
const router = "100.64.0.1";

/** Below those that the system gives to sockets bound to port 0, any of which could otherwise take it before it is used. */
const [lowestPort, highestPort] = [10_000, 32_000] as const;
let nextPort = lowestPort + randomInt(highestPort - lowestPort);

async function isFree(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  const outcome = new Promise<boolean>((resolve) => {
    socket.once("error", () => resolve(false));
    socket.once("listening", () => resolve(true));
  });
  socket.bind(port, "127.0.0.1");
  const free = await outcome;
  socket.close();
  await once(socket, "close");
  return free;
}

/** A UDP port of the loopback that nobody had a moment ago, never the same twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort;
    nextPort = port === highestPort ? lowestPort : port + 1;
    if (await isFree(port)) return port;
  }
}

export const freeAddress = async (): Promise<string> => `127.0.0.1:${await freePort()}`;

const configuration = (address: string, socket: string, { lns, tunnels, virtual }: GatewayOptions): string => `\
listen: { api: "unix:${socket}" }
log: { level: warn }
workers: 1
limits: { tunnels-per-peer: ${tunnels + 64}, tunnels: ${tunnels + 64} }
access:
  - l2tp: { listen: "${address}" }
policy:
  - name: switched
    match: { called-number: ${called.switched} }
    forward: { lns: [${lns.map((each) => `"${each}"`).join(", ")}] }
  - name: terminated
    match: { called-number: ${called.terminated} }
    terminate: { pool: subscribers, authentication: [chap] }
tun: { address: ${router}, virtual: ${virtual} }
pools:
  subscribers: [100.64.0.0/16]
aaa: { local: users }
`;

const users = (count: number): string =>
  Array.from({ length: count }, (_, n) =>
    `${credentials.user} * ${credentials.password} *\n`.replaceAll("%d", String(n)),
  ).join("");

/** The body of the API's answer; undefined: it does not answer, or not well. */
const ask = (socketPath: string, path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const asked = request({ socketPath, path }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      resolve(answer.statusCode === 200 ? Buffer.concat(chunks).toString() : undefined);
    });
    asked.on("error", () => resolve(undefined));
    asked.end();
  });

interface PoolsAnswer {
  readonly pools: readonly { readonly used: number }[];
}

async function addressesInUse(socket: string): Promise<number> {
  const deadline = performance.now() + releasePatience;
  for (;;) {
    const answer = await ask(socket, "/v1/pools");
    const { pools } = JSON.parse(answer ?? '{"pools":[]}') as PoolsAnswer;
    const used = pools.reduce((sum, pool) => sum + pool.used, 0);
    if (used === 0 || performance.now() > deadline) return used;
    await sleep(50);
  }
}

/** Starts it; ready when this resolves. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const home = mkdtempSync(join(tmpdir(), "junctor-demo-"));
  const address = await freeAddress();
  const socket = join(home, "api.sock");
  const log = join(home, "log");
  const file = join(home, "junctor.yaml");
  writeFileSync(file, configuration(address, socket, options));
  writeFileSync(join(home, "users"), users(options.subscribers), { mode: 0o600 });

  // A process group of its own: Ctrl-C is for the demo, which then hangs up before it stops the gateway.
  const output = openSync(log, "a");
  const daemon = spawn(process.execPath, [program, "run", "-c", file], {
    stdio: ["ignore", output, output],
    detached: true,
  });
  closeSync(output);
  const removeHome = (): void => rmSync(home, { recursive: true, force: true });
  const atExit = (): void => {
    daemon.kill("SIGKILL");
    removeHome();
  };
  process.on("exit", atExit);
  const clean = (): void => {
    process.off("exit", atExit);
    removeHome();
  };
  const ended = (): Error => new Error(`the gateway ended by itself:\n${readFileSync(log, "utf8")}`);

  const deadline = performance.now() + startPatience;
  while ((await ask(socket, "/readyz")) === undefined) {
    if (running(daemon) && performance.now() < deadline) {
      await sleep(50);
      continue;
    }
    const error = running(daemon) ? new Error("the gateway did not become ready") : ended();
    daemon.kill("SIGKILL");
    clean();
    throw error;
  }
  return {
    address,
    router,
    socket,
    addressesInUse: () => addressesInUse(socket),
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
