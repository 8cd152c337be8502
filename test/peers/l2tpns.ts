import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "./netns.js";
import type { Running } from "./process.js";
import { temporaryDirectory, type Undo } from "./undo.js";

export interface L2tpns {
  readonly process: Running;
  /** Runs a privileged command of its own CLI and gives what it printed: `drop session ID`, `show tunnels` … */
  cli(command: string): Promise<string>;
  /** Ids of the sessions that have an address: it lists one that has ended for some seconds more, without. */
  sessions(): Promise<readonly number[]>;
  tunnels(): Promise<readonly { id: number; sessions: number }[]>;
}

const cliPort = 23;

/**
 * Starts l2tpns as an LNS that authenticates by PAP against the RADIUS server at `radius.address` (in the same
 * namespace), gives addresses out of `pool`, and serves about three seconds later, when this resolves.
 */
export async function startL2tpns(
  undo: Undo,
  space: Namespace,
  {
    listen,
    link,
    secret,
    pool,
    radius,
  }: { listen: string; link: string; secret: string; pool: string; radius: { address: string; secret: string } },
): Promise<L2tpns> {
  const home = temporaryDirectory(undo, "l2tpns");
  const configuration = join(home, "etc");
  const state = join(home, "run");
  mkdirSync(configuration);
  mkdirSync(state);
  writeFileSync(join(configuration, "ip_pool"), `${pool}\n`);
  writeFileSync(join(configuration, "users"), "");
  writeFileSync(
    join(configuration, "startup-config"),
    `set debug 1
set hostname "lns"
set pid_file "${join(home, "pid")}"
set l2tp_secret "${secret}"
set bind_address ${listen}
set peer_address ${listen}
set primary_radius ${radius.address}
set radius_secret "${radius.secret}"
set radius_authtypes "pap"
set allow_duplicate_users yes
set cli_bind_address 127.0.0.1
set cluster_interface "${link}"
set cluster_hb_timeout 31
load plugin "sessionctl"
`,
  );
  const daemon = space.start(["l2tpns"], {
    binds: [
      [configuration, "/etc/l2tpns"],
      [state, "/run"],
    ],
  });
  undo.defer(async () => void (await daemon.stop("SIGTERM", 3000)));
  await daemon.waitFor(/I am declaring myself the master/i, { timeout: 20_000 });

  // One connection for all commands: one that says exit at once may be reset before its output has been read.
  const terminal = space.start(["busybox", "nc", "127.0.0.1", String(cliPort)]);
  undo.defer(async () => void (await terminal.stop()));
  await terminal.waitFor(/lns> $/);
  let last: Promise<unknown> = Promise.resolve();
  const execute = async (command: string) => {
    const since = terminal.mark();
    terminal.child.stdin?.write(`${command}\r\n`);
    const [output] = await terminal.waitFor(/^.*\nlns[>#] $/s, { since, timeout: 5000 });
    return output;
  };
  const cli = (command: string) => {
    const turn = last.then(() => execute(command));
    last = turn.catch(() => {});
    return turn;
  };
  await cli("enable"); // drop is refused without
  return {
    process: daemon,
    cli,
    sessions: async () =>
      [...(await cli("show session")).matchAll(/^\s+(\d+)\s+\d+\s+\d+\s+\S+\s+(\d\S+)/gm)].flatMap(([, id, address]) =>
        address === "0.0.0.0" ? [] : [Number(id)],
      ),
    tunnels: async () =>
      [...(await cli("show tunnels")).matchAll(/^\s+(\d+)\s+\S+\s+[\d.]+\s+\S+\s+(\d+)/gm)].map(([, id, sessions]) => ({
        id: Number(id),
        sessions: Number(sessions),
      })),
  };
}
