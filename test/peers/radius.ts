import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "./netns.js";
import type { Running } from "./process.js";
import { temporaryDirectory, type Undo } from "./undo.js";

export interface RadiusUser {
  readonly name: string;
  readonly password: string;
}

/** Starts freeradius with PAP for `users`, serving clients of `address` that know `secret`. */
export async function startRadius(
  undo: Undo,
  space: Namespace,
  { address, secret, users }: { address: string; secret: string; users: readonly RadiusUser[] },
): Promise<Running> {
  const home = temporaryDirectory(undo, "radius");
  for (const directory of ["log", "run"]) mkdirSync(join(home, directory));
  writeFileSync(
    join(home, "users"),
    users.map(({ name, password }) => `"${name}" Cleartext-Password := "${password}"\n\n`).join(""),
  );
  writeFileSync(
    join(home, "radiusd.conf"),
    `prefix = /usr
logdir = ${home}/log
run_dir = ${home}/run
libdir = /usr/lib/freeradius
pidfile = ${home}/run/pid
max_requests = 16384
security { allow_core_dumps = no }
client all { ipaddr = ${address}/32
  secret = ${secret}
}
thread pool {
}
modules {
  always ok {
    rcode = ok
  }
  pap {
  }
  files { filename = ${home}/users }
}
server default {
  listen { type = auth
    ipaddr = ${address}
    port = 1812
  }
  listen { type = acct
    ipaddr = ${address}
    port = 1813
  }
  authorize { files
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
  }
  preacct {
  }
  accounting {
    ok
  }
}
`,
  );
  const daemon = space.start(["freeradius", "-d", home, "-D", "/usr/share/freeradius", "-n", "radiusd", "-X"]);
  undo.defer(async () => void (await daemon.stop()));
  await daemon.waitFor(/Ready to process requests/);
  return daemon;
}
