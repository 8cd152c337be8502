/** Units between two real hosts: engines on both ends, TUN interfaces in namespaces, the kernel's own TCP on top. */
import { afterEach, describe, expect, it } from "vitest";
import { type Dataplane, openDataplane, type PortState, type UnitCreate } from "../../src/dataplane/index.js";
import { ffiMissing } from "../../src/system/index.js";
import { inside } from "../peers/inside.js";
import { createNamespace, link, type Namespace } from "../peers/netns.js";
import { requires } from "../peers/requires.js";
import { undoStack } from "../peers/undo.js";

const skip = requires("units on TUN interfaces", ["ip"]);

interface Host {
  readonly space: Namespace;
  readonly plane: Dataplane;
  readonly udp: PortState;
  readonly tun: PortState;
  readonly unit: number;
}

/** A server that answers what it got with as much of its own, and a client that compares. */
const serve = `
  require("node:net").createServer({ allowHalfOpen: true }, (socket) => {
    const hash = require("node:crypto").createHash("sha256");
    let length = 0;
    socket.on("data", (data) => { hash.update(data); length += data.length; });
    socket.on("end", () => {
      socket.write(hash.digest());
      const bytes = require("node:crypto").randomBytes(1 << 20);
      const own = require("node:crypto").createHash("sha256");
      let left = length;
      const more = () => {
        while (left > 0) {
          const part = bytes.subarray(0, Math.min(left, bytes.length));
          own.update(part);
          left -= part.length;
          if (!socket.write(part)) return;
        }
        socket.end(own.digest());
      };
      socket.on("drain", more);
      more();
    });
  }).listen({ port: 5001, host: "::" }, () => console.log("listening"));`;
const transfer = (address: string, bytes: number) => `
  const { createHash, randomBytes } = require("node:crypto");
  const socket = require("node:net").connect({ port: 5001, host: ${JSON.stringify(address)}, allowHalfOpen: true });
  const [own, theirs] = [createHash("sha256"), createHash("sha256")];
  const block = randomBytes(1 << 20);
  let left = ${bytes};
  const more = () => {
    while (left > 0) {
      const part = block.subarray(0, Math.min(left, block.length));
      own.update(part);
      left -= part.length;
      if (!socket.write(part)) return;
    }
    if (left === 0) { left = -1; socket.end(); }
  };
  socket.on("connect", more);
  socket.on("drain", more);
  let head = Buffer.alloc(0), tail = Buffer.alloc(0), got = 0;
  socket.on("data", (data) => {
    const need = 32 - head.length;
    if (need > 0) { head = Buffer.concat([head, data.subarray(0, need)]); data = data.subarray(need); }
    const all = Buffer.concat([tail, data]);
    const cut = Math.max(0, all.length - 32);
    theirs.update(all.subarray(0, cut));
    got += cut;
    tail = all.subarray(cut);
  });
  socket.on("end", () => {
    const ok = head.equals(own.digest()) && tail.equals(theirs.digest()) && got === ${bytes};
    console.log(ok ? "same" : "different " + got);
    process.exit(ok ? 0 : 1);
  });`;

type Queues = "each" | "one";

describe.skipIf(skip.reason !== undefined || ffiMissing() !== undefined)("units on TUN interfaces", () => {
  const undo = undoStack();
  let west: Host;
  let east: Host;
  afterEach(() => undo.run());

  async function host(space: Namespace, local: string, workers: number, segmentation: boolean, queues: Queues) {
    const plane = await openDataplane({ workers, capacity: { sessions: 64 } });
    undo.defer(() => plane.close());
    const [udp, tun] = await inside(space, () =>
      Promise.all([
        plane.port.open({ local, segmentation }),
        plane.port.open({ kind: "tun", name: "jtun0", segmentation, queues, mtu: 1400 }),
      ]),
    );
    return { space, plane, udp, tun };
  }

  async function scene(
    workers: number,
    segmentation: boolean,
    attributes: Partial<UnitCreate> = {},
    queues: Queues = "each",
  ): Promise<void> {
    const spaces = [await createNamespace(undo, "west"), await createNamespace(undo, "east")] as const;
    await link(
      { space: spaces[0], name: "veth0", addresses: ["192.0.2.1/24"] },
      { space: spaces[1], name: "veth0", addresses: ["192.0.2.2/24"] },
    );
    const names = ["192.0.2.1:1701", "192.0.2.2:1701"] as const;
    const bare = [
      await host(spaces[0], names[0], workers, segmentation, queues),
      await host(spaces[1], names[1], workers, segmentation, queues),
    ] as const;
    const joined = bare.map(async (each, index): Promise<Host> => {
      const { plane, udp, tun } = each;
      const ids = index === 0 ? { tunnelId: 1, peerTunnelId: 2 } : { tunnelId: 2, peerTunnelId: 1 };
      const { tunnel } = await plane.tunnel.create({ port: udp.port, remote: names[1 - index]!, ...ids });
      const { channel } = await plane.session.create({ tunnel, sessionId: 7, peerSessionId: 7 });
      const own = index === 0 ? "10.8.0.1/32" : "10.8.0.2/32";
      const [six, other, otherSix] =
        index === 0
          ? ["2001:db8::1/128", "10.8.0.2/32", "2001:db8::2/128"]
          : ["2001:db8::2/128", "10.8.0.1/32", "2001:db8::1/128"];
      await plane.device.set({ device: tun.device, addresses: [own, six] });
      const { unit } = await plane.unit.create({
        port: tun.port,
        ipv4: true,
        ipv6: true,
        local: own.split("/")[0]!,
        ...(index === 0 ? attributes : {}),
      });
      await Promise.all([
        plane.route.add({ prefix: other, unit, kernel: true }),
        plane.route.add({ prefix: otherSix, unit, kernel: true }),
      ]);
      await plane.channel.connect({ channel: channel!, unit });
      return { ...each, unit };
    });
    [west, east] = (await Promise.all(joined)) as [Host, Host];
  }

  /** What the kernel's stack found wrong, and what TCP sent twice. */
  async function complaints({ space }: Host): Promise<Record<string, number>> {
    const text = await space.run(["cat", "/proc/net/snmp", "/proc/net/netstat", "/proc/net/snmp6"]);
    const found: Record<string, number> = {};
    const lines = text.split("\n");
    for (let at = 0; at + 1 < lines.length; at++) {
      const [name, ...fields] = lines[at]!.split(/\s+/);
      const [again, ...values] = lines[at + 1]!.split(/\s+/);
      if (name?.endsWith(":") && name === again)
        for (const [index, field] of fields.entries()) found[name + field] = Number(values[index]);
    }
    const wanted = ["Tcp:InCsumErrors", "Tcp:InErrs", "Udp:InCsumErrors", "Ip:InHdrErrors", "Tcp:RetransSegs"];
    return Object.fromEntries(wanted.map((key) => [key, found[key] ?? -1]));
  }

  const clean = { "Tcp:InCsumErrors": 0, "Tcp:InErrs": 0, "Udp:InCsumErrors": 0, "Ip:InHdrErrors": 0 };

  async function exchange(address: string, bytes: number): Promise<void> {
    const server = west.space.start(["node", "-e", serve]);
    await server.waitFor(/listening/);
    try {
      const client = await east.space.run(["node", "-e", transfer(address, bytes)], { timeout: 60_000 });
      expect(client).toContain("same");
    } finally {
      await server.stop();
    }
  }

  it.each([
    ["super-packets, one worker", 1, true, "each"],
    ["super-packets, two workers", 2, true, "each"],
    ["packet by packet", 1, false, "each"],
    ["two workers, one queue", 2, true, "one"],
  ] as const)(
    "TCP carries 32 MB each way, by IPv4 and IPv6, with no error (%s)",
    async (_, workers, segmentation, queues = "each") => {
      await scene(workers, segmentation, {}, queues);
      const device = await west.space.run(["ip", "-d", "link", "show", "jtun0"]);
      expect(device).toContain(` numqueues ${queues === "one" ? 1 : workers} `);
      const bytes = 32 << 20;
      await exchange("10.8.0.1", bytes);
      await exchange("2001:db8::1", bytes);
      for (const each of [west, east]) {
        expect(await complaints(each)).toMatchObject(clean);
        // Router solicitations of the host before there was anyone to hear them.
        const { "no-route": _, "device-down": __, ...others } = each.plane.drops();
        expect(others).toEqual({});
      }
      const [one, two] = await Promise.all([west, east].map(({ plane, unit }) => plane.unit.get({ unit })));
      expect(one!.counters).toMatchObject({
        rxPackets: two!.counters.txPackets,
        rxBytes: two!.counters.txBytes,
        rxDropped: 0,
      });
      expect(two!.counters).toMatchObject({
        rxPackets: one!.counters.txPackets,
        rxBytes: one!.counters.txBytes,
        rxDropped: 0,
      });
      expect(one!.counters.rxBytes).toBeGreaterThan(2 * bytes);
    },
  );

  it("the host learns of a smaller MTU, by IPv4 and IPv6, and fits its segments to it", async () => {
    await scene(1, true, { mtu: 1300 });
    for (const address of ["10.8.0.1", "2001:db8::1"]) await exchange(address, 4 << 20);
    const learned = ["10.8.0.2", "2001:db8::2"].map((to) => west.space.run(["ip", "route", "get", to]));
    for (const route of await Promise.all(learned)) expect(route).toMatch(/mtu 1300/);
    expect(west.plane.drops()["packet-too-big"]).toBeLessThan(1000);
    expect(await complaints(east)).toMatchObject(clean);
  });

  it("TCP within a smaller MSS needs no discovery", async () => {
    await scene(1, true, { mtu: 1300, mss: 1260 });
    for (const address of ["10.8.0.1", "2001:db8::1"]) await exchange(address, 4 << 20);
    expect(west.plane.drops()["packet-too-big"]).toBeUndefined();
  });

  it("addresses and routes of the host come and go with what they belong to", async () => {
    await scene(1, true);
    const { space, plane, tun, unit } = west;
    const shown = async (...what: string[]) => space.run(["ip", ...what]);
    expect(await shown("address", "show", "dev", "jtun0")).toMatch(
      /mtu 1400[\s\S]*10\.8\.0\.1\/32[\s\S]*2001:db8::1\/128/,
    );
    await plane.device.route({ device: tun.device, prefix: "10.64.0.0/10" });
    await expect(plane.device.route({ device: tun.device, prefix: "10.64.0.0/10" })).rejects.toMatchObject({
      code: "EEXIST",
    });
    const many = Array.from({ length: 300 }, (_, index) => `10.9.${index >> 8}.${index & 255}/32`);
    await Promise.all(many.map((prefix) => plane.route.add({ prefix, unit, kernel: true })));
    expect((await shown("route", "show", "dev", "jtun0")).split("\n").filter(Boolean)).toHaveLength(302);
    await plane.device.unroute({ device: tun.device, prefix: "10.64.0.0/10" });
    await expect(plane.device.unroute({ device: tun.device, prefix: "10.64.0.0/10" })).rejects.toMatchObject({
      code: "ESRCH",
    });
    await plane.unit.delete({ unit });
    expect(await shown("route", "show", "dev", "jtun0")).toBe("");
    await plane.device.set({ device: tun.device, mtu: 1450, addresses: [] });
    const bare = await shown("address", "show", "dev", "jtun0");
    expect(bare).toMatch(/mtu 1450/);
    expect(bare).not.toMatch(/10\.8\.0\.1/);
    await expect(inside(space, () => plane.port.open({ kind: "tun", name: "jtun0" }))).rejects.toMatchObject({
      code: "EBUSY",
    });
    await expect(inside(space, () => plane.port.open({ kind: "tun", name: "veth0" }))).rejects.toMatchObject({
      code: expect.stringMatching(/EINVAL|EBUSY/) as unknown,
    });
    await plane.port.close(tun);
    expect(await shown("link", "show")).not.toMatch(/jtun0/);
  });
});
