/** A port of kind virtual: an end of a virtual network, for simulation. */
import { refuse } from "../errors.js";
import { createCallbackSender } from "./callback-sender.js";
import type { LocalPath } from "./local-path.js";
import type { OpenTransport } from "./ports.js";
import type { VirtualNetwork } from "./virtual/network.js";

export function createVirtualTransport(network: VirtualNetwork, { path, receive }: LocalPath): OpenTransport {
  return async ({ slot, local, wildcard, port }) => {
    const object = `port virtual/${local}`;
    if (wildcard) refuse("EOPNOTSUPP", object, "a virtual port has one address", "give it");
    if (network.has(local)) refuse("EADDRINUSE", object, "the address is in use");
    const end = network.attach(local, ({ from, bytes }) => {
      const to = port();
      if (to !== undefined) receive(to, bytes, from);
    });
    path.transmitter.attach(slot, createCallbackSender(end.send), false);
    return {
      local: end.address,
      async close() {
        path.transmitter.detach(slot);
        end.close();
      },
    };
  };
}
