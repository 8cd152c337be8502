/** Units, routes and TUN ports of the data-plane contract as tests, with the control thread in the host's stead. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DataplaneEvent, Punt, UnitCreate } from "../../src/dataplane/index.js";
import { encodeData } from "../../src/wire/l2tp2.js";
import { hex, type Peer, type Rig } from "./dataplane-contract.js";
import { headerSum, ip, tcp, transportSum, udp } from "./packets.js";

const ppp4 = (packet: Uint8Array) => Buffer.concat([Buffer.from("ff030021", "hex"), packet]);
const ppp6 = (packet: Uint8Array) => Buffer.concat([Buffer.from("ff030057", "hex"), packet]);
const data = (length: number) => new Uint8Array(length).fill(0x5a);
const mssOption = (bytes: number) => [2, 4, bytes >> 8, bytes & 0xff];

export function unitsSuite(name: string, open: () => Promise<Rig>): void {
  describe(`units: ${name}`, () => {
    let rig: Rig;
    let punts: Punt[];
    let tun: number;
    let events: DataplaneEvent[];
    let nextTunnelId = 1;

    beforeEach(async () => {
      rig = await open();
      punts = [];
      rig.plane.onPunt((batch) => punts.push(...batch));
      ({ port: tun } = await rig.plane.port.open({ kind: "tun", name: "tun-test", backing: "control" }));
      events = [];
      void (async () => {
        for await (const event of rig.plane.events()) events.push(event);
      })();
    });
    afterEach(() => rig.close());

    interface Subscriber {
      readonly peer: Peer;
      readonly unit: number;
      readonly channel: number;
      readonly session: number;
      /** The peer sends a PPP frame. */
      send(frame: Uint8Array): void;
      /** IP packets and other frames that the peer received, without L2TP header. */
      received(): string[];
    }

    async function subscriber(address: string | undefined, attributes: Partial<UnitCreate> = {}): Promise<Subscriber> {
      const { plane, port } = rig;
      const peer = await rig.peer();
      const tunnelId = nextTunnelId++;
      const ends = { port: port.port, remote: peer.address, tunnelId, peerTunnelId: tunnelId + 1000 };
      const { tunnel } = await plane.tunnel.create(ends);
      const { session, channel } = await plane.session.create({ tunnel, sessionId: 5, peerSessionId: 6 });
      const { unit } = await plane.unit.create({
        port: tun,
        ipv4: true,
        ipv6: true,
        local: "192.0.2.254",
        ...attributes,
      });
      if (address !== undefined) await plane.route.add({ prefix: address, unit });
      await plane.channel.connect({ channel: channel!, unit });
      return {
        peer,
        unit,
        channel: channel!,
        session,
        send: (frame) => peer.send(port.local, encodeData({ tunnelId, sessionId: 5 }, frame)),
        received: () => peer.received.map((message) => message.slice(12)),
      };
    }

    const toHost = () => punts.flatMap((punt) => (punt.origin === "ip" ? [hex(punt.bytes)] : []));
    const fromHost = (bytes: Uint8Array) => rig.plane.inject({ to: "ip", port: tun, bytes });
    const drops = () => rig.plane.drops();
    const countersOf = async (unit: number) => (await rig.plane.unit.get({ unit })).counters;

    const outward = { from: "10.1.0.7", to: "198.51.100.9" };
    const inward = { from: "198.51.100.9", to: "10.1.0.7" };

    describe("from the peer", () => {
      it.each([
        ["FF 03 and two bytes of protocol", "ff030021"],
        ["no address and control", "0021"],
        ["a protocol of one byte", "ff0321"],
        ["neither", "21"],
      ])("IP packets go to the host, framed with %s", async (_, framing) => {
        const one = await subscriber("10.1.0.7/32");
        const packet = udp(outward, [1, 2], data(10));
        one.send(Buffer.concat([Buffer.from(framing, "hex"), packet]));
        await rig.until(() => toHost().length === 1);
        expect(punts).toEqual([{ origin: "ip", port: tun, unit: one.unit, bytes: packet }]);
        expect(await countersOf(one.unit)).toMatchObject({ rxPackets: 1, rxBytes: 38, rxDropped: 0 });
        expect((await rig.plane.unit.get({ unit: one.unit })).idle).toBeLessThan(5000);
      });

      it("padding behind a packet is left out", async () => {
        const one = await subscriber("10.1.0.7/32");
        const packet = udp(outward, [1, 2], data(10));
        one.send(ppp4(Buffer.concat([packet, Buffer.from("padding")])));
        await rig.until(() => toHost().length === 1);
        expect(toHost()).toEqual([hex(packet)]);
      });

      const refusals: [string, string, Uint8Array][] = [
        ["another's source", "bad-source", ppp4(udp({ ...outward, from: "10.1.0.8" }, [1, 2], data(4)))],
        [
          "an IPv6 source that is nobody's",
          "bad-source",
          ppp6(udp({ from: "2001:db8::9", to: "2001:db8::1" }, [1, 2], data(4))),
        ],
        ["no source", "bad-source", ppp4(udp({ ...outward, from: "0.0.0.0" }, [1, 2], data(4)))],
        ["a length beyond the frame", "bad-ip", ppp4(udp(outward, [1, 2], data(10)).subarray(0, 30))],
        ["a header cut short", "bad-ip", ppp4(udp(outward, [1, 2], data(10)).subarray(0, 12))],
        ["IPv6 in an IPv4 frame", "bad-ip", ppp4(udp({ from: "2001:db8::9", to: "2001:db8::1" }, [1, 2], data(4)))],
        ["no protocol", "bad-ppp", Buffer.from("ff03", "hex")],
        ["half a protocol", "bad-ppp", Buffer.from("ff0300", "hex")],
      ];
      it.each(refusals)("%s is dropped and counted as %s", async (_, reason, frame) => {
        const one = await subscriber("10.1.0.7/32");
        await subscriber("10.1.0.8/32");
        one.send(frame);
        one.send(ppp4(udp(outward, [1, 2], data(10))));
        await rig.until(() => toHost().length === 1);
        expect(drops()).toEqual({ [reason]: 1 });
        expect(await countersOf(one.unit)).toMatchObject({ rxPackets: 1, rxDropped: 1 });
      });

      it("sources of routed prefixes are the unit's own, and all are without the check", async () => {
        const one = await subscriber("10.1.0.7/32");
        await rig.plane.route.add({ prefix: "192.0.2.0/28", unit: one.unit });
        await rig.plane.route.add({ prefix: "2001:db8:7::/56", unit: one.unit });
        const packets = [
          ppp4(udp({ ...outward, from: "192.0.2.15" }, [1, 2], data(4))),
          ppp6(udp({ from: "2001:db8:7:ff::1", to: "2001:db8::1" }, [1, 2], data(4))),
        ];
        for (const packet of packets) one.send(packet);
        one.send(ppp4(udp({ ...outward, from: "192.0.2.16" }, [1, 2], data(4))));
        await rig.until(() => drops()["bad-source"] === 1 && toHost().length === 2);
        expect(toHost()).toEqual(packets.map((packet) => hex(packet).slice(8)));
        await rig.plane.unit.set({ unit: one.unit, sourceCheck: false });
        one.send(ppp4(udp({ ...outward, from: "192.0.2.16" }, [1, 2], data(4))));
        await rig.until(() => toHost().length === 3);
      });

      it("nothing passes before the network protocol is open, nor after it is closed", async () => {
        const one = await subscriber("10.1.0.7/32", { ipv4: false, ipv6: false });
        one.send(ppp4(udp(outward, [1, 2], data(10))));
        fromHost(udp(inward, [1, 2], data(10)));
        await rig.until(() => drops()["np-down"] === 2);
        await rig.plane.unit.set({ unit: one.unit, ipv4: true });
        one.send(ppp4(udp(outward, [1, 2], data(10))));
        fromHost(udp(inward, [1, 2], data(10)));
        await rig.until(() => toHost().length === 1 && one.received().length === 1);
      });

      it("what is not IP, and IPv6 that stays on the link, goes to the control thread whole", async () => {
        const one = await subscriber("10.1.0.7/32");
        const frames = [
          Buffer.from("ff03c0210101000a", "hex"),
          Buffer.from("c02305000004", "hex"),
          ppp6(ip({ from: "fe80::1", to: "ff02::2" }, 58, data(16))),
          ppp6(ip({ from: "2001:db8::5", to: "fe80::1" }, 58, data(16))),
        ];
        for (const frame of frames) one.send(frame);
        await rig.until(() => punts.length === frames.length);
        expect(punts).toEqual(
          frames.map((frame) => ({
            origin: "unit",
            unit: one.unit,
            channel: one.channel,
            bytes: new Uint8Array(frame),
          })),
        );
      });

      it("limits hold for each direction", async () => {
        const limit = { bitsPerSecond: 1000, burst: 1500 };
        const one = await subscriber("10.1.0.7/32", { up: limit, down: limit });
        // Three pass at once, 6000 bytes wait, the rest is dropped.
        for (let count = 0; count < 20; count++) {
          one.send(ppp4(udp(outward, [1, 2], data(472))));
          fromHost(udp(inward, [1, 2], data(472)));
        }
        await rig.until(() => drops()["rate-exceeded"] === 10 && one.received().length >= 3);
        expect([toHost().length, one.received().length]).toEqual([3, 3]);
        expect(await countersOf(one.unit)).toMatchObject({ rxDropped: 5, txDropped: 5, rxBytes: 1500, txBytes: 1500 });
        await rig.plane.unit.set({ unit: one.unit, up: null });
        for (let count = 0; count < 5; count++) one.send(ppp4(udp(outward, [1, 2], data(472))));
        await rig.until(() => toHost().length === 20);
      });
    });

    describe("from the host", () => {
      it.each<[string, Partial<UnitCreate>, string]>([
        ["FF 03 and two bytes of protocol", {}, "ff030021"],
        ["no address and control", { addressAndControlFieldCompression: true }, "0021"],
        ["a protocol of one byte", { protocolFieldCompression: true }, "ff0321"],
        ["neither", { addressAndControlFieldCompression: true, protocolFieldCompression: true }, "21"],
      ])("packets go to the unit that has the destination, framed with %s", async (_, attributes, framing) => {
        const one = await subscriber("10.1.0.7/32", attributes);
        const two = await subscriber("10.1.0.0/24");
        const packet = udp(inward, [1, 2], data(10));
        fromHost(packet);
        fromHost(udp({ ...inward, to: "10.1.0.8" }, [1, 2], data(10)));
        await rig.until(() => one.received().length === 1 && two.received().length === 1);
        expect(one.received()).toEqual([framing + hex(packet)]);
        expect(await countersOf(one.unit)).toMatchObject({ txPackets: 1, txBytes: 38 });
        const { counters } = await rig.plane.session.get({ session: one.session });
        expect(counters).toMatchObject({ txPackets: 1, txBytes: 38 + framing.length / 2 });
      });

      it("packets for nobody, and for a unit without a channel, are counted", async () => {
        const one = await subscriber("10.1.0.7/32");
        fromHost(udp({ ...inward, to: "10.9.9.9" }, [1, 2], data(10)));
        fromHost(udp({ from: "2001:db8::1", to: "2001:db8::2" }, [1, 2], data(10)));
        await rig.plane.channel.disconnect({ channel: one.channel });
        for (let count = 0; count < 3; count++) fromHost(udp(inward, [1, 2], data(10)));
        await rig.until(() => drops()["unit-no-channel"] === 3);
        expect(drops()).toEqual({ "no-route": 2, "unit-no-channel": 3 });
      });

      it("what is too long is told to the sender, or cut if it may be", async () => {
        const one = await subscriber("10.1.0.7/32", { mtu: 600 });
        await rig.plane.route.add({ prefix: "2001:db8:7::/64", unit: one.unit });
        const long = udp(inward, [1, 2], data(1000));
        fromHost(long);
        const long6 = udp({ from: "2001:db8::1", to: "2001:db8:7::1" }, [1, 2], data(1400));
        fromHost(long6);
        await rig.until(() => toHost().length === 2);
        const [error, error6] = punts.map(({ bytes }) => bytes) as [Uint8Array, Uint8Array];
        // ICMP from our address to the sender: unreachable, fragmentation needed, MTU, the packet's beginning.
        expect(hex(error.subarray(12, 28))).toBe(
          `c00002fe${hex(long.subarray(12, 16))}0304${hex(error.subarray(22, 24))}00000258`,
        );
        expect(hex(error.subarray(28))).toBe(hex(long.subarray(0, error.length - 28)));
        expect([error.length, headerSum(error)]).toEqual([576, 0xffff]);
        expect([hex(error6.subarray(40, 42)), hex(error6.subarray(44, 48)), transportSum(error6)]).toEqual([
          "0200",
          "00000500",
          0xffff,
        ]);
        expect(one.received()).toEqual([]);

        const options = [7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0, 0];
        fromHost(udp(inward, [1, 2], data(1000), { dontFragment: false, id: 77, options }));
        await rig.until(() => one.received().length === 2);
        const parts = one.received().map((text) => Buffer.from(text.slice(8), "hex"));
        expect(parts.map((part) => part.length)).toEqual([32 + 568, 32 + 440]);
        expect(parts.map((part) => part.readUInt16BE(6))).toEqual([0x2000, 568 / 8]);
        expect(parts.map((part) => [part.readUInt16BE(4), headerSum(part)])).toEqual([
          [77, 0xffff],
          [77, 0xffff],
        ]);
        expect(parts.map((part) => hex(part.subarray(20, 32)))).toEqual([
          Buffer.from(options).toString("hex"),
          "0101010101010194040000 00".replace(" ", ""),
        ]);
        expect(Buffer.concat(parts.map((part) => part.subarray(32))).length).toBe(1008);
        // No error about an error.
        fromHost(ip(inward, 1, Uint8Array.of(3, 1, 0, 0, ...data(1000))));
        await rig.until(() => drops()["packet-too-big"] === 3);
        await rig.settle();
        expect(toHost()).toHaveLength(2);
      });

      it("SYN segments announce no more than the link carries, either way", async () => {
        const one = await subscriber("10.1.0.7/32", { mss: 1360 });
        await rig.plane.route.add({ prefix: "2001:db8:7::/64", unit: one.unit });
        const six = { from: "2001:db8:7::1", to: "2001:db8::1" };
        // The option at an even and at an odd place.
        for (const tcpOptions of [[...mssOption(1460)], [1, ...mssOption(1460), 1, 1, 1]]) {
          one.send(ppp4(tcp(outward, [1, 2], data(0), { flags: 2, tcpOptions })));
          one.send(ppp6(tcp(six, [1, 2], data(0), { flags: 2, tcpOptions })));
          fromHost(tcp(inward, [1, 2], data(0), { flags: 0x12, tcpOptions }));
        }
        const small = tcp(outward, [1, 2], data(0), { flags: 2, tcpOptions: mssOption(1200) });
        one.send(ppp4(small));
        await rig.until(() => toHost().length === 5 && one.received().length === 2);
        expect(toHost()[4]).toBe(hex(small));
        const changed = [...toHost().slice(0, 4), ...one.received().map((text) => text.slice(8))];
        for (const text of changed) {
          const packet = Buffer.from(text, "hex");
          expect(transportSum(packet)).toBe(0xffff);
          const mss = packet[0]! >>> 4 === 4 ? 1360 : 1340;
          expect(text).toContain(Buffer.from(mssOption(mss)).toString("hex"));
        }
      });

      it("frames injected for a unit leave by its channel", async () => {
        const one = await subscriber("10.1.0.7/32");
        rig.plane.inject({ to: "unit", unit: one.unit, bytes: Buffer.from("ff03c0210901000c", "hex") });
        rig.plane.inject({ to: "unit", unit: 999, bytes: Buffer.from("ff03c0210901000c", "hex") });
        await rig.until(() => one.received().length === 1);
        expect(one.received()).toEqual(["ff03c0210901000c"]);
        expect(drops()).toEqual({ "inject-no-unit": 1 });
      });
    });

    describe("objects", () => {
      it("a unit's routes, channels and name go with it; its counters are final", async () => {
        const { plane } = rig;
        const one = await subscriber("10.1.0.7/32", { name: "ppp9" });
        one.send(ppp4(udp(outward, [1, 2], data(10))));
        await rig.until(() => toHost().length === 1);
        expect(plane.route.lookup("10.1.0.7")).toBe(one.unit);
        expect(await plane.route.list()).toEqual([{ prefix: "10.1.0.7/32", unit: one.unit, kernel: false }]);
        expect(await plane.unit.delete({ unit: one.unit })).toEqual({
          rxPackets: 1,
          rxBytes: 38,
          rxDropped: 0,
          txPackets: 0,
          txBytes: 0,
          txDropped: 0,
        });
        expect(plane.route.lookup("10.1.0.7")).toBeUndefined();
        expect(await plane.route.list()).toEqual([]);
        fromHost(udp(inward, [1, 2], data(10)));
        await rig.until(() => drops()["no-route"] === 1);
        const again = await plane.unit.create({ name: "ppp9" });
        expect(again).toMatchObject({ idle: undefined, counters: { rxPackets: 0 }, channels: [] });
        expect(events.map(({ type }) => type)).toContain("unit-deleted");
      });

      it("refuses as the contract says", async () => {
        const { plane } = rig;
        const one = await subscriber("10.1.0.7/32");
        const two = await subscriber("10.1.0.8/32");
        const { device } = await plane.port.get({ port: tun });
        const cases: [Promise<unknown>, string][] = [
          [plane.route.add({ prefix: "10.1.0.7/32", unit: two.unit }), "EEXIST"],
          [plane.route.add({ prefix: "10.1.0.9/32", unit: 999 }), "ENXIO"],
          [plane.route.add({ prefix: "10.1.0.9/24", unit: one.unit }), "EINVAL"],
          [plane.route.add({ prefix: "10.1.0.9/33", unit: one.unit }), "EINVAL"],
          [plane.route.add({ prefix: "10.1.0.10/32", unit: one.unit, kernel: true }), "EOPNOTSUPP"],
          [plane.route.delete({ prefix: "10.1.0.9/32" }), "ESRCH"],
          [plane.unit.create({ port: rig.port.port }), "EINVAL"],
          [plane.unit.create({ port: 999 }), "ENODEV"],
          [plane.unit.create({ local: "2001:db8::1" }), "EINVAL"],
          [plane.unit.set({ unit: 999, ipv4: true }), "ENXIO"],
          [plane.port.open({ kind: "tun", name: "tun-test", backing: "control" }), "EBUSY"],
          [plane.device.route({ device, prefix: "10.0.0.0/8" }), "EOPNOTSUPP"],
        ];
        for (const [operation, code] of cases) await expect(operation).rejects.toMatchObject({ code });
        expect(await plane.route.list()).toHaveLength(2);
      });

      it("packets go nowhere when the TUN port is closed or down", async () => {
        const one = await subscriber("10.1.0.7/32");
        const { device } = await rig.plane.port.get({ port: tun });
        await rig.plane.device.set({ device, up: false });
        one.send(ppp4(udp(outward, [1, 2], data(10))));
        fromHost(udp(inward, [1, 2], data(10)));
        await rig.until(() => drops()["device-down"] === 2);
        await rig.plane.port.close({ port: tun });
        one.send(ppp4(udp(outward, [1, 2], data(10))));
        await rig.until(() => drops()["unit-no-port"] === 1);
        expect((await rig.plane.unit.get({ unit: one.unit })).port).toBeUndefined();
      });

      it("one subscriber cannot use up what there is for control frames", async () => {
        const loud = await subscriber("10.1.0.7/32");
        const quiet = await subscriber("10.1.0.8/32");
        for (let count = 0; count < 200; count++) loud.send(Buffer.from("ff03c0210900000400", "hex"));
        quiet.send(Buffer.from("ff03c0210900000400", "hex"));
        await rig.until(() => punts.some((punt) => punt.origin === "unit" && punt.unit === quiet.unit));
      });
    });
  });
}
