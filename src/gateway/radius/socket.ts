/** UDP sockets for RADIUS: by batched system calls or node:dgram in service, whatever a simulation likes otherwise. */
import { createSocket } from "node:dgram";
import { isIPv4 } from "node:net";
import { ffiMissing, openDatagramSocket } from "../../system/index.js";
import { type Address, splitAddress } from "../config/address.js";

/** Addresses are ADDRESS:PORT. */
export interface RadiusSocket {
  send(remote: string, bytes: Uint8Array): void;
  close(): void;
  /** What it is bound to, as soon as it is. */
  local(): string | undefined;
}

export interface SocketEvents {
  message(remote: string, bytes: Uint8Array): void;
  /** The socket, or a datagram of its, could not be had out; the socket stays open if `fatal` is false. */
  error(error: Error, fatal: boolean): void;
}

/** `local`: ADDRESS:PORT, port 0 for any. */
export type OpenSocket = (local: string, events: SocketEvents) => RadiusSocket;

/** Room for the answers to 256 requests that come at once. */
const bufferSize = 1 << 20;

const mapped = "::ffff:";

/** For many datagrams; where there are no system calls, by node:dgram. A socket for IPv6 hears only IPv6. */
export const openBatched: OpenSocket = (local, events) => {
  if (ffiMissing() !== undefined) return openDgram(local, events);
  try {
    const socket = openDatagramSocket(
      { local, receiveBuffer: bufferSize, sendBuffer: bufferSize },
      { message: events.message, error: (problem) => events.error(problem, false) },
    );
    return { send: socket.send, close: socket.close, local: () => socket.local };
  } catch (problem) {
    // Not before whoever opens it has got it.
    queueMicrotask(() => events.error(problem instanceof Error ? problem : new Error(String(problem)), true));
    return { send() {}, close() {}, local: () => undefined };
  }
};

/** A socket for IPv6 hears IPv4 too, where it is bound to [::]. */
export const openDgram: OpenSocket = (local, { message, error }) => {
  const { family, host: address, port } = addressOf(local);
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    // Addresses are literal: nothing is to be looked up.
    lookup: (host, _options, done) => done(null, host, family),
  });
  let bound: string | undefined;
  let closed = false;
  const sent = (problem: Error | null): void => {
    if (problem) error(problem, false);
  };
  socket.on("message", (bytes, from) => message(textOf(from.address, from.port), bytes));
  const close = (): void => {
    if (!closed) socket.close();
    closed = true;
  };
  socket.on("error", (problem) => {
    close();
    // Binding may fail before whoever opens it has got it.
    queueMicrotask(() => error(problem, true));
  });
  socket.on("listening", () => {
    const at = socket.address();
    bound = textOf(at.address, at.port);
    socket.setRecvBufferSize(bufferSize);
    socket.setSendBufferSize(bufferSize);
  });
  socket.unref();
  socket.bind({ address, port });
  return {
    send(remote, bytes) {
      if (closed) return;
      const to = addressOf(remote);
      socket.send(bytes, to.port, family === 6 && to.family === 4 ? mapped + to.host : to.host, sent);
    },
    close,
    local: () => bound,
  };
};

/** Those that come here have been through the configuration. */
function addressOf(text: string): Address {
  const address = splitAddress(text);
  if (address === undefined) throw new TypeError(`not ADDRESS:PORT: ${text}`);
  return address;
}

/** A socket for IPv6 hears IPv4 too; the sender's address is then written as what it is. */
function textOf(address: string, port: number): string {
  if (isIPv4(address)) return `${address}:${port}`;
  const inner = address.startsWith(mapped) ? address.slice(mapped.length) : "";
  return isIPv4(inner) ? `${inner}:${port}` : `[${address}]:${port}`;
}
