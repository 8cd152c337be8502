/** Commands that start, ask and steer the daemon. What starts it is loaded when it is asked for. */
import type { Status } from "../../api/schemas.js";
import { type Context, printJson } from "../context.js";
import { exitCodes } from "../exit.js";
import { age, exact, sheet } from "../format.js";
import type { Command, ObjectSpec } from "../grammar.js";
import { printOne } from "../listing.js";

export const defaultConfig = "/etc/junctor/junctor.yaml";

const single = (command: Command): ObjectSpec => ({
  name: command.name,
  summary: command.summary,
  commands: [{ ...command, name: "" }],
});

export const runObject = single({
  name: "run",
  summary: "Run the daemon, in the foreground",
  details:
    "Logs are JSON lines on standard error. SIGHUP reads the configuration again; SIGTERM and SIGINT stop in order (StopCCN to every peer, at most drain.grace), a second one at once. examples/junctor.service is a unit for systemd, which is told when the daemon is ready, reloads, stops and is alive (NOTIFY_SOCKET, WATCHDOG_USEC).",
  options: [
    {
      short: "c",
      long: "config",
      value: "FILE",
      default: defaultConfig,
      description: "Configuration (docs/configuration.md)",
    },
  ],
  examples: [{ command: "run -c examples/lts.yaml", says: "a tunnel switch from an example" }],
  async run(_context, { options }) {
    const { run } = await import("../../daemon/main.js");
    return run(String(options.config ?? defaultConfig));
  },
});

export const checkObject = single({
  name: "check",
  summary: "Check a configuration file",
  details:
    "Prints each mistake as FILE:LINE:COLUMN: what is wrong and what was expected, and exits with 1 if there is one. Programs that the configuration names are loaded from their object files and verified, and names of programs, devices and pins looked up in them; nothing is started, and no running daemon is asked.",
  operands: [{ name: "FILE", optional: true, description: `configuration; ${defaultConfig} when it is left out` }],
  async run(context, { operands }) {
    const { check } = await import("../../daemon/check.js");
    const file = operands.file ?? defaultConfig;
    const { mistakes, warnings } = await check(file);
    if (context.json) printJson(context, { file, mistakes, warnings });
    else {
      for (const { text } of mistakes) context.warn(`${text}\n`);
      for (const { text } of warnings) context.warn(`${text} (warning)\n`);
      if (mistakes.length === 0) context.print(`${file}: no mistakes\n`);
    }
    return mistakes.length === 0 ? exitCodes.ok.code : exitCodes.usage.code;
  },
});

const printChanges = (context: Context, answer: { readonly changes: readonly string[] }): void =>
  printOne(context, answer, ({ changes }) => (changes.length === 0 ? "nothing changed\n" : `${changes.join("\n")}\n`));

export const reloadObject = single({
  name: "reload",
  summary: "Have the daemon read its configuration again",
  details:
    "Applies what differs and drops no session that is still allowed. What the new configuration needs is had first (programs verified, ports, devices and routes there), and what frames meet changes last and at once: a configuration that cannot be had as a whole changes nothing.",
  async run(context) {
    printChanges(context, await (await context.client()).ask("POST", "/v1/reload"));
    return 0;
  },
});

interface Draining {
  readonly draining: boolean;
  readonly sessions: number;
}

const shownDraining = ({ draining, sessions }: Draining): string =>
  `${draining ? "draining" : "serving"}, ${sessions} ${sessions === 1 ? "session" : "sessions"}\n`;

const drainTo = (on: boolean, summary: string): Command => ({
  name: on ? "on" : "off",
  summary,
  async run(context) {
    printOne(context, await (await context.client()).ask<Draining>("PUT", "/v1/drain", { on }), shownDraining);
    return 0;
  },
});

export const drainObject: ObjectSpec = {
  name: "drain",
  abbreviation: "d",
  summary: "Take the daemon out of service without ending a session",
  commands: [
    {
      name: "show",
      summary: "Say whether it drains and how many sessions are left",
      async run(context) {
        printOne(context, await (await context.client()).ask<Draining>("GET", "/v1/drain"), shownDraining);
        return 0;
      },
    },
    drainTo(true, "Refuse new calls; the event `drained` follows when the last session has ended"),
    drainTo(false, "Serve new calls again"),
  ],
};

const shownStatus = (status: Status): string => {
  const { configuration, engine } = status;
  const service = status.draining ? "draining" : status.ready ? "ready" : "not ready";
  return sheet([
    ["daemon", `junctor ${status.version}, process ${status.pid}, up ${age(status.since, Date.now())}, ${service}`],
    ["tunnels", `${exact(status.tunnels)} of at most ${exact(engine.limits.tunnels)}`],
    ["sessions", `${exact(status.sessions)} of at most ${exact(engine.limits.sessions)}`],
    [
      "engine",
      `${engine.engine}, ${engine.workers} workers, segmentation offload ${engine.segmentation ? "on" : "off"}`,
    ],
    ["configuration", `${configuration.file}, read ${configuration.loaded}`],
    ...(configuration.error === null ? [] : [["last reload", `refused: ${configuration.error}`] as const]),
  ]);
};

export const statusObject: ObjectSpec = {
  name: "status",
  summary: "The daemon, its configuration and its counters",
  commands: [
    {
      name: "show",
      summary: "Say how the daemon is",
      async run(context) {
        printOne(context, await (await context.client()).ask<Status>("GET", "/v1/status"), shownStatus);
        return 0;
      },
    },
    {
      name: "counters",
      summary: "Show set-ups, tear-downs and drops by reason",
      async run(context) {
        const counts = await (await context.client()).ask<Record<string, number>>("GET", "/v1/statistics");
        printOne(context, counts, (all) => {
          const rows = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
          return rows.length === 0 ? "" : sheet(rows.map(([name, value]) => [name, exact(value)]));
        });
        return 0;
      },
    },
  ],
};
