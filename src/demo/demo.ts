/** The demo itself: half of the sessions are switched to LNSs, half are terminated, and both are watched. */
import { fileURLToPath } from "node:url";
import { type BlastOptions, type Report, runBlast } from "../blast/index.js";
import { called, credentials, freeAddress, startGateway } from "./gateway.js";
import { meetingOf } from "./meeting.js";
import type { DemoOptions } from "./options.js";
import { type Outcome, summary } from "./summary.js";
import { type Half, halves, lineView, tableView } from "./view.js";

const size = 512;
const endless = 1e6;

const out = (text: string): void => void process.stdout.write(text);

const heading = ({ tunnels, sessions, rate }: DemoOptions, virtual: string | undefined): string => `\
A Junctor gateway runs between simulated LACs (access concentrators) and LNSs, over UDP on this machine. The LACs open
${tunnels} L2TP tunnels with ${tunnels * sessions} sessions:
  half are switched      each goes on to one of two LNSs; PPP frames cross both ways, and each is checked
  half are terminated    subscribers authenticate by CHAP, get an address from a pool, and ping the gateway
All in all ${rate} frames of ${size} bytes a second.
${
  virtual === undefined
    ? "The gateway's network interface, junctor0, is in a network namespace of its own."
    : `A virtual device stands for the gateway's network interface (${virtual}).`
}
`;

function closer(socket: string, { seconds }: DemoOptions): string {
  const program = fileURLToPath(new URL("../../bin/junctor.js", import.meta.url));
  const command = `${program} -s ${socket}`;
  return `
To look closer, in another terminal:
  ${command} status
  ${command} session show
  ${command} session show user subscriber-1
  ${command} pool
  ${command} monitor
${seconds === undefined ? "Ctrl-C hangs up and ends.\n" : ""}
`;
}

/** Ctrl-C hangs up and ends in order, and so does the end of who has started us; a second one ends at once. */
function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  process.once("disconnect", () => controller.abort());
  return controller.signal;
}

/** Options of the load tool that both halves have, each with its share. */
function share({ tunnels, sessions, rate, seconds }: DemoOptions, half: Half): Partial<BlastOptions> {
  return {
    tunnels: half === "switched" ? Math.ceil(tunnels / 2) : Math.floor(tunnels / 2),
    sessions,
    size,
    rate: rate / 2,
    seconds: seconds ?? endless,
    hostName: half,
    calledNumber: called[half],
  };
}

/** Runs both halves at once, their traffic at the same time. */
async function play(options: DemoOptions, virtual: string | undefined, interrupted: AbortSignal): Promise<Outcome> {
  const lns = await Promise.all([freeAddress(), freeAddress()]);
  const { tunnels, sessions } = options;
  const gateway = await startGateway({ lns, tunnels, subscribers: tunnels * sessions, virtual: virtual !== undefined });
  const view = process.stdout.isTTY ? tableView(process.stdout) : lineView(process.stdout);
  const failure = new AbortController();
  const allUp = meetingOf(halves.length);
  const own: Readonly<Record<Half, Partial<BlastOptions>>> = {
    switched: { lnsListen: lns },
    terminated: { ppp: true, ...credentials, ping: gateway.router },
  };
  const run = (half: Half): Promise<Report> =>
    runBlast(
      { ...share(options, half), ...own[half], switch: gateway.address },
      {
        signal: AbortSignal.any([interrupted, failure.signal]),
        sessions: () => allUp.come(),
        progress: (progress) => view.show(half, progress),
      },
    )
      .catch((error: unknown) => {
        failure.abort();
        throw error;
      })
      .finally(() => allUp.cancel());
  try {
    out(closer(gateway.socket, options));
    // Neither may go on without the gateway.
    const [switched, terminated] = (await Promise.allSettled(halves.map(run))).map(resultOf);
    return { switched: switched!, terminated: terminated!, addressesInUse: await gateway.addressesInUse() };
  } finally {
    await gateway.stop();
  }
}

function resultOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === "rejected") throw settled.reason;
  return settled.value;
}

/**
 * Runs the demo, with a virtual device for the reason given, if there is one. Answers the exit code: 0 only if every session came
 * up and nothing was lost or altered.
 */
export async function demo(options: DemoOptions, virtual: string | undefined): Promise<number> {
  out(heading(options, virtual));
  try {
    const { text, passed } = summary(await play(options, virtual, onInterrupt()));
    out(`\n${text}`);
    return passed ? 0 : 1;
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
