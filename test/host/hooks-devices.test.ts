/**
 * A firewall for each of many guests: devices come and go under traffic, each with a program and maps of its own, or all with one program
 * and an entry each. No frame escapes its policy, the first and the last included, and nothing is left.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openDataplane } from "../../src/dataplane/index.js";
import { seededWords } from "../../src/random.js";
import { ffiMissing } from "../../src/system/index.js";
import { long, seed } from "../seed.js";
import { cannotCompile } from "../xdp/compile.js";
import { hookObject, words } from "./hooks-scene.js";
import { udp } from "./packets.js";

const guests = long ? 1000 : 200;
const turnover = long ? 2000 : 200;

const address = (guest: number): string => `10.${1 + (guest >> 16)}.${(guest >> 8) & 255}.${guest & 255}`;
const packetTo = (guest: number, tag: number): Uint8Array =>
  udp({ from: "198.51.100.9", to: address(guest) }, [1, 2], Uint8Array.of(...words(guest), 0, 0, 0, tag));

/** An engine whose guests are units; what each gets arrives at the peer's engine and is read whole by a program there. */
async function openHost() {
  const options = { workers: 1, capacity: { sessions: 4096 } };
  const [host, peer] = await Promise.all([openDataplane(options), openDataplane(options)]);
  const [near, far] = await Promise.all([
    host.port.open({ local: "127.0.0.1:0", receiveBuffer: 8 << 20, sendBuffer: 8 << 20 }),
    peer.port.open({ local: "127.0.0.1:0", receiveBuffer: 8 << 20, sendBuffer: 8 << 20 }),
  ]);
  const { port: tun } = await host.port.open({ kind: "tun", name: "guests", backing: "control" });
  const ends = { tunnelId: 1, peerTunnelId: 1 };
  const { tunnel } = await host.tunnel.create({ port: near.port, remote: far.local, ...ends });
  // The peer's end has one session for all: what is of another is read off the port.
  const reader = await peer.program.load({ object: hookObject("redirect"), programs: ["to_socket"] });
  const sockets = reader.maps.find(({ name }) => name === "sockets")!.map;
  await peer.map.update({ map: sockets, key: words(0), value: words(1) });
  const device = await peer.device.get(far);
  await peer.device.attach({ device: device.name, hook: "ingress", program: reader.programs[0]!.program });
  return { host, peer, tun, tunnel, sockets, close: () => Promise.all([host.close(), peer.close()]) };
}

describe.skipIf(ffiMissing() !== undefined || cannotCompile() !== undefined)("guests with a firewall each", () => {
  it.each(["own programs and maps", "one program, an entry each"] as const)(
    "come and go under traffic: %s",
    { timeout: 300_000 },
    async (variant) => {
      const isOwn = variant === "own programs and maps";
      const scene = await openHost();
      const { host, peer, tun, tunnel } = scene;
      const next = seededWords(seed);
      const object = hookObject(isOwn ? "policy" : "shared");
      /** What a guest's policy lets through: its number's tag, never 0. */
      const tagOf = (guest: number): number => 1 + (guest % 250);
      try {
        const escaped: string[] = [];
        let received = 0;
        peer.map.consume({ map: scene.sockets }, (frame) => {
          received++;
          const guest = new DataView(frame.buffer, frame.byteOffset + frame.length - 8).getUint32(0, true);
          if (frame.at(-1) !== tagOf(guest)) escaped.push(`guest ${guest}: ${frame.at(-1)}`);
        });

        const memory = () => process.memoryUsage().rss;
        const kept = {
          programs: (await host.program.list()).length,
          maps: (await host.map.list()).length,
        };
        let sharedProgram: number | undefined;
        let sharedMap = 0;
        if (!isOwn) {
          const loaded = await host.program.load({ object });
          sharedProgram = loaded.programs[0]!.program;
          sharedMap = loaded.maps.find(({ name }) => name === "allowed")!.map;
          // Before any device: whoever comes has it.
          await host.device.attach({ device: "unit/*", hook: "egress", program: sharedProgram });
        } else {
          // Who has no program yet gets nothing.
          await host.program.load({ object: hookObject("verdict"), programs: ["verdict"], globals: { answer: 1 } });
        }

        interface Guest {
          readonly guest: number;
          readonly unit: number;
          readonly session: number;
          readonly device: number;
          readonly program: number | undefined;
        }
        const present: Guest[] = [];
        const numbers = async () => new Map((await host.device.names()).map(({ device, name }) => [name, device]));

        const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

        async function arrive(guest: number): Promise<void> {
          await nextTurn();
          const { unit, name } = await host.unit.create({ port: tun, ipv4: true, name: `g${guest}` });
          let program: number | undefined;
          let device = 0;
          if (isOwn) {
            const loaded = await host.program.load({ object });
            program = loaded.programs[0]!.program;
            const map = loaded.maps.find((each) => each.name === "allowed")!.map;
            await host.map.update({ map, key: words(0), value: words(tagOf(guest)) });
            // In force before the unit has a way for frames.
            await host.device.attach({ device: `unit/${name}`, hook: "egress", program });
          } else {
            device = (await numbers()).get(`unit/${name}`)!;
            await host.map.update({ map: sharedMap, key: words(device), value: words(tagOf(guest)) });
          }
          const ids = { sessionId: 1 + guest, peerSessionId: 1 + guest };
          const { session, channel } = await host.session.create({ tunnel, ...ids });
          await host.route.add({ prefix: `${address(guest)}/32`, unit });
          await host.channel.connect({ channel: channel!, unit });
          present.push({ guest, unit, session, device, program });
        }

        async function leave(index: number): Promise<void> {
          const [{ unit, session, device, program }] = present.splice(index, 1) as [Guest];
          await nextTurn();
          // The program is let go of first: it stays in force while the unit has it.
          if (program !== undefined) await host.program.unload({ program });
          await host.unit.delete({ unit });
          if (!isOwn) await host.map.delete({ map: sharedMap, key: words(device) });
          await host.session.delete({ session });
        }

        let running = true;
        let sent = 0;
        let wanted = 0;
        const traffic = (async () => {
          while (running) {
            for (let count = 0; count < 32; count++) {
              // Of those that there are, were or will be; two of three against their policy.
              const guest = next() % (guests + turnover);
              const isRight = next() % 3 === 0;
              sent++;
              if (isRight) wanted++;
              host.inject({
                to: "ip",
                port: tun,
                bytes: packetTo(guest, isRight ? tagOf(guest) : (tagOf(guest) + 1 + (next() % 200)) & 255),
              });
            }
            await nextTurn();
          }
        })();

        const before = memory();
        let begin = performance.now();
        for (let guest = 0; guest < guests; guest++) await arrive(guest);
        const setup = performance.now() - begin;
        const grown = memory() - before;
        begin = performance.now();
        for (let count = 0; count < turnover; count++) {
          await leave(next() % present.length);
          await arrive(guests + count);
        }
        const churn = performance.now() - begin;
        running = false;
        await traffic;

        // What a frame costs with its program, apart from all else that goes on.
        await host.program.statistics(true);
        for (let count = 0; count < 20_000; count++) {
          const { guest } = present[count % present.length]!;
          host.inject({ to: "ip", port: tun, bytes: packetTo(guest, 0) });
          if (count % 100 === 99) await nextTurn();
        }
        const all = (await host.program.list()).map(({ counters }) => counters);
        const runs = all.reduce((sum, each) => sum + each.runs, 0);
        const measured = all.reduce((sum, each) => sum + each.nanoseconds, 0) / 20_000;
        expect(runs).toBeGreaterThan(20_000);

        begin = performance.now();
        while (present.length > 0) await leave(present.length - 1);
        const teardown = performance.now() - begin;
        for (let waited = 0; waited < 50; waited++) await sleep(10);

        const each = (milliseconds: number, count: number) => `${(milliseconds / count).toFixed(2)} ms`;
        console.log(
          `${variant}: ${guests} guests, setup ${each(setup, guests)} each, turnover ${each(churn, turnover)} each, ` +
            `end ${each(teardown, guests)} each, ${Math.round(grown / guests / 1024)} KiB RSS each, ${Math.round(measured)} ns a run; ` +
            `${sent} frames, ${received} through; RSS ${(before / 2 ** 20).toFixed(0)} → ${(memory() / 2 ** 20).toFixed(0)} MiB`,
        );
        expect(escaped).toEqual([]);
        expect(received).toBeGreaterThan(100);
        expect(received).toBeLessThanOrEqual(wanted);

        // Nothing is left: what was there once can be there again.
        if (sharedProgram !== undefined) {
          const [attachment] = await host.device.attachments();
          await host.device.detach(attachment!);
          await host.program.unload({ program: sharedProgram });
        } else {
          for (const { program } of await host.program.list()) await host.program.unload({ program });
        }
        for (let waited = 0; waited < 50 && (await host.program.list()).length > 0; waited++) await sleep(10);
        await sleep(100);
        expect(await host.device.attachments()).toEqual([]);
        expect((await host.program.list()).length).toBe(kept.programs);
        expect((await host.map.list()).length).toBe(kept.maps);
        // All of the map memory is one piece again.
        const whole = { name: "all", type: "array", keySize: 4, valueSize: 1 << 20, maxEntries: 500 } as const;
        const { map } = await host.map.create(whole);
        await host.map.release({ map });
        expect(memory() - before).toBeLessThan((long ? 800 : 500) << 20);
      } finally {
        await scene.close();
      }
    },
  );

  it("may have room for more than the object says", async () => {
    const host = await openDataplane({ workers: 0 });
    try {
      const object = hookObject("policy");
      const { maps } = await host.program.load({ object, maxEntries: { allowed: 77 } });
      expect(maps.map(({ name, maxEntries }) => [name, maxEntries]).sort()).toEqual([
        ["allowed", 77],
        ["counts", 1],
      ]);
      await expect(host.program.load({ object, maxEntries: { allow: 77 } })).rejects.toThrow(
        /there is no map allow.*maps are (allowed, counts|counts, allowed)/,
      );
    } finally {
      await host.close();
    }
  });
});
