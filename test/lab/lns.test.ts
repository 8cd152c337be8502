/** The lab: pppd and the kernel's PPP and L2TP dial in to Junctor as their LNS. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { createNamespace, type Namespace } from "../peers/netns.js";
import { eventually } from "../peers/process.js";
import { requires } from "../peers/requires.js";
import { undoStack } from "../peers/undo.js";
import { type End, startEnd } from "./end.js";
import { bootGuest, type Guest, guestPrograms } from "./guest.js";

const title = "the lab: pppd dials in to Junctor";
const { reason } = requires(title, [...guestPrograms, "xl2tpd", "pppd"]);

const callerAddress = "10.1.0.2";
/** Two addresses, so that two tunnels can be had from one xl2tpd. */
const lns = ["10.1.0.1", "10.1.0.3"] as const;
const inside = { ipv4: "10.64.0.1", ipv6: "2001:db8:ff::1" };

const config = `
log: { level: debug }
host-name: junctor
access:
${lns.map((address) => `  - l2tp: { listen: "${address}:1701" }`).join("\n")}
policy:
  - terminate:
      pool: main
      authentication: [eap, mschapv2, chap, pap]
      dns: [192.0.2.53]
      multilink: true
tun: { name: jct0, address: [${inside.ipv4}, "${inside.ipv6}"] }
pools: { main: [10.64.1.0/24, "2001:db8:1000::/40"] }
aaa: { local: users }
`;

/** What pppd refuses to authenticate by, so that one method is left. */
const methods = {
  pap: "refuse-chap refuse-mschap refuse-mschap-v2 refuse-eap",
  "chap-md5": "refuse-pap refuse-mschap refuse-mschap-v2 refuse-eap",
  mschapv2: "refuse-pap refuse-chap refuse-mschap refuse-eap",
  eap: "refuse-pap refuse-chap refuse-mschap refuse-mschap-v2",
} as const;
const links = ["one", "two"] as const;

const common = `noauth
name alice
mtu 1400
mru 1400
+ipv6
logfile /run/caller/ppp.log
debug
nodefaultroute
lcp-echo-interval 5
lcp-restart 1
lcp-max-terminate 2
usepeerdns`;

interface PppAnswer {
  readonly subscriber: {
    readonly address: string;
    readonly prefix: string;
    readonly links: readonly string[];
  } | null;
}

describe.skipIf(reason !== undefined)(title, { timeout: 120_000 }, () => {
  const undo = undoStack();
  let space: Namespace;
  let guest: Guest;
  let caller: End;
  let junctor: Junctor;

  beforeAll(async () => {
    space = await createNamespace(undo, "lns");
    guest = await bootGuest(undo, space, { taps: ["west"], modules: ["virtio_net", "l2tp_ppp"] });
    for (const address of lns) await space.run(["ip", "address", "add", `${address}/24`, "dev", "west"]);
    const options = (name: string, more: string) =>
      guest.file(`options-${name}`, `${common}\n${more}\nlinkname ${name}\n`);
    const section = (name: string, address: string, more: string) =>
      `[lac ${name}]\nlns = ${address}\nname = alice\nlength bit = yes\npppoptfile = ${options(name, more)}\n`;
    const sections = [
      ...Object.entries(methods).map(([name, refused]) => section(name, lns[0], refused.replaceAll(" ", "\n"))),
      ...links.map((name, index) => section(name, lns[index]!, "multilink\nendpoint local:01.02.03.04")),
    ];
    caller = await startEnd(guest, {
      role: "caller",
      device: "eth0",
      address: `${callerAddress}/24`,
      gateway: lns[0],
      tunnelSecrets: "",
      config: sections.join("\n"),
      pppOptions: "",
      pppSecret: "alice * wonderland *",
    });
    await guest.run("mkdir -p /run/pppd");
    junctor = await startJunctor(undo, space, { config, secrets: { users: "alice * wonderland *" } });
  }, 120_000);
  afterAll(() => undo.run());

  // What a test that failed has left is not the next one's trouble.
  afterEach(async () => {
    if (junctor.process.ended() || (await junctor.sessions()).length === 0) return;
    for (const name of [...Object.keys(methods), ...links]) await caller.control(`d ${name}`);
    await nothingLeft();
  });

  /** The caller's PPP interface, in a shell. */
  const device = `$(ip -br address | awk '/peer ${inside.ipv4.replaceAll(".", "\\.")}/ { print $1; exit }')`;

  async function up(): Promise<void> {
    await caller
      .run(`for i in $(seq 150); do test -n "${device}" && exit 0; sleep 0.1; done; exit 1`)
      .catch(async (error) => {
        throw new Error(`${error}\ncaller:\n${await caller.log()}\njunctor:\n${junctor.process.output().slice(-6000)}`);
      });
  }

  async function dial(name: string): Promise<void> {
    await caller.control(`c ${name}`);
    await up();
  }

  /** Nothing of a call is left, in the daemon, the caller and its kernel. */
  async function nothingLeft(): Promise<void> {
    await eventually("no session is left", async () => ((await junctor.sessions()).length === 0 ? true : undefined));
    expect(await junctor.get("/v1/units")).toMatchObject({ units: [] });
    const { pools } = await junctor.get<{ pools: { used: number }[] }>("/v1/pools");
    expect(pools.map(({ used }) => used)).toEqual(pools.map(() => 0));
    // A pppd whose tunnel is gone asks in vain for some seconds, and keeps its interface until then.
    await guest.run("for i in $(seq 150); do pidof pppd > /dev/null || exit 0; sleep 0.1; done; exit 1");
  }

  async function hangUp(name: string): Promise<void> {
    await caller.control(`d ${name}`);
    await nothingLeft();
    await caller.idle();
  }

  /** Of a session that is somebody's already. */
  const pppOf = () =>
    eventually("there is a subscriber", async () => {
      for (const { session } of await junctor.sessions()) {
        const { subscriber } = await junctor.get<PppAnswer>(`/v1/sessions/${encodeURIComponent(session)}/ppp`);
        if (subscriber !== null) return { subscriber };
      }
      return undefined;
    });

  it.each(Object.keys(methods))("by %s: addresses of both families, pings, and nothing left", async (name) => {
    await dial(name);
    const { subscriber } = await pppOf();
    expect(subscriber.address).toMatch(/^10\.64\.1\./);
    expect(await caller.run(`ping -c 5 -i 0.1 -W 2 -s 1300 ${inside.ipv4}`)).toContain(" 0% packet loss");
    // A router advertisement gives it an address of its own in the prefix that is its.
    const prefix = subscriber.prefix.replace(/::\/64$/, ":");
    await caller.run(
      `for i in $(seq 100); do ip -6 -br address | grep -q '${prefix}' && exit 0; sleep 0.1; done; ip -6 address; exit 1`,
    );
    await caller.run(`ip -6 route replace ${inside.ipv6} dev ${device}`);
    expect(await caller.run(`ping -6 -c 5 -i 0.2 -W 2 -s 1200 ${inside.ipv6}`)).toContain(" 0% packet loss");
    expect(await space.run(["ping", "-c", "3", "-i", "0.2", "-W", "2", subscriber.address])).toContain(
      " 0% packet loss",
    );
    await hangUp(name);
  });

  /** Both ways over TCP; what arrives is what was sent. */
  async function transfer(megabytes: number): Promise<void> {
    const size = megabytes * 1_000_000;
    const text = Buffer.alloc(size, "the quick brown fox jumps over the lazy dog 0123456789\n");
    const digest = createHash("md5").update(text).digest("hex");
    const server = space.start([
      process.execPath,
      "-e",
      `const text = Buffer.alloc(${size}, "the quick brown fox jumps over the lazy dog 0123456789\\n");
       const net = require("node:net"), crypto = require("node:crypto");
       net.createServer((s) => { s.on("error", () => {}); s.end(text); }).listen(7001, "${inside.ipv4}");
       net.createServer({ allowHalfOpen: true }, (s) => { const h = crypto.createHash("md5"); let n = 0; s.on("error", () => {});
         s.on("data", (d) => { h.update(d); n += d.length; });
         s.on("end", () => { console.log("received", n, h.digest("hex")); s.end(); }); }).listen(7002, "${inside.ipv4}", () => console.log("ready"));`,
    ]);
    try {
      await server.waitFor(/ready/);
      expect(await caller.run(`busybox nc ${inside.ipv4} 7001 < /dev/null | md5sum`, { timeout: 90_000 })).toContain(
        digest,
      );
      await caller.run(
        `yes 'the quick brown fox jumps over the lazy dog 0123456789' | head -c ${size} | busybox nc ${inside.ipv4} 7002`,
        { timeout: 90_000 },
      );
      await server.waitFor(new RegExp(`received ${size} ${digest}`));
    } finally {
      await server.stop("SIGTERM", 2000);
    }
  }

  it("carries 50 MB of TCP each way", { timeout: 240_000 }, async () => {
    await dial("pap");
    await transfer(50);
    await hangUp("pap");
  });

  it("bundles two sessions of two tunnels, and survives the loss of one", { timeout: 240_000 }, async () => {
    await dial("one");
    await caller.control("c two");
    await eventually("there are two links", async () =>
      (await pppOf()).subscriber.links.length === 2 ? true : undefined,
    ).catch(async (error) => {
      throw new Error(`${error}\ncaller:\n${await caller.log()}\njunctor:\n${junctor.process.output().slice(-6000)}`);
    });
    expect((await junctor.tunnels()).length).toBe(2);
    expect(await caller.run(`ping -c 10 -i 0.1 -W 2 -s 1300 ${inside.ipv4}`)).toContain(" 0% packet loss");
    await transfer(5);
    await caller.control("d two");
    await eventually("one link is left", async () => ((await junctor.sessions()).length === 1 ? true : undefined));
    // The caller's kernel sends half of its fragments into the void until that link's pppd has given up.
    await guest.run("for i in $(seq 150); do test $(pidof pppd | wc -w) = 1 && exit 0; sleep 0.1; done; exit 1");
    expect(await caller.run(`ping -c 10 -i 0.1 -W 2 -s 1300 ${inside.ipv4}`)).toContain(" 0% packet loss");
    await transfer(5);
    await hangUp("one");
  });

  it("leaves nothing when the caller's pppd is killed", async () => {
    await dial("chap-md5");
    await guest.run("kill -TERM $(head -n 1 /run/ppp-chap-md5.pid)");
    await nothingLeft();
    await caller.control("d chap-md5");
    await caller.idle();
  });

  it("hangs up when the operator does, and says why", async () => {
    await dial("mschapv2");
    const { subscriber } = await pppOf();
    await junctor.cli("session", "terminate", "address", subscriber.address);
    await nothingLeft();
    expect(await caller.log()).toMatch(/LCP terminated by peer \(disconnected by the operator\)/);
    await caller.control("d mschapv2");
    await caller.idle();
  });

  it("hangs up when it is stopped", async () => {
    await dial("eap");
    expect(await junctor.process.stop("SIGTERM", 8000)).toBe(0);
    await caller.idle();
  });
});
