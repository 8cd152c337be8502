/** The sending end of every session: writes the next data message of whichever leg is next in turn. */
import { dataHeaderLength, flag, version } from "../wire/l2tp2.js";
import { putU16 } from "../wire/octets.js";
import { type Board, counter, sessionOfLeg, sideOfLeg } from "./board.js";
import { type Frames, writeFrame } from "./frame.js";

export interface Sender {
  /** The path that the next message takes. */
  path(): number;
  /** Its length. */
  length(): number;
  /** Writes it at byte offset `at`, which is 2 beyond a multiple of 4; returns its length. */
  write(at: number, time: number): number;
}

const plainFlags = version;
const numberedFlags = version | flag.sequence;

/** The longest message with a frame of so many bytes. */
export const messageLength = (size: number): number => dataHeaderLength(numberedFlags) + size;
/** Bytes between two messages in memory, so that each begins 2 beyond a multiple of 4. */
export const messageStride = (size: number): number => (messageLength(size) + 2 + 3) & ~3;

/** `order` holds legs (`schedule.ts`), of which each sends when it is its turn, over and over. */
export function createSender(board: Board, memory: Frames, order: Int32Array, size: number): Sender {
  const { u8 } = memory;
  // Both headers are 2 short of a multiple of 4, so that the frame behind them begins at one.
  const header = [dataHeaderLength(plainFlags), dataHeaderLength(numberedFlags)] as const;
  const flags = [plainFlags, numberedFlags] as const;
  let turn = 0;
  return {
    path: () => board.path[order[turn]!]!,
    length: () => header[board.numbered[order[turn]!]!]! + size,
    write(at, time) {
      const leg = order[turn]!;
      const way = sideOfLeg(leg);
      const peer = board.peerCall[leg]!;
      const sequence = board.nextSequence[leg]!;
      const numbered = board.numbered[leg]!;
      putU16(u8, at, flags[numbered]!);
      putU16(u8, at + 2, peer >>> 16);
      putU16(u8, at + 4, peer & 0xffff);
      if (numbered === 1) {
        putU16(u8, at + 6, sequence & 0xffff);
        putU16(u8, at + 8, 0);
      }
      writeFrame(memory, at + header[numbered]!, size, sessionOfLeg(leg), way, sequence, time);
      board.nextSequence[leg]!++;
      const counters = board.counters[way]!;
      counters[counter.sent]!++;
      counters[counter.sentBytes]! += size;
      turn = turn + 1 === order.length ? 0 : turn + 1;
      return header[numbered]! + size;
    },
  };
}
