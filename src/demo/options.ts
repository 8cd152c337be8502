/** The demo's command line. */
import { parseArgs } from "node:util";

export interface DemoOptions {
  /** How long frames are sent; undefined: until Ctrl-C. */
  readonly seconds: number | undefined;
  readonly tunnels: number;
  /** In each tunnel. */
  readonly sessions: number;
  /** Frames per second, in all. */
  readonly rate: number;
}

/** What a machine with two slow processors does without losing a frame, also without system calls of its own. */
const defaults = { tunnels: 20, sessions: 25, rate: 2000 } as const;

/** What the pool of subscribers has addresses for, and a table of sessions room. */
const mostSessions = 100_000;

export const usage = `usage: npm run demo -- [--seconds N] [--tunnels N] [--sessions N] [--rate N]

  --seconds N   end after so many seconds of traffic (default: run until Ctrl-C)
  --tunnels N   tunnels that LACs open to the gateway, at least 2 (default ${defaults.tunnels})
  --sessions N  sessions in each tunnel (default ${defaults.sessions})
  --rate N      frames per second, in all (default ${defaults.rate})

Half of the sessions are switched, half are terminated. As root the gateway has a real network interface, in a network
namespace of its own; otherwise a virtual device.
JUNCTOR_NO_FFI=1 shows it without system calls of its own, as on a machine where they cannot be made.
`;

const number = { type: "string" } as const;

/** Answers a text that says what is wrong instead, or the usage if that was asked for. */
export function demoOptions(args: readonly string[]): DemoOptions | { readonly say: string; readonly exit: 0 | 1 } {
  let values: { [name in "seconds" | "tunnels" | "sessions" | "rate"]?: string | undefined } & { help?: boolean };
  try {
    values = parseArgs({
      args: [...args],
      options: { seconds: number, tunnels: number, sessions: number, rate: number, help: { type: "boolean" } },
    }).values;
  } catch (error) {
    return { say: `${(error as Error).message}\n${usage}`, exit: 1 };
  }
  if (values.help) return { say: usage, exit: 0 };
  const { seconds, tunnels = defaults.tunnels, sessions = defaults.sessions, rate = defaults.rate } = values;
  const read = {
    seconds: seconds === undefined ? undefined : Number(seconds),
    tunnels: Number(tunnels),
    sessions: Number(sessions),
    rate: Number(rate),
  };
  for (const [name, value] of Object.entries(read)) {
    const whole = name === "seconds" || Number.isInteger(value);
    const least = name === "tunnels" ? 2 : 1;
    if (value !== undefined && !(value >= least && value <= 60_000 && whole)) {
      return { say: `--${name}: expected a number from ${least} to 60000\n${usage}`, exit: 1 };
    }
  }
  if (read.tunnels * read.sessions > mostSessions) {
    return { say: `--tunnels × --sessions: expected at most ${mostSessions}\n${usage}`, exit: 1 };
  }
  return read;
}
