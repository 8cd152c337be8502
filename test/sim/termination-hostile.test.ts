/** Subscribers who mean harm, ends from all sides at once, and an AAA that takes its time: nothing is left of anybody. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAaa } from "../../src/gateway/aaa/aaa.js";
import type { Aaa, Accounted, TerminateCause, Usage } from "../../src/gateway/aaa/types.js";
import { Secret } from "../../src/gateway/config/secret.js";
import { parseConfig } from "../../src/gateway/config.js";
import { silentLog } from "../../src/gateway/log.js";
import { createDynamicHandler } from "../../src/gateway/termination/dynamic.js";
import { parseFrame, pppProtocol } from "../../src/wire/ppp.js";
import { encodeControl } from "../../src/wire/ppp-control.js";
import { type FakeRadius, fakeRadius, fakeSecret, recordOf } from "../fakes/radius.js";
import { long, seeds } from "../seed.js";
import { switchAddress } from "./gateway-scene.js";
import { createPuppet, type Puppet } from "./puppet.js";
import { createSubscriberScene, type Subscriber, type SubscriberScene } from "./subscriber-scene.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "junctor-hostile-"));
  writeFileSync(join(directory, "users"), "anna * secret *\nbert * hunter2 *\n", { mode: 0o600 });
});
afterAll(() => rmSync(directory, { recursive: true }));

const config = (terminate = ""): string => `
host-name: lns
access: [{ l2tp: { listen: 10.0.0.1 } }]
tun: { virtual: true, address: [10.0.0.254, "2001:db8:ffff::1"] }
pools: { main: [10.5.0.0/24, "2001:db8::/40"] }
aaa: { local: ${directory}/users }
policy: [{ terminate: { pool: main, ${terminate} } }]
`;

interface Books {
  readonly started: string[];
  readonly stopped: { readonly session: string; readonly usage: Usage; readonly cause: TerminateCause }[];
  asked: number;
  pending: number;
  mostPending: number;
}

/** Has AAA answer when the world says so, and keeps what accounting is told. */
function slowAaa({ core, world }: SubscriberScene, latency: () => number): Books {
  const aaa = core.termination.aaa!;
  const books: Books = { started: [], stopped: [], asked: 0, pending: 0, mostPending: 0 };
  const slow: Aaa = {
    ...aaa,
    async authenticate(request) {
      books.asked++;
      books.mostPending = Math.max(books.mostPending, ++books.pending);
      await new Promise<void>((resolve) => void world.schedule(world.now() + latency(), resolve));
      books.pending--;
      return aaa.authenticate(request);
    },
    accounting: {
      start: ({ caller }: Accounted) => void books.started.push(caller.session),
      interim: () => {},
      stop: ({ caller }, usage, cause) => void books.stopped.push({ session: caller.session, usage, cause }),
    },
  };
  core.termination.aaa = slow;
  return books;
}

const leases = ({ gateway }: SubscriberScene): number => gateway.pools.reduce((sum, { used }) => sum + used, 0);

/** Nothing is left of anybody: no call, no unit, no address, no name that leads to one. */
async function expectEmpty(scene: SubscriberScene, after = 60_000): Promise<void> {
  await scene.world.run(after);
  expect(scene.gateway.population).toMatchObject({ sessions: 0, subscribers: 0 });
  expect(await scene.plane.unit.list()).toEqual([]);
  expect(await scene.plane.route.list()).toEqual([]);
  expect(leases(scene)).toBe(0);
  const { directory: names, members, subscribers } = scene.core.termination;
  expect([members.next(), subscribers.next()]).toEqual([undefined, undefined]);
  for (let unit = 1; unit < 200; unit++) expect(names.byUnit(unit), `unit ${unit}`).toBeUndefined();
  expect(scene.gateway.statistics()["internal-errors"]).toBeUndefined();
}

/** From now on this subscriber hears nothing. */
function deafen({ lac }: SubscriberScene, { call }: Subscriber): void {
  const { frames } = lac.options;
  lac.options = { ...lac.options, frames: (to, bytes) => (to === call ? undefined : frames?.(to, bytes)) };
}

const configureRequest = (identifier = 1): Uint8Array =>
  encodeControl(pppProtocol.lcp, { code: 1, identifier, data: new Uint8Array(0) });

describe("a subscriber who is to go", () => {
  it("is not kept by a link that joins his bundle meanwhile", async () => {
    const scene = await createSubscriberScene(config("multilink: true, session-timeout: 100s"));
    const books = slowAaa(scene, () => 10);
    const first = await scene.dialIn({ multilink: true });
    deafen(scene, first);
    const [subscriber] = scene.core.termination.directory.all();
    expect(await scene.world.until(() => subscriber!.cause !== undefined, 110_000)).toBe(true);
    const second = await scene.dialIn({ multilink: true });
    await scene.world.run(20_000);
    expect(books.stopped).toMatchObject([{ cause: "session-timeout" }]);
    expect(books.started).toHaveLength(2);
    second.hangUp();
    await expectEmpty(scene);
  });

  it("is gone in bounded time though he does not listen, and renegotiates", async () => {
    const scene = await createSubscriberScene(config("session-timeout: 100s"));
    const anna = await scene.dialIn();
    deafen(scene, anna);
    for (let n = 0; n < 240; n++) {
      scene.lac.sendFrame(anna.call, configureRequest(n & 255));
      await scene.world.run(500);
    }
    await expectEmpty(scene, 1000);
  });
});

describe("limits of a user's sessions", () => {
  it("hold for bundles, too: another endpoint is another session", async () => {
    const scene = await createSubscriberScene(config("multilink: true, duplicate-login: reject"));
    await scene.dialIn({ multilink: true, discriminator: "one" });
    const same = scene.dial({ multilink: true, discriminator: "one", joins: true });
    await scene.world.run(3000);
    const other = await scene.dialIn({ multilink: true, discriminator: "two" });
    expect(same.ended).toBeUndefined();
    expect(other.ended).toBeDefined();
    expect(scene.gateway.population).toMatchObject({ subscribers: 1 });
  });

  it("hold for those who renegotiate while AAA thinks", async () => {
    const scene = await createSubscriberScene(config("authentication: [pap], max-sessions-per-user: 1"));
    const books = slowAaa(scene, () => 1000);
    const tunnel = scene.lac.open(switchAddress);
    const all = [1, 2, 3, 4, 5].map((serial) => createPuppet(scene, tunnel, serial));
    await scene.world.run(200);
    for (const each of all) each.configure();
    await scene.world.run(100);
    for (const each of all) each.pap("anna", "secret");
    await scene.world.run(200);
    // They begin anew, and the answer finds them before they have shown who they are.
    for (const each of all) each.configure();
    await scene.world.run(2000);
    for (const each of all) each.pap("anna", "secret");
    await scene.world.run(5000);
    expect(books.asked).toBe(10);
    expect(books.mostPending).toBe(5);
    expect(scene.gateway.population.subscribers).toBe(1);
    await expectEmpty(scene, 200_000);
  });

  it("let nobody become another user on the way", async () => {
    const scene = await createSubscriberScene(config("authentication: [pap]"));
    const books = slowAaa(scene, () => 10);
    const puppet = createPuppet(scene, scene.lac.open(switchAddress));
    await scene.world.run(200);
    puppet.configure();
    await scene.world.run(100);
    puppet.pap("anna", "secret");
    await scene.world.run(500);
    puppet.configure(pppProtocol.ipcp);
    await scene.world.run(500);
    expect(books.started).toHaveLength(1);
    puppet.configure();
    await scene.world.run(100);
    puppet.pap("bert", "hunter2");
    await expectEmpty(scene);
    expect(books.stopped).toHaveLength(1);
  });
});

describe("a stop", () => {
  it("does not wait for an AAA that does not answer", async () => {
    const scene = await createSubscriberScene(config());
    slowAaa(scene, () => 100_000);
    for (let n = 0; n < 5; n++) scene.dial();
    await scene.world.run(2000);
    let done = false;
    void scene.gateway.stop(5000).then(() => {
      done = true;
    });
    expect(await scene.world.until(() => done, 10_000)).toBe(true);
    await expectEmpty(scene);
  });
});

describe("changes from outside", () => {
  it("that the data plane refuses leave the session as it was, and its end undisturbed", async () => {
    const scene = await createSubscriberScene(config());
    const books = slowAaa(scene, () => 1);
    const anna = await scene.dialIn();
    const handler = createDynamicHandler(() => scene.core);
    handler.change({ userName: "anna" }, { rates: { up: { bitsPerSecond: 64, burst: 1 }, down: undefined } });
    await scene.world.run(1000);
    anna.hangUp();
    await scene.world.run(30_000);
    expect(books.stopped).toHaveLength(1);
    expect(leases(scene)).toBe(0);
    expect(await scene.plane.unit.list()).toEqual([]);
  });
});

describe("before a subscriber has authenticated", () => {
  it("links that never do so end in time, and cost AAA, the pools and the data plane nothing", async () => {
    const scene = await createSubscriberScene(config("authentication: [pap]"));
    const books = slowAaa(scene, () => 10);
    const tunnel = scene.lac.open(switchAddress);
    const all: Puppet[] = [];
    for (let serial = 1; serial <= 300; serial++) {
      all.push(createPuppet(scene, tunnel, serial));
      if (serial % 50 === 0) await scene.world.run(500);
    }
    // A third each: says nothing, negotiates and says no more, negotiates for ever.
    for (let second = 0; second < 60; second++) {
      for (const [index, each] of all.entries()) {
        if (index % 3 === 0) each.obliging = false;
        else if (second === 0 || index % 3 === 2) each.configure();
      }
      await scene.world.run(1000);
      if (second === 5) expect(scene.gateway.population.sessions).toBe(300);
      expect(leases(scene)).toBe(0);
    }
    expect(books.asked).toBe(0);
    await expectEmpty(scene, 30_000);
  });

  it("what it asks of networks is not heard", async () => {
    const scene = await createSubscriberScene(config("authentication: [pap]"));
    const puppet = createPuppet(scene, scene.lac.open(switchAddress));
    await scene.world.run(200);
    puppet.configure();
    await scene.world.run(100);
    for (const protocol of [
      pppProtocol.ipcp,
      pppProtocol.ipv6cp,
      pppProtocol.ipv4,
      pppProtocol.ipv6,
      pppProtocol.multilink,
    ])
      for (let n = 0; n < 10; n++) puppet.configure(protocol);
    await scene.world.run(100);
    const heard = puppet.heard.map((bytes) => parseFrame(bytes)?.protocol);
    expect(new Set(heard)).toEqual(new Set([pppProtocol.lcp]));
    expect(await scene.plane.unit.list()).toEqual([]);
    expect(leases(scene)).toBe(0);
    expect(scene.gateway.statistics()["dropped-ppp-not-open"]).toBeGreaterThanOrEqual(1);
  });
});

/** Has AAA ask a server that answers at once. */
async function askRadius({ core, world }: SubscriberScene): Promise<FakeRadius> {
  const radius = fakeRadius();
  const server = {
    name: "one",
    authentication: "127.0.0.1:1812",
    accounting: "127.0.0.1:1813",
    secret: new Secret(fakeSecret),
    timeout: 3000,
    tries: 2,
    deadTime: 1000,
  };
  core.termination.aaa = await createAaa(
    { ...core.config.aaa, accounting: true, radius: [server], fallback: "local" },
    {
      clock: world,
      random: world.bytes,
      log: silentLog,
      handler: createDynamicHandler(() => core),
      openSocket: radius.openSocket,
    },
  );
  return radius;
}

describe("RADIUS", () => {
  it("is not got round by a name that it cannot be asked about", async () => {
    const scene = await createSubscriberScene(config("authentication: [mschapv2], realm: strip"));
    const radius = await askRadius(scene);
    radius.judge = () => ({ code: "reject" });
    const anna = await scene.dialIn({ user: `anna@${"x".repeat(400)}`, allow: ["mschapv2"] });
    expect(anna.address).toBeUndefined();
    expect(anna.ended).toBe("refused-by-peer");
    radius.up = false;
    const larry = await scene.dialIn({ user: "anna@short", allow: ["mschapv2"] });
    expect(larry.address, "nobody answers").toBeDefined();
    larry.hangUp();
    await expectEmpty(scene);
  });

  it("is asked whatever a LAC says of its callers, and not for names and passwords that it cannot have", async () => {
    const scene = await createSubscriberScene(config("authentication: [pap, chap, eap], proxy-lcp: accept"));
    const { core, world, lac } = scene;
    const radius = await askRadius(scene);
    const tunnel = lac.open(switchAddress);
    const numbers = { callingNumber: "9".repeat(900), calledNumber: "8".repeat(900), agentCircuitId: "c".repeat(900) };
    const confreq = Uint8Array.of(1, 4, 5, 180);
    const proxied = {
      initialReceivedLcpConfreq: confreq,
      lastSentLcpConfreq: Uint8Array.of(3, 4, 0xc0, 0x23),
      lastReceivedLcpConfreq: confreq,
      proxyAuthenType: 3,
      proxyAuthenName: "n".repeat(900),
      proxyAuthenResponse: new Uint8Array(900).fill(65),
    };
    lac.place(tunnel, { callSerialNumber: 9, bearerType: 1, ...numbers }, { framingType: 1, ...proxied });
    const [plain, numbered, longest] = [
      createPuppet(scene, tunnel, 1),
      createPuppet(scene, tunnel, 2, numbers),
      createPuppet(scene, tunnel, 3),
    ] as const;
    await world.run(300);
    for (const each of [plain, numbered, longest]) each.configure();
    await world.run(100);
    plain.pap("anna", "secret");
    numbered.pap("anna", "secret");
    longest.pap("\u00e9".repeat(120), "p".repeat(255));
    await world.run(500);
    for (const each of [plain, numbered]) each.configure(pppProtocol.ipcp);
    await world.run(5000);
    expect(core.counts.values()).toMatchObject({ "logins-accepted": 2, "logins-rejected": 2, "subscribers-up": 2 });
    expect(radius.accounting.filter((each) => recordOf(each).startsWith("start"))).toHaveLength(2);
    for (const each of [plain, numbered]) each.terminate();
    await world.run(5000);
    expect(radius.accounting.filter((each) => recordOf(each).startsWith("stop"))).toHaveLength(2);
    await expectEmpty(scene, 400_000);
  });
});

describe("everything at once", { timeout: long ? 600_000 : 60_000 }, () => {
  it.each(seeds(long ? 1000 : 12))("seed %d: all that was begun is ended once, and nothing is left", async (seed) => {
    const network = { loss: seed % 3 === 0 ? 0.05 : 0, duplicate: 0.02, delay: [1, 40] } as const;
    const variants = ["", "multilink: true", "own-device: true", "duplicate-login: replace", "session-timeout: 20s"];
    const variant = variants[seed % variants.length]!;
    const scene = await createSubscriberScene(config(variant), seed, network);
    const { world, lac, gateway, core } = scene;
    const books = slowAaa(scene, () => world.between(0, world.chance(0.3) ? 8000 : 300));
    const pick = <T>(from: readonly T[]): T => from[Math.floor(world.random() * from.length)]!;
    const dynamic = createDynamicHandler(() => core);
    const subscribers: Subscriber[] = [];
    const puppets: Puppet[] = [];
    let tunnel = lac.open(switchAddress);
    let serial = 1000;

    world.onStep = () => {
      const held = [...core.termination.directory.all()].map(({ address }) => address);
      expect(new Set(held).size).toBe(held.length);
    };
    const isOpen = () => lac.tunnels.get(tunnel) === "up" || lac.tunnels.get(tunnel) === "setting-up";
    const dial = (): void => {
      if (!isOpen()) tunnel = lac.open(switchAddress);
      if (world.chance(0.3)) puppets.push(createPuppet(scene, tunnel, ++serial));
      else {
        const [user, password] = pick([
          ["anna", "secret"],
          ["bert", "hunter2"],
          ["bert", "wrong"],
        ] as const);
        subscribers.push(scene.dial({ user, password, tunnel, multilink: world.chance(0.5), ipv6: world.chance(0.5) }));
      }
    };
    const call = () => pick([...subscribers, ...puppets]).call;
    const remote = () => pick([...core.legs.keys()]);
    const acts: readonly (() => unknown)[] = [
      dial,
      dial,
      dial,
      () => pick(subscribers)?.hangUp(),
      () => lac.hangUp(call(), { result: pick([1, 3]) }),
      () => core.legs.size > 0 && gateway.terminateSession(remote()),
      () => lac.sendFrame(call(), configureRequest(Math.floor(world.random() * 256))),
      () => lac.sendFrame(call(), configureRequest(1)),
      () => puppets.length > 0 && pick(puppets).pap("anna", "secret"),
      () => puppets.length > 0 && pick(puppets).configure(pick([pppProtocol.ipcp, pppProtocol.ipv6cp])),
      () => puppets.length > 0 && pick(puppets).terminate(pick([pppProtocol.lcp, pppProtocol.ipcp])),
      () => dynamic.disconnect({ callingNumber: String(Math.ceil(world.random() * serial)) }),
      () => dynamic.disconnect({ userName: "anna" }),
      () =>
        dynamic.change({ userName: "bert" }, { rates: { up: { bitsPerSecond: 1e6, burst: 15_000 }, down: undefined } }),
      () => gateway.reload(parseConfig(config(pick(variants))).config),
      () => world.chance(0.15) && lac.closeTunnel(tunnel, { result: 6 }),
    ];
    for (let n = 0; n < 4; n++) dial();
    for (let n = 0; n < 120; n++) {
      void pick(acts)();
      await world.run(world.between(0, 400));
    }
    const stopping = seed % 2 === 0;
    if (stopping) {
      for (let n = 0; n < 5; n++) dial();
      await world.run(world.between(0, 2000));
      const stopped = gateway.stop(5000);
      let done = false;
      void stopped.then(() => {
        done = true;
      });
      expect(await world.until(() => done, 30_000)).toBe(true);
      expect(await scene.plane.port.list()).toEqual([]);
    } else {
      for (const each of lac.tunnels.keys()) if (lac.tunnels.get(each) === "up") lac.closeTunnel(each, { result: 1 });
      await world.run(120_000);
    }
    await expectEmpty(scene);
    expect(core.termination.unpooled.size + core.termination.ownDevices.size).toBe(0);
    expect(new Set(books.started).size).toBe(books.started.length);
    expect(books.stopped.map(({ session }) => session).sort()).toEqual([...books.started].sort());
  });
});
