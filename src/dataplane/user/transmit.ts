/**
 * The last step of a frame: frames gather in one queue per port and leave in batches. Frames for one tunnel that follow each
 * other with the same size become one message with a list of pieces, which the kernel cuts into datagrams (UDP_SEGMENT); as
 * each tunnel has a message of its own open, sessions that take turns still gather. Nothing is copied: what is queued stays
 * where it is until `flush`.
 *
 * A port's egress programs run in `append`, which then gives each port's messages to nothing else: `reserve` has none for it.
 */
import { type Region, storePointer } from "../../system/memory.js";
import { iovec } from "../../system/structs.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { fate } from "./hooks/fate.js";
import type { Hooks } from "./hooks/hooks.js";
import { block, forwardCounter, portCounter, port as portRecord, portState, sessionCounter } from "./layout.js";
import { createQueue, type Queue, queueLimits, run, segmentOf, state } from "./transmit-queue.js";

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
  /**
   * A message that datagrams of `total` bytes to a tunnel may join: the word index of its state, good until the next call of
   * any function here. 0 if they may not leave at all; `append` then says why.
   */
  reserve(tunnel: number, address: number, total: number): number;
  /** How many datagrams of `total` bytes may join that message, all in one piece. */
  vacancies(message: number, total: number): number;
  /** Counts frames that a session received and that are not forwarded, at `length` bytes each; session 0 is none. */
  keep(session: number, frames: number, length: number): void;
  /** Credits a run of segments that follow to the session they came from, which forwarded `length` bytes with each. */
  credit(message: number, source: number, count: number, length: number): void;
  /** Adds `count` datagrams of `total` bytes each, next to each other from `start` on, all of which are credited. */
  join(message: number, start: number, count: number, total: number): void;
  /** Offset of `bytes` to write a header or a frame into; they last until `flush`. */
  scratch(bytes: number): number;
  /** Whether `scratch` has so many bytes without a flush. */
  holds(bytes: number): boolean;
  flush(): void;
  /** As `flush`, but what `scratch` gave lasts on. */
  drain(): void;
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
const longestDatagram = 65_536;

export function createTransmitter(
  context: Context,
  region: Region,
  hooks: () => Hooks,
  /** Sends all that lies in what `scratch` gave, in these and other queues. Default: in these. */
  makeRoom?: () => void,
): Transmitter {
  const { memory, layout, arena } = context;
  const { u8, u32, f64 } = memory;
  const drops = createDropCounter(context);
  const senders: (Sender | undefined)[] = [];
  const queues: (Queue | undefined)[] = [];
  const spare: Queue[] = [];
  /** State of the message that a tunnel's frames joined last; what it says of itself tells whether more may. */
  const joined = new Int32Array(65536);
  /** The same for ports with programs. */
  const joinedSeen = new Int32Array(65536);
  const linear = region.allocate(longestDatagram);
  const scratchStart = region.allocate(scratchBytes);
  let scratchNext = scratchStart;
  const counters = arena.portCounters >> 3;
  const sessionCounters = arena.sessionCounters >> 3;
  const forwardCounters = arena.forwardCounters >> 3;
  const ports = layout.ports >> 2;
  const { messages, segments, pieces, bytes: maximumBytes } = queueLimits;

  function keep(session: number, frames: number, length: number): void {
    if (session === 0) return;
    const record = sessionCounters + session * sessionCounter.count;
    f64[record + sessionCounter.keptPackets]! += frames;
    f64[record + sessionCounter.keptBytes]! += frames * length;
  }

  /** Takes frames back from what a session forwarded. */
  function takeBack(session: number, frames: number, length: number): void {
    if (session === 0) return;
    const record = forwardCounters + session * forwardCounter.count;
    f64[record + forwardCounter.packets]! -= frames;
    f64[record + forwardCounter.bytes]! -= frames * length;
    f64[sessionCounters + session * sessionCounter.count + sessionCounter.forwardErrors]! += frames;
    keep(session, frames, length);
  }

  /** Segments of a message that stay here: counted, and taken back from their sessions. */
  function fail(queue: Queue, message: number, from: number, to: number, reason: Failure): void {
    drops.leaving(drop[reason as "tx-error"], to - from);
    f64[counters + queue.port * portCounter.count + portCounter.txErrors]! += to - from;
    let each = segmentOf(queue, message, state.sources);
    for (let index = 0; index < to; each += run.words) {
      const next = index + u32[each + run.segments]!;
      const failed = Math.min(next, to) - Math.max(index, from);
      if (failed > 0) takeBack(u32[each + run.source]!, failed, u32[each + run.length]!);
      index = next;
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
      u32[at + state.room] = 0;
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

  function drain(): void {
    for (let port = 0; port < queues.length; port++) {
      const queue = queues[port];
      if (queue !== undefined && queue.count > 0) flushQueue(queue);
    }
  }

  function flush(): void {
    drain();
    scratchNext = scratchStart;
  }

  function scratch(bytes: number): number {
    if (scratchNext + bytes > scratchStart + scratchBytes) (makeRoom ?? flush)();
    const at = scratchNext;
    scratchNext += (bytes + 7) & ~7;
    return at;
  }

  /** Counts a frame that cannot even be queued, and says why. */
  function refuse(address: number, source: number, length: number): void {
    const port = u32[(address + block.port) >> 2]!;
    const isUp = u32[ports + port * portRecord.words + portRecord.state] === portState.up;
    drops.leaving(queues[port] === undefined ? drop["port-closed"] : isUp ? drop["mtu-exceeded"] : drop["device-down"]);
    keep(source, 1, length);
    if (source !== 0) f64[sessionCounters + source * sessionCounter.count + sessionCounter.forwardErrors]! += 1;
  }

  const isSeen = (port: number): boolean => u32[ports + port * portRecord.words + portRecord.chains]! >>> 16 !== 0;

  /**
   * The message that a tunnel's last datagram joined if one of `total` bytes may too, or a new one. `last` has the former by tunnel.
   * 0: it may not leave.
   */
  function messageFor(last: Int32Array, tunnel: number, address: number, total: number): number {
    const at = last[tunnel]!;
    const fits = total <= u32[at + state.room]! && u32[at + state.tunnel] === tunnel;
    return fits && u32[at + state.address] === address ? at : open(last, tunnel, address, total);
  }

  function open(last: Int32Array, tunnel: number, address: number, total: number): number {
    const port = u32[(address + block.port) >> 2]!;
    const queue = queues[port];
    const record = ports + port * portRecord.words;
    const isUp = u32[record + portRecord.state] === portState.up;
    if (queue === undefined || !isUp || total > u32[record + portRecord.mtu]!) return 0;
    if (last === joined && isSeen(port)) return 0;
    if (queue.count === messages) flushQueue(queue);
    const at = (queue.states + queue.count++ * state.size) >> 2;
    last[tunnel] = at;
    u32[at + state.tunnel] = tunnel;
    u32[at + state.address] = address;
    u32[at + state.segment] = total;
    u32[at + state.segments] = 0;
    u32[at + state.bytes] = 0;
    u32[at + state.pieces] = 0;
    u32[at + state.end] = 0;
    u32[at + state.runs] = 0;
    u32[at + state.limit] = queue.segmentation && tunnel !== 0 ? segments : 1;
    return at;
  }

  const reserve = (tunnel: number, address: number, total: number): number =>
    messageFor(joined, tunnel, address, total);

  /** A datagram of a port with programs: they want it in one piece. */
  function appendSeen(
    tunnel: number,
    address: number,
    header: number,
    headerLength: number,
    payload: number,
    length: number,
    source: number,
  ): void {
    const port = u32[(address + block.port) >> 2]!;
    let start = header;
    if (header + headerLength !== payload) {
      u8.copyWithin(linear, header, header + headerLength);
      u8.copyWithin(linear + headerLength, payload, payload + length);
      start = scratch(headerLength + length);
      u8.copyWithin(start, linear, linear + headerLength + length);
    }
    if (hooks().datagramOut(port, start, headerLength + length) !== fate.passed) {
      keep(source, 1, length);
      return;
    }
    const { at, length: total } = hooks().frame;
    const message = messageFor(joinedSeen, tunnel, address, total);
    if (message === 0) refuse(address, source, length);
    else {
      credit(message, source, 1, length);
      join(message, at, 1, total);
    }
  }

  function vacancies(at: number, total: number): number {
    if (total < u32[at + state.segment]!) return 1;
    const byBytes = Math.floor((maximumBytes - u32[at + state.bytes]!) / total);
    // A datagram of more than `maximumBytes` goes alone.
    return Math.max(1, Math.min(u32[at + state.limit]! - u32[at + state.segments]!, byBytes));
  }

  function credit(at: number, source: number, count: number, length: number): void {
    const runs = u32[at + state.runs]!;
    const each = u32[at + state.sources]! + runs * run.words;
    u32[each + run.source] = source;
    u32[each + run.segments] = count;
    u32[each + run.length] = length;
    u32[at + state.runs] = runs + 1;
    if (source === 0) return;
    const counter = forwardCounters + source * forwardCounter.count;
    f64[counter + forwardCounter.packets]! += count;
    f64[counter + forwardCounter.bytes]! += count * length;
  }

  /** Adds bytes to a message. */
  function addPiece(at: number, start: number, length: number): void {
    const count = u32[at + state.pieces]!;
    const next = u32[at + state.vectors]! + count * (iovec.size / 4);
    if (u32[at + state.end] === start) u32[next - (iovec.size - iovec.length) / 4]! += length;
    else {
      storePointer(memory, next << 2, start);
      u32[next + iovec.length / 4] = length;
      u32[at + state.pieces] = count + 1;
    }
    u32[at + state.end] = start + length;
  }

  /** Counts `count` datagrams of `total` bytes in, and says what may still join. */
  function account(at: number, count: number, total: number): void {
    const inAll = u32[at + state.segments]! + count;
    const bytes = u32[at + state.bytes]! + count * total;
    const segment = u32[at + state.segment]!;
    u32[at + state.segments] = inAll;
    u32[at + state.bytes] = bytes;
    // A datagram of the same size may, or a shorter one, which is then the last.
    const full =
      total < segment ||
      inAll >= u32[at + state.limit]! ||
      bytes + segment > maximumBytes ||
      u32[at + state.pieces]! + 2 > pieces;
    u32[at + state.room] = full ? 0 : segment;
  }

  function join(at: number, start: number, count: number, total: number): void {
    addPiece(at, start, count * total);
    account(at, count, total);
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
    const total = headerLength + length;
    const at = reserve(tunnel, address, total);
    if (at === 0) {
      if (isSeen(u32[(address + block.port) >> 2]!)) {
        appendSeen(tunnel, address, header, headerLength, payload, length, source);
      } else refuse(address, source, length);
      return;
    }
    credit(at, source, 1, length);
    if (headerLength > 0) addPiece(at, header, headerLength);
    addPiece(at, payload, length);
    account(at, 1, total);
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
    reserve,
    vacancies,
    keep,
    credit,
    join,
    scratch,
    holds: (bytes) => scratchNext + bytes <= scratchStart + scratchBytes,
    flush,
    drain,
  };
}
