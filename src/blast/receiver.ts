/** The receiving end of every session: finds the leg that a data message is for and checks the frame in it. */
import { checkData, flag, flagsOf, payloadAt, payloadEnd, sessionIdOf, tunnelIdOf } from "../wire/l2tp2.js";
import { type Board, counter, findCall, type Side, sessionOfLeg, side, verdictCounter } from "./board.js";
import {
  checkFrame,
  directionOf,
  type Frames,
  maximumSize,
  minimumSize,
  sequenceOf,
  sessionOf,
  timeOf,
} from "./frame.js";
import { record } from "./histogram.js";
import type { ReceiveFrame } from "./ppp-traffic.js";
import { arrived, verdict } from "./sequence.js";

/** Takes a data message, from byte offset `at` to `end`, that a socket of a side received, and the time in microseconds. */
export type Receive = (at: number, end: number, at_: Side, time: number) => void;

/** Bytes of scratch memory that a receiver needs. */
export const receiverScratch = (maximumSize + 7) & ~7;

/**
 * `scratch` is a byte offset, a multiple of 4, behind which `receiverScratch` bytes of the memory are the receiver's. With
 * `frames`, it takes what comes for a leg instead.
 */
export function createReceiver(board: Board, memory: Frames, scratch: number, frames?: ReceiveFrame): Receive {
  const { u8, view } = memory;
  return (at, end, here, time) => {
    // What arrives at the LNS was sent up, what arrives at the LAC down.
    const way = 1 - here;
    const counters = board.counters[way]!;
    if (checkData(view, at, end) !== undefined) {
      counters[counter.altered]!++;
      return;
    }
    const call = ((tunnelIdOf(view, at) << 16) | sessionIdOf(view, at)) >>> 0;
    const leg = findCall(board.calls[here], call);
    if (leg < 0) {
      counters[counter.stray]!++;
      return;
    }
    if (frames !== undefined) {
      frames(leg, at, end, time);
      return;
    }

    let begin = payloadAt(view, at);
    const size = payloadEnd(view, at, end) - begin;
    if (size < minimumSize || size > maximumSize) {
      counters[counter.altered]!++;
      return;
    }
    // The check reads whole words: a frame that does not begin or end at one moves to where it does.
    if (((begin | size) & 3) !== 0) {
      u8.copyWithin(scratch, begin, begin + size);
      u8.fill(0, scratch + size, scratch + ((size + 3) & ~3));
      begin = scratch;
    }
    if (!checkFrame(memory, begin, size)) {
      counters[counter.altered]!++;
      return;
    }
    if (sessionOf(memory, begin) !== sessionOfLeg(leg) || directionOf(memory, begin) !== way) {
      counters[counter.misdelivered]!++;
      return;
    }

    // The LNS decides on sequence numbers, the LAC follows (§5.4).
    if (here === side.lac && (flagsOf(view, at) & flag.sequence) !== 0) board.numbered[leg] = 1;
    const is = arrived(board.sequences, leg, sequenceOf(memory, begin));
    counters[verdictCounter[is]]!++;
    if (is === verdict.duplicate || is === verdict.late) return;
    if (is === verdict.reordered) counters[counter.received]!++;
    counters[counter.receivedBytes]! += size;
    record(board.delay[way]!, (time - timeOf(memory, begin)) >>> 0);
  };
}
