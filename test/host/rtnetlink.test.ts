import { performance } from "node:perf_hooks";
import { afterEach, describe, expect, it } from "vitest";
import { ffiMissing, openRtnetlink, openTun, type Rtnetlink } from "../../src/system/index.js";
import { inside } from "../peers/inside.js";
import { createNamespace, type Namespace } from "../peers/netns.js";
import { requires } from "../peers/requires.js";
import { undoStack } from "../peers/undo.js";

const skip = requires("rtnetlink", []);

describe.skipIf(skip.reason !== undefined || ffiMissing() !== undefined)("rtnetlink", () => {
  const undo = undoStack();
  afterEach(() => undo.run());

  async function scene(): Promise<{ space: Namespace; rtnetlink: Rtnetlink; device: number }> {
    const space = await createNamespace(undo, "rtnetlink");
    await space.run(["ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1"]);
    const rtnetlink = inside(space, openRtnetlink);
    undo.defer(() => rtnetlink.close());
    await rtnetlink.link.set({ index: (await rtnetlink.link.get("veth1")).index, up: true });
    const { index } = await rtnetlink.link.get("veth0");
    return { space, rtnetlink, device: index };
  }
  const json = async (space: Namespace, ...argv: string[]) =>
    JSON.parse(await space.run(["ip", "-j", "-d", ...argv])) as readonly Record<string, unknown>[];

  it("sets an interface up and its MTU, as ip link shows", async () => {
    const { space, rtnetlink, device } = await scene();
    await rtnetlink.link.set({ index: device, up: true, mtu: 1400, queueLength: 77 });
    expect(await json(space, "link", "show", "veth0")).toMatchObject([
      { ifindex: device, mtu: 1400, txqlen: 77, flags: expect.arrayContaining(["UP"]) as unknown },
    ]);
    expect(await rtnetlink.link.get("veth0")).toEqual({
      index: device,
      name: "veth0",
      up: true,
      mtu: 1400,
      queueLength: 77,
      kind: "veth",
      tun: undefined,
    });
    expect((await rtnetlink.link.list()).map(({ name }) => name)).toEqual(["lo", "veth1", "veth0"]);
    await expect(rtnetlink.link.get("nowhere")).rejects.toMatchObject({ code: "ENODEV" });
    await expect(rtnetlink.link.set({ index: 999, up: true })).rejects.toMatchObject({ code: "ENODEV" });
  });

  it("adds, lists and deletes addresses, as ip address shows", async () => {
    const { space, rtnetlink, device } = await scene();
    await rtnetlink.link.set({ index: device, up: true });
    const shown = async () =>
      ((await json(space, "address", "show", "dev", "veth0"))[0]!.addr_info as Record<string, unknown>[])
        .filter(({ scope }) => scope !== "link")
        .map(({ local, address, prefixlen }) => [local, address, prefixlen]);
    const addresses = [
      { device, address: "192.0.2.1/24" },
      { device, address: "10.0.0.1/32", peer: "10.0.0.2" },
      { device, address: "2001:db8::1/64" },
    ];
    await Promise.all(addresses.map(rtnetlink.address.add));
    expect(await shown()).toEqual(
      expect.arrayContaining([
        ["192.0.2.1", undefined, 24],
        ["10.0.0.1", "10.0.0.2", 32],
        ["2001:db8::1", undefined, 64],
      ]),
    );
    const listed = await rtnetlink.address.list(device);
    expect(listed.filter(({ address }) => !address.startsWith("fe80"))).toEqual(
      expect.arrayContaining(addresses.map((address) => ({ peer: undefined, ...address }))),
    );
    await expect(rtnetlink.address.add(addresses[0]!)).rejects.toMatchObject({ code: "EEXIST" });
    await Promise.all(addresses.map(rtnetlink.address.delete));
    expect(await shown()).toEqual([]);
  });

  it("adds, lists and deletes routes, as ip route shows", async () => {
    const { space, rtnetlink, device } = await scene();
    await rtnetlink.link.set({ index: device, up: true });
    await rtnetlink.address.add({ device, address: "192.0.2.1/24" });
    const routes = [
      { prefix: "198.51.100.7/32", device },
      { prefix: "203.0.113.0/24", device, gateway: "192.0.2.9", metric: 5, protocol: 4 },
      { prefix: "100.64.0.0/10", device, source: "192.0.2.1", table: 1000 },
      { prefix: "2001:db8:5::/48", device },
    ];
    await Promise.all(routes.map(rtnetlink.route.add));
    const shown = async (...argv: string[]) =>
      (await json(space, ...argv)).filter(({ protocol }) => protocol !== "kernel").map(({ dst, dev }) => [dst, dev]);
    expect(await shown("-4", "route")).toEqual([
      ["198.51.100.7", "veth0"],
      ["203.0.113.0/24", "veth0"],
    ]);
    expect(await shown("-4", "route", "show", "table", "1000")).toEqual([["100.64.0.0/10", "veth0"]]);
    expect(await shown("-6", "route")).toEqual([["2001:db8:5::/48", "veth0"]]);

    expect(await rtnetlink.route.list({ family: 4, device })).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ prefix: "198.51.100.7/32", device, protocol: 3, table: 254 }),
        expect.objectContaining({ prefix: "203.0.113.0/24", gateway: "192.0.2.9", metric: 5, protocol: 4 }),
      ]),
    );
    expect(await rtnetlink.route.list({ family: 4, table: 1000 })).toMatchObject([{ source: "192.0.2.1" }]);
    expect((await rtnetlink.route.list({ family: 6, device })).map(({ prefix }) => prefix)).toContain(
      "2001:db8:5::/48",
    );

    await Promise.all(routes.map(rtnetlink.route.delete));
    expect(await shown("-4", "route")).toEqual([]);
    expect(await shown("-6", "route")).toEqual([]);
  });

  it("tells which request of a batch failed, and why, while the others are done", async () => {
    const { rtnetlink, device } = await scene();
    await rtnetlink.link.set({ index: device, up: true });
    const prefixes = ["192.0.2.1/32", "192.0.2.1/32", "192.0.2.1/24", "192.0.2.3/32", "nonsense", "192.0.2.4/33"];
    const outcomes = await Promise.allSettled(prefixes.map((prefix) => rtnetlink.route.add({ prefix, device })));
    const codes = outcomes.map((outcome) => (outcome.status === "fulfilled" ? "done" : String(outcome.reason)));
    expect(codes).toEqual([
      "done",
      expect.stringContaining("(EEXIST)"),
      expect.stringMatching(/route add 192\.0\.2\.1\/24: Invalid prefix.*\(EINVAL\)/),
      "done",
      expect.stringContaining('"nonsense" is no IP address'),
      expect.stringContaining('"192.0.2.4/33" is no prefix'),
    ]);
    await expect(rtnetlink.route.delete({ prefix: "192.0.2.9/32", device })).rejects.toMatchObject({ code: "ESRCH" });
    expect(await rtnetlink.route.list({ family: 4, device })).toHaveLength(2);
  });

  it("has all 20000 routes, and none again, without holding up the event loop", async () => {
    const { space, rtnetlink, device } = await scene();
    await rtnetlink.link.set({ index: device, up: true });
    const routes = Array.from({ length: 20_000 }, (_, index) => ({
      prefix: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32`,
      device,
    }));
    let longest = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    undo.defer(() => clearInterval(beat));
    const measure = async (work: () => Promise<unknown>) => {
      const [cpu, start] = [process.cpuUsage(), performance.now()];
      await work();
      const { user, system } = process.cpuUsage(cpu);
      const each = (value: number) => (value / routes.length).toFixed(2);
      return `user ${each(user)} µs, system ${each(system)} µs, ${each((performance.now() - start) * 1000)} µs elapsed`;
    };
    const added = await measure(() => Promise.all(routes.map(rtnetlink.route.add)));
    expect((await space.run(["ip", "route"])).split("\n")).toHaveLength(routes.length + 1);
    expect(await rtnetlink.route.list({ family: 4, device })).toHaveLength(routes.length);
    const again = await Promise.allSettled(routes.map(rtnetlink.route.add));
    expect(again.filter(({ status }) => status === "rejected")).toHaveLength(routes.length);
    const deleted = await measure(() => Promise.all(routes.map(rtnetlink.route.delete)));
    expect(await rtnetlink.route.list({ family: 4, device })).toEqual([]);
    console.log(`a route added: ${added}; deleted: ${deleted}; longest turn ${longest.toFixed(0)} ms`);
    expect(longest).toBeLessThan(2000);
  });

  it("opens every queue of a TUN interface, and says so when others have it", async () => {
    const { space, rtnetlink } = await scene();
    const open = (name: string, queues = 1) => inside(space, () => openTun({ name, queues }));
    const tun = inside(space, () =>
      openTun({ name: "tun7", queues: 3, vnetHeader: true, offloads: ["checksum", "tso4", "tso6", "uso4", "uso6"] }),
    );
    undo.defer(tun.close);
    expect(tun.queues).toHaveLength(3);
    expect(tun.vnetHeaderLength).toBe(12);
    expect(tun.offloads).toEqual(expect.arrayContaining(["checksum", "tso4", "tso6"]));
    expect(await rtnetlink.link.get("tun7")).toMatchObject({
      index: tun.index,
      kind: "tun",
      tun: { persistent: false, queues: 3 },
    });
    expect(() => open("tun7")).toThrow(/TUNSETIFF of tun7 failed \(EBUSY\): another program/);
    expect(() => open("veth0")).toThrow(/\((EBUSY|EINVAL)\)/);
    expect(() => open("a-name-too-long-for-it")).toThrow(/1 to 15 bytes/);
    tun.close();
    await expect(rtnetlink.link.get("tun7")).rejects.toMatchObject({ code: "ENODEV" });

    await space.run(["ip", "tuntap", "add", "mode", "tun", "multi_queue", "name", "tun8"]);
    const prepared = open("tun8", 2);
    undo.defer(prepared.close);
    expect(() => open("tun8")).toThrow(/EBUSY/);
    prepared.close();
    expect(await rtnetlink.link.get("tun8")).toMatchObject({ tun: { persistent: true, queues: 0 } });
    await space.run(["ip", "tuntap", "add", "mode", "tun", "name", "tun9"]);
    expect(() => open("tun9")).toThrow(/\((EINVAL|EBUSY)\)/);
  });
});
