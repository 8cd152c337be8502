/** The data thread's loop: blocks in the kernel until something arrives or is due, checks what arrives, sends what is due. */
import {
  clearEvent,
  createMemory,
  createPollSet,
  createRecvBatch,
  createRegion,
  type RecvBatch,
  type Region,
} from "../system/index.js";
import type { Board, Side } from "./board.js";
import { createMailbox } from "./mailbox.js";
import { createPacer, type Pacer } from "./pacer.js";
import type { Path } from "./paths.js";
import { createSubscribers, type Subscribers } from "./ppp-client.js";
import { createFrameOut, type FrameOutbox, frameOutBytes } from "./ppp-out.js";
import { createPacketReceiver, createPacketSender } from "./ppp-traffic.js";
import { createReceiver, type Receive, receiverScratch } from "./receiver.js";
import { createSender } from "./sender.js";
import { batchFrames, createTransmitter, type Transmitter, transmitterBytes } from "./transmitter.js";
import { microseconds, type Traffic } from "./transport.js";

export interface DataSocket {
  readonly fd: number;
  readonly side: Side;
}

/** What the data thread is given when it starts. */
export interface DataStart {
  readonly sockets: readonly DataSocket[];
  /** An eventfd: readable when there is a command. */
  readonly wake: number;
  readonly board: Board;
}

export type Command =
  /** The ways out that there are now: those that were told before, and others behind them. */
  | { readonly type: "paths"; readonly paths: readonly Path[] }
  | { readonly type: "start"; readonly traffic: Traffic }
  | { readonly type: "stop" }
  | { readonly type: "close" };

export interface DataIo {
  /** The next command, or undefined. */
  command(): Command | undefined;
  /** Hands control messages up (`mailbox.ts`). */
  post(letters: ArrayBuffer): void;
  /** Subscribers that came up or ended. */
  changed(sessions: Uint32Array): void;
}

const messages = 16;
const longestDatagram = 65_535;
const mailboxBytes = 1 << 20;
/** Rounds of reading one socket before the others get their turn. */
const rounds = 4;
/** Milliseconds to block when nothing is due, and between frames that are. */
const idle = 100;
const beat = 1;
/** Between looks at whether frames came back, when none may leave before. */
const stalled = 5;
/** Between looks at what subscribers have to send again. */
const chase = 100;

/** Runs until the command `close`. */
export function runDataLoop({ sockets, wake, board }: DataStart, io: DataIo): void {
  const fds = sockets.map(({ fd }) => fd);
  const receiveBytes = messages * (longestDatagram + 512) + receiverScratch + sockets.length * 64 + (1 << 16);
  const memory = createMemory(receiveBytes + (board.ppp === undefined ? 0 : frameOutBytes));
  const region = createRegion(memory);
  // The frame behind the shortest header then lies at a multiple of 4, which is where the receiver need not move it.
  const batch = createRecvBatch(region, { messages, bufferSize: longestDatagram, headroom: 2, control: true });
  const scratch = region.allocate(receiverScratch);
  let paths: readonly Path[] = [];
  let subscribers: Subscribers | undefined;
  let frames: FrameOutbox | undefined;
  let chased = 0;
  if (board.ppp !== undefined) {
    frames = createFrameOut(region, board, board.ppp, fds, (path) => paths[path]!);
    subscribers = createSubscribers(board, board.ppp, memory.u8, frames);
  }
  const receive = createReceiver(
    board,
    memory,
    scratch,
    board.ppp && subscribers && createPacketReceiver(board, board.ppp, memory, scratch, subscribers),
  );
  const mailbox = createMailbox(mailboxBytes);
  const poll = createPollSet(region, sockets.length + 1);
  poll.watch([wake, ...sockets.map(({ fd }) => fd)]);

  let sending: { readonly pacer: Pacer; readonly transmitter: Transmitter; readonly paced: boolean } | undefined;
  // A run has at most a few starts; each has memory of its own, so that nothing of an earlier one is in the way.
  const start = (traffic: Traffic): void => {
    const own = createMemory(transmitterBytes(paths.length));
    const sender =
      board.ppp === undefined
        ? createSender(board, own, traffic.order, traffic.size)
        : createPacketSender(board, board.ppp, own, traffic.order, traffic.size);
    const transmitter = createTransmitter(createRegion(own), sender, traffic.size, paths, fds);
    sending = { transmitter, pacer: createPacer(traffic, board, performance.now()), paced: traffic.rate > 0 };
  };

  for (;;) {
    const pause = sending === undefined ? idle : sending.paced ? beat : stalled;
    const due = sending === undefined ? 0 : sending.pacer(performance.now());
    sending?.transmitter.transmit(due, microseconds());
    poll.wait(due > batchFrames || (due > 0 && sending?.paced === false) ? 0 : pause);

    if (poll.readable(0)) {
      clearEvent(wake);
      for (let command = io.command(); command !== undefined; command = io.command()) {
        if (command.type === "close") return;
        if (command.type === "paths") paths = command.paths;
        else if (command.type === "start") start(command.traffic);
        // What a full socket has not taken yet still leaves.
        else if (sending !== undefined) sending = { ...sending, pacer: () => 0, paced: true };
      }
    }
    for (let index = 0; index < sockets.length; index++) {
      if (poll.readable(index + 1)) drain(batch, region, sockets, index, receive, mailbox);
    }
    if (subscribers !== undefined && frames !== undefined) {
      const now = performance.now();
      if (now - chased >= chase) {
        chased = now;
        subscribers.expire(now);
      }
      frames.flush();
      const changes = subscribers.changes();
      if (changes !== undefined) io.changed(changes);
    }
    const letters = mailbox.take();
    if (letters !== undefined) io.post(letters);
  }
}

function drain(
  batch: RecvBatch,
  { memory }: Region,
  sockets: readonly DataSocket[],
  index: number,
  receive: Receive,
  mailbox: ReturnType<typeof createMailbox>,
): void {
  const { u8 } = memory;
  const { fd, side } = sockets[index]!;
  for (let round = 0; round < rounds; round++) {
    const count = batch.receive(fd);
    if (count <= 0) return;
    const time = microseconds();
    for (let message = 0; message < count; message++) {
      const begin = batch.at(message);
      const end = begin + batch.length(message);
      const step = batch.segment(message) || end - begin;
      for (let at = begin; at < end; at += step) {
        const last = Math.min(at + step, end);
        if ((u8[at]! & 0x80) === 0) receive(at, last, side, time);
        else mailbox.add(u8, index, batch.name(message), at, last - at);
      }
    }
    if (count < messages) return;
  }
}
