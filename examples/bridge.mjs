// The data plane as a library: two L2TP sessions bridged by hand, and one PPP frame across. `node examples/bridge.mjs`
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { openDataplane } from "junctor/dataplane";

/** A peer on loopback: a UDP socket and its address. */
async function openPeer() {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { socket, address: `127.0.0.1:${socket.address().port}` };
}
const lac = await openPeer();
const lns = await openPeer();

const plane = await openDataplane();
const { port, local } = await plane.port.open({ local: "127.0.0.1:0" });

const west = await plane.tunnel.create({ port, remote: lac.address, tunnelId: 7, peerTunnelId: 70 });
const east = await plane.tunnel.create({ port, remote: lns.address, tunnelId: 8, peerTunnelId: 80 });
const call = await plane.session.create({ tunnel: west.tunnel, sessionId: 1, peerSessionId: 10 });
const onward = await plane.session.create({ tunnel: east.tunnel, sessionId: 2, peerSessionId: 20 });
await plane.channel.bridge({ channel: call.channel, with: onward.channel });

const lcpEchoRequest = [0xff, 0x03, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0];
lac.socket.send(Uint8Array.of(0, 2, 0, 7, 0, 1, ...lcpEchoRequest), Number(local.split(":")[1]), "127.0.0.1");
const [message] = await once(lns.socket, "message");
console.log(
  `the LNS received ${message.toString("hex")}: tunnel ${message.readUInt16BE(2)}, session ${message.readUInt16BE(4)}`,
);

await plane.close();
lac.socket.close();
lns.socket.close();
