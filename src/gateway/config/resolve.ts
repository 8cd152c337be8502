/** From a valid document to the configuration: secret files read, names given, what must fit together checked. */
import { availableParallelism, hostname } from "node:os";
import { resolve } from "node:path";
import { canonicalAddress, splitAddress } from "./address.js";
import { nearest } from "./problems.js";
import { checkDevices, resolvePrograms } from "./resolve-programs.js";
import { readSecret } from "./resolve-secret.js";
import { resolveAaa, resolvePools, resolveTerminate, resolveTun } from "./resolve-terminate.js";
import type { ConfigDocument } from "./schema.js";
import type {
  AccessConfig,
  Action,
  ApiAddress,
  Condition,
  Config,
  ForwardConfig,
  LnsConfig,
  MatchKey,
  Rule,
  SessionConfig,
  TunnelConfig,
} from "./types.js";

export type Path = readonly PropertyKey[];

export interface ResolveContext {
  readonly file: string;
  /** What relative paths in the document are relative to. */
  readonly directory: string;
  mistake(path: Path, message: string): void;
  warning(path: Path, message: string): void;
}

type RuleDocument = ConfigDocument["policy"][number];
type ForwardDocument = NonNullable<RuleDocument["forward"]>;
type TunnelKeys = Omit<ConfigDocument["access"][number]["l2tp"], "listen" | "peers" | "float">;

export function resolveConfig(document: ConfigDocument, context: ResolveContext): Config {
  const hostName = document["host-name"] ?? hostname();
  const limits = document.limits;
  const access = resolveAccess(document, hostName, context);
  const config: Config = {
    file: context.file,
    listen: resolveListen(document, context),
    log: document.log,
    hostName,
    workers: document.workers ?? Math.max(1, availableParallelism() - 1),
    limits: {
      tunnels: limits.tunnels,
      tunnelsPerPeer: limits["tunnels-per-peer"],
      halfOpen: limits["half-open"],
      halfOpenPerPeer: limits["half-open-per-peer"],
      setupTimeout: limits["setup-timeout"],
      callsPerTunnel: limits["calls-per-tunnel"],
    },
    heldFrames: limits["held-frames"],
    grace: document.drain.grace,
    access,
    policy: resolvePolicy(document, hostName, access, context),
    tun: resolveTun(document, context),
    pools: resolvePools(document),
    aaa: resolveAaa(document, hostName, context),
    programs: resolvePrograms(document, context),
  };
  checkDevices(config, context);
  return config;
}

function resolveListen(document: ConfigDocument, context: ResolveContext): Config["listen"] {
  const { api, metrics, "token-file": tokenFile } = document.listen;
  const token = readSecret(tokenFile, ["listen", "token-file"], context);
  const address = apiAddress(api, context.directory);
  if (address.kind === "tcp" && tokenFile === undefined) {
    context.mistake(["listen", "api"], `found ${api}, expected token-file beside it: the API on TCP needs a token`);
  }
  return { api: address, token, metrics: metrics === undefined ? undefined : splitAddress(metrics) };
}

function apiAddress(text: string, directory: string): ApiAddress {
  if (text.startsWith("unix:")) return { kind: "unix", path: resolve(directory, text.slice("unix:".length)) };
  const address = splitAddress(text);
  return { kind: "tcp", host: address?.host ?? "", port: address?.port ?? 0 };
}

function resolveAccess(document: ConfigDocument, hostName: string, context: ResolveContext): readonly AccessConfig[] {
  const names = new Set<string>();
  const addresses = new Set<string>();
  return document.access.map((entry, index) => {
    const path = ["access", index];
    const name = entry.name ?? `access${index + 1}`;
    const listen = canonical(entry.l2tp.listen);
    if (names.has(name)) context.mistake([...path, "name"], `found ${name} again, expected a name of its own`);
    if (addresses.has(listen) && !listen.endsWith(":0")) {
      context.mistake([...path, "l2tp", "listen"], `found ${listen} again, expected an address of its own`);
    }
    names.add(name);
    addresses.add(listen);
    return {
      name,
      kind: "l2tp",
      listen,
      peers: entry.l2tp.peers,
      tunnel: resolveTunnel(entry.l2tp, hostName, [...path, "l2tp"], context),
      session: resolveSession(entry.l2tp),
      float: entry.l2tp.float,
    };
  });
}

function resolveTunnel(keys: TunnelKeys, hostName: string, path: Path, context: ResolveContext): TunnelConfig {
  const secret = readSecret(keys["secret-file"], [...path, "secret-file"], context);
  if (keys["secret-file"] === undefined && keys.hidden) {
    context.mistake([...path, "hidden"], "found true, expected secret-file beside it: AVPs are hidden with the secret");
  }
  if (keys["secret-file"] === undefined && keys.challenge === true) {
    context.mistake([...path, "challenge"], "found true, expected secret-file beside it: a challenge needs the secret");
  }
  return {
    hostName: keys["host-name"] ?? hostName,
    secret,
    challenge: keys.challenge,
    hidden: keys.hidden,
    helloInterval: keys["hello-interval"],
    receiveWindow: keys["receive-window"],
    maxRetries: keys["max-retries"],
    retransmitTimeout: keys["retransmit-timeout"],
    retransmitCap: keys["retransmit-cap"],
  };
}

const resolveSession = (keys: TunnelKeys): SessionConfig => ({
  sequencing: keys.sequencing,
  reorderTimeout: keys["reorder-timeout"],
});

function resolvePolicy(
  document: ConfigDocument,
  hostName: string,
  access: readonly AccessConfig[],
  context: ResolveContext,
): readonly Rule[] {
  let catchAll: string | undefined;
  return document.policy.map((entry, index) => {
    const path = ["policy", index];
    const name = entry.name ?? `rule${index + 1}`;
    const { peer, ...patterns } = entry.match;
    const conditions = Object.entries(patterns).flatMap(([key, value]): Condition[] =>
      value === undefined ? [] : [{ key: key as MatchKey, patterns: [value].flat() }],
    );
    if (catchAll !== undefined)
      context.warning(path, `${name} is never reached: ${catchAll} before it matches every call`);
    else if (conditions.length === 0 && peer === undefined) catchAll = name;
    checkAccessNames(entry, access, path, context);
    return { name, conditions, peer, action: resolveAction(entry, document, hostName, path, context) };
  });
}

/** A pattern without wildcards that names no access entry never matches: a slip. */
function checkAccessNames(
  entry: RuleDocument,
  access: readonly AccessConfig[],
  path: Path,
  context: ResolveContext,
): void {
  const names = access.map((each) => each.name);
  for (const name of [entry.match.access ?? []].flat()) {
    if (/[*?[]/.test(name) || names.includes(name)) continue;
    const meant = nearest(name, names);
    const hint = meant === undefined ? `expected one of ${names.join(", ")}` : `did you mean ${meant}?`;
    context.mistake([...path, "match", "access"], `found ${name}, which is no access entry; ${hint}`);
  }
}

function resolveAction(
  entry: RuleDocument,
  document: ConfigDocument,
  hostName: string,
  path: Path,
  context: ResolveContext,
): Action {
  if (entry.forward) {
    return { type: "forward", forward: resolveForward(entry.forward, hostName, [...path, "forward"], context) };
  }
  if (entry.terminate) {
    const at = [...path, "terminate"];
    return { type: "terminate", terminate: resolveTerminate(entry.terminate, document, hostName, at, context) };
  }
  if (entry.reject) return { type: "reject", result: entry.reject };
  return { type: "accept" };
}

function resolveForward(keys: ForwardDocument, hostName: string, path: Path, context: ResolveContext): ForwardConfig {
  const tunnel = resolveTunnel(keys, hostName, path, context);
  const addresses = new Set<string>();
  const lns = keys.lns.map((entry, index): LnsConfig => {
    const { address, weight, priority, ...own } =
      typeof entry === "string" ? { address: entry, weight: 1, priority: 0 } : entry;
    const at = [...path, "lns", index];
    const spelled = canonical(address);
    if (addresses.has(spelled)) context.mistake(at, `found ${spelled} again, expected each LNS once: use weight`);
    addresses.add(spelled);
    const secret = readSecret(own["secret-file"], [...at, "secret-file"], context);
    return { address: spelled, weight, priority, tunnel: secret ? { ...tunnel, secret } : tunnel };
  });
  return {
    lns,
    balance: keys.balance,
    source: keys.source === undefined ? undefined : canonical(keys.source),
    maxSessionsPerTunnel: keys["max-sessions-per-tunnel"],
    timeout: keys.timeout,
    attemptTimeout: keys["attempt-timeout"],
    holdDown: keys["hold-down"],
    idleTimeout: keys["idle-timeout"],
    session: resolveSession(keys),
  };
}

const canonical = (address: string): string => canonicalAddress(address) ?? address;
