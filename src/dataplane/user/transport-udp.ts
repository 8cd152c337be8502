/** A port of kind udp: one socket per worker on the same address; the kernel spreads the peers over them. */

import { DataplaneError, type ErrnoName } from "../../errors.js";
import { SystemError } from "../../system/errno.js";
import type { Memory } from "../../system/memory.js";
import { openUdpSocket, type UdpSocket } from "../../system/socket.js";
import type { OpenTransport, TransportOptions } from "./ports.js";
import { createSocketSender } from "./socket-sender.js";
import type { Transmitter } from "./transmit.js";
import type { DataWorker } from "./workers.js";

function openSockets(options: TransportOptions, count: number): UdpSocket[] {
  const { wildcard, segmentation, receiveBuffer, sendBuffer } = options;
  const settings = { gro: segmentation, packetInfo: wildcard, receiveBuffer, sendBuffer };
  const sockets: UdpSocket[] = [];
  let { local } = options;
  // Shared addresses would hide that another program has this one.
  if (count > 1) openUdpSocket({ local }).close();
  try {
    for (let index = 0; index < count; index++) {
      const socket = openUdpSocket({ ...settings, local, reusePort: count > 1 });
      sockets.push(socket);
      local = socket.local;
    }
    return sockets;
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

export function createUdpTransport(
  memory: Memory,
  workers: readonly DataWorker[],
  transmitter: Transmitter,
): OpenTransport {
  return async (options) => {
    const { slot: port, wildcard } = options;
    let sockets: UdpSocket[];
    try {
      sockets = openSockets(options, workers.length);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new DataplaneError(error.code as ErrnoName, `port udp/${options.local}`, error.message);
    }
    const first = sockets[0]!;
    const segmentation = options.segmentation && first.gro;
    await Promise.all(
      workers.map((worker, index) => {
        const { fd, gro } = sockets[index]!;
        return worker.tell({ do: "attach", port: { port, fd, gro, wildcard, segmentation } });
      }),
    );
    transmitter.attach(port, createSocketSender(first.fd, memory.address), segmentation);
    return {
      local: first.local,
      async close() {
        transmitter.detach(port);
        await Promise.all(workers.map((worker) => worker.tell({ do: "detach", port })));
        for (const socket of sockets) socket.close();
      },
    };
  };
}
