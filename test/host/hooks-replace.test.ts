/** A program is replaced by another, over and over, under traffic: no frame is lost, and none meets half a program. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Dataplane, openDataplane } from "../../src/dataplane/index.js";
import { ffiMissing } from "../../src/system/index.js";
import { long } from "../seed.js";
import { cannotCompile } from "../xdp/compile.js";
import { hookObject } from "./hooks-scene.js";

const replaces = long ? 10_000 : 2_000;
const sessions = 8;
const burst = 64;

interface End {
  readonly plane: Dataplane;
  readonly port: { readonly port: number; readonly local: string };
}

async function openEnd(workers: number): Promise<End> {
  const plane = await openDataplane({ workers, capacity: { sessions: 64 } });
  return { plane, port: await plane.port.open({ local: "127.0.0.1:0", receiveBuffer: 8 << 20, sendBuffer: 8 << 20 }) };
}

/** A switch between two ends, each an engine of its own: frames go in bursts, as super-packets where there is segmentation. */
async function openLine(workers: number) {
  const [source, middle, sink] = await Promise.all([openEnd(1), openEnd(workers), openEnd(1)]);
  const into: number[] = [];
  const over: number[] = [];
  const join = async (one: End, other: End, tunnelId: number) => {
    const [a, b] = await Promise.all([
      one.plane.tunnel.create({ port: one.port.port, remote: other.port.local, tunnelId, peerTunnelId: tunnelId + 1 }),
      other.plane.tunnel.create({
        port: other.port.port,
        remote: one.port.local,
        tunnelId: tunnelId + 1,
        peerTunnelId: tunnelId,
      }),
    ]);
    return { a: a.tunnel, b: b.tunnel };
  };
  const west = await join(source, middle, 10);
  const east = await join(middle, sink, 20);
  for (let id = 1; id <= sessions; id++) {
    const ids = { sessionId: id, peerSessionId: id };
    const start = await source.plane.session.create({ tunnel: west.a, ...ids });
    const left = await middle.plane.session.create({ tunnel: west.b, ...ids });
    const right = await middle.plane.session.create({ tunnel: east.a, ...ids });
    const end = await sink.plane.session.create({ tunnel: east.b, ...ids });
    await middle.plane.channel.bridge({ channel: left.channel!, with: right.channel! });
    into.push(start.channel!);
    over.push(right.channel!);
    // What the end has of it goes up to the control thread by a program, not by the few punts of a batch.
    void end;
  }
  return {
    source,
    middle,
    sink,
    into,
    over,
    close: () => Promise.all([source, middle, sink].map(({ plane }) => plane.close())),
  };
}

describe.skipIf(ffiMissing() !== undefined || cannotCompile() !== undefined)("a program that is replaced", () => {
  it.each([1, 2])(
    "under traffic, %i workers: each frame meets the one or the other, whole",
    { timeout: long ? 900_000 : 150_000 },
    async (workers) => {
      const line = await openLine(workers);
      const { source, middle, sink } = line;
      try {
        // At the far end every frame goes to a reader, who sees it whole.
        const reader = await sink.plane.program.load({ object: hookObject("redirect"), programs: ["to_socket"] });
        const sockets = reader.maps.find(({ name }) => name === "sockets")!.map;
        await sink.plane.map.update({ map: sockets, key: new Uint8Array(4), value: Uint8Array.of(1, 0, 0, 0) });
        await sink.plane.device.attach({ device: "channel/*", hook: "ingress", program: reader.programs[0]!.program });
        const seen = new Map<string, number>();
        let received = 0;
        sink.plane.map.consume({ map: sockets }, (frame) => {
          received++;
          const pair = `${frame.at(-9)} ${frame.at(-1)}`;
          seen.set(pair, (seen.get(pair) ?? 0) + 1);
        });

        const load = async (mark: number) => {
          const { programs } = await middle.plane.program.load({
            object: hookObject("pair"),
            programs: ["pair"],
            globals: { mark },
          });
          return programs[0]!.program;
        };
        const both = [await load(1), await load(2)] as const;
        const hooks = await Promise.all([
          middle.plane.device.attach({ device: "channel/*", hook: "ingress", program: both[0] }),
        ]);
        const { attachment } = hooks[0]!;

        const bytes = Buffer.concat([Buffer.from("ff03c021", "hex"), new Uint8Array(200)]);
        let sent = 0;
        let running = true;
        // As much as the readers can take: what is not read yet must not overflow on its way.
        const traffic = (async () => {
          while (running) {
            if (sent - received < 8 * burst) {
              for (let count = 0; count < burst; count++) {
                source.plane.inject({ to: "channel", channel: line.into[sent++ % sessions]!, bytes });
              }
            }
            await new Promise((resolve) => setImmediate(resolve));
          }
        })();

        const begin = performance.now();
        let replaced = 0;
        for (; replaced < replaces; replaced++) {
          await middle.plane.device.replace({ attachment, program: both[(replaced + 1) & 1]! });
        }
        const seconds = (performance.now() - begin) / 1000;
        running = false;
        await traffic;
        for (let waited = 0; waited < 5000 && received < sent; waited += 10) await sleep(10);

        console.log(
          `${workers} workers: ${replaces} replaces in ${seconds.toFixed(1)} s, ${Math.round(replaces / seconds)} a second, ` +
            `under ${Math.round(sent / seconds)} frames a second`,
        );
        expect(middle.plane.drops()).toEqual({});
        expect(sink.plane.drops()).toEqual({});
        expect(received).toBe(sent);
        expect([...seen.keys()].sort()).toEqual(["1 1", "2 2"]);
        const runs = await Promise.all(
          both.map(async (program) => (await middle.plane.program.get({ program })).counters.runs),
        );
        expect(runs[0]! + runs[1]!).toBe(sent);
        expect(runs).toEqual([seen.get("1 1"), seen.get("2 2")]);
        expect(sent).toBeGreaterThan(replaces);
      } finally {
        await line.close();
      }
    },
  );
});
