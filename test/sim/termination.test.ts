/** Sessions that end here: dial-in, limits, time-outs, hang-up from all sides, over clean and lossy networks. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/gateway/config.js";
import { seeds } from "../seed.js";
import { createSubscriberScene, type Subscriber, type SubscriberScene } from "./subscriber-scene.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "junctor-termination-"));
  writeFileSync(join(directory, "users"), "anna * secret *\nbert * hunter2 *\nfixed * secret 10.9.9.9\n", {
    mode: 0o600,
  });
});
afterAll(() => rmSync(directory, { recursive: true }));

const config = (terminate = "", pools = "main: [10.5.0.0/30, 2001:db8::/44]"): string => `
host-name: lns
access: [{ l2tp: { listen: 10.0.0.1 } }]
tun: { virtual: true, address: [10.0.0.254, "2001:db8:ffff::1"] }
pools: { ${pools} }
aaa: { local: ${directory}/users }
policy: [{ terminate: { pool: main, ${terminate} } }]
`;

const types = ({ events }: SubscriberScene): readonly string[] => events.map(({ type }) => type);

const leases = ({ gateway }: SubscriberScene): number => gateway.pools.reduce((sum, { used }) => sum + used, 0);

/** Nothing is left of anybody: no call, no unit, no address. */
async function expectEmpty(scene: SubscriberScene): Promise<void> {
  await scene.world.run(60_000);
  expect(scene.gateway.population).toMatchObject({ sessions: 0, subscribers: 0 });
  expect(await scene.plane.unit.list()).toEqual([]);
  expect(await scene.plane.route.list()).toEqual([]);
  expect(leases(scene)).toBe(0);
  expect(scene.gateway.statistics()["internal-errors"]).toBeUndefined();
}

/** An IPv4 ICMP echo request (RFC 792). */
function echoRequest(source: string, destination: string): Uint8Array {
  const packet = new Uint8Array(28);
  packet.set([0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0, 0]);
  packet.set(source.split(".").map(Number), 12);
  packet.set(destination.split(".").map(Number), 16);
  packet.set([8, 0, 0, 0, 0, 7, 0, 1], 20);
  const put = (at: number, from: number, to: number): void => {
    let sum = 0;
    for (let each = from; each < to; each += 2) sum += (packet[each]! << 8) | packet[each + 1]!;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    packet.set([(~sum >> 8) & 0xff, ~sum & 0xff], at);
  };
  put(10, 0, 20);
  put(22, 20, 28);
  return packet;
}

async function ping(scene: SubscriberScene, subscriber: Subscriber, source = subscriber.address!): Promise<boolean> {
  const before = subscriber.packets.length;
  subscriber.send(echoRequest(source, "10.0.0.254"));
  await scene.world.run(1000);
  return subscriber.packets.slice(before).some((packet) => packet[9] === 1 && packet[20] === 0);
}

describe("a subscriber", () => {
  it("dials in, has addresses, reaches the gateway, and hangs up", async () => {
    const scene = await createSubscriberScene(config());
    const anna = await scene.dialIn({ ipv6: true });
    expect(anna.address).toMatch(/^10\.5\.0\.[0-3]$/);
    expect(anna.interfaceId).toBeDefined();
    expect(types(scene)).toContain("subscriber-up");
    expect(await ping(scene, anna)).toBe(true);
    expect(anna.packets.some((packet) => packet[0]! >> 4 === 6 && packet[40] === 134)).toBe(true);

    const [session] = await scene.gateway.sessions();
    expect(session).toMatchObject({ fate: "terminated", userName: "anna", address: anna.address });
    const ppp = await scene.gateway.ppp(session!.call);
    expect(ppp).toMatchObject({
      link: { phase: "network", lcp: "opened" },
      network: { protocols: { ipv4: "opened" } },
    });
    expect(ppp?.subscriber).toMatchObject({ userName: "anna", usage: { inPackets: 1, inBytes: 28 } });

    anna.hangUp();
    await expectEmpty(scene);
    expect(scene.events.find(({ type }) => type === "subscriber-down")).toMatchObject({
      user: "anna",
      cause: "user-request",
      usage: { inPackets: 1, inBytes: 28 },
    });
  });

  it("cannot speak from an address that is not its own", async () => {
    const scene = await createSubscriberScene(config());
    const anna = await scene.dialIn();
    expect(await ping(scene, anna, "10.5.0.77")).toBe(false);
    expect(scene.plane.drops()["bad-source"]).toBe(1);
  });

  it("is refused with a wrong password, and nothing is left", async () => {
    const scene = await createSubscriberScene(config());
    const anna = await scene.dialIn({ password: "wrong" });
    expect(anna.address).toBeUndefined();
    expect(anna.ended).toBeDefined();
    await expectEmpty(scene);
  });

  it("is refused when no address is left", async () => {
    const scene = await createSubscriberScene(config());
    const four = [];
    for (let index = 0; index < 4; index++) four.push(await scene.dialIn());
    expect(new Set(four.map(({ address }) => address)).size).toBe(4);
    const fifth = await scene.dialIn();
    expect(fifth.address).toBeUndefined();
    expect(fifth.ended).toBe("peer-closed");
    for (const each of four) each.hangUp();
    await expectEmpty(scene);
  });

  it("gets the address that belongs to its name, once", async () => {
    const scene = await createSubscriberScene(config());
    const one = await scene.dialIn({ user: "fixed" });
    expect(one.address).toBe("10.9.9.9");
    const two = await scene.dialIn({ user: "fixed" });
    expect(two.address).toBeUndefined();
  });

  it.each([
    ["reject", 1, "the first"],
    ["replace", 1, "the second"],
    ["allow", 2, "both"],
  ] as const)("with duplicate-login %s there is %d of two sessions: %s", async (policy, count, who) => {
    const scene = await createSubscriberScene(config(`duplicate-login: ${policy}`));
    const first = await scene.dialIn();
    const second = await scene.dialIn();
    await scene.world.run(20_000);
    expect(scene.gateway.population.subscribers).toBe(count);
    expect(first.ended === undefined).toBe(who !== "the second");
    expect(second.ended === undefined).toBe(who !== "the first");
  });

  it("takes its address with it to the session that replaces a dead one", async () => {
    const scene = await createSubscriberScene(config("duplicate-login: replace"));
    const first = await scene.dialIn({ user: "fixed" });
    const { frames } = scene.lac.options;
    scene.lac.options = { ...scene.lac.options, frames: (call, bytes) => call !== first.call && frames?.(call, bytes) };
    const second = await scene.dialIn({ user: "fixed" });
    expect(second.address).toBe("10.9.9.9");
    expect(await ping(scene, second)).toBe(true);
    expect(scene.events.filter(({ type }) => type === "subscriber-down")).toMatchObject([{ cause: "port-preempted" }]);
  });

  it("has nothing any more as soon as it has hung up, and is accounted for as a user who has", async () => {
    const scene = await createSubscriberScene(config());
    const anna = await scene.dialIn();
    anna.hangUp();
    await scene.world.run(1000);
    expect(leases(scene)).toBe(0);
    expect(scene.gateway.population.subscribers).toBe(0);
    scene.lac.hangUp(anna.call, { result: 1 });
    await expectEmpty(scene);
    expect(scene.events.filter(({ type }) => type === "subscriber-down")).toMatchObject([{ cause: "user-request" }]);
  });

  it("may have so many sessions and no more", async () => {
    const scene = await createSubscriberScene(config("max-sessions-per-user: 2"));
    for (let index = 0; index < 3; index++) await scene.dialIn();
    const other = await scene.dialIn({ user: "bert", password: "hunter2" });
    expect(scene.gateway.population.subscribers).toBe(3);
    expect(other.address).toBeDefined();
  });

  it("ends when its time is over", async () => {
    const scene = await createSubscriberScene(config("session-timeout: 100s, echo-interval: 0"));
    const anna = await scene.dialIn();
    await scene.world.run(90_000);
    expect(anna.ended).toBeUndefined();
    await scene.world.run(20_000);
    expect(anna.ended).toBe("peer-closed");
    expect(scene.events.find(({ type }) => type === "subscriber-down")).toMatchObject({ cause: "session-timeout" });
  });

  it("ends when it is idle, and not while it is busy", async () => {
    const scene = await createSubscriberScene(config("idle-timeout: 60s"));
    const anna = await scene.dialIn();
    for (let index = 0; index < 4; index++) {
      await scene.world.run(40_000);
      expect(await ping(scene, anna)).toBe(true);
    }
    await scene.world.run(70_000);
    expect(scene.events.find(({ type }) => type === "subscriber-down")).toMatchObject({ cause: "idle-timeout" });
  });

  it("ends when it grants all that is asked of it and asks for nothing itself", async () => {
    const scene = await createSubscriberScene(config());
    const { frames } = scene.lac.options;
    const [ncp, codeAt, request, acknowledge] = [0x80, 4, 1, 2];
    scene.lac.options = {
      ...scene.lac.options,
      frames(call, bytes) {
        if (bytes[2] !== ncp || bytes[codeAt] !== request) return frames?.(call, bytes);
        const answer = Uint8Array.from(bytes);
        answer[codeAt] = acknowledge;
        scene.lac.sendFrame(call, answer);
      },
    };
    const anna = scene.dial({ joins: true });
    await scene.world.run(20_000);
    expect(scene.gateway.population.subscribers).toBe(1);
    await scene.world.run(60_000);
    expect(anna.ended).toBe("peer-closed");
    await expectEmpty(scene);
  });

  it("ends when it no longer answers", async () => {
    const scene = await createSubscriberScene(config("echo-interval: 10s"));
    const anna = await scene.dialIn();
    await scene.world.run(100_000);
    expect(anna.ended).toBeUndefined();
    scene.lac.options = { ...scene.lac.options, frames: () => {} };
    await scene.world.run(60_000);
    expect(scene.events.find(({ type }) => type === "subscriber-down")).toMatchObject({ cause: "lost-carrier" });
    await expectEmpty(scene);
  });

  it.each([
    [
      "the operator",
      (scene: SubscriberScene, { call }: Subscriber) => scene.gateway.terminateSession(call),
      "admin-reset",
    ],
    [
      "a CDN of the LAC",
      (scene: SubscriberScene, { call }: Subscriber) => scene.lac.hangUp(call, { result: 1 }),
      "lost-carrier",
    ],
    [
      "the LAC's end",
      (scene: SubscriberScene, { call }: Subscriber) => scene.lac.closeTunnel(call >>> 16, { result: 6 }),
      "user-request",
    ],
  ])("is ended by %s", async (_, end, cause) => {
    const scene = await createSubscriberScene(config());
    const anna = await scene.dialIn();
    const [session] = await scene.gateway.sessions();
    if (cause === "admin-reset") await scene.gateway.terminateSession(session!.call);
    else void end(scene, anna);
    await expectEmpty(scene);
    expect(scene.events.filter(({ type }) => type === "subscriber-down")).toMatchObject([{ cause }]);
  });

  it("is found and ended by its names", async () => {
    const scene = await createSubscriberScene(config());
    const anna = await scene.dialIn();
    await scene.dialIn({ user: "bert", password: "hunter2" });
    expect(scene.gateway.find({ userName: "anna", address: anna.address })).toHaveLength(1);
    expect(scene.gateway.find({ userName: "bert", address: anna.address })).toHaveLength(0);
    expect(scene.gateway.find({})).toHaveLength(0);
  });

  it("keeps its session over a reload, and the stop ends it", async () => {
    const scene = await createSubscriberScene(config());
    const anna = await scene.dialIn();
    await scene.gateway.reload(parseConfig(config("mru: 1400")).config);
    expect(await ping(scene, anna)).toBe(true);
    const stopped = scene.gateway.stop(5000);
    await scene.world.run(10_000);
    await stopped;
    expect(scene.events.find(({ type }) => type === "subscriber-down")).toMatchObject({ cause: "admin-reboot" });
    expect(leases(scene)).toBe(0);
  });

  it.each(seeds(10))(
    "over a lossy network, seed %d: every login ends with an address or an end, and all is given back",
    async (seed) => {
      const link = { loss: 0.15, duplicate: 0.1, delay: [1, 80] } as const;
      const scene = await createSubscriberScene(config("", "main: [10.5.0.0/24]"), seed, link);
      const all = Array.from({ length: 12 }, () => scene.dial());
      await scene.world.run(180_000);
      for (const each of all)
        expect(each.address !== undefined || each.ended !== undefined || !scene.core.legs.has(each.call)).toBe(true);
      const up = all.filter(({ address, ended }) => address !== undefined && ended === undefined);
      expect(new Set(up.map(({ address }) => address)).size).toBe(up.length);
      for (const each of all) each.hangUp();
      await scene.world.run(60_000);
      for (const tunnel of scene.lac.tunnels.keys()) scene.lac.closeTunnel(tunnel, { result: 1 });
      await expectEmpty(scene);
    },
  );
});
