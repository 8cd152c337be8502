/** Debian's l2tpns as LNS: PAP by RADIUS, accounting, a route for each session. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { radiusSecret } from "./radius.js";
import { fail } from "./report.js";
import { addresses, type Child, type Spaces, subscribers } from "./spaces.js";

const configuration = (home: string): string => `set debug 1
set hostname "lns"
set pid_file "${join(home, "pid")}"
set bind_address ${addresses.lns}
set peer_address ${addresses.lns}
set primary_radius ${addresses.radius}
set radius_accounting yes
set radius_secret "${radiusSecret}"
set radius_authtypes "pap"
set allow_duplicate_users yes
set cli_bind_address 127.0.0.1
set cluster_interface "west"
set cluster_hb_timeout 31
`;

/** Starts it; it serves about three seconds later, when this resolves. */
export async function startL2tpns(spaces: Spaces, core: number, pool = subscribers): Promise<Child> {
  if (spawnSync("l2tpns", ["-?"]).error !== undefined) fail("needs l2tpns, to compare with: apt-get install l2tpns");
  const home = mkdtempSync(join(tmpdir(), "bench-l2tpns-"));
  process.on("exit", () => rmSync(home, { recursive: true, force: true }));
  const [etc, run] = [join(home, "etc"), join(home, "run")];
  for (const folder of [etc, run]) mkdirSync(folder);
  writeFileSync(join(etc, "ip_pool"), `${pool}\n`);
  writeFileSync(join(etc, "users"), "");
  writeFileSync(join(etc, "startup-config"), configuration(home));
  const binds = [
    [etc, "/etc/l2tpns"],
    [run, "/run"],
  ] as const;
  // Its log goes to stderr, which nobody is to see while all is well.
  const quiet = ["sh", "-c", 'exec "$@" 2>&1', "sh", "l2tpns"];
  const child = spaces.spawn("lns", core, quiet, { binds });
  let log = "";
  await new Promise<void>((resolve) => {
    const patience = setTimeout(() => fail(`l2tpns does not serve within 20 seconds:\n${log}`), 20_000);
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      if (log.length < 20_000) log += text;
      if (!/I am declaring myself the master/i.test(log)) return;
      clearTimeout(patience);
      resolve();
    });
    child.once("exit", (status) => fail(`l2tpns ended with status ${status}:\n${log}`));
  });
  return child;
}
