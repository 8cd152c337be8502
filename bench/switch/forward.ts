/**
 * The switch under test: forward LOCAL SESSIONS SEGMENTATION [OBJECT PROGRAM]. One data worker, two tunnels through one port, and SESSIONS
 * pairs of sessions bridged between them, and that program on what the port receives; prints `ready` and serves until it is killed or its stdin ends.
 */
import { readFileSync } from "node:fs";
import { openDataplane } from "../../src/dataplane/index.js";
import { prefixes } from "../xdp/frame.js";
import { east, onwardSession, tunnelIds, west } from "./layout.js";

const [local = "", count = "1", segmentation = "true", object, program] = process.argv.slice(2);
process.stdin.on("end", () => process.exit(0)).resume();

const plane = await openDataplane({ engine: "user", workers: 1 });
const { port } = await plane.port.open({ kind: "udp", local, segmentation: segmentation === "true" });
const fromWest = await plane.tunnel.create({
  port,
  remote: west,
  tunnelId: tunnelIds.west,
  peerTunnelId: tunnelIds.westPeer,
});
const fromEast = await plane.tunnel.create({
  port,
  remote: east,
  tunnelId: tunnelIds.east,
  peerTunnelId: tunnelIds.eastPeer,
});

async function bridgePair(sessionId: number): Promise<void> {
  const ids = { sessionId, peerSessionId: onwardSession(sessionId) };
  const [call, onward] = await Promise.all([
    plane.session.create({ tunnel: fromWest.tunnel, ...ids }),
    plane.session.create({ tunnel: fromEast.tunnel, ...ids }),
  ]);
  await plane.channel.bridge({ channel: call.channel!, with: onward.channel! });
}

const together = 500;
for (let first = 1; first <= Number(count); first += together) {
  const length = Math.min(together, Number(count) + 1 - first);
  await Promise.all(Array.from({ length }, (_, i) => bridgePair(first + i)));
}
if (object !== undefined && program !== undefined) {
  const { programs, maps } = await plane.program.load({ object: readFileSync(object), programs: [program] });
  const blocked = maps.find(({ name }) => name === "prefixes");
  if (blocked !== undefined) {
    const entries = [...prefixes()].map((key) => ({ key, value: new Uint8Array(4) }));
    await plane.map.updateBatch({ map: blocked.map, entries });
  }
  const device = (await plane.device.list())[0]!.name;
  await plane.device.attach({ device, hook: "ingress", program: programs[0]!.program });
}
console.log("ready");
