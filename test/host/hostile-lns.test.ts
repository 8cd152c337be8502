/** A LAC and its subscribers that are hostile, at the daemon as an LNS with a TUN interface, while others use it. From dist/. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Report } from "../../src/blast/index.js";
import { pppProtocol } from "../../src/wire/ppp.js";
import { encodeControl } from "../../src/wire/ppp-control.js";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { startLac } from "../peers/lac.js";
import { createNamespace, link, type Namespace } from "../peers/netns.js";
import { eventually, type Running } from "../peers/process.js";
import { requires } from "../peers/requires.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";
import { long, seed } from "../seed.js";
import { createCaller } from "./hostile/caller.js";
import { mutate } from "./hostile/mutate.js";
import { createFragmenter, framed, ipPacket } from "./hostile/packets.js";
import { createRandom } from "./hostile/random.js";

const title = "hostile subscribers at the daemon";
const { reason } = requires(title, ["sysctl"]);

const frames = long ? 1_000_000 : 15_000;
const loiterers = long ? 20_000 : 1000;
/** Frames per second of the attack. */
const pace = 6000;
/** KiB that a link may take before it has authenticated. */
const memoryGoal = 24;
const innocents = 20;

const program = fileURLToPath(new URL("../../bin/junctor.js", import.meta.url));

const config = (users: string): string => `
log: { level: warn }
access: [{ l2tp: { listen: "10.1.0.1:1701" } }]
policy:
  - { match: { called-number: slow }, terminate: { pool: main, authentication-timeout: ${long ? 60 : 3}s } }
  - { match: { called-number: pap }, terminate: { pool: main, authentication: [pap], authentication-timeout: 3s } }
  - { match: { called-number: bundle }, terminate: { pool: main, multilink: true, authentication-timeout: 3s } }
  - { match: { called-number: eap }, terminate: { pool: main, authentication: [eap], authentication-timeout: 3s } }
  - { terminate: { pool: main, authentication: [mschapv2, chap], authentication-timeout: 3s } }
tun: { name: jct0, address: [100.127.255.254, "2001:db8:ff::1"] }
pools: { main: [100.64.0.0/16, "2001:db8::/40"] }
aaa: { local: ${JSON.stringify(users)} }
`;

const residentKiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe.skipIf(reason !== undefined)(title, { timeout: long ? 900_000 : 60_000 }, () => {
  const undo = undoStack();
  let lacSpace: Namespace;
  let lnsSpace: Namespace;
  let junctor: Junctor;

  beforeEach(async () => {
    lacSpace = await createNamespace(undo, "lac");
    lnsSpace = await createNamespace(undo, "lns");
    await link(
      { space: lacSpace, name: "eth0", addresses: ["10.1.0.2/24", "10.1.0.66/24"] },
      { space: lnsSpace, name: "eth0", addresses: ["10.1.0.1/24"] },
    );
    const redirects = ["all", "default"].map((of) => `net.ipv4.conf.${of}.send_redirects=0`);
    await lnsSpace.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", ...redirects]);
    const users = `${temporaryDirectory(undo, "users")}/users`;
    const lines = Array.from({ length: innocents }, (_, index) => `good-${index} * good *\n`);
    writeFileSync(users, `${lines.join("")}evil * evil *\n`, { mode: 0o600 });
    junctor = await startJunctor(undo, lnsSpace, { config: config(users), secrets: {} });
  }, 60_000);
  afterEach(() => undo.run());

  /** The innocents: their packets have numbers, and go from one to the next. */
  const startInnocents = (seconds: number): Running => {
    const words = ["--switch", "10.1.0.1:1701", "--lac-bind", "10.1.0.2", "--called-number", "other", "--json"];
    const load = ["--sessions", String(innocents), "--rate", "1000", "--seconds", String(seconds)];
    const who = ["--user", "good-%d", "--password", "good"];
    return lacSpace.start([process.execPath, program, "blast", "--ppp", ...words, ...load, ...who]);
  };
  const used = async (): Promise<number> =>
    (await junctor.get<{ pools: { used: number }[] }>("/v1/pools")).pools.reduce((sum, pool) => sum + pool.used, 0);
  const units = async () => (await junctor.get<{ units: unknown[] }>("/v1/units")).units;

  async function expectInnocent(running: Running): Promise<void> {
    await running.exited;
    const report = JSON.parse(running.output()) as Report;
    expect(report.problems).toEqual([]);
    expect(report.ppp).toEqual({ up: innocents, duplicateAddresses: 0, lost: 0, failures: {} });
    expect(report.traffic?.up).toMatchObject({ lost: 0, altered: 0, misdelivered: 0, duplicated: 0 });
  }

  /** Nothing is left of anybody, in the daemon and, after it, in the host. */
  async function expectEmpty(within: number): Promise<void> {
    await eventually(
      "nothing is left",
      async () =>
        (await used()) === 0 && (await junctor.sessions()).length === 0 && (await units()).length === 0
          ? true
          : undefined,
      within,
    );
    expect(junctor.process.ended()).toBe(false);
    expect(junctor.process.output()).not.toMatch(/uncaught|unhandled|internal error/i);
    await junctor.process.stop("SIGTERM", 8000);
    expect(await lnsSpace.run(["ip", "-o", "link"])).not.toContain("jct0");
    expect(await lnsSpace.run(["ip", "route"])).not.toContain("100.64");
  }

  it(`${frames} spoiled frames before and after authentication: others lose nothing, and nothing is left`, async () => {
    console.log(`seed ${seed}`);
    const random = createRandom(seed);
    const lac = startLac(undo, lacSpace, { local: "10.1.0.66:1701", lns: "10.1.0.1:1701" });
    const caller = createCaller(lac, random);
    const kinds = [
      { user: "evil", password: "evil", ipv6: true, calledNumber: "pap" },
      { user: "evil", password: "evil", calledNumber: "bundle", allow: ["pap", "chap-md5"] },
      { user: "evil", password: "evil", calledNumber: "eap", ipv6: true },
      { user: "evil", password: "wrong", calledNumber: "other" },
      { user: "good-1", password: "wrong", calledNumber: "pap" },
    ] as const;
    const redial = (): void => {
      if (random.below(6) === 0) caller.loiter();
      else caller.dial(random.pick(kinds));
    };
    const running = startInnocents(frames / pace + 2);
    await eventually("the innocents are up", async () => ((await used()) >= innocents ? true : undefined));
    for (let n = 0; n < 40; n++) redial();
    await eventually("some attackers are up", () => (caller.calls.size >= 20 ? true : undefined));

    const before = residentKiB(junctor.process.pid);
    const ground = {
      own: ["100.64.0.20", "100.64.0.21", "100.64.0.22", "2001:db8:0:14::1"],
      others: [
        "100.64.0.0",
        "100.64.0.1",
        "100.127.255.254",
        "0.0.0.0",
        "127.0.0.1",
        "224.0.0.1",
        "fe80::2",
        "ff02::2",
        "::",
      ],
    };
    // Whoever is sent a packet by a stranger in good order has nothing to complain of, but blast would.
    const to = [
      ...ground.own,
      "100.127.255.254",
      "198.51.100.1",
      "127.0.0.1",
      "224.0.0.1",
      "2001:db8:ff::1",
      "fe80::2",
      "ff02::2",
    ];
    const cut = createFragmenter(random);
    const attack = (call: number): void => {
      const way = random.below(10);
      if (way < 5) caller.send(call, mutate(random, caller.corpus));
      else if (way < 8) caller.send(call, framed(random, ipPacket(random, { ...ground, to })));
      else if (way < 9)
        for (const part of cut(framed(random, ipPacket(random, { ...ground, to })))) caller.send(call, part);
      else
        caller.send(
          call,
          Uint8Array.of(
            0xff,
            3,
            random.pick([0xc0, 0x80, 0xc2, 0x00]),
            random.below(256),
            ...random.bytes(random.below(80)),
          ),
        );
    };
    const started = performance.now();
    let most = 0;
    for (let sent = 0, look = 0; sent < frames; ) {
      const due = Math.min(frames, ((performance.now() - started) / 1000) * pace);
      const targets = [...caller.calls];
      for (; sent < due; sent++) if (targets.length > 0) attack(random.pick(targets));
      for (let missing = 40 - targets.length; missing > 0; missing -= 8) redial();
      if (sent >= look) {
        most = Math.max(most, (await units()).length);
        look += frames / 20;
      }
      await pause(2);
    }
    const grown = residentKiB(junctor.process.pid) - before;
    expect(most, "some of the attackers are in").toBeGreaterThan(innocents);
    await expectInnocent(running);
    expect(grown).toBeLessThan(64 * 1024);
    for (const call of caller.calls) lac.hangUp(call, { result: 3 });
    await expectEmpty(90_000);
  });

  it(`${loiterers} links that never authenticate take little, disturb nobody, and end in time`, async () => {
    const random = createRandom(seed);
    const callers = Array.from({ length: 8 }, (_, index) =>
      createCaller(startLac(undo, lacSpace, { local: `10.1.0.66:${1701 + index}`, lns: "10.1.0.1:1701" }), random),
    );
    const running = startInnocents(long ? 40 : 3);
    await eventually("the innocents are up", async () => ((await used()) >= innocents ? true : undefined));
    const before = residentKiB(junctor.process.pid);
    for (let n = 0; n < loiterers; n++) {
      callers[n % callers.length]!.loiter("slow");
      if (n % 100 === 0) await pause(20);
    }
    const up = () => callers.reduce((sum, { calls }) => sum + calls.size, 0);
    await eventually("they are there", () => (up() === loiterers ? true : undefined), 60_000);
    const grown = residentKiB(junctor.process.pid) - before;
    console.log(`${up()} links, ${grown} KiB`);
    // Few links say little: the heap grows by steps.
    expect(grown / loiterers).toBeLessThan(long ? memoryGoal : 2 * memoryGoal);
    expect((await units()).length).toBe(innocents);
    await expectInnocent(running);
    await expectEmpty(60_000);
  });

  it("logins come through while another's link is flooded", async () => {
    const random = createRandom(seed);
    const lac = startLac(undo, lacSpace, { local: "10.1.0.66:1701", lns: "10.1.0.1:1701" });
    const caller = createCaller(lac, random);
    for (let n = 0; n < 4; n++) caller.loiter();
    await eventually("the flood can begin", () => (caller.calls.size > 0 ? true : undefined));
    const echo = encodeControl(pppProtocol.lcp, { code: 9, identifier: 1, data: random.bytes(8) });
    const flood = setInterval(() => {
      for (const call of caller.calls) for (let n = 0; n < 60; n++) caller.send(call, echo);
      if (caller.calls.size < 4) caller.loiter();
    }, 5);
    undo.defer(() => clearInterval(flood));
    const started = performance.now();
    const running = startInnocents(1);
    await eventually("the innocents are up", async () => ((await used()) >= innocents ? true : undefined), 30_000);
    const took = performance.now() - started;
    console.log(`up after ${Math.round(took)} ms`);
    clearInterval(flood);
    await expectInnocent(running);
    expect(took).toBeLessThan(20_000);
  });
});
