/** The transport that runs anywhere: node:dgram on the calling thread, one message a system call. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { JunctorError } from "../errors.js";
import { createMemory, createRegion, joinSocketAddress, splitSocketAddress } from "../system/index.js";
import type { Board } from "./board.js";
import { maximumSize } from "./frame.js";
import { createPacer } from "./pacer.js";
import { createPaths } from "./paths.js";
import { createReceiver, receiverScratch } from "./receiver.js";
import { createSender, messageStride } from "./sender.js";
import {
  type Listener,
  microseconds,
  receiveBuffer,
  sendBuffer,
  type Traffic,
  type Transport,
  type TransportEvents,
} from "./transport.js";

/** Messages sent before those that wait in the receive buffers get their turn. */
const burst = 64;
/** Milliseconds between two looks at what is due. */
const tick = 1;
/** A message lies where the frame behind its shortest header begins at a multiple of 4. */
const lead = 2;

async function open(local: string): Promise<Socket> {
  const { family, address, port } = splitSocketAddress(local);
  const socket = createSocket(family === 4 ? "udp4" : "udp6");
  try {
    socket.bind(port, address);
    await once(socket, "listening");
  } catch (error) {
    const { code = "EIO", message } = error as NodeJS.ErrnoException;
    throw new JunctorError(code, message);
  }
  try {
    socket.setRecvBufferSize(receiveBuffer);
    socket.setSendBufferSize(sendBuffer);
  } catch {
    // The system's own sizes have to do.
  }
  return socket;
}

/** All of them or none. */
async function openAll(listeners: readonly Listener[]): Promise<readonly Socket[]> {
  const opened = await Promise.allSettled(listeners.map(({ local }) => open(local)));
  const sockets = opened.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const failed = opened.find((each) => each.status === "rejected");
  if (failed === undefined) return sockets;
  for (const socket of sockets) socket.close();
  throw failed.reason;
}

export async function openDgramTransport(
  listeners: readonly Listener[],
  board: Board,
  events: TransportEvents,
): Promise<Transport> {
  const memory = createMemory(1 << 18);
  const region = createRegion(memory);
  const receive = createReceiver(board, memory, region.allocate(receiverScratch));
  const arriveAt = region.allocate(65_536) + lead;
  const leaveAt = region.allocate(messageStride(maximumSize)) + lead;
  const sockets = await openAll(listeners);
  const paths = createPaths();
  let queue: { readonly socket: number; readonly remote: string; readonly bytes: Uint8Array }[] = [];
  let timer: NodeJS.Timeout | undefined;

  const transmit = (socket: number, remote: string, bytes: Uint8Array): void => {
    const { address, port } = splitSocketAddress(remote);
    sockets[socket]!.send(bytes, port, address, () => {}); // a message that could not leave is seen as lost
  };

  for (const [index, socket] of sockets.entries()) {
    const { side } = listeners[index]!;
    socket.on("error", () => {}); // an ICMP error of an earlier message: the loss is seen elsewhere
    socket.on("message", (bytes, { address, port, family }) => {
      if ((bytes[0]! & 0x80) !== 0) {
        const remote = joinSocketAddress({ family: family === "IPv4" ? 4 : 6, address, port });
        events.control([{ port: index, remote, bytes }]);
        return;
      }
      memory.u8.set(bytes, arriveAt);
      receive(arriveAt, arriveAt + bytes.length, side, microseconds());
    });
  }

  function startTraffic({ order, size, ...pace }: Traffic): void {
    const sender = createSender(board, memory, order, size);
    const pacer = createPacer(pace, board, performance.now());
    timer = setInterval(() => {
      const due = Math.min(pacer(performance.now()), burst);
      const time = microseconds();
      for (let n = 0; n < due; n++) {
        const { socket, remote } = paths.list[sender.path()]!;
        // The socket may keep the message for a while, so it gets bytes of its own.
        transmit(socket, remote, memory.u8.slice(leaveAt, leaveAt + sender.write(leaveAt, time)));
      }
    }, tick);
  }

  return {
    kind: "dgram",
    sockets: sockets.map((socket, index) => {
      const { address, port, family } = socket.address();
      const local = joinSocketAddress({ family: family === "IPv4" ? 4 : 6, address, port });
      return { side: listeners[index]!.side, local };
    }),
    send(socket, remote, bytes) {
      queue.push({ socket, remote, bytes });
    },
    flush() {
      const messages = queue;
      queue = [];
      for (const { socket, remote, bytes } of messages) transmit(socket, remote, bytes);
    },
    path: paths.indexOf,
    startTraffic,
    stopTraffic() {
      clearInterval(timer);
    },
    async close() {
      clearInterval(timer);
      await Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(done))));
    },
  };
}
