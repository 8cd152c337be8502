import { expect } from "vitest";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { type L2tpns, startL2tpns } from "../peers/l2tpns.js";
import { createNamespace, link } from "../peers/netns.js";
import { eventually } from "../peers/process.js";
import { startRadius } from "../peers/radius.js";
import { type Capture, capture } from "../peers/tshark.js";
import type { Undo } from "../peers/undo.js";
import { startXl2tpd, type Xl2tpd } from "../peers/xl2tpd.js";

/** What has to be installed for `createTopology`. */
export const topologyPrograms = ["xl2tpd", "l2tpns", "freeradius", "tcpdump", "tshark", "busybox"];

/**
 * xl2tpd, the switch and l2tpns in namespaces of their own:
 *
 *    lac 10.1.0.2 ── west 10.1.0.1  switch  10.2.0.1 east ── 10.2.0.2 lns
 *
 * with a tunnel secret on each side, in the files west.secret and east.secret of the switch's configuration. The
 * subscriber logs in by PAP as alice and pings 10.2.0.2 through the link.
 */
export interface Topology {
  readonly lns: L2tpns;
  readonly junctor: Junctor;
  readonly west: Capture;
  readonly east: Capture;
  /** Starts the LAC; once at a time. */
  startLac(): Promise<Xl2tpd>;
}

export interface TopologyOptions {
  /** The switch's configuration but `listen`. */
  readonly config: string;
  /** LAC sections: `c NAME` calls the switch as host lac-NAME, unless told another host name or more. */
  readonly sections: Readonly<Record<string, string>>;
  /** Lines of l2tp-secrets that come before the one for all. */
  readonly lacSecrets?: string;
}

export async function createTopology(
  undo: Undo,
  { config, sections, lacSecrets = "" }: TopologyOptions,
): Promise<Topology> {
  const lacSpace = await createNamespace(undo, "lac");
  const space = await createNamespace(undo, "switch");
  const lnsSpace = await createNamespace(undo, "lns");
  await link(
    { space: lacSpace, name: "eth0", addresses: ["10.1.0.2/24"] },
    { space, name: "west", addresses: ["10.1.0.1/24"] },
  );
  await link(
    { space: lnsSpace, name: "eth0", addresses: ["10.2.0.2/24"] },
    { space, name: "east", addresses: ["10.2.0.1/24"] },
  );
  const west = await capture(undo, space, "west");
  const east = await capture(undo, space, "east");
  await startRadius(undo, lnsSpace, {
    address: "127.0.0.1",
    secret: "radius-secret",
    users: [{ name: "alice", password: "wonderland" }],
  });
  const lns = await startL2tpns(undo, lnsSpace, {
    listen: "10.2.0.2",
    link: "eth0",
    secret: "secret-of-the-east",
    pool: "10.9.0.0/24",
    radius: { address: "127.0.0.1", secret: "radius-secret" },
  });
  const junctor = await startJunctor(undo, space, {
    config,
    secrets: { "west.secret": "secret-of-the-west", "east.secret": "secret-of-the-east" },
  });
  const section = ([name, more]: [string, string]) =>
    `[lac ${name}]\nlns = 10.1.0.1\nhostname = lac-${name}\nchallenge = yes\nhidden bit = yes\nname = alice\n${more}\n`;
  const startLac = () =>
    startXl2tpd(undo, lacSpace, {
      listen: "10.1.0.2",
      secrets: `${lacSecrets}* * secret-of-the-west\n`,
      subscriber: { user: "alice", password: "wonderland", ping: "10.2.0.2" },
      config: Object.entries(sections).map(section).join("\n"),
    });
  return { lns, junctor, west, east, startLac };
}

/** Connects by a LAC section; resolves when echoes of every size have come back through the new link unaltered. */
export async function connect({ junctor }: Topology, lac: Xl2tpd, section: string): Promise<void> {
  const since = lac.ppp().length;
  await lac.control(`c ${section}`);
  const pinged = /ipcp up 10\.9\.0\.\d+ 10\.2\.0\.2.*echo reply 9 from 10\.2\.0\.2 intact/s;
  await lac.pppReports(pinged, { since }).catch((error) => {
    throw new Error(`${error}\njunctor:\n${junctor.process.output().slice(-8000)}`);
  });
  expect(lac.ppp()).not.toContain("altered");
}

/** Resolves when the switch has no session, or `count`. */
export const switchHas = ({ junctor }: Topology, count = 0) =>
  eventually(`the switch has ${count} sessions`, async () =>
    (await junctor.sessions()).length === count ? true : undefined,
  );

/** Resolves when l2tpns has no session, neither by its own list nor by its tunnels' counts. */
export const lnsIdle = ({ lns }: Topology) =>
  eventually("l2tpns has no session", async () => {
    const tunnels = await lns.tunnels();
    const left = (await lns.sessions()).length + tunnels.reduce((sum, { sessions }) => sum + sessions, 0);
    return left === 0 ? true : undefined;
  });

/** What xl2tpd and l2tpns say of a message that they cannot make sense of. */
export function expectUnderstood({ lns }: Topology, lac: Xl2tpd): void {
  expect(lac.process.output()).not.toMatch(/bad packet|bad AVP|Bad exit status|incorrect size|unknown AVP|Decrypted/i);
  expect(lns.process.output()).not.toMatch(/unknown|invalid|malformed|bad /i);
}
