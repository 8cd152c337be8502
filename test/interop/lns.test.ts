/** Junctor as an LNS: subscribers whom freeradius lets in, limits, accounts for, changes and sends on. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ffiMissing } from "../../src/system/index.js";
import { startJunctor } from "../peers/junctor.js";
import { createNamespace, link } from "../peers/netns.js";
import { eventually } from "../peers/process.js";
import type { Freeradius, RadiusUser } from "../peers/radius.js";
import { requires } from "../peers/requires.js";
import { dialIn, dialInVain, type Subscriber } from "../peers/subscriber.js";
import { udpInside } from "../peers/udp.js";
import { undoStack } from "../peers/undo.js";
import { addresses, createScene, deadTime, type Record, type Scene, timeout } from "./lns-scene.js";

const title = "Junctor as an LNS with freeradius";
const { reason } = requires(title, ["freeradius", "radclient", "ping"]);

const password = "open sesame";
const user = (name: string, ...reply: string[]): RadiusUser => ({ name, password, reply });

const users: readonly RadiusUser[] = [
  user("alice"),
  { ...user("blocked", 'Reply-Message = "please pay your bill"'), blocked: true },
  user("classy", "Class = 0x0102ff", "Acct-Interim-Interval = 1"),
  user(
    "fixed",
    "Framed-IP-Address = 192.0.2.77",
    'Framed-Route = "198.51.100.0/24 0.0.0.0 1"',
    "MS-Primary-DNS-Server = 192.0.2.5",
    "MS-Secondary-DNS-Server = 192.0.2.6",
    "Framed-IPv6-Prefix = 2001:db8:77:1::/64",
    "Delegated-IPv6-Prefix = 2001:db8:7700::/48",
  ),
  user("renamed", 'User-Name = "customer 4711"'),
  user("pooled", 'Framed-Pool = "special"'),
  user("short", "Session-Timeout = 2"),
  user("idle", "Idle-Timeout = 1"),
  user("slow", 'Filter-Id = "slow"'),
  user("wispr", "WISPr-Bandwidth-Max-Up = 1000000", "WISPr-Bandwidth-Max-Down = 3000000"),
  user("mikrotik", 'Mikrotik-Rate-Limit = "2M/4M"'),
  user(
    "onward",
    "Tunnel-Type:1 = L2TP",
    "Tunnel-Medium-Type:1 = IPv4",
    `Tunnel-Server-Endpoint:1 = "${addresses.onward}"`,
    'Tunnel-Password:1 = "a secret of tunnels"',
    `Tunnel-Client-Endpoint:1 = "${addresses.lns}"`,
  ),
];

const stopOf = (records: readonly Record[]): Record =>
  records.find((record) => record["Acct-Status-Type"] === "Stop") ?? {};
const statuses = (records: readonly Record[]) => records.map((record) => record["Acct-Status-Type"]);
const wordRange = 2 ** 32;
/** Octets and packets that a record tells. */
const usageOf = (record: Record) => {
  const number = (name: string): number => Number(record[name] ?? 0);
  return {
    inBytes: number("Acct-Input-Gigawords") * wordRange + number("Acct-Input-Octets"),
    outBytes: number("Acct-Output-Gigawords") * wordRange + number("Acct-Output-Octets"),
    inPackets: number("Acct-Input-Packets"),
    outPackets: number("Acct-Output-Packets"),
  };
};
const usageOfPeer = ({ sent, received }: Subscriber) => ({
  inBytes: sent.bytes,
  outBytes: received.bytes,
  inPackets: sent.packets,
  outPackets: received.packets,
});
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Calls `send` at `perSecond` until it is stopped. */
function steadily(perSecond: number, send: () => void): () => void {
  const began = performance.now();
  let done = 0;
  const timer = setInterval(() => {
    for (const due = ((performance.now() - began) * perSecond) / 1000; done < due; done++) send();
  }, 2);
  return () => clearInterval(timer);
}

/** Bits a second by which a count of bytes grows. */
async function rateOf(bytes: () => number, seconds = 2): Promise<number> {
  const [before, began] = [bytes(), performance.now()];
  await pause(seconds * 1000);
  return ((bytes() - before) * 8000) / (performance.now() - began);
}

describe.skipIf(reason !== undefined || ffiMissing() !== undefined)(title, { timeout: 30_000 }, () => {
  const undo = undoStack();
  let scene: Scene;
  let first: Freeradius;
  let second: Freeradius;

  beforeAll(async () => {
    scene = await createScene(undo, users);
    first = await scene.startServer("first");
    second = await scene.startServer("second");
  }, 60_000);
  afterAll(() => undo.run());

  const login = (name: string, calledNumber = "any", more: { ipv6?: boolean; callingNumber?: string } = {}) =>
    dialIn(scene.lac, { user: name, password, calledNumber, ...more });
  const ping = (address: string) =>
    scene.spaces.lns.run(["ping", "-c", "3", "-i", "0.2", "-W", "2", address]).catch(({ stdout }) => String(stdout));
  const gone = (subscriber: Subscriber) => eventually(`${subscriber.user} is gone`, () => subscriber.hungUp);
  async function leave(subscriber: Subscriber): Promise<void> {
    subscriber.hangUp();
    await gone(subscriber);
  }

  describe("who may dial in", () => {
    it.each(["pap", "chap", "mschapv2", "eap"])("by %s: with the right password", async (method) => {
      const subscriber = await login("alice", method);
      expect(subscriber.address).toMatch(/^10\.64\.1\./);
      expect(await ping(subscriber.address!)).toContain(" 0% packet loss");
      await leave(subscriber);
    });

    it.each(["pap", "chap", "mschapv2", "eap"])("by %s: not with the wrong one", async (method) => {
      const { ended } = await dialInVain(scene.lac, { user: "alice", password: "wrong", calledNumber: method });
      expect(ended?.reason).toBe("refused-by-peer");
    });

    it("is told why not", async () => {
      const { ended } = await dialInVain(scene.lac, { user: "blocked", password, calledNumber: "pap" });
      expect(ended).toMatchObject({ reason: "refused-by-peer", message: "please pay your bill" });
    });

    it("strips the realm that the rule does not want", async () => {
      const subscriber = await login("alice@example.net", "realm");
      await scene.subscriber("alice");
      await leave(subscriber);
    });

    it("is let in once, or in place of the other, or twice", async () => {
      const one = await login("alice", "once");
      const { ended } = await dialInVain(scene.lac, { user: "alice", password, calledNumber: "once" });
      expect(ended).toMatchObject({ reason: "refused-by-peer", message: "already logged in" });
      const two = await login("alice", "newest");
      await gone(one);
      const { accountingSession } = await scene.subscriber("alice");
      const three = await login("alice", "twice");
      await dialInVain(scene.lac, { user: "alice", password, calledNumber: "twice" });
      await leave(two);
      expect(stopOf(await scene.accounted(accountingSession))).toMatchObject({
        "Acct-Terminate-Cause": "User-Request",
      });
      await leave(three);
    });
  });

  it.each([
    ["is there", () => {}],
    ["is dead, and nobody has noticed", (line: Subscriber) => line.cut()],
  ])("takes the place of a session that %s, with the address that is his", async (_, happens) => {
    const one = await login("fixed", "newest");
    const { accountingSession } = await scene.subscriber("fixed");
    happens(one);
    const two = await login("fixed", "newest");
    expect(two.address).toBe("192.0.2.77");
    expect(await ping("192.0.2.77")).toContain(" 0% packet loss");
    await gone(one);
    expect(stopOf(await scene.accounted(accountingSession))).toMatchObject({
      "Acct-Terminate-Cause": "Port-Preempted",
    });
    await leave(two);
  });

  describe("what RADIUS grants", () => {
    it("addresses, routes, prefixes and name servers, and packets find their way", async () => {
      const subscriber = await login("fixed", "any", { ipv6: true });
      expect(subscriber).toMatchObject({ address: "192.0.2.77", dns: ["192.0.2.5", "192.0.2.6"] });
      await eventually("the prefix is advertised", () => subscriber.prefixes[0]);
      expect(subscriber.prefixes).toEqual(["2001:db8:77:1::/64"]);
      const routes = await scene.spaces.lns.run(["ip", "route", "show", "dev", "jct0"]);
      expect(routes).toMatch(/^198\.51\.100\.0\/24 /m);
      expect(routes).toMatch(/^192\.0\.2\.77 /m);
      const routes6 = await scene.spaces.lns.run(["ip", "-6", "route", "show", "dev", "jct0"]);
      expect(routes6).toMatch(/^2001:db8:77:1::\/64 /m);
      expect(routes6).toMatch(/^2001:db8:7700::\/48 /m);
      for (const address of ["192.0.2.77", "198.51.100.9", "2001:db8:77:1::7", "2001:db8:7700:55::7"])
        expect(await ping(address)).toContain(" 0% packet loss");

      const { accountingSession } = await scene.subscriber("fixed");
      await leave(subscriber);
      const stop = stopOf(await scene.accounted(accountingSession));
      expect(usageOf(stop)).toEqual(usageOfPeer(subscriber));
      expect(stop).toMatchObject({
        "Framed-IP-Address": "192.0.2.77",
        "Framed-IPv6-Prefix": "2001:db8:77:1::/64",
        "Delegated-IPv6-Prefix": "2001:db8:7700::/48",
        "Framed-Interface-Id": "0:0:0:aa",
      });
      expect(await scene.spaces.lns.run(["ip", "route", "show", "dev", "jct0"])).not.toMatch(/198\.51\.100|192\.0\.2/);
    });

    it("another name, for everything that follows", async () => {
      const subscriber = await login("renamed");
      const { accountingSession } = await scene.subscriber("customer 4711");
      expect(await scene.radclient("disconnect", 'User-Name = "customer 4711"')).toMatch(/Disconnect-ACK/);
      await gone(subscriber);
      for (const record of await scene.accounted(accountingSession)) expect(record["User-Name"]).toBe("customer 4711");
    });

    it("a pool", async () => {
      const subscriber = await login("pooled");
      expect(subscriber.address).toMatch(/^10\.65\.0\./);
      expect(subscriber.dns).toEqual(["192.0.2.53"]);
      await leave(subscriber);
    });

    it.each([
      ["slow", "Filter-Id", 1e6, 2e6],
      ["wispr", "WISPr-Bandwidth-Max", 1e6, 3e6],
      ["mikrotik", "Mikrotik-Rate-Limit", 2e6, 4e6],
    ])("%s: rates by %s", async (name, _, up, down) => {
      const subscriber = await login(name);
      const row = await scene.subscriber(name);
      expect(row.up?.bitsPerSecond).toBe(up);
      expect(row.down?.bitsPerSecond).toBe(down);
      await leave(subscriber);
    });

    it("time: so long, and so long without traffic", async () => {
      const [short, idle, busy] = await Promise.all([login("short"), login("idle"), login("alice")]);
      const sessions = [await scene.subscriber("short"), await scene.subscriber("idle")];
      await Promise.all([gone(short), gone(idle)]);
      const causes = await Promise.all(
        sessions.map(async ({ accountingSession }) => stopOf(await scene.accounted(accountingSession))),
      );
      expect(causes[0]).toMatchObject({ "Acct-Terminate-Cause": "Session-Timeout", "Acct-Session-Time": "2" });
      expect(causes[1]).toMatchObject({ "Acct-Terminate-Cause": "Idle-Timeout" });
      expect(busy.hungUp).toBeUndefined();
      await leave(busy);
    });
  });

  describe("accounting", () => {
    it("has a Start, interim updates and a Stop, and tells every byte", async () => {
      const subscriber = await login("classy");
      const { accountingSession, unit } = await scene.subscriber("classy");
      const host = udpInside(undo, scene.spaces.lns, `${addresses.inside}:5000`);
      for (let index = 0; index < 3000; index++) {
        subscriber.sendUdp(addresses.inside, 5000, 40 + (index % 1300));
        host.send(new Uint8Array(index % 1400), 5001, subscriber.address!);
        if (index % 50 === 0) await pause(1);
      }
      await eventually("an interim update", () =>
        scene
          .records()
          .find((each) => each["Acct-Session-Id"] === accountingSession && statuses([each])[0] === "Interim-Update"),
      );
      await ping(subscriber.address!);
      const { counters } = await scene.junctor.get<{ counters: { rxBytes: number; txBytes: number } }>(
        `/v1/units/${unit}`,
      );
      expect(subscriber.sent.packets).toBeGreaterThan(3000);
      expect(counters).toMatchObject({ rxBytes: subscriber.sent.bytes, txBytes: subscriber.received.bytes });
      await leave(subscriber);

      const records = await scene.accounted(accountingSession);
      const [begin, ...rest] = statuses(records);
      expect(begin).toBe("Start");
      expect(rest.at(-1)).toBe("Stop");
      expect(rest.slice(0, -1)).toEqual(rest.slice(0, -1).map(() => "Interim-Update"));
      for (const record of records)
        expect(record).toMatchObject({
          Class: "0x0102ff",
          "User-Name": "classy",
          "Framed-IP-Address": subscriber.address,
        });
      expect(usageOf(stopOf(records))).toEqual(usageOfPeer(subscriber));
      expect((await scene.down("classy")).usage).toEqual(usageOfPeer(subscriber));
    });

    it.each([
      ["the subscriber", "User-Request", (subscriber: Subscriber) => subscriber.hangUp()],
      ["a lost carrier", "Lost-Carrier", (subscriber: Subscriber) => subscriber.drop()],
      [
        "the operator",
        "Admin-Reset",
        (subscriber: Subscriber) => scene.junctor.cli("session", "terminate", "address", subscriber.address!),
      ],
    ])("says that it was ended by %s", async (_, cause, end) => {
      const subscriber = await login("alice");
      const { accountingSession } = await scene.subscriber("alice");
      await end(subscriber);
      await gone(subscriber);
      expect(stopOf(await scene.accounted(accountingSession))).toMatchObject({ "Acct-Terminate-Cause": cause });
    });
  });

  describe("changes from outside", () => {
    it("a rate, under traffic both ways", { timeout: 90_000 }, async () => {
      const subscriber = await login("mikrotik");
      const { accountingSession } = await scene.subscriber("mikrotik");
      const host = udpInside(undo, scene.spaces.lns, `${addresses.inside}:5002`);
      let arrived = 0;
      host.on("message", ({ length }) => {
        arrived += length + 28;
      });
      const block = new Uint8Array(972);
      // 20 Mbit/s each way.
      const stop = steadily(2500, () => {
        subscriber.sendUdp(addresses.inside, 5002, 1000);
        host.send(block, 5003, subscriber.address!);
      });
      undo.defer(stop);
      const measure = async (up: number, down: number) => {
        // What waits, and what may come at once.
        await pause(700);
        // Less passes when the sender gets no processor, and what waited meanwhile may come in the next measurement.
        for (let attempt = 1; ; attempt++) {
          const rates = await Promise.all([rateOf(() => arrived), rateOf(() => subscriber.received.bytes)]);
          const shares = [rates[0] / up, rates[1] / down];
          if (shares.every((share) => Math.abs(share - 1) < 0.05))
            return shares.map((share) => share.toFixed(3)).join(" ");
          expect(attempt, `attempts; the last passed ${shares} of the rates`).toBeLessThan(5);
        }
      };
      const before = await measure(2e6, 4e6);
      const names = `Acct-Session-Id = "${accountingSession}"`;
      expect(await scene.radclient("coa", `${names}, Mikrotik-Rate-Limit = "6M/12M"`)).toMatch(/Received CoA-ACK/);
      const after = await measure(6e6, 12e6);
      expect(await scene.radclient("coa", `User-Name = "mikrotik", Filter-Id = "brisk"`)).toMatch(/Received CoA-ACK/);
      expect(await scene.subscriber("mikrotik")).toMatchObject({
        filters: ["brisk"],
        up: { bitsPerSecond: 3e6 },
        down: { bitsPerSecond: 6e6 },
      });
      const named = await measure(3e6, 6e6);
      console.log(`of the rates, up and down: ${before}, after CoA ${after}, after another ${named}`);
      stop();
      await leave(subscriber);
      const { outBytes, outPackets } = usageOf(stopOf(await scene.accounted(accountingSession)));
      expect({ outBytes, outPackets }).toEqual({
        outBytes: subscriber.received.bytes,
        outPackets: subscriber.received.packets,
      });
    });

    it("a class and a time-out; and what it is then is what the Stop says", async () => {
      const subscriber = await login("classy");
      const { accountingSession } = await scene.subscriber("classy");
      expect(await scene.radclient("coa", `User-Name = "classy", Class = 0xaabb, Session-Timeout = 2`)).toMatch(
        /Received CoA-ACK/,
      );
      await gone(subscriber);
      expect(stopOf(await scene.accounted(accountingSession))).toMatchObject({
        Class: "0xaabb",
        "Acct-Terminate-Cause": "Session-Timeout",
      });
    });

    it("the end", async () => {
      const subscriber = await login("alice");
      const { accountingSession } = await scene.subscriber("alice");
      expect(await scene.radclient("disconnect", `Framed-IP-Address = ${subscriber.address}`)).toMatch(
        /Received Disconnect-ACK/,
      );
      await gone(subscriber);
      expect(stopOf(await scene.accounted(accountingSession))).toMatchObject({ "Acct-Terminate-Cause": "Admin-Reset" });
    });

    it("but not of sessions that are not there, nor of several at once", async () => {
      const notThere = /Received (CoA|Disconnect)-NAK[\s\S]*Error-Cause = Session-Context-Not-Found/;
      expect(await scene.radclient("disconnect", 'User-Name = "nobody"')).toMatch(notThere);
      expect(await scene.radclient("coa", 'User-Name = "nobody", Session-Timeout = 5')).toMatch(notThere);
      const both = [await login("alice"), await login("alice")];
      expect(await scene.radclient("disconnect", 'User-Name = "alice"')).toMatch(
        /Disconnect-NAK[\s\S]*Multiple-Session-Selection-Unsupported/,
      );
      await Promise.all(both.map(leave));
    });
  });

  it("sends on whom RADIUS wants elsewhere, and his packets go there and back", async () => {
    const space = await createNamespace(undo, "onward");
    await link(
      { space, name: "lns", addresses: [`${addresses.onward}/24`] },
      { space: scene.spaces.lns, name: "onward", addresses: ["10.2.0.1/24"] },
    );
    // Junctor's tunnels are all from the address where it listens.
    await space.run(["ip", "route", "add", "10.1.0.0/24", "via", "10.2.0.1"]);
    const onward = await startJunctor(undo, space, {
      config: `
host-name: onward
access: [{ l2tp: { listen: "${addresses.onward}:1701", secret-file: tunnels } }]
policy: [{ terminate: { pool: main, proxy-lcp: accept, authentication: [chap, pap] } }]
tun: { name: jct0, address: 10.80.0.1 }
pools: { main: [10.80.1.0/24] }
aaa: { local: users }
`,
      secrets: { tunnels: "a secret of tunnels", users: `onward * "${password}" *` },
    });
    for (const method of ["chap", "pap"]) {
      const subscriber = await login("onward", method);
      expect(subscriber.address).toMatch(/^10\.80\.1\./);
      expect(await space.run(["ping", "-c", "3", "-i", "0.2", "-W", "2", subscriber.address!])).toContain(
        " 0% packet loss",
      );
      expect((await onward.sessions()).map(({ state }) => state)).toEqual(["established"]);
      expect((await scene.junctor.sessions()).filter(({ bridgedWith }) => bridgedWith !== null)).toHaveLength(2);
      await leave(subscriber);
      await eventually("nothing is left", async () =>
        (await onward.sessions()).length + (await scene.junctor.sessions()).length === 0 ? true : undefined,
      );
    }
    expect(scene.records().filter((record) => record["User-Name"] === "onward")).toEqual([]);
  });

  it("logins go on when the first server dies, and come back to it", async () => {
    await first.running.stop("SIGKILL");
    const duration = async () => {
      const began = performance.now();
      const subscriber = await login("alice", "pap");
      const took = performance.now() - began;
      await leave(subscriber);
      return took;
    };
    expect(await duration()).toBeGreaterThan(timeout);
    // From now on nobody waits for the dead one, unless the machine is busy.
    let shortest = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 5 && shortest >= timeout; attempt++)
      shortest = Math.min(shortest, await duration());
    expect(shortest).toBeLessThan(timeout);

    first = await scene.startServer("first");
    await pause(deadTime);
    await eventually("the first answers again", async () => {
      await leave(await login("alice", "pap"));
      return /Received Access-Request/.test(first.running.output()) ? true : undefined;
    });
  });

  it("loses no Stop when it is killed with sessions up and servers that are silent", async () => {
    const classy = await login("classy");
    const alice = await login("alice");
    const names = ["classy", "alice"];
    const [interim, plain] = await Promise.all(names.map((name) => scene.subscriber(name)));
    for (let index = 0; index < 100; index++) classy.sendUdp(addresses.inside, 5005, 500);
    const told = await eventually("an interim update with what was sent", () =>
      scene.records().find((record) => {
        const { inPackets } = usageOf(record);
        return record["Acct-Session-Id"] === interim?.accountingSession && inPackets === 100 ? record : undefined;
      }),
    );
    const ended = await login("alice", "pap");
    const { accountingSession: endedSession } = await scene.subscriber("alice", ended.address);
    await eventually("a Start of it", () =>
      scene.records().find((record) => record["Acct-Session-Id"] === endedSession),
    );
    await Promise.all([first.running.stop("SIGKILL"), second.running.stop("SIGKILL")]);
    ended.sendUdp(addresses.inside, 5005, 777);
    await leave(ended);
    // Nobody answers: he is let in out of the file.
    await dialIn(scene.lac, { user: "larry", password: "local" });
    const larry = await scene.subscriber("larry");
    await eventually("both are known to be dead", async () => {
      const { pending } = await scene.junctor.get<{ pending: number }>("/v1/radius");
      return pending >= 2 ? true : undefined;
    });
    // What is gathered for the store.
    await pause(300);
    const sessions = new Set(
      scene
        .records()
        .map((record) => record["Acct-Session-Id"])
        .filter((id) => id !== undefined && id.length === 16),
    );
    await scene.crash(async () => {
      first = await scene.startServer("first");
    });

    const stops = await Promise.all(
      [interim?.accountingSession, plain?.accountingSession, endedSession, larry.accountingSession].map(
        async (session) => stopOf(await scene.accounted(session ?? "")),
      ),
    );
    expect(stops.map((stop) => stop["Acct-Terminate-Cause"])).toEqual([
      "NAS-Reboot",
      "NAS-Reboot",
      "User-Request",
      "NAS-Reboot",
    ]);
    expect(usageOf(stops[0]!)).toEqual(usageOf(told));
    expect(usageOf(stops[2]!)).toEqual(usageOfPeer(ended));
    expect(stops[3]).toMatchObject({ "User-Name": "larry", "Acct-Authentic": "Local" });
    await eventually("nothing is pending", async () => {
      const { pending } = await scene.junctor.get<{ pending: number }>("/v1/radius");
      return pending === 0 ? true : undefined;
    });
    const closed = scene.records().filter((record) => record["Acct-Status-Type"] === "Stop");
    expect(new Set(closed.map((record) => record["Acct-Session-Id"]))).toEqual(
      new Set([...sessions, larry.accountingSession]),
    );
    expect(alice.hungUp).toBeUndefined();
  });

  it("accounts for everybody when it is stopped", async () => {
    const all = await Promise.all(["alice", "classy", "wispr"].map((name) => login(name)));
    const sessions = await Promise.all(all.map(({ user: name }) => scene.subscriber(name)));
    await scene.junctor.process.stop("SIGTERM", 8000);
    for (const { accountingSession } of sessions)
      expect(stopOf(await scene.accounted(accountingSession))).toMatchObject({
        "Acct-Terminate-Cause": "Admin-Reboot",
      });
    expect(statuses(scene.records()).at(-1)).toBe("Accounting-Off");
  });
});
