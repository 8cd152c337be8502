/** The examples of `examples/xdp`, built by their Makefile, on an engine with subscribers. */
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import {
  type Dataplane,
  type DeviceAttach,
  openDataplane,
  type Punt,
  type UnitCreate,
} from "../../src/dataplane/index.js";
import { ffiMissing } from "../../src/system/index.js";
import { encodeData } from "../../src/wire/l2tp2.js";
import { type TypedMap, typed } from "../../src/xdp/maps/typed.js";
import { missing } from "../peers/requires.js";
import { temporaryDirectory, type Undo } from "../peers/undo.js";
import { compilerFor } from "../xdp/compile.js";
import { hex } from "./dataplane-contract.js";

export const exampleFolder = fileURLToPath(new URL("../../examples/xdp/", import.meta.url));
export const exampleNames = ["firewall", "source-validation", "dscp", "syn-limiter", "sampling", "balance"] as const;
export type ExampleName = (typeof exampleNames)[number];

/** Why the examples cannot be built and run here; undefined: they can. */
export function cannotRun(): string | undefined {
  if (compilerFor("v3") === undefined) return "needs clang (npm run setup -- --debian)";
  return missing(["make"]) ?? ffiMissing();
}

/** Builds all examples as their Makefile does; answers where each object is. */
export function buildExamples(
  undo: Undo,
  cpu = "v3",
  compiler = compilerFor("v3")!,
): (name: ExampleName) => Uint8Array {
  const out = temporaryDirectory(undo, "xdp-examples");
  const args = ["-C", exampleFolder, `OUT=${out}`, `CPU=${cpu}`, `CLANG=${compiler}`];
  const { status, stdout, stderr } = spawnSync("make", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`make ${args.join(" ")}:\n${stdout}${stderr}`);
  return (name) => new Uint8Array(readFileSync(join(out, name, `${name}.o`)));
}

interface Leg {
  readonly channel: number;
  readonly session: number;
  /** Number of the channel's device. */
  readonly device: number;
  readonly name: string;
  /** The peer sends a PPP frame. */
  send(frame: Uint8Array): void;
  /** PPP frames that the peer received, without L2TP header. */
  received(): Uint8Array[];
}

interface Subscriber extends Leg {
  readonly unit: number;
  /** The peer sends an IP packet. */
  sendIp(packet: Uint8Array): void;
  /** IP packets that the peer received. */
  receivedIp(): Uint8Array[];
}

export interface Loaded {
  program(name: string): number;
  map(name: string): TypedMap;
  handle(map: string): number;
  attach(program: string, device: string, hook: "ingress" | "egress", more?: Partial<DeviceAttach>): Promise<number>;
}

export interface ExampleRig {
  readonly plane: Dataplane;
  readonly punts: Punt[];
  leg(): Promise<Leg>;
  subscriber(prefixes: readonly string[], attributes?: Partial<UnitCreate>): Promise<Subscriber>;
  load(object: Uint8Array, file: string): Promise<Loaded>;
  /** IP packets that reached the host. */
  toHost(): Uint8Array[];
  fromHost(packet: Uint8Array): void;
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  /** Resolves when every frame that was sent has arrived somewhere or was dropped, and none came twice. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

export const ppp = (packet: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(packet[0]! >>> 4 === 4 ? "ff030021" : "ff030057", "hex"), packet]);

export async function openExampleRig(): Promise<ExampleRig> {
  const plane = await openDataplane({ workers: 1, capacity: { sessions: 1024 } });
  const port = await plane.port.open({ local: "127.0.0.1:0", segmentation: false });
  const { port: tun } = await plane.port.open({ kind: "tun", name: "tun-test", backing: "control" });
  const sockets: { close(): void }[] = [];
  const punts: Punt[] = [];
  let tunnels = 0;
  /** Frames that were sent, and what became of them: each is punted, received or dropped. */
  let [sent, arrivals] = [0, 0];
  plane.onPunt((batch) => {
    punts.push(...batch);
    arrivals += batch.length;
  });
  const dropped = () => Object.values(plane.drops()).reduce((sum, count) => sum + count, 0);

  async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let waited = 0; waited < 5000; waited += 5) {
      if (await condition()) return;
      await sleep(5);
    }
    expect.fail(`does not happen: ${condition}; drops ${JSON.stringify(plane.drops())}`);
  }

  const numberOf = async (wanted: string): Promise<number> =>
    (await plane.device.names()).find(({ name }) => name === wanted)!.device;

  async function leg(): Promise<Leg> {
    const socket = createSocket("udp4");
    const received: Uint8Array[] = [];
    socket.on("message", (bytes) => {
      received.push(bytes.subarray(6));
      arrivals++;
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    sockets.push(socket);
    const tunnelId = ++tunnels;
    const remote = `127.0.0.1:${socket.address().port}`;
    const { tunnel } = await plane.tunnel.create({ port: port.port, remote, tunnelId, peerTunnelId: tunnelId + 1000 });
    const { session, channel } = await plane.session.create({ tunnel, sessionId: 5, peerSessionId: 6 });
    const name = `channel/${channel}`;
    return {
      channel: channel!,
      session,
      name,
      device: await numberOf(name),
      send(frame) {
        sent++;
        socket.send(encodeData({ tunnelId, sessionId: 5 }, frame), Number(port.local.split(":").at(-1)), "127.0.0.1");
      },
      received: () => received,
    };
  }

  return {
    plane,
    punts,
    leg,
    async subscriber(prefixes, attributes = {}) {
      const own = await leg();
      const { unit, name } = await plane.unit.create({ port: tun, ipv4: true, ipv6: true, ...attributes });
      for (const prefix of prefixes) await plane.route.add({ prefix, unit });
      await plane.channel.connect({ channel: own.channel, unit });
      return {
        ...own,
        unit,
        name: `unit/${name}`,
        device: await numberOf(`unit/${name}`),
        sendIp: (packet) => own.send(ppp(packet)),
        receivedIp: () => own.received().map((frame) => frame.subarray(4)),
      };
    },
    async load(object, file) {
      const { programs, maps } = await plane.program.load({ object, file });
      const program = (wanted: string): number => programs.find(({ name }) => name === wanted)!.program;
      const handle = (wanted: string): number => maps.find(({ name }) => name === wanted)!.map;
      return {
        program,
        handle,
        map: (name) => typed(plane.map.open({ map: handle(name) })!),
        async attach(name, device, hook, more = {}) {
          return (await plane.device.attach({ program: program(name), device, hook, ...more })).attachment;
        },
      };
    },
    toHost: () => punts.flatMap((punt) => (punt.origin === "ip" ? [punt.bytes] : [])),
    fromHost(bytes) {
      sent++;
      plane.inject({ to: "ip", port: tun, bytes });
    },
    until,
    async settle() {
      await until(() => arrivals + dropped() >= sent);
      // Nothing is to come twice.
      await sleep(10);
      expect(arrivals + dropped()).toBe(sent);
    },
    async close() {
      await plane.close();
      for (const socket of sockets) socket.close();
    },
  };
}

/** What of `packets` is among `seen`, as their indices. */
export const arrived = (packets: readonly Uint8Array[], seen: readonly Uint8Array[]): number[] => {
  const known = new Set(seen.map(hex));
  return packets.flatMap((packet, index) => (known.has(hex(packet)) ? [index] : []));
};

/** Sums a field of a per-CPU value. */
export const total = (value: unknown, field?: string): number =>
  (value as unknown[] | undefined)?.reduce<number>(
    (sum, one) => sum + Number(field === undefined ? one : (one as Record<string, unknown>)[field]),
    0,
  ) ?? 0;
