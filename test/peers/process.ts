import { type ChildProcess, execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

const execFileAsync = promisify(execFile);

/** A program that a test started and that runs until it is stopped. */
export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Everything that it wrote to standard output and standard error so far. */
  output(): string;
  /** Length of `output()` now, as a starting point for `waitFor`. */
  mark(): number;
  /** Resolves when the output from `since` on matches; rejects with the output when it has not within `timeout` ms. */
  waitFor(pattern: RegExp, options?: { timeout?: number; since?: number }): Promise<RegExpMatchArray>;
  /** Whether it has. */
  ended(): boolean;
  /** Resolves to the exit status or the name of the signal. */
  readonly exited: Promise<number | string>;
  /** Sends `signal`, then SIGKILL after `grace` ms. Does nothing when the program has ended. */
  stop(signal?: NodeJS.Signals, grace?: number): Promise<number | string>;
}

/** Starts `argv`; the kernel kills it should this process die before stopping it. */
export function start(argv: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Running {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...argv], {
    stdio: ["pipe", "pipe", "pipe"],
    env: process.env,
    detached: true, // freeradius ends with a SIGTERM to its whole process group
    ...options,
  });
  let text = "";
  let ended = false;
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const watcher of [...watchers]) watcher();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("latin1");
    stream.on("data", (chunk: string) => {
      text += chunk;
      notify();
    });
  }
  child.stdin.on("error", () => {}); // the program may end before reading
  const exited = new Promise<number | string>((resolve) => {
    child.on("error", (error) => {
      text += `${error.message}\n`;
      ended = true;
      resolve(error.message);
      notify();
    });
    // Not "close": a child of the program's own may hold its output open for longer.
    child.on("exit", (status, signal) => {
      ended = true;
      resolve(signal ?? status ?? -1);
      notify();
    });
  });

  return {
    pid: child.pid ?? -1,
    child,
    output: () => text,
    mark: () => text.length,
    exited,
    ended: () => ended,
    waitFor(pattern, { timeout = 10_000, since = 0 } = {}) {
      return new Promise((resolve, reject) => {
        const done = () => {
          clearTimeout(timer);
          watchers.delete(look);
        };
        const fail = (why: string) => {
          done();
          reject(new Error(`${argv.join(" ")}: ${why} ${pattern}; its output:\n${text.slice(-8000)}`));
        };
        const look = () => {
          const match = text.slice(since).match(pattern);
          if (match !== null) {
            done();
            resolve(match);
          } else if (ended) fail("ended before");
        };
        const timer = setTimeout(() => fail(`not within ${timeout} ms:`), timeout);
        watchers.add(look);
        look();
      });
    },
    async stop(signal = "SIGTERM", grace = 3000) {
      if (ended) return exited;
      child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), grace);
      const status = await exited;
      clearTimeout(timer);
      return status;
    },
  };
}

/** Runs `argv` to its end and gives its standard output; rejects with its standard error on a non-zero status. */
export async function run(argv: readonly string[], options: { timeout?: number } = {}): Promise<string> {
  const [file = "", ...args] = argv;
  const { stdout } = await execFileAsync(file, args, {
    encoding: "utf8",
    timeout: options.timeout ?? 30_000,
    killSignal: "SIGKILL",
    maxBuffer: 64 << 20,
  });
  return stdout;
}

/** Polls until `probe` gives something other than undefined; rejects after `timeout` ms naming `what`. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeout = 10_000,
) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
