/** Datagrams leave one by one through a function: a virtual link, node:dgram. */
import { decodeSocketAddress } from "../../system/sockaddr.js";
import { block } from "./layout.js";
import type { Sender } from "./transmit.js";
import { segmentOf, state } from "./transmit-queue.js";

export function createCallbackSender(send: (remote: string, bytes: Uint8Array) => void): Sender {
  return {
    send(queue, first) {
      const { view } = queue.memory;
      const name = segmentOf(queue, first, state.address) + block.name;
      send(decodeSocketAddress(view, name)!, queue.copySegment(first, 0));
      return 1;
    },
    sendSegment: () => 0,
    failed: () => "tx-error",
  };
}
