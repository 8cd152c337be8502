/** The sending end of every session: writes the next data message of whichever leg is next in turn. */
import { minimumDataHeaderLength, version } from "../wire/l2tp2.js";
import { putU16 } from "../wire/octets.js";
import { type Board, counter, sessionOfLeg, sideOfLeg } from "./board.js";
import { type Frames, writeFrame } from "./frame.js";

export interface Sender {
  /** The path that the next message takes. */
  path(): number;
  /** Writes it at byte offset `at`, which is 2 beyond a multiple of 4; returns its length, `messageLength(size)`. */
  write(at: number, time: number): number;
}

export const messageLength = (size: number): number => minimumDataHeaderLength + size;
/** Bytes between two messages in memory, so that each begins 2 beyond a multiple of 4. */
export const messageStride = (size: number): number => (messageLength(size) + 2 + 3) & ~3;

/** `order` holds legs (`schedule.ts`), of which each sends when it is its turn, over and over. */
export function createSender(board: Board, memory: Frames, order: Int32Array, size: number): Sender {
  const { u8 } = memory;
  const length = messageLength(size);
  let turn = 0;
  return {
    path: () => board.path[order[turn]!]!,
    write(at, time) {
      const leg = order[turn]!;
      const way = sideOfLeg(leg);
      const peer = board.peerCall[leg]!;
      putU16(u8, at, version);
      putU16(u8, at + 2, peer >>> 16);
      putU16(u8, at + 4, peer & 0xffff);
      writeFrame(memory, at + minimumDataHeaderLength, size, sessionOfLeg(leg), way, board.nextSequence[leg]!, time);
      board.nextSequence[leg]!++;
      const counters = board.counters[way]!;
      counters[counter.sent]!++;
      counters[counter.sentBytes]! += size;
      turn = turn + 1 === order.length ? 0 : turn + 1;
      return length;
    },
  };
}
