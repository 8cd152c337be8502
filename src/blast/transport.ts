/**
 * What moves datagrams for a load run. Control messages come up to the caller and go down one by one; data messages are
 * written and checked below, against the board. There are two: batched system calls in a thread of their own, and node:dgram.
 */
import type { Datagram } from "../l2tp/types.js";
import type { Board, Side } from "./board.js";
import type { Pace } from "./pacer.js";

/** A socket to open. */
export interface Listener {
  readonly side: Side;
  /** ADDRESS:PORT; port 0: any. */
  readonly local: string;
}

export interface Traffic extends Pace {
  /** Bytes of a PPP frame. */
  readonly size: number;
  /** Legs in the order in which they send. */
  readonly order: Int32Array;
}

export interface Transport {
  readonly kind: "ffi" | "dgram";
  /** The sockets in the order in which they were asked for, with their real ports. */
  readonly sockets: readonly (Listener & { readonly fd?: number })[];
  /** Queues a control message; `flush` sends what is queued. A message that the system does not take is lost. */
  send(socket: number, remote: string, bytes: Uint8Array): void;
  flush(): void;
  /** The index of a way out: a socket and the address of a peer. */
  path(socket: number, remote: string): number;
  startTraffic(traffic: Traffic): void;
  /** Ends sending; what is on its way is still received. */
  stopTraffic(): void;
  close(): Promise<void>;
}

export interface TransportEvents {
  /** Control messages that arrived; `port` is the index of the socket. */
  control(batch: readonly Datagram[]): void;
  /** Subscribers that came up or ended (`ppp-client.ts`), by session. */
  subscribers(changed: Uint32Array): void;
  /** The transport cannot go on. */
  failed(error: Error): void;
}

export type OpenTransport = (
  listeners: readonly Listener[],
  board: Board,
  events: TransportEvents,
) => Promise<Transport>;

/** Microseconds modulo 2^32, as frames carry them. */
export const microseconds = (): number => (performance.now() * 1000) >>> 0;

export const receiveBuffer = 8 << 20;
export const sendBuffer = 4 << 20;
