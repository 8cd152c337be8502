/** The example programs: each is built by the Makefile, and does on real frames what its README says. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decodeSample, pcapngHeader, pcapngPacket, type Sample } from "../../examples/xdp/sampling/sample.mjs";
import { loadKernelObject } from "../../src/dataplane/linux/bpf/index.js";
import { bpfMissing } from "../../src/system/bpf.js";
import { loadObject } from "../../src/xdp/object/load.js";
import { undoStack } from "../peers/undo.js";
import { compilerFor, cpus } from "../xdp/compile.js";
import { hex } from "./dataplane-contract.js";
import { headerSum, ip, tcp, transportSum, udp } from "./packets.js";
import {
  arrived,
  buildExamples,
  cannotRun,
  type ExampleName,
  type ExampleRig,
  exampleNames,
  openExampleRig,
  ppp,
  total,
} from "./xdp-examples-rig.js";

const reason = cannotRun();
if (reason !== undefined) console.warn(`skipped: examples of XDP programs: ${reason}`);
const noKernel = bpfMissing();

const data = (length = 10) => new Uint8Array(length).fill(0x5a);
const syn = { flags: 2 };
const out4 = { from: "10.1.0.7", to: "198.51.100.9" };
const in4 = { from: "198.51.100.9", to: "10.1.0.7" };
const out6 = { from: "2001:db8:7::1", to: "2001:db8:ff::9" };
const in6 = { from: "2001:db8:ff::9", to: "2001:db8:7::1" };
const octets4 = (text: string) => text.split(".").map(Number);
const octets6 = (first: string) => [...Buffer.from(first.padEnd(32, "0"), "hex")];

/** Lengths of the enhanced packet blocks (type 6) of a pcapng file. */
function readPcapng(file: Buffer): { captured: number; length: number }[] {
  const found: { captured: number; length: number }[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
    expect(file.readUInt32LE(at + file.readUInt32LE(at + 4) - 4)).toBe(file.readUInt32LE(at + 4));
    if (file.readUInt32LE(at) === 6) {
      found.push({ captured: file.readUInt32LE(at + 20), length: file.readUInt32LE(at + 24) });
    }
  }
  return found;
}

describe.skipIf(reason !== undefined)("examples of XDP programs", () => {
  const undo = undoStack();
  let objectOf: (name: ExampleName) => Uint8Array;
  let rig: ExampleRig;

  beforeAll(() => {
    objectOf = buildExamples(undo);
  });
  afterAll(() => undo.run());

  it.each(cpus)("build for %s and load", (cpu) => {
    const compiler = compilerFor(cpu);
    if (compiler === undefined) return;
    const built = buildExamples(undo, cpu, compiler);
    for (const name of exampleNames) expect(loadObject(built(name)).programs.length).toBeGreaterThan(0);
  });

  it.skipIf(noKernel !== undefined).each(exampleNames)("%s loads in the kernel", (name) => {
    // No kfuncs: the weak ones are not there.
    const object = loadObject(objectOf(name), { name });
    const kernel = loadKernelObject(object);
    expect([...kernel.programs.keys()]).toEqual(object.programs.map((program) => program.name));
    kernel.close();
  });

  describe("on devices", () => {
    beforeEach(async () => {
      rig = await openExampleRig();
    });
    afterEach(() => rig.close());

    const load = (name: ExampleName) => rig.load(objectOf(name), `${name}.o`);

    describe("firewall", () => {
      const checkBlocked = 1;
      const closePorts = 2;
      const suspended = 4;
      const anybody = { whose: 0, number: 0 };
      const user = (number: number) => ({ whose: 1, number });

      it("stops what is on a block list that changes, either way", async () => {
        const one = await rig.subscriber(["10.1.0.7/32", "2001:db8:7::/64"]);
        const firewall = await load("firewall");
        const attachments = [
          await firewall.attach("from_subscriber", "unit/*", "ingress"),
          await firewall.attach("to_subscriber", "unit/*", "egress"),
        ];
        const outward = [
          udp(out4, [1, 2], data()),
          udp(out6, [1, 2], data()),
          udp({ ...out4, to: "192.0.2.1" }, [1, 2], data()),
        ];
        const inward = [
          udp(in4, [1, 2000], data()),
          udp(in6, [1, 2000], data()),
          udp({ ...in4, from: "192.0.2.1" }, [1, 2000], data()),
        ];
        async function pass(): Promise<[number[], number[]]> {
          rig.punts.length = 0;
          one.received().length = 0;
          for (const packet of outward) one.sendIp(packet);
          for (const packet of inward) rig.fromHost(packet);
          await rig.settle();
          return [arrived(outward, rig.toHost()), arrived(inward, one.receivedIp())];
        }
        // Without a policy nothing is filtered.
        expect(await pass()).toEqual([
          [0, 1, 2],
          [0, 1, 2],
        ]);
        firewall.map("policies").set(anybody, { from: checkBlocked, to: checkBlocked, list: 0 });
        expect(await pass()).toEqual([
          [0, 1, 2],
          [0, 1, 2],
        ]);
        const blocked4 = { prefixlen: 24, address: octets4("198.51.100.0") };
        const blocked6 = { prefixlen: 48, address: octets6("20010db800ff") };
        firewall.map("blocked4").set(blocked4, 0n);
        expect(await pass()).toEqual([
          [1, 2],
          [1, 2],
        ]);
        firewall.map("blocked6").set(blocked6, 0n);
        expect(await pass()).toEqual([[2], [2]]);
        expect([firewall.map("blocked4").get(blocked4), firewall.map("blocked6").get(blocked6)]).toEqual([4n, 2n]);
        firewall.map("blocked4").delete(blocked4);
        expect(await pass()).toEqual([
          [0, 2],
          [0, 2],
        ]);
        const counts = firewall.map("counts").get(anybody);
        expect(total(counts, "blocked")).toBe(8);
        expect(total(counts, "passed")).toBe(16);
        expect(rig.plane.drops()).toEqual({ "xdp-drop": 8 });
        for (const attachment of attachments) await rig.plane.device.detach({ attachment });
        expect(await pass()).toEqual([
          [0, 1, 2],
          [0, 1, 2],
        ]);
      });

      it("closes ports but those of a list", async () => {
        const one = await rig.subscriber(["10.1.0.7/32", "2001:db8:7::/64"]);
        const firewall = await load("firewall");
        await firewall.attach("to_subscriber", "unit/*", "egress");
        firewall.map("policies").set(anybody, { from: 0, to: closePorts, list: 3 });
        const packets = [
          tcp(in4, [40_000, 25], data(0), syn),
          tcp(in6, [40_000, 25], data(0), syn),
          tcp(in4, [40_000, 25], data(0), { flags: 0x10 }),
          udp(in4, [53, 53], data()),
          udp(in6, [53, 5000], data()),
          ip(in4, 1, Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0)),
        ];
        async function pass(): Promise<number[]> {
          one.received().length = 0;
          for (const packet of packets) rig.fromHost(packet);
          await rig.settle();
          return arrived(packets, one.receivedIp());
        }
        expect(await pass()).toEqual([2, 4, 5]);
        firewall.map("open_ports").set({ list: 3, port: 25, protocol: 6, to: 1 }, 1);
        expect(await pass()).toEqual([0, 1, 2, 4, 5]);
        // Another list, the other direction, another protocol: not this one's.
        firewall.map("open_ports").set({ list: 4, port: 53, protocol: 17, to: 1 }, 1);
        firewall.map("open_ports").set({ list: 3, port: 53, protocol: 17, to: 0 }, 1);
        firewall.map("open_ports").set({ list: 3, port: 53, protocol: 6, to: 1 }, 1);
        expect(await pass()).toEqual([0, 1, 2, 4, 5]);
        expect(total(firewall.map("counts").get(anybody), "closed")).toBe(5);
      });

      it("has a policy for a user, for a device, and for anybody", async () => {
        const firewall = await load("firewall");
        await firewall.attach("to_subscriber", "unit/*", "egress");
        // They come when the program is there already.
        const [one, two, three] = [
          await rig.subscriber(["10.1.0.7/32"]),
          await rig.subscriber(["10.1.0.8/32"]),
          await rig.subscriber(["10.1.0.9/32"]),
        ];
        await rig.plane.device.tag({ device: one.name, user: 700 });
        async function pass(): Promise<boolean[]> {
          for (const each of [one, two, three]) each.received().length = 0;
          for (const to of ["10.1.0.7", "10.1.0.8", "10.1.0.9"]) rig.fromHost(udp({ ...in4, to }, [1, 2], data()));
          await rig.settle();
          return [one, two, three].map((each) => each.received().length === 1);
        }
        firewall.map("policies").set(user(700), { from: 0, to: suspended, list: 0 });
        expect(await pass()).toEqual([false, true, true]);
        firewall.map("policies").set({ whose: 2, number: two.device }, { from: 0, to: suspended, list: 0 });
        expect(await pass()).toEqual([false, false, true]);
        firewall.map("policies").set(anybody, { from: 0, to: suspended, list: 0 });
        firewall.map("policies").set(user(700), { from: 0, to: 0, list: 0 });
        expect(await pass()).toEqual([true, false, false]);
        expect(total(firewall.map("counts").get(user(700)), "suspended")).toBe(2);
        expect(total(firewall.map("counts").get({ whose: 2, number: two.device }), "suspended")).toBe(2);
      });
    });

    describe("source-validation", () => {
      it("passes each unit's own prefixes, longest first, and counts before it enforces", async () => {
        const one = await rig.subscriber(["10.1.0.7/32"], { sourceCheck: false });
        const two = await rig.subscriber(["10.1.0.8/32"], { sourceCheck: false });
        const validation = await load("source-validation");
        const attachment = await validation.attach("validate_source", "unit/*", "ingress");
        const packets = [
          udp({ ...out4, from: "10.1.0.7" }, [1, 2], data()),
          udp({ ...out4, from: "10.1.0.8" }, [1, 2], data()),
          udp({ ...out4, from: "192.0.2.33" }, [1, 2], data()),
          udp(out6, [1, 2], data()),
          udp({ ...out6, from: "2001:db8:8::1" }, [1, 2], data()),
        ];
        async function pass(from: { sendIp(packet: Uint8Array): void }): Promise<number[]> {
          rig.punts.length = 0;
          for (const packet of packets) from.sendIp(packet);
          await rig.settle();
          return arrived(packets, rig.toHost());
        }
        expect(await pass(one)).toEqual([]);
        const allow4 = (device: number, address: string, bits: number) =>
          validation.map("sources4").set({ prefixlen: 32 + bits, device, address: octets4(address) }, 1);
        const allow6 = (device: number, address: string, bits: number) =>
          validation.map("sources6").set({ prefixlen: 32 + bits, device, address: octets6(address) }, 1);
        allow4(one.device, "10.1.0.7", 32);
        allow4(one.device, "192.0.2.32", 28);
        allow4(two.device, "10.1.0.8", 32);
        allow6(one.device, "20010db80007", 48);
        allow6(two.device, "20010db80008", 48);
        expect(await pass(one)).toEqual([0, 2, 3]);
        expect(await pass(two)).toEqual([1, 4]);
        const [counts] = (validation.map("counts").get(one.device) as { spoofed: bigint; last: number[] }[]).filter(
          ({ spoofed }) => spoofed > 0n,
        );
        expect(counts?.last).toEqual(octets6("20010db80008000000000000000000").slice(0, 15).concat(1));
        expect(total(validation.map("counts").get(one.device), "valid")).toBe(3);
        expect(total(validation.map("counts").get(one.device), "spoofed")).toBe(5 + 2);
        validation.map("sources4").delete({ prefixlen: 60, device: one.device, address: octets4("192.0.2.32") });
        expect(await pass(one)).toEqual([0, 3]);
        validation.map("mode").set(0, 1);
        expect(await pass(one)).toEqual([0, 1, 2, 3, 4]);
        expect(total(validation.map("counts").get(one.device), "spoofed")).toBe(5 + 2 + 3 + 3);
        validation.map("mode").set(0, 0);
        expect(await pass(two)).toEqual([1, 4]);
        await rig.plane.device.detach({ attachment });
        expect(await pass(two)).toEqual([0, 1, 2, 3, 4]);
      });

      it("lets neighbours find each other", async () => {
        const one = await rig.subscriber([], { sourceCheck: false });
        const validation = await load("source-validation");
        await validation.attach("validate_source", one.name, "ingress");
        const solicit = Uint8Array.of(135, 0, 0, 0, ...new Uint8Array(20));
        const link = { from: "fe80::1", to: "2001:db8::1" };
        const packets = [
          ip(link, 58, solicit),
          ip({ ...link, from: "::" }, 58, solicit),
          udp({ ...link, from: "::" }, [1, 2], data()),
        ];
        for (const packet of packets) one.sendIp(packet);
        await rig.settle();
        expect(total(validation.map("counts").get(one.device), "valid")).toBe(2);
        expect(total(validation.map("counts").get(one.device), "spoofed")).toBe(1);
      });
    });

    describe("dscp", () => {
      const by = { anything: 0, session: 1, policy: 2, device: 3 };
      /** DSCP and ECN of a packet. */
      const classOf = (packet: Uint8Array): [number, number] => {
        const byte = packet[0]! >>> 4 === 4 ? packet[1]! : ((packet[0]! & 15) << 4) | (packet[1]! >>> 4);
        return [byte >>> 2, byte & 3];
      };
      /** With ECN's ECT(1), and a checksum that is right for it. */
      function withEcn(packet: Uint8Array): Uint8Array {
        const marked = packet.slice();
        if (marked[0]! >>> 4 === 6) marked[1]! |= 0x10;
        else {
          marked[1]! |= 1;
          const sum = (marked[10]! << 8) + marked[11]! - 1;
          marked[10] = sum >>> 8;
          marked[11] = sum & 0xff;
          expect(headerSum(marked)).toBe(0xffff);
        }
        return marked;
      }

      it("marks by session, else policy, else device, else all, and corrects the checksum", async () => {
        const one = await rig.subscriber(["10.1.0.7/32", "2001:db8:7::/64"]);
        const dscp = await load("dscp");
        const attachment = await dscp.attach("mark", "unit/*", "egress");
        const classes = dscp.map("classes");
        await rig.plane.device.tag({ device: one.name, policy: 3 });
        const packets = [withEcn(udp(in4, [1, 2], data())), withEcn(udp(in6, [1, 2], data()))];
        async function pass(): Promise<[number, number][]> {
          one.received().length = 0;
          for (const packet of packets) rig.fromHost(packet);
          await rig.until(() => one.received().length === 2);
          const received = one.receivedIp();
          expect(headerSum(received[0]!)).toBe(0xffff);
          for (const packet of received) expect(transportSum(packet)).toBe(0xffff);
          for (const [index, packet] of received.entries()) {
            const [unmarked, original] = [Uint8Array.from(packet), packets[index]!];
            unmarked.set(original.subarray(0, 12), 0);
            expect(hex(unmarked)).toBe(hex(original));
          }
          return received.map(classOf);
        }
        const both = (value: number) => [
          [value, 1],
          [value, 1],
        ];
        expect(await pass()).toEqual(both(0));
        const order = [
          [by.anything, 0, 8],
          [by.device, one.device, 10],
          [by.policy, 3, 46],
          [by.session, one.channel, 63],
        ] as const;
        for (const [kind, number, value] of order) {
          classes.set({ by: kind, number }, value);
          expect(await pass()).toEqual(both(value));
        }
        for (const [index, [kind, number]] of [...order.entries()].reverse()) {
          classes.delete({ by: kind, number });
          expect(await pass()).toEqual(both(order[index - 1]?.[2] ?? 0));
        }
        expect(order.map(([, , value]) => total(dscp.map("marked").get(value)))).toEqual([4, 4, 4, 2]);
        classes.set({ by: by.anything, number: 0 }, 8);
        await rig.plane.device.detach({ attachment });
        expect(await pass()).toEqual(both(0));
      });

      it("has checksums right whatever they were", async () => {
        const one = await rig.subscriber(["10.1.0.7/32"]);
        const dscp = await load("dscp");
        await dscp.attach("mark", one.name, "egress");
        for (let id = 0; id < 512; id++) {
          // Let some go with each class.
          if (id % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
          dscp.map("classes").set({ by: by.anything, number: 0 }, id % 64);
          rig.fromHost(udp(in4, [1, 2], data(), { id: id * 128 + 127 }));
        }
        await rig.until(() => one.received().length === 512);
        const seen = new Set<number>();
        for (const packet of one.receivedIp()) {
          expect(headerSum(packet)).toBe(0xffff);
          seen.add(classOf(packet)[0]);
        }
        expect(seen.size).toBeGreaterThan(8);
      });
    });

    describe("syn-limiter", () => {
      const hour = 3_600_000_000_000n;
      const perSource = 0;
      const perDestination = 1;

      async function limited() {
        const one = await rig.subscriber(["10.1.0.0/24", "2001:db8:7::/64"], { sourceCheck: false });
        const limiter = await load("syn-limiter");
        await limiter.attach("limit_syn", one.name, "ingress");
        async function pass(...packets: readonly Uint8Array[]): Promise<number> {
          rig.punts.length = 0;
          for (const packet of packets) one.sendIp(packet);
          await rig.settle();
          return rig.toHost().length;
        }
        return {
          pass,
          map: limiter.map,
          counts: () => [0, 1, 2, 3].map((key) => total(limiter.map("counts").get(key))),
        };
      }
      const times = (count: number, make: (index: number) => Uint8Array) =>
        Array.from({ length: count }, (_, n) => make(n));
      const ask = (from: string, to: string, port = 80) =>
        tcp({ from, to }, [40_000, port], data(0), { ...syn, tcpOptions: [2, 4, 5, 0xb4] });

      it("limits a source, IPv6 by its /64, and neither others nor what asks for nothing", async () => {
        const { pass, map, counts } = await limited();
        const flood = times(20, (n) => ask("10.1.0.7", `198.51.100.${n}`));
        expect(await pass(...flood)).toBe(20);
        map("limits").set(perSource, { interval: hour, burst: 2n * hour });
        expect(await pass(...flood)).toBe(3);
        expect(await pass(...flood)).toBe(0);
        expect(await pass(ask("10.1.0.8", "198.51.100.1"))).toBe(1);
        expect(await pass(...times(5, () => tcp(out4, [40_000, 80], data())))).toBe(5);
        expect(await pass(...times(5, () => tcp(out4, [40_000, 80], data(), { flags: 0x12 })))).toBe(5);
        expect(await pass(...times(20, (n) => ask(`2001:db8:7::${n + 1}`, "2001:db8::1")))).toBe(3);
        expect(await pass(ask("2001:db8:7:1::1", "2001:db8::1"))).toBe(1);
        expect(counts()).toEqual([20 + 3 + 1 + 3 + 1, 17 + 20 + 17, 0, 0]);
        map("limits").set(perSource, { interval: 0n, burst: 0n });
        expect(await pass(...flood)).toBe(20);
      });

      it("limits a destination", async () => {
        const { pass, map, counts } = await limited();
        map("limits").set(perDestination, { interval: hour, burst: 4n * hour });
        expect(await pass(...times(20, (n) => ask(`10.1.0.${n}`, "198.51.100.1")))).toBe(5);
        expect(await pass(ask("10.1.0.1", "198.51.100.2"))).toBe(1);
        expect(counts()).toEqual([6, 0, 15, 0]);
      });

      it("has a bucket fill again", async () => {
        const { pass, map } = await limited();
        const interval = 100;
        map("limits").set(perSource, { interval: BigInt(interval * 1e6), burst: BigInt(interval * 1e6) });
        const flood = times(10, (n) => ask("10.1.0.7", `198.51.100.${n}`));
        const began = performance.now();
        const first = await pass(...flood);
        expect(first).toBeGreaterThanOrEqual(2);
        await new Promise((resolve) => setTimeout(resolve, 3 * interval));
        const again = await pass(...flood);
        expect(again).toBeGreaterThanOrEqual(2);
        expect(first + again).toBeLessThanOrEqual(3 + (performance.now() - began) / interval);
      });

      it("limits all together", async () => {
        const { pass, map, counts } = await limited();
        map("all").set(0, { lock: { val: 0 }, rate: 1, burst: 8n, tokens: 8_000_000_000n, filled: 0n });
        const began = performance.now();
        const passed = await pass(...times(40, (n) => ask(`10.1.0.${n}`, `198.51.100.${n}`)));
        expect(passed).toBeGreaterThanOrEqual(8);
        expect(passed).toBeLessThanOrEqual(9 + (performance.now() - began) / 1000);
        expect(counts()).toEqual([passed, 0, 0, 40 - passed]);
      });
    });

    describe("sampling", () => {
      it("has a reader get frames with whose they are, one in so many", async () => {
        const one = await rig.subscriber(["10.1.0.7/32"], { sourceCheck: false });
        await rig.plane.device.tag({ device: one.name, user: 700 });
        const sampling = await load("sampling");
        const attachment = await sampling.attach("sample_frames", one.name, "ingress");
        await sampling.attach("sample_frames", one.name.replace(/.*/, `channel/${one.channel}`), "egress");
        const records: Sample[] = [];
        const stop = rig.plane.map.consume({ map: sampling.handle("samples") }, (bytes) =>
          records.push(decodeSample(bytes)),
        );
        const outward = udp(out4, [1, 2], data(200));
        const inward = udp(in4, [1, 2], data(20));
        const exchange = async () => {
          one.sendIp(outward);
          rig.fromHost(inward);
          await rig.settle();
        };
        await exchange();
        expect(records).toEqual([]);
        sampling.map("settings").set(0, { rate: 1, snap: 60 });
        await exchange();
        await rig.until(() => records.length === 2);
        const ingress = records.find(({ device }) => device === one.device)!;
        const egress = records.find(({ device }) => device !== one.device)!;
        expect(ingress).toMatchObject({ session: one.channel, user: 700, rate: 1, length: 14 + 228 });
        expect(hex(ingress.data)).toBe(
          hex(Buffer.concat([Buffer.from("0800", "hex"), outward]))
            .slice(0, (60 - 12) * 2)
            .padStart(120, hex(ingress.data.subarray(0, 12))),
        );
        expect(egress).toMatchObject({ session: one.channel, length: 4 + 48, data: Uint8Array.from(ppp(inward)) });
        // As Wireshark reads it: a packet a sample.
        const file = Buffer.concat([pcapngHeader(), ...records.map(pcapngPacket)]);
        expect(readPcapng(file)).toEqual(
          records.map((record) => ({ captured: record.data.length, length: record.length })),
        );
        stop();
        await rig.plane.device.detach({ attachment });
        records.length = 0;
        sampling.map("settings").set(0, { rate: 1, snap: 0 });
        one.sendIp(outward);
        await rig.settle();
        expect(records).toEqual([]);
        const count = (key: number) => total(sampling.map("counts").get(key));
        expect([count(0), count(1), count(2)]).toEqual([2, 2, 0]);
      });

      it("draws by lot, and counts what there is no room for", { timeout: 30_000 }, async () => {
        const one = await rig.subscriber(["10.1.0.7/32"]);
        const sampling = await load("sampling");
        await sampling.attach("sample_frames", one.name, "egress");
        const count = (key: number) => total(sampling.map("counts").get(key));
        const send = async (frames: number) => {
          const before = count(0);
          for (let sent = 0; sent < frames; sent += 100) {
            for (let index = 0; index < 100; index++) rig.fromHost(udp(in4, [1, 2], data()));
            await rig.until(() => count(0) - before === sent + 100);
          }
        };
        sampling.map("settings").set(0, { rate: 10, snap: 128 });
        await send(4000);
        // 400, with a standard deviation of 19.
        expect(Math.abs(count(1) - 400)).toBeLessThan(120);
        sampling.map("settings").set(0, { rate: 1, snap: 128 });
        await send(2000);
        // Nobody reads: 256 KiB hold some 1500 records.
        expect(count(2)).toBeGreaterThan(0);
        expect(count(1) + count(2)).toBeGreaterThan(2000);
        expect(count(1)).toBeLessThan(1600);
      });
    });

    describe("balance", () => {
      const entry = (device: number, program = 0) => {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setUint32(0, device, true);
        new DataView(bytes.buffer).setUint32(4, program, true);
        return bytes;
      };
      const flows = Array.from({ length: 120 }, (_, n) => {
        const addresses = n % 2 === 0 ? out4 : out6;
        return n % 3 === 0 ? tcp(addresses, [1000 + n, 443], data()) : udp(addresses, [1000 + n, 53], data());
      });
      const backwards = (n: number) => {
        const addresses = n % 2 === 0 ? in4 : in6;
        return n % 3 === 0 ? tcp(addresses, [443, 1000 + n], data()) : udp(addresses, [53, 1000 + n], data());
      };

      it("spreads flows of a channel over others, and brings answers back", async () => {
        const [near, ...far] = [await rig.leg(), await rig.leg(), await rig.leg(), await rig.leg()];
        const balance = await load("balance");
        const attachment = await balance.attach("balance_ppp", near.name, "ingress");
        for (const each of far) await balance.attach("gather_ppp", each.name, "ingress");
        const counted = balance.program("count_sent");
        const buckets = balance.map("buckets");
        for (let bucket = 0; bucket < 256; bucket++) buckets.set(bucket, entry(far[bucket % 3]!.device, counted));
        for (const each of far) balance.map("home").set(each.device, entry(near.device, counted));

        /** Which of `far` each flow leaves by. */
        async function spread(): Promise<number[]> {
          for (const each of far) each.received().length = 0;
          for (const flow of flows) near.send(ppp(flow));
          await rig.until(() => far.reduce((sum, each) => sum + each.received().length, 0) === flows.length);
          const by = new Map(
            far.flatMap((each, index) => each.received().map((frame) => [hex(frame), index] as const)),
          );
          return flows.map((flow) => by.get(hex(ppp(flow)))!);
        }
        const first = await spread();
        expect(await spread()).toEqual(first);
        for (const index of [0, 1, 2]) expect(first.filter((one) => one === index).length).toBeGreaterThan(15);
        const sent = (device: number) => total(balance.map("sent").get(device), "frames");
        expect(far.map(({ device }, index) => sent(device) - 2 * first.filter((one) => one === index).length)).toEqual([
          0, 0, 0,
        ]);

        // Out of service: its flows move, the others stay.
        for (let bucket = 2; bucket < 256; bucket += 3) {
          buckets.set(bucket, entry(far[Math.floor(bucket / 3) % 2]!.device, counted));
        }
        const second = await spread();
        expect(second).not.toContain(2);
        for (const [index, way] of first.entries()) if (way !== 2) expect(second[index]).toBe(way);

        for (const index of flows.keys()) far[second[index]!]!.send(ppp(backwards(index)));
        await rig.until(() => near.received().length === flows.length);
        expect(
          arrived(
            flows.map((_, index) => ppp(backwards(index))),
            near.received(),
          ),
        ).toHaveLength(flows.length);
        expect(sent(near.device)).toBe(flows.length);

        // Control frames go where they did: here to the control plane.
        const echo = Buffer.from("ff03c02109010008cafe0001", "hex");
        near.send(echo);
        await rig.until(() => rig.punts.some(({ bytes }) => hex(bytes) === hex(echo)));
        // As do flows of a bucket without a device, and all when the program is gone.
        for (let bucket = 0; bucket < 256; bucket++) buckets.delete(bucket);
        rig.punts.length = 0;
        for (const flow of flows) near.send(ppp(flow));
        await rig.until(() => rig.punts.length > 0);
        await rig.plane.device.detach({ attachment });
      });

      it("chooses one bucket for both directions of a flow, and for its fragments", async () => {
        const [near, far] = [await rig.leg(), await rig.leg()];
        const balance = await load("balance");
        await balance.attach("balance_ppp", near.name, "ingress");
        const bucketOf = async (packet: Uint8Array): Promise<number> => {
          let [from, to] = [0, 256];
          while (to - from > 1) {
            const middle = (from + to) >> 1;
            for (let bucket = 0; bucket < 256; bucket++) {
              if (bucket >= from && bucket < middle) balance.map("buckets").set(bucket, entry(far.device));
              else balance.map("buckets").delete(bucket);
            }
            far.received().length = 0;
            rig.punts.length = 0;
            near.send(ppp(packet));
            await rig.until(() => far.received().length + rig.punts.length === 1);
            if (far.received().length === 1) to = middle;
            else from = middle;
          }
          return from;
        };
        for (const index of [0, 1, 2]) expect(await bucketOf(flows[index]!)).toBe(await bucketOf(backwards(index)));
        const fragment = (packet: Uint8Array, field: number) => {
          const changed = Uint8Array.from(packet);
          changed[6] = field >>> 8;
          changed[7] = field & 255;
          return changed;
        };
        const packet = udp(out4, [7, 8], data());
        expect(await bucketOf(fragment(packet, 0x2000))).toBe(await bucketOf(fragment(packet, 100)));
      });

      it("spreads flows of a unit over units", async () => {
        const near = await rig.subscriber(["10.1.0.7/32"], { sourceCheck: false });
        const far = [await rig.subscriber([]), await rig.subscriber([])];
        const balance = await load("balance");
        await balance.attach("balance_ethernet", near.name, "ingress");
        const counted = balance.program("count_sent");
        for (let bucket = 0; bucket < 256; bucket++) {
          balance.map("buckets").set(bucket, entry(far[bucket % 2]!.device, counted));
        }
        for (const flow of flows) near.sendIp(flow);
        await rig.until(() => far.reduce((sum, each) => sum + each.received().length, 0) === flows.length);
        expect(
          arrived(
            flows,
            far.flatMap((each) => each.receivedIp()),
          ),
        ).toHaveLength(flows.length);
        for (const each of far) expect(each.received().length).toBeGreaterThan(30);
        expect(rig.toHost()).toEqual([]);
      });
    });
  });
});
