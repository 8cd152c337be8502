import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "./netns.js";
import type { Running } from "./process.js";
import { temporaryDirectory, type Undo } from "./undo.js";

export interface L2tpns {
  readonly process: Running;
  /** Runs a command of its own CLI (telnet on the namespace's loopback) and gives what it printed. */
  cli(command: string): Promise<string>;
  /** Ids of the sessions and tunnels that are in use. */
  sessions(): Promise<readonly number[]>;
  tunnels(): Promise<readonly number[]>;
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

  const cli = (command: string) =>
    space.run(["sh", "-c", `printf '%s\\r\\nexit\\r\\n' "$0" | busybox nc 127.0.0.1 ${cliPort}`, command], {
      timeout: 5000,
    });
  const idsOf = (text: string) => [...text.matchAll(/^\s*(\d+)\s/gm)].map(([, id]) => Number(id));
  return {
    process: daemon,
    cli,
    sessions: async () => idsOf(await cli("show session")),
    tunnels: async () => idsOf(await cli("show tunnels")),
  };
}
