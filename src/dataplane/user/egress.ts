/** A PPP frame becomes an L2TP data message of a session (RFC 2661 §3.1) and goes to its tunnel's port. */
import type { Region } from "../../system/memory.js";
import { dataHeaderLength, flag } from "../../wire/l2tp2.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { fate } from "./hooks/fate.js";
import type { Hooks } from "./hooks/hooks.js";
import { session, sessionCounter, sessionFlag, tunnel, way } from "./layout.js";
import { isTapped, type Tap } from "./tap.js";
import type { Transmitter } from "./transmit.js";

/** Largest header that we write: all fields and 255 bytes of offset padding; and what a buffer keeps free before a frame. */
export const headroom = 288;

/**
 * Sends the frame of `length` bytes at `payload` on the session at slot `to`. The header is written before it if `room` bytes
 * there may be overwritten. `priority` is the P bit or 0; `source` the session it came from, 0 for none.
 */
export type Forward = (
  to: number,
  priority: number,
  payload: number,
  length: number,
  room: number,
  source: number,
) => void;

/**
 * Sends a frame of the unit that the session at slot `to` is connected to: the `headLength` bytes at `head` and, where it
 * is in two pieces, the `length` bytes at `body`. `headroom` bytes before the head, or `room(to)`, may be overwritten.
 */
export type SendFrame = (to: number, head: number, headLength: number, body: number, length: number) => void;

export interface Egress {
  readonly forward: Forward;
  readonly send: SendFrame;
  /** Sends a PPP frame that a program has for this session: as `forward`, from none. */
  sendOn(to: number, at: number, length: number, room: number): void;
  /** Bytes that `send` needs before a frame of this session. */
  room(to: number): number;
}

const bareHeader = 6;
const longestFrame = 65_536 + 64;

const optional = flag.length | flag.sequence | flag.offset;

export function createEgress(
  context: Context,
  region: Region,
  transmitter: Transmitter,
  tap: Tap,
  hooks: Hooks,
): Egress {
  const { memory, layout, arena } = context;
  const { u8, u32, i32, view, f64 } = memory;
  const sessionCounters = arena.sessionCounters >> 3;
  const records = layout.sessions >> 2;
  const ways = layout.ways >> 2;
  const drops = createDropCounter(context);
  const { append, keep, scratch } = transmitter;
  const whole = region.allocate(longestFrame);

  /** Writes a header with fields that not every header has. */
  function writeGeneral(at: number, flags: number, record: number, end: number, payload: number): void {
    view.setUint16(at, flags);
    let next = at + 2;
    if ((flags & flag.length) !== 0) {
      view.setUint16(next, end - at);
      next += 2;
    }
    view.setUint32(next, u32[record + session.peer]!);
    next += 4;
    if ((flags & flag.sequence) !== 0) {
      view.setUint16(next, Atomics.add(i32, record + session.ns, 1) & 0xffff);
      view.setUint16(next + 2, 0);
      next += 4;
    }
    if ((flags & flag.offset) !== 0) {
      view.setUint16(next, u32[record + session.offset]!);
      for (let pad = next + 2; pad < payload; pad++) view.setUint8(pad, 0);
    }
  }

  const room = (to: number): number =>
    (u32[ways + to * way.words + way.header]! & optional) === 0 ? bareHeader : headroom;

  function count(to: number, bytes: number): void {
    const counter = sessionCounters + to * sessionCounter.count;
    f64[counter + sessionCounter.sentPackets]! += 1;
    f64[counter + sessionCounter.sentBytes]! += bytes;
  }

  /** As `send`, for a session with programs: they want the frame in one piece. */
  function sendSeen(to: number, word: number, head: number, headLength: number, body: number, length: number): void {
    const { frame } = hooks;
    let at = head;
    if (length > 0) {
      u8.copyWithin(whole, head, head + headLength);
      u8.copyWithin(whole + headLength, body, body + length);
      at = scratch(headroom + headLength + length) + headroom;
      u8.copyWithin(at, whole, whole + headLength + length);
    }
    if (hooks.channelOut(to, at, headLength + length, room(to)) !== fate.passed) return;
    count(to, frame.length);
    put(to, word, 0, frame.at, frame.length, frame.room, 0);
  }

  function send(to: number, head: number, headLength: number, body: number, length: number): void {
    const record = records + to * session.words;
    const step = ways + to * way.words;
    const tunnelId = i32[step + way.key]! >>> 16;
    const address = u32[(layout.tunnels + tunnelId * tunnel.size + tunnel.block) >> 2]!;
    if (address === 0) {
      drops.leaving(drop["unknown-tunnel"]);
      return;
    }
    const word = u32[step + way.header]!;
    if ((word & sessionFlag.egress) !== 0) {
      sendSeen(to, word, head, headLength, body, length);
      return;
    }
    count(to, headLength + length);
    if (isTapped(word)) tap.sent(to, head, headLength, body, length);
    const flags = word & 0xffff;
    let headerLength = bareHeader;
    if ((flags & optional) === 0) {
      view.setUint16(head - bareHeader, flags);
      view.setUint32(head - bareHeader + 2, u32[record + session.peer]!);
    } else {
      headerLength = dataHeaderLength(flags) + ((flags & flag.offset) !== 0 ? u32[record + session.offset]! : 0);
      writeGeneral(head - headerLength, flags, record, head + headLength + length, head);
    }
    if (length === 0) append(tunnelId, address, head - headerLength, headerLength, head, headLength, 0);
    else append(tunnelId, address, head - headerLength, headerLength + headLength, body, length, 0);
  }

  const forward: Forward = (to, priority, payload, length, room, source) => {
    const word = u32[ways + to * way.words + way.header]!;
    if ((word & sessionFlag.egress) === 0) put(to, word, priority, payload, length, room, source);
    else if (hooks.channelOut(to, payload, length, room) === fate.passed) {
      put(to, word, priority, hooks.frame.at, hooks.frame.length, hooks.frame.room, source);
    } else keep(source, 1, length);
  };

  /** Writes the header that a session's peer expects, and queues the message. */
  function put(
    to: number,
    word: number,
    priority: number,
    payload: number,
    length: number,
    room: number,
    source: number,
  ): void {
    const record = records + to * session.words;
    const step = ways + to * way.words;
    const tunnelId = i32[step + way.key]! >>> 16;
    const address = u32[(layout.tunnels + tunnelId * tunnel.size + tunnel.block) >> 2]!;
    if (address === 0) {
      drops.leaving(drop["unknown-tunnel"]);
      keep(source, 1, length);
      return;
    }
    if (isTapped(word)) tap.sent(to, payload, length, 0, 0);
    const flags = (word & 0xffff) | priority;
    if ((flags & optional) === 0) {
      const header = room >= 6 ? payload - 6 : scratch(6);
      view.setUint16(header, flags);
      view.setUint32(header + 2, u32[record + session.peer]!);
      append(tunnelId, address, header, 6, payload, length, source);
      return;
    }
    const padding = (flags & flag.offset) !== 0 ? u32[record + session.offset]! : 0;
    const headerLength = dataHeaderLength(flags) + padding;
    const header = headerLength <= room ? payload - headerLength : scratch(headerLength);
    const end = header + headerLength;
    writeGeneral(header, flags, record, end + length, end);
    append(tunnelId, address, header, headerLength, payload, length, source);
  }

  return {
    forward,
    send,
    room,
    sendOn(to, at, length, room) {
      count(to, length);
      forward(to, 0, at, length, room, 0);
    },
  };
}
