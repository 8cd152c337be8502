/**
 * The data plane under test as an LNS without a control plane: plane INDEX SESSIONS OPTIONS. One data worker, a TUN device, one
 * tunnel, and SESSIONS units with an address and a route each; prints `ready` and serves until its stdin ends. OPTIONS is a
 * JSON object: `segmentation` and `kernelRoutes`.
 */
import { openDataplane } from "../../src/dataplane/index.js";
import { place, prefixOf, subscriberOf, tunnelIds } from "./layout.js";

const [index = "0", count = "1", text = "{}"] = process.argv.slice(2);
const { segmentation = true, kernelRoutes = true } = JSON.parse(text);
process.stdin.on("end", () => process.exit(0)).resume();

const here = place(Number(index));
const plane = await openDataplane({ engine: "user", workers: 1 });
const { port } = await plane.port.open({ kind: "udp", local: here.local, segmentation });
const tun = await plane.port.open({ kind: "tun", name: `jct${index}`, segmentation });
await plane.device.set({ device: tun.device, up: true });
if (!kernelRoutes) await plane.device.route({ device: tun.device, prefix: prefixOf(here) });
const { tunnel } = await plane.tunnel.create({
  port,
  remote: here.lac,
  tunnelId: tunnelIds.ours,
  peerTunnelId: tunnelIds.peers,
});

async function subscriber(number: number): Promise<void> {
  const [{ channel }, { unit }] = await Promise.all([
    plane.session.create({ tunnel, sessionId: number, peerSessionId: number }),
    plane.unit.create({ port: tun.port, ipv4: true }),
  ]);
  const prefix = `${subscriberOf(here, number)}/32`;
  await Promise.all([
    plane.channel.connect({ channel: channel!, unit }),
    plane.route.add({ prefix, unit, kernel: kernelRoutes }),
  ]);
}

const together = 500;
for (let first = 1; first <= Number(count); first += together) {
  const length = Math.min(together, Number(count) + 1 - first);
  await Promise.all(Array.from({ length }, (_, i) => subscriber(first + i)));
}
console.log("ready");
