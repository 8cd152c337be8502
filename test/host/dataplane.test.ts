import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { openDataplane } from "../../src/dataplane/index.js";
import { ffiMissing } from "../../src/system/index.js";
import { contractSuite, hex, type Peer, type Rig } from "./dataplane-contract.js";
import { unitsSuite } from "./units-contract.js";

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

async function openRig(workers: number, segmentation: boolean): Promise<Rig> {
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

unitsSuite("node:dgram on loopback, no workers", () => openRig(0, false));
contractSuite("node:dgram on loopback, no workers", () => openRig(0, false));
if (ffiMissing() === undefined) {
  contractSuite("one worker on loopback, segmentation", () => openRig(1, true));
  contractSuite("one worker on loopback, no segmentation", () => openRig(1, false));
  unitsSuite("one worker on loopback, segmentation", () => openRig(1, true));
  unitsSuite("two workers on loopback", () => openRig(2, true));
  contractSuite("two workers on loopback", () => openRig(2, true));
} else console.warn(`skipped: engines with workers: ${ffiMissing()}`);
