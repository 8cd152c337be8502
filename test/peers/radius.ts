import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "./netns.js";
import type { Running } from "./process.js";
import { temporaryDirectory, type Undo } from "./undo.js";

export interface RadiusUser {
  readonly name: string;
  readonly password: string;
  /** Whatever he knows, he is turned away; `reply` is then of the Access-Reject. */
  readonly blocked?: boolean;
  /** Attributes of the Access-Accept as freeradius' users file has them, `NAME = VALUE`. */
  readonly reply?: readonly string[];
}

export interface Freeradius {
  readonly running: Running;
  /** The records that it has written of accounting: NAME → VALUE, without quotes. */
  records(): readonly Readonly<Record<string, string>>[];
}

export interface FreeradiusOptions {
  readonly address: string;
  /** Whom it serves; by default those that speak from its own address. */
  readonly client?: string;
  readonly secret: string;
  readonly users: readonly RadiusUser[];
  /** It answers Status-Server, as Debian's configuration has it. */
  readonly status?: boolean;
  /** Its answers have Message-Authenticator; false: only those to EAP, as its version does unless it is told to. */
  readonly signs?: boolean;
}

/**
 * Starts freeradius for `users` by PAP, CHAP, MS-CHAP and EAP (MD5, MSCHAPv2), serving those of `client` that know `secret`.
 */
export async function startRadius(
  undo: Undo,
  space: Namespace,
  { address, client = address, secret, users, status = true, signs = true }: FreeradiusOptions,
): Promise<Freeradius> {
  const home = temporaryDirectory(undo, "radius");
  for (const directory of ["log", "run"]) mkdirSync(join(home, directory));
  writeFileSync(join(home, "users"), users.map(userEntry).join("\n"));
  writeFileSync(join(home, "radiusd.conf"), configuration(home, address, client, secret, status, signs));
  const running = space.start(["freeradius", "-d", home, "-D", "/usr/share/freeradius", "-n", "radiusd", "-X"]);
  undo.defer(async () => void (await running.stop()));
  await running.waitFor(/Ready to process requests/);
  return { running, records: () => readDetail(join(home, "log", "detail")) };
}

const userEntry = ({ name, password, blocked, reply = [] }: RadiusUser): string =>
  `"${name}" ${blocked ? "Auth-Type := Reject" : `Cleartext-Password := "${password}"`}\n${reply.map((line) => `\t${line}`).join(",\n")}\n`;

/** Records are separated by an empty line; the first line of each is the time, the others are indented. */
function readDetail(file: string): readonly Readonly<Record<string, string>>[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return text
    .split(/\n\n/)
    .filter((record) => record.trim() !== "")
    .map((record) =>
      Object.fromEntries(
        [...record.matchAll(/^\t(\S+) = "?(.*?)"?$/gm)].map(([, name = "", value = ""]) => [name, value]),
      ),
    );
}

/** Debian 12's version signs its answers to EAP alone unless it is told to. */
const signing = `  post-auth {
    update reply {
      &Message-Authenticator := 0x00
    }
    Post-Auth-Type REJECT {
      update reply {
        &Message-Authenticator := 0x00
      }
    }
  }`;

const configuration = (
  home: string,
  address: string,
  client: string,
  secret: string,
  status: boolean,
  signs: boolean,
): string => `prefix = /usr
logdir = ${home}/log
run_dir = ${home}/run
libdir = /usr/lib/freeradius
pidfile = ${home}/run/pid
max_requests = 16384
security {
  allow_core_dumps = no
  reject_delay = 0
  status_server = ${status ? "yes" : "no"}
}
client all { ipaddr = ${client}/32
  secret = "${secret}"
}
thread pool {
}
modules {
  always ok {
    rcode = ok
  }
  pap {
  }
  chap {
  }
  mschap {
    use_mppe = no
  }
  eap {
    default_eap_type = md5
    md5 {
    }
    mschapv2 {
    }
  }
  detail { filename = ${home}/log/detail
    permissions = 0600
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
  authorize {
    chap
    mschap
    files
    eap
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type CHAP {
      chap
    }
    Auth-Type MS-CHAP {
      mschap
    }
    eap
  }
${signs ? signing : ""}
  preacct {
  }
  accounting {
    detail
    ok
  }
}
`;
