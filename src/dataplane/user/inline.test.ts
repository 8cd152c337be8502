import { expect } from "vitest";
import { contractSuite, hex, type Peer, type Rig } from "../../../test/host/dataplane-contract.js";
import { unitsSuite } from "../../../test/host/units-contract.js";
import { createVirtualNetwork, openDataplane } from "../index.js";

async function openRig(): Promise<Rig> {
  const network = createVirtualNetwork({ seed: 1, delay: 1 });
  const { clock } = network;
  const plane = await openDataplane({ inline: { network }, capacity: { sessions: 256 } });
  const port = await plane.port.open({ local: "192.0.2.1:1701" });
  let nextPort = 2000;
  const settle = async (): Promise<void> => {
    clock.runUntil(clock.now() + 20);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
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

contractSuite("inline on a virtual network", openRig);
unitsSuite("inline on a virtual network", openRig);
