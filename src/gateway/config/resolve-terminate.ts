/** What ends here, resolved: pools of both forms, rates by profile, names that must exist. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import type { AuthProtocol } from "../../ppp/types.js";
import type { AaaConfig } from "../aaa/config.js";
import type { Rate, Rates } from "../aaa/types.js";
import type { PoolConfig } from "../addresses/types.js";
import { defaultBurst } from "../rates.js";
import { canonicalAddress, splitAddress } from "./address.js";
import { nearest } from "./problems.js";
import type { Path, ResolveContext } from "./resolve.js";
import { readSecret } from "./resolve-secret.js";
import type { ConfigDocument } from "./schema.js";
import type { TerminateConfig, TunConfig } from "./types.js";

type TerminateDocument = NonNullable<ConfigDocument["policy"][number]["terminate"]>;
type RateDocument = ConfigDocument["profiles"][string];

const authenticationPort = 1812;
const accountingPort = 1813;
const dynamicPort = 3799;

/** Names in the file by the names of the machines. */
const authProtocols: Readonly<Record<TerminateDocument["authentication"][number], AuthProtocol>> = {
  pap: "pap",
  chap: "chap-md5",
  mschap: "mschap",
  mschapv2: "mschapv2",
  eap: "eap",
};

const ofFamily = (addresses: readonly string[], family: 4 | 6): readonly string[] =>
  addresses.filter((address) => isIP(address.split(/[/-]/)[0] ?? "") === family);

const poolDefaults = { exclude: [], prefixLength: 64, delegatedLength: 56, quarantine: 0, sticky: true } as const;

/** Our own addresses are nobody else's. */
export function resolvePools({ pools, tun }: ConfigDocument): readonly PoolConfig[] {
  const ours = tun.address ?? [];
  return Object.entries(pools).map(([name, pool]) => {
    if (Array.isArray(pool)) return { ...poolDefaults, name, ranges: pool, exclude: ours };
    return {
      name,
      ranges: pool.ranges,
      exclude: [...pool.exclude, ...ours],
      prefixLength: pool["prefix-length"],
      delegatedLength: pool["delegated-length"],
      quarantine: pool.quarantine,
      sticky: pool.sticky,
    };
  });
}

export function resolveTun(document: ConfigDocument, context: ResolveContext): TunConfig {
  const { name, address = [], mtu, segmentation, virtual } = document.tun;
  for (const family of [4, 6] as const) {
    const [, second] = ofFamily(address, family);
    if (second !== undefined)
      context.mistake(["tun", "address"], `found ${second}, expected one address of each family`);
  }
  return { name, addresses: address, mtu, segmentation, virtual };
}

const rateOf = (bitsPerSecond: number | undefined, burst: number | undefined): Rate | undefined =>
  bitsPerSecond === undefined ? undefined : { bitsPerSecond, burst: burst ?? defaultBurst(bitsPerSecond) };

const ratesOf = (keys: RateDocument): Rates => ({
  up: rateOf(keys.up, keys["up-burst"]),
  down: rateOf(keys.down, keys["down-burst"]),
});

export function resolveTerminate(
  keys: TerminateDocument,
  document: ConfigDocument,
  hostName: string,
  path: Path,
  context: ResolveContext,
): TerminateConfig {
  const named = (key: "pool" | "ipv6-pool" | "delegated-pool"): readonly string[] | undefined => {
    for (const name of keys[key] ?? []) {
      if (name in document.pools) continue;
      const meant = nearest(name, Object.keys(document.pools));
      const hint = meant === undefined ? "expected a name in pools" : `did you mean ${meant}?`;
      context.mistake([...path, key], `found ${name}, which is no pool; ${hint}`);
    }
    return keys[key];
  };
  const pools = named("pool") ?? [];
  const having = (family: 4 | 6) =>
    pools.filter((name) => {
      const pool = document.pools[name];
      return pool !== undefined && ofFamily(Array.isArray(pool) ? pool : pool.ranges, family).length > 0;
    });
  const profile = keys.profile === undefined ? undefined : document.profiles[keys.profile];
  if (keys.profile !== undefined && profile === undefined) {
    context.mistake([...path, "profile"], `found ${keys.profile}, expected a name in profiles`);
  }
  const own = ratesOf(keys);
  const common = profile && ratesOf(profile);
  return {
    pools: {
      ipv4: having(4),
      link: named("ipv6-pool") ?? having(6),
      delegated: named("delegated-pool") ?? having(6),
    },
    dns: ofFamily(keys.dns, 4),
    ipv6Dns: ofFamily(keys.dns, 6),
    nbns: keys.nbns,
    authentication: keys.authentication.map((each) => authProtocols[each]),
    name: keys.name ?? hostName,
    proxyLcp: keys["proxy-lcp"],
    realm: keys.realm,
    duplicateLogin: keys["duplicate-login"],
    maxSessionsPerUser: keys["max-sessions-per-user"] ?? Number.POSITIVE_INFINITY,
    sessionTimeout: keys["session-timeout"],
    idleTimeout: keys["idle-timeout"],
    authenticationTimeout: keys["authentication-timeout"],
    rates: { up: own.up ?? common?.up, down: own.down ?? common?.down },
    mru: keys.mru,
    mssClamp: keys["mss-clamp"],
    sourceCheck: keys["source-check"],
    multilink: keys.multilink,
    maxLinks: keys["max-links"],
    routes: keys.routes,
    echoInterval: keys["echo-interval"],
    echoFailures: keys["echo-failures"],
    ownDevice: keys["own-device"],
    mpls: keys.mpls,
  };
}

export function resolveAaa(document: ConfigDocument, hostName: string, context: ResolveContext): AaaConfig {
  const { aaa, profiles } = document;
  const radius = aaa.radius.flatMap((entry, index) => {
    const secret = readSecret(entry["secret-file"], ["aaa", "radius", index, "secret-file"], context);
    const host = splitAddress(entry.server, authenticationPort)?.host ?? "";
    const accountingAt =
      typeof entry.accounting === "string" ? entry.accounting : entry.accounting ? bracketed(host) : undefined;
    const authentication = entry.authentication ? canonicalAddress(entry.server, authenticationPort) : undefined;
    return secret === undefined
      ? []
      : [
          {
            name: entry.server,
            authentication,
            accounting: accountingAt === undefined ? undefined : canonicalAddress(accountingAt, accountingPort),
            secret,
            timeout: entry.timeout,
            tries: entry.tries,
            deadTime: entry["dead-time"],
            requireMessageAuthenticator: entry["require-message-authenticator"],
            statusServer: entry["status-server"],
          },
        ];
  });
  const clients = aaa.dynamic?.clients.flatMap((client, index) => {
    const secret = readSecret(client["secret-file"], ["aaa", "dynamic", "clients", index, "secret-file"], context);
    return secret === undefined ? [] : [{ address: client.address, secret }];
  });
  const local = aaa.local === undefined ? undefined : readUsers(aaa.local, context);
  return {
    radius,
    dynamic:
      aaa.dynamic && clients
        ? { listen: canonicalAddress(aaa.dynamic.listen, dynamicPort) ?? aaa.dynamic.listen, clients }
        : undefined,
    local,
    fallback: aaa.fallback,
    serverName: hostName,
    nasIdentifier: aaa["nas-identifier"] ?? hostName,
    nasAddress: aaa["nas-address"],
    interimInterval: aaa["interim-interval"],
    accounting: aaa.accounting,
    store: aaa.store === undefined ? undefined : resolve(context.directory, aaa.store),
    filters: Object.fromEntries(Object.entries(profiles).map(([name, keys]) => [name, ratesOf(keys)])),
  };
}

const bracketed = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host);

function readUsers(file: string, context: ResolveContext): AaaConfig["local"] {
  const where = resolve(context.directory, file);
  try {
    return { file: where, text: readFileSync(where, "utf8") };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    context.mistake(["aaa", "local"], `found no readable file of users: ${reason}`);
    return undefined;
  }
}
