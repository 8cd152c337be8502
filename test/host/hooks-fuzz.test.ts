/** Everything that can be done about programs, in random order and several at a time, under traffic: frames add up, and nothing is left. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openDataplane, type Punt } from "../../src/dataplane/index.js";
import { JunctorError } from "../../src/errors.js";
import { seededWords } from "../../src/random.js";
import { ffiMissing } from "../../src/system/index.js";
import { encodeData } from "../../src/wire/l2tp2.js";
import { long, seed } from "../seed.js";
import { cannotCompile } from "../xdp/compile.js";
import { hookObject, ppp4, words } from "./hooks-scene.js";
import { udp } from "./packets.js";

const seconds = long ? 30 : 4;
const operators = 4;
const pairs = 8;
/** What may be answered when somebody else was faster. */
const expectedCodes = new Set([
  "ENOENT",
  "ENODEV",
  "ENXIO",
  "EINVAL",
  "EPERM", // a map that is frozen
  "EALREADY",
  "EEXIST",
  "E2BIG",
  "ENOSPC", // many have come, few have gone
  "EOPNOTSUPP",
  "ESRCH",
]);

const programs: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ["verdict", "verdict", { answer: 2 }],
  ["verdict", "verdict", { answer: 1 }],
  ["verdict", "verdict", { answer: 0 }],
  ["verdict", "verdict", { answer: 3, least: 80 }],
  ["edit", "stamp", { mark: 5 }],
  ["edit", "longer", { skip: 14 }],
  ["edit", "tail", { change: 60 }],
  ["edit", "leave_note", {}],
  ["redirect", "to_device", { device: 70 }],
  ["redirect", "by_hash", { key: 1, flags: 2n }],
  ["redirect", "by_devmap", { key: 1, flags: 1n }],
  ["redirect", "to_cpu", { key: 0, flags: 2n }],
  ["redirect", "to_cpu", { key: 1, flags: 2n }],
  ["redirect", "on_device", {}],
  ["redirect", "on_cpu", {}],
  ["facts", "tell", {}],
];

describe.skipIf(ffiMissing() !== undefined || cannotCompile() !== undefined)("operations on programs at random", () => {
  it.each([0, 1, 2])("%i workers", { timeout: 120_000 }, async (workers) => {
    const random = seededWords(seed + workers);
    const below = (most: number): number => random() % most;
    const pick = <T>(from: readonly T[]): T | undefined => from[below(Math.max(1, from.length))];
    const plane = await openDataplane({ workers, capacity: { sessions: 64 } });
    const port = await plane.port.open({ local: "127.0.0.1:0", receiveBuffer: 8 << 20 });
    const tun = await plane.port.open({ kind: "tun", name: "fuzz", backing: "control" });
    let punted = 0;
    plane.onPunt((batch: readonly Punt[]) => {
      punted += batch.filter(({ origin }) => origin === "channel" || origin === "unit").length;
    });
    let lines = 0;
    plane.program.trace((more) => {
      lines += more.length;
    });
    const peer = createSocket("udp4");
    peer.bind(0, "127.0.0.1");
    await once(peer, "listening");
    const to = Number(port.local.split(":").at(-1));
    const remote = `127.0.0.1:${peer.address().port}`;
    const { tunnel } = await plane.tunnel.create({ port: port.port, remote, tunnelId: 1, peerTunnelId: 2 });

    const mapsOf = async (type: string) => (await plane.map.list()).filter((map) => map.type === type);
    const deviceNames = async () => (await plane.device.names()).map(({ name }) => name);
    const own = new Set<number>();
    const operations: readonly (() => Promise<unknown>)[] = [
      async () => {
        const [object, program, globals] = pick(programs)!;
        await plane.program.load({ object: hookObject(object), programs: [program], globals });
      },
      async () => plane.program.unload({ program: pick(await plane.program.list())?.program ?? 1 }),
      ...Array.from({ length: 3 }, () => async () => {
        const device = pick([...(await deviceNames()), "unit/*", "channel/*", "*/?"])!;
        const program = pick(await plane.program.list())?.program ?? 1;
        const runOn = pick([["pass"], ["pass", "drop"], ["aborted", "pass"]] as const)!;
        const priority = below(4);
        await plane.device.attach({
          device,
          hook: pick(["ingress", "egress"] as const)!,
          program,
          priority,
          runOn: [...runOn],
        });
      }),
      ...Array.from({ length: 2 }, () => async () => {
        await plane.device.detach({ attachment: pick(await plane.device.attachments())?.attachment ?? 1 });
      }),
      async () => {
        const attachment = pick(await plane.device.attachments())?.attachment ?? 1;
        await plane.device.replace({ attachment, program: pick(await plane.program.list())?.program ?? 1 });
      },
      async () => {
        const sessionId = 1 + below(2 * pairs);
        await plane.session.create({ tunnel, sessionId, peerSessionId: sessionId });
      },
      async () => plane.session.delete({ session: pick(await plane.session.list())?.session ?? 1 }),
      async () => {
        const [one, two] = [pick(await plane.channel.list()), pick(await plane.channel.list())];
        await plane.channel.bridge({ channel: one?.channel ?? 1, with: two?.channel ?? 1 });
      },
      async () => plane.channel.unbridge({ channel: pick(await plane.channel.list())?.channel ?? 1 }),
      async () => {
        const { unit } = await plane.unit.create({ port: tun.port, ipv4: true, sourceCheck: false });
        await plane.route.add({ prefix: `10.9.0.${below(16)}/32`, unit });
        await plane.channel.connect({ channel: pick(await plane.channel.list())?.channel ?? 1, unit });
      },
      async () => plane.unit.delete({ unit: pick(await plane.unit.list())?.unit ?? 1 }),
      async () => {
        const type = pick(["devmap", "devmap_hash", "cpumap"] as const)!;
        const map = pick(await mapsOf(type))?.map ?? 1;
        const target = type === "cpumap" ? 64 : (pick(await plane.device.names())?.device ?? 1);
        const entry = pick([0, pick(await plane.program.list())?.program ?? 0])!;
        await plane.map.update({ map, key: words(below(2)), value: words(target, entry) });
      },
      async () => plane.map.delete({ map: pick(await mapsOf("devmap"))?.map ?? 1, key: words(1) }),
      async () => {
        const type = pick(["array", "hash", "percpu_hash", "lpm_trie"] as const)!;
        const flags = type === "lpm_trie" ? 1 : 0;
        const { map } = await plane.map.create({
          name: "own",
          type,
          keySize: type === "array" ? 4 : 8,
          valueSize: 64,
          maxEntries: 100,
          flags,
        });
        own.add(map);
      },
      async () => {
        const map = pick([...own]) ?? 1;
        own.delete(map);
        await plane.map.release({ map });
      },
      async () => plane.program.statistics(below(2) === 0),
      async () => {
        const device = pick(await deviceNames()) ?? "unit/none";
        await plane.device.tag({ device, user: below(100), policy: below(100) });
      },
    ];

    let running = true;
    const unexpected: string[] = [];
    let done = 0;
    /** Operations that are under way, by index. */
    const under = new Map<number, number>();
    async function operate(): Promise<void> {
      while (running) {
        try {
          const index = below(operations.length);
          under.set(index, (under.get(index) ?? 0) + 1);
          await operations[index]!().finally(() => under.set(index, under.get(index)! - 1));
          done++;
        } catch (error) {
          const code = error instanceof JunctorError ? error.code : "";
          if (!expectedCodes.has(code)) unexpected.push(String(error instanceof Error ? error.stack : error));
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const frames = [20, 60, 300].map((size, index) =>
      ppp4(udp({ from: `10.9.0.${index}`, to: "198.51.100.1" }, [1, 2], new Uint8Array(size).fill(index))),
    );
    async function traffic(): Promise<void> {
      while (running) {
        for (let count = 0; count < 16; count++) {
          const sessionId = 1 + below(2 * pairs);
          peer.send(encodeData({ tunnelId: 1, sessionId }, pick(frames)!), to, "127.0.0.1");
        }
        const packet = udp({ from: "198.51.100.1", to: `10.9.0.${below(16)}` }, [1, 2], new Uint8Array(40));
        plane.inject({ to: "ip", port: tun.port, bytes: packet });
        await sleep(1);
      }
    }
    try {
      const all = [traffic(), ...Array.from({ length: operators }, operate)];
      await sleep(seconds * 1000);
      running = false;
      await Promise.race([Promise.all(all), sleep(10_000)]);
      const stuck = [...under].filter(([, count]) => count > 0);
      if (stuck.length > 0) console.log("still under way, by index", stuck, plane.drops());
      expect(stuck).toEqual([]);
      await sleep(200);
      expect(unexpected).toEqual([]);

      // Each frame that came in went out, up, or is among the drops.
      const { "trace-overflow": _, "tap-overflow": __, "segmentation-refused": ___, ...drops } = plane.drops();
      const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
      const counters = await Promise.all([port, tun].map(async (each) => (await plane.port.get(each)).counters));
      const sum = (field: "rxPackets" | "txPackets") => counters.reduce((total, each) => total + each[field], 0);
      console.log(
        `${workers} workers, seed ${seed}: ${done} operations, ${sum("rxPackets")} frames in, ${sum("txPackets")} out, ${punted} up, ` +
          `${dropped} dropped, ${lines} lines`,
      );
      expect(sum("rxPackets")).toBe(sum("txPackets") + punted + dropped);
      expect(sum("txPackets")).toBeGreaterThan(0);

      for (const { attachment } of await plane.device.attachments()) await plane.device.detach({ attachment });
      for (const { session } of await plane.session.list()) await plane.session.delete({ session });
      for (const { unit } of await plane.unit.list()) await plane.unit.delete({ unit });
      for (const { program } of await plane.program.list()) {
        await plane.program.unload({ program }).catch((error: unknown) => {
          // Unloaded before, and held by nothing but a map of one that has just gone: it went with that.
          if (!(error instanceof JunctorError && error.code === "ENOENT")) throw error;
        });
      }
      for (const map of own) await plane.map.release({ map });
      for (let waited = 0; waited < 100 && (await plane.program.list()).length > 0; waited++) {
        // Programs in maps of programs that are gone follow them.
        await sleep(10);
      }
      await sleep(50);
      expect(await plane.program.list()).toEqual([]);
      expect(await plane.map.list()).toEqual([]);
      const whole = { name: "all", type: "array", keySize: 4, valueSize: 1 << 20, maxEntries: 500 } as const;
      await plane.map.release(await plane.map.create(whole));
      expect((await plane.device.names()).map(({ name }) => name).sort()).toEqual(
        (await plane.device.list()).map(({ name }) => name).sort(),
      );
    } finally {
      running = false;
      await plane.close();
      peer.close();
    }
  });
});
