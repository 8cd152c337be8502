import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Report } from "../../src/blast/report.js";
import { freePort } from "../../src/demo/gateway.js";
import { here } from "../peers/here.js";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { eventually, type Running } from "../peers/process.js";
import { type Undo, undoStack } from "../peers/undo.js";
import { long, seed } from "../seed.js";
import { mendHeader, mutate } from "./hostile/mutate.js";
import { openPeer } from "./hostile/peer.js";
import { createRandom } from "./hostile/random.js";

// Packets that are hostile, against a switch that carries traffic: `npm run test:long` sends a million and more.
const packets = long ? 1_200_000 : 60_000;
/** Packets per second: what the switch can serve beside its traffic on a small machine. */
const pace = 20_000;

const sessions = 40;

const residentKiB = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);

/** `junctor blast` through the switch; resolves to its process when every session is up. */
async function startTraffic(junctor: Junctor, to: number, lns: number, seconds: number): Promise<Running> {
  const program = new URL("../../bin/junctor.js", import.meta.url).pathname;
  const options = { switch: `127.0.0.1:${to}`, "lns-listen": `127.0.0.1:${lns}`, tunnels: 4, sessions: sessions / 4 };
  const flags = Object.entries({ ...options, rate: 2000, seconds }).flatMap(([name, value]) => [
    `--${name}`,
    `${value}`,
  ]);
  const blast = here.start([process.execPath, program, "blast", "--json", ...flags]);
  let bridged = 0;
  await eventually("every session is bridged", async () => {
    if (blast.ended()) throw new Error("blast has ended");
    const rows = await junctor.sessions();
    bridged = rows.filter((row) => row.bridgedWith !== null).length;
    return bridged === 2 * sessions ? true : undefined;
  }).catch((error) => {
    throw new Error(`${error}; ${bridged} are\nblast: ${blast.output()}\njunctor: ${junctor.process.output()}`);
  });
  return blast;
}

async function reportOf(blast: Running): Promise<Report> {
  expect(await blast.exited, blast.output()).toBe(0);
  return JSON.parse(blast.output()) as Report;
}

/** Every counter of the metrics page as one number each, labels included in the name. */
async function metrics(port: number): Promise<Map<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith("junctor_"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

const sumOf = (counters: Map<string, number>, prefix: string) =>
  [...counters].reduce((sum, [name, value]) => (name.startsWith(prefix) ? sum + value : sum), 0);

describe("hostile input", () => {
  let undo: Undo;
  let junctor: Junctor;
  let ports: { l2tp: number; lns: number; metrics: number };

  beforeEach(async () => {
    undo = undoStack();
    ports = { l2tp: await freePort(), lns: await freePort(), metrics: await freePort() };
    junctor = await startJunctor(undo, here, {
      listen: { metrics: `127.0.0.1:${ports.metrics}` },
      config: `
log: { level: warn }
workers: 1
limits: { half-open: 200, half-open-per-peer: 50, setup-timeout: 3s }
access:
  - l2tp: { listen: "127.0.0.1:${ports.l2tp}" }
policy:
  - match: { peer-host-name: "blast*" }
    forward: { lns: ["127.0.0.1:${ports.lns}"] }
  - match: { peer-host-name: "attacker*" }
    accept: {}
`,
      secrets: {},
    });
  });
  afterEach(() => undo.run());

  const pid = () => junctor.process.pid;

  it(`survives ${packets} mutated packets and loses none of its traffic`, { timeout: 300_000 }, async () => {
    console.log(`seed ${seed}`);
    const random = createRandom(seed);
    const blast = await startTraffic(junctor, ports.l2tp, ports.lns, packets / pace + (long ? 20 : 6));
    const peers = await Promise.all(
      ["127.0.0.66", "127.0.0.67", "127.0.0.68", "127.0.0.69"].map((from) =>
        openPeer(undo, { from, to: ports.l2tp, random, calls: 3 }),
      ),
    );
    const stranger = createSocket("udp4");
    stranger.bind(0, "127.0.0.70");
    await once(stranger, "listening");
    undo.defer(() => void stranger.close());
    await eventually("the hostile peers are let in", () => (peers.every((peer) => peer.target()) ? true : undefined));

    const before = residentKiB(pid());
    const data = Uint8Array.of(0, 2, 0, 0, 0, 0, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 4);
    const attack = () => {
      const peer = random.pick(peers);
      const target = peer.target();
      const way = random.below(10);
      if (target !== undefined && way < 4) peer.send(mendHeader(mutate(random, peer.corpus), target));
      else if (target !== undefined && way < 7) {
        const frame = data.slice();
        new DataView(frame.buffer).setUint32(2, target.tunnelId * 0x10000 + target.sessionId);
        peer.send(mutate(random, [frame]));
      } else if (way < 9) stranger.send(mutate(random, peer.corpus), ports.l2tp, "127.0.0.1");
      else stranger.send(random.bytes(random.below(200)), ports.l2tp, "127.0.0.1");
    };
    const started = performance.now();
    for (let sent = 0; sent < packets; ) {
      const due = Math.min(packets, ((performance.now() - started) / 1000) * pace);
      for (; sent < due; sent++) attack();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }

    const report = await reportOf(blast);
    expect(report.problems).toEqual([]);
    expect(report.traffic!.up.lost + report.traffic!.down.lost).toBe(0);
    expect(junctor.process.ended()).toBe(false);
    expect(junctor.process.output()).not.toMatch(/uncaught|unhandled|internal error/i);
    const grown = residentKiB(pid()) - before;
    const counters = await metrics(ports.metrics);
    console.log(
      `memory grew by ${grown} KiB; drops ${JSON.stringify([...counters].filter(([name]) => name.includes("dropped_")))}`,
    );
    expect(grown).toBeLessThan(96 * 1024);
    expect(sumOf(counters, "junctor_port_receive_packets_total"), "the kernel dropped none").toBeGreaterThan(packets);
    const dropped = sumOf(counters, "junctor_frames_dropped_total");
    expect(dropped).toBeGreaterThan(packets / 10);
    expect(dropped, "a reason for every drop").toBe(sumOf(counters, "junctor_port_receive_dropped_total"));
    expect(sumOf(counters, "junctor_control_messages_dropped_total")).toBeGreaterThan(packets / 10);
  });

  it("is not exhausted by a flood of SCCRQs", { timeout: 120_000 }, async () => {
    const blast = await startTraffic(junctor, ports.l2tp, ports.lns, 10);
    const established = (await junctor.tunnels()).length;
    const random = createRandom(seed);
    const teacher = await openPeer(undo, { from: "127.0.0.66", to: ports.l2tp, random, calls: 1 });
    const sccrq = await eventually("an SCCRQ to copy", () => teacher.corpus[0]);

    const sockets: Socket[] = [];
    undo.defer(() => sockets.forEach((socket) => void socket.close()));
    for (let n = 0; n < 500; n++) {
      const socket = createSocket("udp4");
      socket.bind(0, `127.0.${1 + (n >> 6)}.${1 + (n & 63)}`);
      await once(socket, "listening");
      sockets.push(socket);
    }
    let most = 0;
    for (let round = 0; round < 40; round++) {
      for (const socket of sockets) {
        const flood = sccrq.slice();
        // Assigned Tunnel ID is what makes it another control connection; find it by its AVP header.
        for (let at = 12; at < flood.length; at += ((flood[at]! & 3) << 8) | flood[at + 1]!) {
          if (flood[at + 5] === 9 && flood[at + 2] === 0)
            new DataView(flood.buffer).setUint16(at + 6, 1 + random.below(65_535));
        }
        socket.send(flood, ports.l2tp, "127.0.0.1");
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      most = Math.max(most, (await junctor.tunnels()).length);
    }
    expect(most).toBeGreaterThan(established);
    expect(most).toBeLessThanOrEqual(established + 1 + 200);
    await eventually("unauthenticated state expires", async () =>
      (await junctor.tunnels()).length <= established + 1 ? true : undefined,
    );
    const report = await reportOf(blast);
    expect(report.problems).toEqual([]);
    expect(report.traffic!.up.lost + report.traffic!.down.lost).toBe(0);
  });
});
