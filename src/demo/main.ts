/** `npm run demo`: a switch between simulated LACs and LNSs, over real UDP sockets on this machine. */
import { fileURLToPath } from "node:url";
import { type Report, reportText, runBlast } from "../blast/index.js";
import { type DemoOptions, demoOptions } from "./options.js";
import { type DemoSwitch, startSwitch } from "./switch.js";
import { lineView, tableView } from "./view.js";

const size = 512;
const endless = 1e6;

const out = (text: string): void => void process.stdout.write(text);

const heading = ({ tunnels, sessions, rate }: DemoOptions): string => `\
A Junctor switch runs between simulated LACs (access concentrators) and two simulated LNSs, all over UDP on this machine.
The LACs open ${tunnels} L2TP tunnels with ${tunnels * sessions} sessions; the switch forwards each to an LNS and bridges the two.
PPP frames of ${size} bytes then cross it both ways, ${rate} a second, and each is checked: its order, its bytes, its session.
`;

function closer(socket: string, { seconds }: DemoOptions): string {
  const program = fileURLToPath(new URL("../../bin/junctor.js", import.meta.url));
  const command = `${program} -s ${socket}`;
  return `
To look closer, in another terminal:
  ${command} status
  ${command} session show
  ${command} monitor
${seconds === undefined ? "Ctrl-C hangs up and ends.\n" : ""}
`;
}

/** Ctrl-C hangs up and ends in order; a second one ends at once. */
function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}

async function play(options: DemoOptions, signal: AbortSignal): Promise<Report> {
  const view = process.stdout.isTTY ? tableView(process.stdout) : lineView(process.stdout);
  let junctor: DemoSwitch | undefined;
  try {
    out(heading(options));
    return await runBlast(
      {
        tunnels: options.tunnels,
        sessions: options.sessions,
        lnsListen: ["127.0.0.1:0", "127.0.0.1:0"],
        size,
        rate: options.rate,
        seconds: options.seconds ?? endless,
      },
      {
        signal,
        async listening({ lns }) {
          junctor = await startSwitch(lns, options.tunnels);
          out(closer(junctor.socket, options));
          return junctor.address;
        },
        progress: view.show,
      },
    );
  } finally {
    view.end();
    await junctor?.stop();
  }
}

/** Answers the exit code: 0 only if every session came up and nothing was lost or altered. */
async function demo(options: DemoOptions): Promise<number> {
  try {
    const report = await play(options, onInterrupt());
    out(`\n${reportText(report)}`);
    return report.problems.length === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

const options = demoOptions(process.argv.slice(2));
if ("say" in options) {
  out(options.say);
  process.exitCode = options.exit;
} else {
  process.exitCode = await demo(options);
}
