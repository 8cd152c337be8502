import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { openUdpSocket } from "../../src/system/index.js";
import { inside } from "./inside.js";
import type { Namespace } from "./netns.js";
import type { Undo } from "./undo.js";

/** A UDP socket of this process, inside a namespace; `local` is ADDRESS:PORT. */
export function udpInside(undo: Undo, space: Namespace, local: string): Socket {
  const { fd, family } = inside(space, () => openUdpSocket({ local, receiveBuffer: 1 << 22, sendBuffer: 1 << 22 }));
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    // Addresses are literal: nothing is to be looked up.
    lookup: (host, _options, done) => done(null, host, isIPv6(host) ? 6 : 4),
  });
  socket.bind({ fd });
  undo.defer(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return socket;
}
