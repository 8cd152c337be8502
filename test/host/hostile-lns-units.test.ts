/** Subscribers that are hostile, at the data plane: what the host gets is theirs and sound, and every frame is accounted for. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createVirtualNetwork,
  type Dataplane,
  openDataplane,
  type Punt,
  type UnitCreate,
  type VirtualEnd,
} from "../../src/dataplane/index.js";
import { encodeData } from "../../src/wire/l2tp2.js";
import { long, seed } from "../seed.js";
import { createFragmenter, framed, ipPacket } from "./hostile/packets.js";
import { createRandom } from "./hostile/random.js";
import { addressOctets, udp } from "./packets.js";

const frames = long ? 1_000_000 : 15_000;

interface Line {
  readonly unit: number;
  readonly sessions: readonly number[];
  /** Sends a PPP frame over one of its links. */
  send(frame: Uint8Array, link?: number): void;
}

const multilink: NonNullable<UnitCreate["multilink"]> = { mrru: 1500, peerMrru: 1500 };

describe("hostile subscribers", { timeout: long ? 900_000 : 60_000 }, () => {
  let network: ReturnType<typeof createVirtualNetwork>;
  let plane: Dataplane;
  let local: string;
  let udpPort: number;
  let tun: number;
  let punts: Punt[];
  let tunnels = 0;

  beforeEach(async () => {
    network = createVirtualNetwork({ seed });
    plane = await openDataplane({ inline: { network }, capacity: { tunnels: 16, sessions: 16 } });
    const port = await plane.port.open({ local: "192.0.2.1:1701" });
    udpPort = port.port;
    local = port.local;
    ({ port: tun } = await plane.port.open({ kind: "tun", name: "tun-test", backing: "control" }));
    punts = [];
    plane.onPunt((batch) => punts.push(...batch));
  });
  afterEach(() => plane.close());

  async function subscriber(prefixes: readonly string[], links: number, attributes: Partial<UnitCreate> = {}) {
    const { unit } = await plane.unit.create({ port: tun, ipv4: true, ipv6: true, mss: 1400, ...attributes });
    for (const prefix of prefixes) await plane.route.add({ prefix, unit });
    const ends: VirtualEnd[] = [];
    const sessions: number[] = [];
    const first = tunnels + 1;
    for (let index = 0; index < links; index++) {
      const tunnelId = ++tunnels;
      const remote = `198.51.100.${tunnelId}:1701`;
      ends.push(network.attach(remote, () => {}));
      const { tunnel } = await plane.tunnel.create({ port: udpPort, remote, tunnelId, peerTunnelId: 9 });
      const { session, channel } = await plane.session.create({ tunnel, sessionId: 1, peerSessionId: 1 });
      await plane.channel.connect({ channel: channel!, unit });
      sessions.push(session);
    }
    const line: Line = {
      unit,
      sessions,
      send: (frame, link = 0) => ends[link]!.send(local, encodeData({ tunnelId: first + link, sessionId: 1 }, frame)),
    };
    return line;
  }

  const settle = (): void => network.clock.runUntil(network.clock.now() + 1);
  const countersOf = async ({ unit }: Line) => (await plane.unit.get({ unit })).counters;
  const sumOf = (drops: Readonly<Record<string, number>>, prefix = "") =>
    Object.entries(drops).reduce((sum, [name, count]) => (name.startsWith(prefix) ? sum + count : sum), 0);

  /** Is it the unit's, and is it what its header says? */
  function expectOwn(bytes: Uint8Array, own: readonly (readonly number[])[], trace: string): void {
    const v4 = bytes[0]! >> 4 === 4;
    expect(v4 || bytes[0]! >> 4 === 6, trace).toBe(true);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    expect(v4 ? view.getUint16(2) : 40 + view.getUint16(4), trace).toBe(bytes.length);
    const source = [...bytes.subarray(v4 ? 12 : 8, v4 ? 16 : 24)];
    expect(
      own.some((prefix) => prefix.every((octet, index) => source[index] === octet)),
      `${trace}: ${source}`,
    ).toBe(true);
  }

  const ground = {
    own: ["10.1.0.66", "2001:db8:66::1", "2001:db8:f066:1234::5"],
    others: [
      ...["10.1.0.7", "10.1.0.254", "0.0.0.0", "127.0.0.1", "255.255.255.255", "224.0.0.1", "192.0.2.1"],
      ...["2001:db8:7::1", "2001:db8:f007::1", "::", "::1", "fe80::1", "ff02::1", "2001:db8:67::1"],
    ],
  };
  const prefixes = ["10.1.0.66/32", "2001:db8:66::/64", "2001:db8:f066::/48"];
  const owned = [
    addressOctets("10.1.0.66"),
    addressOctets("2001:db8:66::").slice(0, 8),
    addressOctets("2001:db8:f066::").slice(0, 6),
  ];

  it.each([
    ["one link", 1],
    ["a bundle of two links", 2],
  ])(
    `over %s, ${frames} frames: nothing but their own reaches the host, and every frame is counted`,
    async (_, links) => {
      console.log(`seed ${seed}`);
      const random = createRandom(seed);
      const innocent = await subscriber(["10.1.0.7/32", "2001:db8:7::/64", "2001:db8:f007::/48"], 1);
      const attacker = await subscriber(prefixes, links, links > 1 ? { multilink } : {});
      const cut = createFragmenter(random);
      const beat = udp({ from: "10.1.0.7", to: "198.51.100.9" }, [1, 2], random.bytes(20));
      let [sent, beats, taken, handed, heard] = [0, 0, 0, 0, 0];
      while (sent < frames) {
        const frame = framed(random, ipPacket(random, ground));
        const parts = links > 1 && random.below(4) > 0 ? cut(frame) : [frame];
        for (const part of parts) attacker.send(part, random.below(links));
        sent += parts.length;
        if (random.below(20) === 0) {
          innocent.send(Uint8Array.of(0xff, 3, 0, 0x21, ...beat));
          beats++;
        }
        settle();
        for (const punt of punts.splice(0)) {
          if (punt.origin === "unit" && punt.unit === attacker.unit) handed++;
          if (punt.origin !== "ip") continue;
          if (punt.unit === innocent.unit) {
            expect(Buffer.compare(punt.bytes, beat)).toBe(0);
            heard++;
          } else {
            expect(punt.unit).toBe(attacker.unit);
            taken++;
            if (links === 1) expect(punt.bytes.length, "nothing from beyond its frame").toBeLessThan(frame.length);
            expectOwn(punt.bytes, owned, `seed ${seed}, frame ${sent}`);
          }
        }
      }
      network.clock.runUntil(network.clock.now() + 5000);
      expect(heard, "the innocent's own").toBe(beats);
      const counters = await countersOf(attacker);
      const drops = plane.drops();
      taken += punts.filter(({ origin }) => origin === "ip").length;
      handed += punts.filter(({ origin }) => origin === "unit").length;
      expect(counters.rxPackets).toBe(taken);
      expect(taken).toBeGreaterThan(sent / 20);
      for (const reason of ["bad-source", "bad-ip"]) expect(drops[reason]).toBeGreaterThan(frames / 100);
      const sessions = await Promise.all(attacker.sessions.map((session) => plane.session.get({ session })));
      expect(sessions.reduce((sum, session) => sum + session.counters.rxPackets, 0)).toBe(sent);
      if (links === 1) {
        expect(counters.rxPackets + counters.rxDropped + handed + (drops["unit-punt-limit"] ?? 0)).toBe(sent);
        expect(sumOf(drops)).toBe(counters.rxDropped + (drops["unit-punt-limit"] ?? 0));
      } else expect(sumOf(drops, "multilink-")).toBeGreaterThan(0);
    },
  );

  it.each([
    ["packets of 20 bytes", () => ipv4Bare(20), 1],
    ["packets of 1400 bytes", () => ipv4Bare(1400), 1],
    ["fragments", () => ipv4Bare(600, 0x2000), 1],
    ["IPv6", () => ipv6Bare(300), 1],
    ["both families in turn", (n: number) => (n % 2 === 0 ? ipv4Bare(200) : ipv6Bare(200)), 1],
    ["padding", () => Uint8Array.of(...ipv4Bare(60), ...new Uint8Array(1000)), 1],
    ["several links", () => ipv4Bare(700), 2],
  ] as const)("a limit of 400 kbit/s is not passed by %s", async (_, make, links) => {
    const up = { bitsPerSecond: 4e5, burst: 15_000 };
    const attacker = await subscriber(prefixes, links, { up, ...(links > 1 ? { multilink } : {}) });
    const cut = createFragmenter({ ...createRandom(seed), below: (bound: number) => Math.min(bound - 1, 1) });
    const seconds = 2;
    for (let time = 0, n = 0; time < seconds * 1000; time += 1) {
      for (let each = 0; each < (make(0).length < 50 ? 10 : 2); each++, n++) {
        const packet = make(n);
        const frame = Uint8Array.of(0xff, 3, 0, packet[0]! >> 4 === 6 ? 0x57 : 0x21, ...packet);
        if (links === 1) attacker.send(frame);
        else for (const [index, part] of cut(frame).entries()) attacker.send(part, index % links);
      }
      settle();
    }
    const { rxBytes } = await countersOf(attacker);
    expect(rxBytes).toBeLessThan((up.bitsPerSecond / 8) * seconds + up.burst + 3000);
    expect(rxBytes).toBeGreaterThan((up.bitsPerSecond / 8) * seconds * 0.95);
  });

  it("what waits for the limit of a unit that is deleted is counted, and goes nowhere", async () => {
    const attacker = await subscriber(prefixes, 1, { up: { bitsPerSecond: 1e5, burst: 1500 } });
    const frame = Uint8Array.of(0xff, 3, 0, 0x21, ...ipv4Bare(1000));
    for (let n = 0; n < 5; n++) attacker.send(frame);
    settle();
    const { rxPackets } = await plane.unit.delete({ unit: attacker.unit });
    network.clock.runUntil(network.clock.now() + 2000);
    expect(punts).toHaveLength(rxPackets);
    expect(rxPackets + sumOf(plane.drops())).toBe(5);
  });
});

function ipv4Bare(length: number, fragment = 0): Uint8Array {
  const packet = new Uint8Array(length);
  packet.set([0x45, 0, length >> 8, length & 0xff, 0, 0, fragment >> 8, fragment & 0xff, 64, 17, 0, 0]);
  packet.set([10, 1, 0, 66, 198, 51, 100, 9], 12);
  return packet;
}

function ipv6Bare(length: number): Uint8Array {
  const packet = new Uint8Array(length);
  packet.set([0x60, 0, 0, 0, (length - 40) >> 8, (length - 40) & 0xff, 59, 64]);
  packet.set(addressOctets("2001:db8:66::1"), 8);
  packet.set(addressOctets("2001:db8:9::9"), 24);
  return packet;
}
