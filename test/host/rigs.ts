/** Engines that the contract's suites run on. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { createVirtualNetwork, openDataplane } from "../../src/dataplane/index.js";
import { hex, type Peer, type Rig } from "./dataplane-contract.js";

/** Everything in this thread, on a virtual network with a clock of its own. */
export async function openInline(): Promise<Rig> {
  const network = createVirtualNetwork({ seed: 1, delay: 1 });
  const { clock } = network;
  const plane = await openDataplane({ inline: { network }, capacity: { sessions: 256 } });
  const port = await plane.port.open({ local: "192.0.2.1:1701" });
  let nextPort = 2000;
  const settle = async (): Promise<void> => {
    clock.runUntil(clock.now() + 20);
    // Readers of rings wait for a turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    plane,
    port,
    async peer(): Promise<Peer> {
      const received: string[] = [];
      const end = network.attach(`192.0.2.9:${nextPort++}`, ({ bytes }) => received.push(hex(bytes)));
      return { address: end.address, received, send: end.send, close: end.close };
    },
    settle,
    async until(condition) {
      for (let count = 0; count < 1000; count++) {
        if (await condition()) return;
        await settle();
      }
      expect.fail(`does not happen: ${condition}; drops ${JSON.stringify(plane.drops())}`);
    },
    close: () => plane.close(),
  };
}

async function bindPeer(): Promise<Peer> {
  const socket = createSocket("udp4");
  const received: string[] = [];
  socket.on("message", (bytes) => received.push(hex(bytes)));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    received,
    send: (to, bytes) => socket.send(bytes, Number(to.split(":").at(-1)), "127.0.0.1"),
    close: () => socket.close(),
  };
}

/** On real sockets; without workers, the control thread is the data path. */
export async function openOnLoopback(workers: number, segmentation: boolean): Promise<Rig> {
  const plane = await openDataplane({ workers, capacity: { sessions: 1024 } });
  const port = await plane.port.open({ local: "127.0.0.1:0", segmentation });
  const peers: Peer[] = [];
  return {
    plane,
    port,
    async peer() {
      const peer = await bindPeer();
      peers.push(peer);
      return peer;
    },
    async until(condition) {
      for (let waited = 0; waited < 5000; waited += 5) {
        if (await condition()) return;
        await sleep(5);
      }
      expect.fail(`does not happen: ${condition}; drops ${JSON.stringify(plane.drops())}`);
    },
    settle: () => sleep(50),
    async close() {
      await plane.close();
      for (const peer of peers) peer.close();
    },
  };
}
