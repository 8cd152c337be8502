/** The daemon as LNS: PAP by RADIUS, accounting, a route for each session. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./paths.js";
import { sleep } from "./process.js";
import { radiusSecret } from "./radius.js";
import { fail } from "./report.js";
import { addresses, type Child, type Spaces } from "./spaces.js";

const configuration = (socket: string, listen: string, pool: string): string => `
listen: { api: "unix:${socket}" }
log: { level: warn }
host-name: lns
workers: 1
access: [{ l2tp: { listen: "${listen}" } }]
policy: [{ terminate: { pool: main, authentication: [pap], routes: each } }]
pools: { main: { ranges: [${pool}] } }
tun: { name: jct0, address: 100.127.255.254 }
aaa: { radius: [{ server: ${addresses.radius}, secret-file: radius.secret }], nas-address: ${addresses.lns} }
`;

/** Answers the status and the body of a GET of the daemon's API; status 0: it does not serve yet. */
export const get = (socketPath: string, path: string): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve) => {
    request({ socketPath, path, timeout: 5000 }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on("error", () => resolve({ status: 0, text: "" }))
      .end();
  });

export interface Daemon {
  readonly process: Child;
  /** Path of the API's socket. */
  readonly socket: string;
}

/** Starts it at an address and port, with subscribers from a prefix; serves when this resolves. */
export async function startDaemon(spaces: Spaces, core: number, listen: string, pool: string): Promise<Daemon> {
  const home = mkdtempSync(join(tmpdir(), "bench-junctor-"));
  process.on("exit", () => rmSync(home, { recursive: true, force: true }));
  const socket = join(home, "api.sock");
  writeFileSync(join(home, "radius.secret"), `${radiusSecret}\n`, { mode: 0o600 });
  writeFileSync(join(home, "junctor.yaml"), configuration(socket, listen, pool));
  // The program reads its version from the package.json beside its folder, as it lies beside dist/.
  copyFileSync(join(root, "package.json"), join(root, ".build/package.json"));
  const more = process.env.BENCH_NODE_OPTIONS?.split(" ") ?? [];
  const command = [process.execPath, ...more, join(root, ".build/src/cli/main.js"), "run", "-c", "junctor.yaml"];
  const child = spaces.spawn("lns", core, command, { cwd: home });
  let log = "";
  child.stdout!.on("data", (text) => {
    if (log.length < 20_000) log += text;
  });
  child.once("exit", (status) => fail(`the daemon ended with status ${status}:\n${log}`));
  const patience = performance.now() + 10_000;
  while ((await get(socket, "/readyz")).status !== 200) {
    if (performance.now() > patience) fail(`the daemon did not become ready within 10 seconds:\n${log}`);
    await sleep(50);
  }
  return { process: child, socket };
}
