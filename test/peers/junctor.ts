import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Namespace } from "./netns.js";
import { eventually, type Running } from "./process.js";
import { temporaryDirectory, type Undo } from "./undo.js";

/** The daemon, built, as an operator runs it. */
export interface Junctor {
  readonly process: Running;
  /** Its configuration file. */
  readonly config: string;
  /** Answer of a GET of the API. */
  get<T>(path: string): Promise<T>;
  tunnels(): Promise<readonly TunnelRow[]>;
  sessions(): Promise<readonly SessionRow[]>;
  /** Runs the CLI against this daemon and gives its standard output. */
  cli(...args: string[]): Promise<string>;
  /** The same for a command that goes on until it is stopped. */
  follow(...args: string[]): Running;
}

export interface TunnelRow {
  readonly tunnel: number;
  readonly side: "access" | "onward";
  readonly state: string;
  readonly remote: string;
  readonly hostName: string | null;
  readonly sessions: number;
}

export interface SessionRow {
  readonly session: string;
  readonly tunnel: number;
  readonly side: "access" | "onward";
  readonly state: string;
  readonly bridgedWith: string | null;
}

const program = fileURLToPath(new URL("../../bin/junctor.js", import.meta.url));
const built = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/**
 * Starts `junctor run` with `config` (YAML without `listen`) and the secret files that it names; ready when this resolves.
 * `listen` adds to where it is spoken to.
 */
export async function startJunctor(
  undo: Undo,
  space: Namespace,
  {
    config,
    secrets,
    listen = {},
  }: { config: string; secrets: Readonly<Record<string, string>>; listen?: Readonly<Record<string, string>> },
): Promise<Junctor> {
  if (!existsSync(built)) throw new Error("dist/ is not built: npm run build");
  const home = temporaryDirectory(undo, "daemon");
  mkdirSync(join(home, "run"));
  const socket = join(home, "run", "api.sock");
  for (const [name, secret] of Object.entries(secrets)) writeFileSync(join(home, name), `${secret}\n`, { mode: 0o600 });
  const file = join(home, "junctor.yaml");
  writeFileSync(file, `listen: ${JSON.stringify({ api: `unix:${socket}`, ...listen })}\n${config}`);
  const daemon = space.start([process.execPath, program, "run", "-c", file], { cwd: home });
  undo.defer(async () => void (await daemon.stop("SIGTERM", 8000)));

  const get = <T>(path: string) => getJson<T>(socket, path);
  await eventually("junctor is ready", async () => {
    if (daemon.ended()) throw new Error(`junctor ended:\n${daemon.output()}`);
    return (await get("/readyz").catch(() => undefined)) === undefined ? undefined : true;
  }).catch((error) => {
    throw new Error(`${error}\n${daemon.output()}`);
  });
  const command = (args: readonly string[]) => [process.execPath, program, "-s", `unix:${socket}`, ...args];
  return {
    process: daemon,
    config: file,
    get,
    tunnels: async () => (await get<{ tunnels: TunnelRow[] }>("/v1/tunnels")).tunnels,
    sessions: async () => (await get<{ sessions: SessionRow[] }>("/v1/sessions")).sessions,
    cli: (...args) => space.run(command(args)),
    follow: (...args) => {
      const running = space.start(command(args));
      undo.defer(async () => void (await running.stop()));
      return running;
    },
  };
}

/** Rejects on any status but 200. An answer that is not JSON comes as its text. */
function getJson<T>(socketPath: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () => {
        if (answer.statusCode !== 200) return reject(new Error(`GET ${path}: ${answer.statusCode} ${text}`));
        resolve((answer.headers["content-type"]?.includes("json") ? JSON.parse(text) : text) as T);
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}
