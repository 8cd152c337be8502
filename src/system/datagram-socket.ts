/**
 * A UDP socket on Node's event loop at the price of a system call for a batch instead of one for each datagram: what is sent in one turn
 * of the loop leaves together by sendmmsg(2), and what has arrived is taken together by recvmmsg(2).
 */
import { EAGAIN, errnoName, SystemError } from "./errno.js";
import { pollReadable } from "./ffi.js";
import { createMemory, createRegion } from "./memory.js";
import { createRecvBatch, type RecvBatch } from "./recv-batch.js";
import { createSendBatch, type SendBatch } from "./send-batch.js";
import { decodeSocketAddress, encodeSocketAddress } from "./sockaddr.js";
import { openUdpSocket, type UdpSocketOptions } from "./socket.js";
import { sockaddrIn6 } from "./structs.js";

export interface DatagramSocket {
  /** As bound, with the real port number. */
  readonly local: string;
  /** Sends at the end of this turn, in order; `bytes` (at most `longestDatagram`) must stay as they are until then. */
  send(remote: string, bytes: Uint8Array): void;
  /** What has not been sent by then is not. */
  close(): void;
}

export interface DatagramEvents {
  /** `bytes` belong to whoever gets them. What is longer than `longestDatagram` is cut. */
  message(remote: string, bytes: Uint8Array): void;
  /** A datagram could not be sent, or the socket has had an error; it stays open. */
  error(error: SystemError): void;
}

interface Datagram {
  readonly remote: string;
  readonly bytes: Uint8Array;
}

export const longestDatagram = 4096;
const batchSize = 64;
/** Batches taken before others on the event loop have their turn. */
const batchesInTurn = 4;

/** What one system call works on. No call outlasts the function that makes it, so all sockets of the thread share these. */
interface Batches {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly receive: RecvBatch;
  readonly send: SendBatch;
  /** Where outgoing datagrams and their sockaddrs are put. */
  readonly data: number;
  readonly names: number;
}

let shared: Batches | undefined;

function batches(): Batches {
  if (shared !== undefined) return shared;
  const region = createRegion(createMemory(1 << 20));
  shared = {
    bytes: region.memory.u8,
    view: region.memory.view,
    receive: createRecvBatch(region, { messages: batchSize, bufferSize: longestDatagram }),
    send: createSendBatch(region, batchSize),
    data: region.allocate(batchSize * longestDatagram),
    names: region.allocate(batchSize * sockaddrIn6.size),
  };
  return shared;
}

/** It does not keep the process alive. @throws SystemError when it cannot be had. */
export function openDatagramSocket(options: UdpSocketOptions, { message, error }: DatagramEvents): DatagramSocket {
  const { bytes, view, receive, send, data, names } = batches();
  const { fd, local, close } = openUdpSocket(options);
  let waiting: Datagram[] = [];
  let closed = false;

  const failed = (errno: number, syscall: string): void =>
    error(new SystemError(errnoName(errno), syscall, `on ${local} failed`));

  /** Answers whether there may be more. */
  function receiveBatch(): boolean {
    const count = receive.receive(fd);
    if (count < 0 && count !== -EAGAIN) failed(-count, "recvmmsg");
    // Receivers may send, open and close sockets, and so use what is shared: it is emptied first.
    const arrived: Datagram[] = [];
    for (let index = 0; index < count; index++) {
      const at = receive.at(index);
      const remote = decodeSocketAddress(view, receive.name(index)) ?? "";
      arrived.push({ remote, bytes: bytes.slice(at, at + receive.length(index)) });
    }
    for (const datagram of arrived) if (!closed) message(datagram.remote, datagram.bytes);
    return count === batchSize && !closed;
  }

  function sendBatch(from: number): number {
    const count = Math.min(batchSize, waiting.length - from);
    send.clear();
    for (let index = 0; index < count; index++) {
      const { remote, bytes: datagram } = waiting[from + index]!;
      const sockaddr = encodeSocketAddress(remote);
      const [at, name] = [data + index * longestDatagram, names + index * sockaddrIn6.size];
      bytes.set(datagram, at);
      bytes.set(sockaddr, name);
      send.add(at, datagram.length, name, sockaddr.length);
    }
    for (let sent = 0; sent < count && !closed; ) {
      const went = send.send(fd, sent);
      if (went <= 0) failed(-went, "sendmmsg");
      // The error is the first message's, and the others are tried without it.
      sent += Math.max(went, 1);
    }
    return count;
  }

  function flush(): void {
    for (let from = 0; from < waiting.length && !closed; ) from += sendBatch(from);
    waiting = [];
  }

  const poll = pollReadable(fd, () => {
    for (let left = batchesInTurn; left > 0 && !closed && receiveBatch(); left--);
  });
  poll.unref();
  return {
    local,
    send(remote, datagram) {
      if (closed) return;
      // When nothing is left of this turn, its promises included.
      if (waiting.length === 0) process.nextTick(flush);
      waiting.push({ remote, bytes: datagram });
    },
    close() {
      if (closed) return;
      closed = true;
      poll.close();
      close();
    },
  };
}
