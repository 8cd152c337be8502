import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Namespace } from "./netns.js";
import { eventually, type Running, run as runProgram } from "./process.js";
import { temporaryDirectory, type Undo } from "./undo.js";

/** What the stub of pppd (pppd-stub.mjs) does once a call is up. */
export interface Subscriber {
  readonly user: string;
  readonly password: string;
  /** IPv4 address to ping through the link. */
  readonly ping: string;
}

export interface Xl2tpdState {
  readonly tunnels: number;
  /** Local session ids. */
  readonly calls: readonly number[];
}

export interface Xl2tpd {
  readonly process: Running;
  /**
   * Writes a command to the control pipe: `c NAME` connects a LAC section, `d NAME` closes its tunnel, `h CALL` hangs up.
   * Resolves when it has been taken, rejects with the answer when it was refused.
   */
  control(command: string): Promise<void>;
  /** Tunnels and calls that it knows of now. */
  status(): Promise<Xl2tpdState>;
  /** Resolves when it has no call. One that it hung up itself stays until its tunnel goes: it waits for a ZLB on the call. */
  idle(): Promise<void>;
  /** Resolves when it has neither tunnel nor call. */
  gone(): Promise<void>;
  /** The stub's log: one line an event. */
  ppp(): string;
  /** Resolves when the stub's log, from the character `since` on, matches. */
  pppReports(pattern: RegExp, options?: { timeout?: number; since?: number }): Promise<RegExpMatchArray>;
}

/**
 * Starts xl2tpd with its control plane on this host's sockets and pppd replaced by the stub, for it alone. `config` is
 * xl2tpd.conf(5) without `[global]`; `secrets` has lines of us, them, secret.
 */
export async function startXl2tpd(
  undo: Undo,
  space: Namespace,
  { config, secrets, listen, subscriber }: { config: string; secrets: string; listen: string; subscriber: Subscriber },
): Promise<Xl2tpd> {
  const home = temporaryDirectory(undo, "xl2tpd");
  const run = join(home, "run");
  mkdirSync(join(run, "xl2tpd"), { recursive: true });
  const path = (name: string) => join(home, name);

  writeFileSync(path("xl2tpd.conf"), `[global]\nlisten-addr = ${listen}\nauth file = ${path("secrets")}\n\n${config}`);
  writeFileSync(path("secrets"), secrets, { mode: 0o600 });
  writeFileSync(path("ppp.log"), "");
  const stub = fileURLToPath(new URL("pppd-stub.mjs", import.meta.url));
  // Node.js aborts at its end when a terminal that is its standard input has hung up, hence the descriptor 3.
  const descriptors = "3<&0 0</dev/null 1>/dev/null";
  writeFileSync(path("pppd"), `#!/bin/sh\nstty raw -echo\nexec '${process.execPath}' '${stub}' "$@" ${descriptors}\n`);
  chmodSync(path("pppd"), 0o755);

  const daemon = space.start(["xl2tpd", "-D", "-c", path("xl2tpd.conf"), "-p", path("pid"), "-C", path("control")], {
    binds: [
      [path("pppd"), "/usr/sbin/pppd"],
      [run, "/run"],
    ],
    env: { ...process.env, JUNCTOR_PPP_STUB: JSON.stringify({ ...subscriber, log: path("ppp.log") }) },
  });
  undo.defer(async () => void (await daemon.stop("SIGINT", 2000)));
  await daemon.waitFor(/Listening on IP address/);

  const ppp = () => readFileSync(path("ppp.log"), "utf8");
  let commands = 0;
  const status = async () => {
    const since = daemon.mark();
    daemon.child.kill("SIGUSR1");
    const [text, tunnels] = await daemon.waitFor(/Number of tunnels open: (\d+).*?Config File/s, { since });
    const calls = [...text.matchAll(/Call .*? # \d+, ID = (\d+) \(local\)/g)].map(([, id]) => Number(id));
    return { tunnels: Number(tunnels), calls };
  };
  const settled = (what: string, good: (state: Xl2tpdState) => boolean) =>
    eventually(`xl2tpd has ${what}`, async () => (good(await status()) ? true : undefined)).catch((error) => {
      throw new Error(`${error.message}; its log:\n${daemon.output().slice(-4000)}`);
    });
  return {
    process: daemon,
    async control(command) {
      const answer = `answer-${++commands}`;
      const ask = 'cd "$0"; mkfifo "$1"; echo "@$0/$1 $2" > control; cat "$1"';
      const text = await runProgram(["sh", "-ec", ask, home, answer, command], { timeout: 5000 });
      if (!text.startsWith("00")) throw new Error(`xl2tpd: ${command}: ${text}`);
    },
    status,
    idle: async () => void (await settled("no call", ({ calls }) => calls.length === 0)),
    gone: async () => void (await settled("no tunnel", ({ tunnels, calls }) => tunnels === 0 && calls.length === 0)),
    ppp,
    pppReports: (pattern, { timeout, since = 0 } = {}) =>
      eventually(`pppd stub reports ${pattern}`, () => ppp().slice(since).match(pattern) ?? undefined, timeout).catch(
        (error) => {
          throw new Error(`${error.message}; it reported:\n${ppp()}\nxl2tpd:\n${daemon.output().slice(-4000)}`);
        },
      ),
  };
}
