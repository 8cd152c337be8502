/** IP packets of subscribers that are up, which the LNS routes: to a target that returns them, or to another subscriber. */
import { dataHeaderLength, flag, flagsOf, payloadAt, payloadEnd, version } from "../wire/l2tp2.js";
import { putU16 } from "../wire/octets.js";
import { pppProtocol } from "../wire/ppp.js";
import { type Board, counter, legOf, sessionOfLeg, side, verdictCounter } from "./board.js";
import {
  checkRoutedFrame,
  destinationOf,
  direction,
  type Frames,
  isReturn,
  maximumSize,
  minimumSize,
  sequenceOf,
  sessionOf,
  timeOf,
  writePing,
  writeRoutedFrame,
} from "./frame.js";
import { record } from "./histogram.js";
import { neighbour, type PppBoard } from "./ppp-board.js";
import type { Subscribers } from "./ppp-client.js";
import type { Sender } from "./sender.js";
import { arrived, verdict } from "./sequence.js";

/** Writes the header of a session's next data message to its LNS; answers its length. `ppp.sequence` goes on when it leaves. */
export function putDataHeader(u8: Uint8Array, at: number, board: Board, ppp: PppBoard, session: number): number {
  const leg = legOf(session, side.lac);
  const peer = board.peerCall[leg]!;
  putU16(u8, at + 2, peer >>> 16);
  putU16(u8, at + 4, peer & 0xffff);
  if (board.numbered[leg] === 0) {
    putU16(u8, at, version);
    return dataHeaderLength(version);
  }
  putU16(u8, at, version | flag.sequence);
  putU16(u8, at + 6, ppp.sequence[session]!);
  putU16(u8, at + 8, 0);
  return dataHeaderLength(version | flag.sequence);
}

/** As `createSender`: `order` holds the legs of subscribers that are up. */
export function createPacketSender(
  board: Board,
  ppp: PppBoard,
  memory: Frames,
  order: Int32Array,
  size: number,
): Sender {
  const { u8 } = memory;
  const { target } = ppp.settings;
  const counters = board.counters[direction.up]!;
  const discard = 9;
  let turn = 0;
  return {
    path: () => board.path[order[turn]!]!,
    length: () => dataHeaderLength(board.numbered[order[turn]!] === 1 ? version | flag.sequence : version) + size,
    write(at, time) {
      const leg = order[turn]!;
      const session = sessionOfLeg(leg);
      const header = putDataHeader(u8, at, board, ppp, session);
      ppp.sequence[session]!++;
      const to = target?.address ?? ppp.address[neighbour(session, board.sessions)]!;
      const sequence = board.nextSequence[leg]!++;
      const from = ppp.address[session]!;
      if (target?.by === "ping") writePing(memory, at + header, size, session, sequence, time, from, to);
      else writeRoutedFrame(memory, at + header, size, session, sequence, time, from, to, target?.port ?? discard);
      counters[counter.sent]!++;
      counters[counter.sentBytes]! += size;
      turn = turn + 1 === order.length ? 0 : turn + 1;
      return header + size;
    },
  };
}

/** Takes the payload of a data message, a PPP frame from byte offset `at` to `end`, that came for a leg. */
export type ReceiveFrame = (leg: number, message: number, end: number, time: number) => void;

/**
 * The receiving end of every subscriber: control packets go to the machines, IP packets are held against what was sent.
 * What a subscriber sent and another, or it itself, received counts as one direction, up.
 */
export function createPacketReceiver(
  board: Board,
  ppp: PppBoard,
  memory: Frames,
  scratch: number,
  subscribers: Subscribers,
): ReceiveFrame {
  const { u8, view } = memory;
  const counters = board.counters[direction.up]!;
  const { target } = ppp.settings;
  const pinged = target?.by === "ping";

  /** An IPv4 packet; only the packets of this run count. */
  function packet(session: number, at: number, end: number, time: number): void {
    if (end - at < minimumSize - 4 || (u8[at]! & 0xf0) !== 0x40) return;
    const length = Math.min(view.getUint16(at + 2), end - at);
    const size = length + 4;
    if (!isReturn(u8, at, pinged) || size < minimumSize || size > maximumSize) return;
    let begin = at - 4;
    // The check reads whole words.
    if (((begin | size) & 3) !== 0) {
      u8.copyWithin(scratch + 4, at, at + length);
      u8.fill(0, scratch + size, scratch + ((size + 3) & ~3));
      begin = scratch;
    }
    if (!checkRoutedFrame(memory, begin, size)) {
      counters[counter.altered]!++;
      return;
    }
    const from = sessionOf(memory, begin);
    const receiver = target === undefined ? neighbour(from, board.sessions) : from;
    if (receiver !== session || destinationOf(memory, begin) !== ppp.address[session]) {
      counters[counter.misdelivered]!++;
      return;
    }
    const is = arrived(board.sequences, legOf(from, side.lac), sequenceOf(memory, begin));
    counters[verdictCounter[is]]!++;
    if (is === verdict.duplicate || is === verdict.late) return;
    if (is === verdict.reordered) counters[counter.received]!++;
    counters[counter.receivedBytes]! += size;
    record(board.delay[direction.up]!, (time - timeOf(memory, begin)) >>> 0);
  }

  return (leg, message, last, time) => {
    if ((flagsOf(view, message) & flag.sequence) !== 0) board.numbered[leg] = 1;
    let at = payloadAt(view, message);
    const end = payloadEnd(view, message, last);
    // Both compressions of the header are accepted on receipt, whatever was agreed (RFC 1661 §6.5, §6.6).
    if (end - at >= 2 && u8[at] === 0xff && u8[at + 1] === 0x03) at += 2;
    if (end - at < 2) return;
    const short = (u8[at]! & 1) === 1;
    const protocol = short ? u8[at]! : view.getUint16(at);
    at += short ? 1 : 2;
    const session = sessionOfLeg(leg);
    if (protocol === pppProtocol.ipv4) packet(session, at, end, time);
    else if (protocol !== pppProtocol.ipv6) subscribers.receive(session, protocol, at, end);
  };
}
