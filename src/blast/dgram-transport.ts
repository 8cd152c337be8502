/** The transport that runs anywhere: node:dgram on the calling thread, one message a system call. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { JunctorError } from "../errors.js";
import { createMemory, createRegion, joinSocketAddress, splitSocketAddress } from "../system/index.js";
import { type Board, legOf, side } from "./board.js";
import { maximumSize } from "./frame.js";
import { createPacer } from "./pacer.js";
import { createPaths } from "./paths.js";
import type { PppBoard } from "./ppp-board.js";
import { createSubscribers, type FrameOut } from "./ppp-client.js";
import { createPacketReceiver, createPacketSender, putDataHeader } from "./ppp-traffic.js";
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
/** Between looks at what subscribers have to send again. */
const chase = 100;
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
  const scratch = region.allocate(receiverScratch);
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

  const { ppp } = board;
  const subscribers = ppp && createSubscribers(board, ppp, memory.u8, frameOut(board, ppp));
  const frames = ppp && subscribers && createPacketReceiver(board, ppp, memory, scratch, subscribers);
  const receive = createReceiver(board, memory, scratch, frames);
  const tell = (): void => {
    const changes = subscribers?.changes();
    if (changes !== undefined) setImmediate(() => events.subscribers(changes));
  };
  const chaser = setInterval(() => {
    subscribers?.expire(performance.now());
    tell();
  }, chase);

  function frameOut(board: Board, ppp: PppBoard): FrameOut {
    const at = region.allocate(4096);
    let header = 0;
    let sender = 0;
    return {
      begin(session) {
        sender = session;
        header = putDataHeader(memory.u8, at, board, ppp, session);
        return at + header;
      },
      end(length) {
        ppp.sequence[sender]!++;
        const { socket, remote } = paths.list[board.path[legOf(sender, side.lac)]!]!;
        transmit(socket, remote, memory.u8.slice(at, at + header + length));
      },
    };
  }

  for (const [index, socket] of sockets.entries()) {
    const { side: here } = listeners[index]!;
    socket.on("error", () => {}); // an ICMP error of an earlier message: the loss is seen elsewhere
    socket.on("message", (bytes, { address, port, family }) => {
      if ((bytes[0]! & 0x80) !== 0) {
        const remote = joinSocketAddress({ family: family === "IPv4" ? 4 : 6, address, port });
        events.control([{ port: index, remote, bytes }]);
        return;
      }
      memory.u8.set(bytes, arriveAt);
      receive(arriveAt, arriveAt + bytes.length, here, microseconds());
      tell();
    });
  }

  function startTraffic({ order, size, ...pace }: Traffic): void {
    const sender = ppp ? createPacketSender(board, ppp, memory, order, size) : createSender(board, memory, order, size);
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
      clearInterval(chaser);
      await Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(done))));
    },
  };
}
