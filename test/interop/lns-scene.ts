/**
 * Junctor as an LNS with freeradius, each in a namespace of its own:
 *
 *   subscribers, LAC ── 10.1.0.0/24 ── Junctor ── 10.9.0.0/24 ── freeradius (two of them), radclient
 *                                         └────── 10.2.0.0/24 ── another LNS
 */
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { type Lac, startLac } from "../peers/lac.js";
import { createNamespace, link, type Namespace } from "../peers/netns.js";
import { eventually, type Running } from "../peers/process.js";
import { type Freeradius, type RadiusUser, startRadius } from "../peers/radius.js";
import { temporaryDirectory, type Undo } from "../peers/undo.js";

export const addresses = {
  lns: "10.1.0.1",
  lac: "10.1.0.2",
  /** Towards the servers. */
  nas: "10.9.0.1",
  first: "10.9.0.2",
  second: "10.9.0.3",
  /** Of the other LNS. */
  onward: "10.2.0.2",
  /** What subscribers see. */
  inside: "10.64.0.1",
  inside6: "2001:db8:ff::1",
} as const;

const secrets = {
  radius: "a secret of freeradius",
  dynamic: "a secret of radclient",
  local: "larry * local *",
} as const;

/** Milliseconds; so short that tests need not wait long. */
export const timeout = 500;
export const deadTime = 1500;

const server = (address: string): string =>
  `{ server: ${address}, secret-file: radius, timeout: ${timeout}ms, tries: 2, dead-time: ${deadTime}ms }`;

const configuration = (store: string): string => `
log: { level: debug }
host-name: junctor
access: [{ l2tp: { listen: "${addresses.lns}:1701" } }]
policy:
  - { match: { called-number: pap }, terminate: { pool: main, authentication: [pap] } }
  - { match: { called-number: chap }, terminate: { pool: main, authentication: [chap] } }
  - { match: { called-number: mschapv2 }, terminate: { pool: main, authentication: [mschapv2] } }
  - { match: { called-number: eap }, terminate: { pool: main, authentication: [eap] } }
  - { match: { called-number: realm }, terminate: { pool: main, authentication: [chap], realm: strip } }
  - { match: { called-number: once }, terminate: { pool: main, duplicate-login: reject } }
  - { match: { called-number: newest }, terminate: { pool: main, duplicate-login: replace } }
  - { match: { called-number: twice }, terminate: { pool: main, max-sessions-per-user: 2 } }
  - { terminate: { pool: main, dns: [192.0.2.53] } }
tun: { name: jct0, address: [${addresses.inside}, "${addresses.inside6}"] }
pools: { main: [10.64.1.0/24, "2001:db8:1000::/40"], special: [10.65.0.0/24] }
profiles: { slow: { up: 1M, down: 2M }, brisk: { up: 3M, down: 6M } }
aaa:
  radius: [${server(addresses.first)}, ${server(addresses.second)}]
  dynamic: { listen: "${addresses.nas}:3799", clients: [{ address: 10.9.0.0/24, secret-file: dynamic }] }
  local: local
  fallback: local
  nas-address: ${addresses.nas}
  store: ${store}
`;

export interface Down {
  readonly user: string;
  readonly cause: string;
  readonly usage: {
    readonly inBytes: number;
    readonly outBytes: number;
    readonly inPackets: number;
    readonly outPackets: number;
  };
}

export interface SubscriberRow {
  readonly userName: string;
  readonly unit: number;
  readonly accountingSession: string;
  readonly address: string | null;
  readonly up: { readonly bitsPerSecond: number } | null;
  readonly down: { readonly bitsPerSecond: number } | null;
  readonly filters: readonly string[];
  readonly usage: Down["usage"];
}

interface UnitRow {
  readonly session: string;
  readonly userName: string;
  readonly address: string;
}

export type Record = Freeradius["records"] extends () => readonly (infer R)[] ? R : never;

export interface Scene {
  readonly spaces: { readonly lac: Namespace; readonly lns: Namespace; readonly radius: Namespace };
  readonly junctor: Junctor;
  readonly lac: Lac;
  startServer(which: "first" | "second"): Promise<Freeradius>;
  /** Accounting records of all servers there were, in the order of their arrival at each. */
  records(): readonly Record[];
  /** Those of a session, once there is a Stop. */
  accounted(session: string): Promise<readonly Record[]>;
  /** What the API shows of a user's session; of the one with this address, if he has several. */
  subscriber(user: string, address?: string): Promise<SubscriberRow>;
  /** The last event that says that a user is gone. */
  down(user: string): Promise<Down>;
  /** What radclient prints of the answer. */
  radclient(kind: "coa" | "disconnect", attributes: string): Promise<string>;
  /** Kills the daemon without warning, and starts another with its store and a new LAC. */
  crash(meanwhile: () => Promise<void>): Promise<void>;
}

export async function createScene(undo: Undo, users: readonly RadiusUser[]): Promise<Scene> {
  const lacSpace = await createNamespace(undo, "lac");
  const lns = await createNamespace(undo, "lns");
  const radius = await createNamespace(undo, "radius");
  await link(
    { space: lacSpace, name: "lns", addresses: [`${addresses.lac}/24`] },
    { space: lns, name: "lac", addresses: [`${addresses.lns}/24`] },
  );
  await link(
    { space: radius, name: "lns", addresses: [`${addresses.first}/24`, `${addresses.second}/24`] },
    { space: lns, name: "radius", addresses: [`${addresses.nas}/24`] },
  );
  const store = temporaryDirectory(undo, "store");
  const servers: Freeradius[] = [];
  let junctor: Junctor;
  let lac: Lac;
  let events: Running;
  let port = 1701;

  const begin = async (): Promise<void> => {
    junctor = await startJunctor(undo, lns, { config: configuration(store), secrets });
    events = junctor.follow("-j", "monitor", "type", "subscriber-down");
    lac = startLac(undo, lacSpace, { local: `${addresses.lac}:${port++}`, lns: `${addresses.lns}:1701` });
  };
  const startServer = async (which: "first" | "second"): Promise<Freeradius> => {
    const options = { address: addresses[which], client: addresses.nas, secret: secrets.radius, users };
    const started = await startRadius(undo, radius, options);
    servers.push(started);
    return started;
  };
  const records = (): readonly Record[] => servers.flatMap((each) => each.records());

  await begin();
  return {
    spaces: { lac: lacSpace, lns, radius },
    get junctor() {
      return junctor;
    },
    get lac() {
      return lac;
    },
    startServer,
    records,
    accounted: (session) =>
      eventually(`a Stop of ${session}`, () => {
        const found = records().filter((record) => record["Acct-Session-Id"] === session);
        return found.some((record) => record["Acct-Status-Type"] === "Stop") ? found : undefined;
      }),
    subscriber: (user, address) =>
      eventually(`${user} is up`, async () => {
        const { units } = await junctor.get<{ units: UnitRow[] }>("/v1/units");
        const unit = units.find((each) => each.userName === user && (address ?? each.address) === each.address);
        if (!unit) return undefined;
        const path = `/v1/sessions/${encodeURIComponent(unit.session)}/ppp`;
        return (await junctor.get<{ subscriber: SubscriberRow | null }>(path)).subscriber ?? undefined;
      }),
    down: (user) =>
      eventually(`${user} is down`, () =>
        events
          .output()
          .split("\n")
          .filter((line) => line.startsWith("{") && line.endsWith("}"))
          .map((line) => JSON.parse(line) as Down)
          .findLast((event) => event.user === user),
      ),
    radclient: (kind, attributes) =>
      radius.run([
        "sh",
        "-c",
        'echo "$1" | radclient -x -r 1 -t 2 "$2" "$3" "$4" 2>&1 || true',
        "sh",
        attributes,
        `${addresses.nas}:3799`,
        kind,
        secrets.dynamic,
      ]),
    async crash(meanwhile) {
      await junctor.process.stop("SIGKILL");
      await meanwhile();
      await begin();
    },
  };
}
