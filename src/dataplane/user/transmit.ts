/**
 * The last step of a frame: frames gather in one queue per port and leave in batches. Frames for one tunnel that follow each
 * other with the same size become one message with a list of pieces, which the kernel cuts into datagrams (UDP_SEGMENT); as
 * each tunnel has a message of its own open, sessions that take turns still gather. Nothing is copied: what is queued stays
 * where it is until `flush`.
 *
 * An egress program will run here, in `append`.
 */
import type { Region } from "../../system/memory.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { block, portCounter, port as portRecord, portState, sessionCounter } from "./layout.js";
import { createQueue, type Queue, queueLimits, segmentOf, state } from "./transmit-queue.js";

export interface Transmitter {
  /** Lets frames leave through a port. Without `segmentation` each message carries one datagram. */
  attach(port: number, sender: Sender, segmentation: boolean): void;
  detach(port: number): void;
  /**
   * Queues a datagram: `headerLength` bytes at `header`, then `length` bytes at `payload`. `tunnel` 0 joins nothing; `source`
   * is the session whose counters pay if it cannot be sent, 0 for none.
   */
  append(
    tunnel: number,
    address: number,
    header: number,
    headerLength: number,
    payload: number,
    length: number,
    source: number,
  ): void;
  /** Offset of `bytes` to write a header or a frame into; they last until `flush`. */
  scratch(bytes: number): number;
  flush(): void;
}

/** What to do about a message that did not leave. */
export type Failure = "retry" | "resegment" | "tx-no-buffers" | "tx-refused" | "tx-too-big" | "tx-error";

/** How messages of a queue leave: through a socket, or by a callback. */
export interface Sender {
  /** Sends messages from index `first` on. Answers how many left, 0 or less when the first could not. */
  send(queue: Queue, first: number): number;
  /** Why `send` could not; `attempt` counts from 0. */
  failed(result: number, attempt: number, segments: number): Failure;
  /** Sends segment `index` of a message alone. Answers as `send`. */
  sendSegment(queue: Queue, message: number, index: number): number;
}

const scratchBytes = 512 << 10;

export function createTransmitter(context: Context, region: Region): Transmitter {
  const { memory, layout, arena } = context;
  const { u32, i32, f64 } = memory;
  const drops = createDropCounter(context);
  const senders: (Sender | undefined)[] = [];
  const queues: (Queue | undefined)[] = [];
  const spare: Queue[] = [];
  /** Message that a tunnel's frames joined last, in its port's queue; the message says whether it is still so. */
  const openMessage = new Int32Array(65536);
  const scratchStart = region.allocate(scratchBytes);
  let scratchNext = scratchStart;
  const counters = arena.portCounters >> 3;
  const sessionCounters = arena.sessionCounters >> 3;
  const ports = layout.ports >> 2;
  const { messages, segments, pieces, bytes: maximumBytes } = queueLimits;

  /** Frames of a message that stay here: counted, and taken back from what their sessions forwarded. */
  function fail(queue: Queue, message: number, from: number, to: number, reason: Failure): void {
    drops.leaving(drop[reason as "tx-error"], to - from);
    f64[counters + queue.port * portCounter.count + portCounter.txErrors]! += to - from;
    for (let index = from; index < to; index++) {
      const source = (queue.sources + (message * segments + index) * 8) >> 2;
      const session = u32[source]!;
      if (session === 0) continue;
      const record = sessionCounters + session * sessionCounter.count;
      f64[record + sessionCounter.forwardedPackets]! -= 1;
      f64[record + sessionCounter.forwardedBytes]! -= u32[source + 1]!;
      f64[record + sessionCounter.forwardErrors]! += 1;
    }
  }

  /** Datagram by datagram, after the kernel refused to cut the message. */
  function resegment(queue: Queue, message: number, sender: Sender): void {
    drops.leaving(drop["segmentation-refused"]);
    const count = segmentOf(queue, message, state.segments);
    for (let index = 0, attempt = 0; index < count; ) {
      const sent = sender.sendSegment(queue, message, index);
      if (sent <= 0) {
        const failure = sender.failed(sent, attempt++, 1);
        if (failure === "retry") continue;
        fail(queue, message, index, index + 1, failure === "resegment" ? "tx-error" : failure);
      }
      index++;
      attempt = 0;
    }
  }

  function flushQueue(queue: Queue): void {
    const sender = senders[queue.port]!;
    const { count } = queue;
    let packets = 0;
    let bytes = 0;
    for (let message = 0; message < count; message++) {
      const at = (queue.states + message * state.size) >> 2;
      packets += u32[at + state.segments]!;
      bytes += u32[at + state.bytes]!;
    }
    queue.prepare();
    for (let first = 0, attempt = 0; first < count; ) {
      const sent = sender.send(queue, first);
      if (sent > 0) {
        first += sent;
        attempt = 0;
        continue;
      }
      const inMessage = segmentOf(queue, first, state.segments);
      const failure = sender.failed(sent, attempt++, inMessage);
      if (failure === "retry") continue;
      if (failure === "resegment") resegment(queue, first, sender);
      else {
        packets -= inMessage;
        bytes -= segmentOf(queue, first, state.bytes);
        fail(queue, first, 0, inMessage, failure);
      }
      first++;
      attempt = 0;
    }
    queue.count = 0;
    f64[counters + queue.port * portCounter.count + portCounter.txPackets]! += packets;
    f64[counters + queue.port * portCounter.count + portCounter.txBytes]! += bytes;
  }

  function flush(): void {
    for (let port = 0; port < queues.length; port++) {
      const queue = queues[port];
      if (queue !== undefined && queue.count > 0) flushQueue(queue);
    }
    scratchNext = scratchStart;
  }

  /** A frame that cannot even be queued. */
  function refuse(reason: number, source: number): void {
    drops.leaving(reason);
    if (source !== 0) f64[sessionCounters + source * sessionCounter.count + sessionCounter.forwardErrors]! += 1;
  }

  function append(
    tunnel: number,
    address: number,
    header: number,
    headerLength: number,
    payload: number,
    length: number,
    source: number,
  ): void {
    const port = u32[(address + block.port) >> 2]!;
    const queue = queues[port];
    const total = headerLength + length;
    const record = ports + port * portRecord.words;
    const isUp = u32[record + portRecord.state] === portState.up;
    if (queue === undefined || !isUp || total > u32[record + portRecord.mtu]!) {
      refuse(queue === undefined ? drop["port-closed"] : isUp ? drop["mtu-exceeded"] : drop["device-down"], source);
      return;
    }

    let message = openMessage[tunnel]!;
    let at = (queue.states + message * state.size) >> 2;
    if (
      message >= queue.count ||
      u32[at + state.tunnel] !== tunnel ||
      total > u32[at + state.room]! ||
      u32[at + state.address] !== address
    ) {
      if (queue.count === messages) flushQueue(queue);
      message = queue.count++;
      openMessage[tunnel] = message;
      at = (queue.states + message * state.size) >> 2;
      u32[at + state.tunnel] = tunnel;
      u32[at + state.address] = address;
      u32[at + state.segment] = total;
      u32[at + state.segments] = 0;
      u32[at + state.bytes] = 0;
      u32[at + state.pieces] = 0;
      u32[at + state.end] = 0;
    }

    const index = u32[at + state.segments]!;
    const bytes = u32[at + state.bytes]! + total;
    const segment = u32[at + state.segment]!;
    u32[at + state.segments] = index + 1;
    u32[at + state.bytes] = bytes;
    const owner = (queue.sources + (message * segments + index) * 8) >> 2;
    u32[owner] = source;
    u32[owner + 1] = length;
    if (source !== 0) {
      const counter = sessionCounters + source * sessionCounter.count;
      f64[counter + sessionCounter.forwardedPackets]! += 1;
      f64[counter + sessionCounter.forwardedBytes]! += length;
    }

    if (header + headerLength === payload) queue.piece(message, at, header, total);
    else {
      queue.piece(message, at, header, headerLength);
      queue.piece(message, at, payload, length);
    }
    // What may still join: a datagram of the same size, or a shorter one, which is then the last.
    const full =
      total < segment ||
      index + 1 === segments ||
      bytes + segment > maximumBytes ||
      u32[at + state.pieces]! + 2 > pieces ||
      !queue.segmentation ||
      tunnel === 0;
    i32[at + state.room] = full ? 0 : segment;
  }

  return {
    attach(port, sender, segmentation) {
      const queue = spare.pop() ?? createQueue(memory, region);
      queue.port = port;
      queue.count = 0;
      queue.segmentation = segmentation;
      queues[port] = queue;
      senders[port] = sender;
    },
    detach(port) {
      const queue = queues[port];
      if (queue === undefined) return;
      if (queue.count > 0) flushQueue(queue);
      spare.push(queue);
      queues[port] = undefined;
      senders[port] = undefined;
    },
    append,
    scratch(bytes) {
      if (scratchNext + bytes > scratchStart + scratchBytes) flush();
      const at = scratchNext;
      scratchNext += (bytes + 7) & ~7;
      return at;
    },
    flush,
  };
}
