/** The transport for speed: sockets by batched system calls, data messages in a thread that blocks in the kernel. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import {
  createMemory,
  createRegion,
  openEventFd,
  openUdpSocket,
  signalEvent,
  type UdpSocket,
} from "../system/index.js";
import type { Board } from "./board.js";
import type { Command, DataStart } from "./data-loop.js";
import { readMailbox } from "./mailbox.js";
import { createOutbox, outboxBytes } from "./outbox.js";
import { createPaths } from "./paths.js";
import { type Listener, receiveBuffer, sendBuffer, type Transport, type TransportEvents } from "./transport.js";

/** Threads run what is built, also when this file itself runs from its source. */
const workerUrl = new URL(
  import.meta.url.replace(/\/src\/blast\/[^/]*\.ts$/, "/dist/blast/x").replace(/[^/]*$/, "data-worker.js"),
);

function openSockets(listeners: readonly Listener[]): readonly UdpSocket[] {
  const sockets: UdpSocket[] = [];
  try {
    for (const { local } of listeners) sockets.push(openUdpSocket({ local, gro: true, receiveBuffer, sendBuffer }));
    return sockets;
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

/** @throws SystemError when a socket cannot be opened or there are no system calls here. */
export async function openFfiTransport(
  listeners: readonly Listener[],
  board: Board,
  events: TransportEvents,
): Promise<Transport> {
  const sockets = openSockets(listeners);
  const wake = openEventFd();
  const fds = sockets.map(({ fd }) => fd);
  const outbox = createOutbox(createRegion(createMemory(outboxBytes)), fds);
  const paths = createPaths();

  const start: DataStart = {
    sockets: fds.map((fd, index) => ({ fd, side: listeners[index]!.side })),
    wake: wake.fd,
    board,
  };
  const worker = new Worker(workerUrl, { workerData: start });
  worker.on("message", (message: ArrayBuffer | Uint32Array) => {
    if (message instanceof Uint32Array) events.subscribers(message);
    else events.control(readMailbox(message));
  });
  worker.on("error", events.failed);
  const exited = once(worker, "exit").catch(() => {});
  const tell = (command: Command): void => {
    worker.postMessage(command);
    signalEvent(wake.fd);
  };

  return {
    kind: "ffi",
    sockets: sockets.map(({ local, fd }, index) => ({ side: listeners[index]!.side, local, fd })),
    send: outbox.add,
    flush: outbox.flush,
    path(socket, remote) {
      const known = paths.list.length;
      const index = paths.indexOf(socket, remote);
      if (index === known) tell({ type: "paths", paths: paths.list });
      return index;
    },
    startTraffic: (traffic) => tell({ type: "start", traffic }),
    stopTraffic: () => tell({ type: "stop" }),
    async close() {
      tell({ type: "close" });
      await exited;
      for (const socket of sockets) socket.close();
      wake.close();
    },
  };
}
