/** How many frames may leave now. Times are milliseconds. */
import { arrivals, type Board, counter } from "./board.js";

export interface Pace {
  /** Frames per second; 0: as fast as they come back. */
  readonly rate: number;
  /** With rate 0: frames on their way at most. */
  readonly inFlight: number;
  /** Whether what we send comes back to us, as when both ends are ours. */
  readonly closed: boolean;
}

/** What a sender that was held up may make up for; the rest of its time is gone, or buffers would overflow. */
const catchUp = 10;
/** Frames at once when nothing else bounds them. */
const burst = 64;
/** After so long without an arrival, what is on its way counts as lost and no longer holds up the sender. */
const patience = 50;

export type Pacer = (now: number) => number;

function steady(rate: number, board: Board, from: number): Pacer {
  let last = from;
  let credit = 0;
  let spent = sentIn(board);
  return (now) => {
    const sent = sentIn(board);
    credit -= sent - spent;
    spent = sent;
    credit = Math.min(credit + ((now - last) * rate) / 1000, Math.max(1, (catchUp * rate) / 1000));
    last = now;
    return Math.floor(credit);
  };
}

function returning(inFlight: number, board: Board, from: number): Pacer {
  let seen = 0;
  let progress = from;
  let writtenOff = 0;
  return (now) => {
    const back = arrivals(board, 0) + arrivals(board, 1);
    let outstanding = sentIn(board) - back - writtenOff;
    if (back !== seen) {
      seen = back;
      progress = now;
    } else if (now - progress > patience) {
      writtenOff += outstanding;
      outstanding = 0;
      progress = now;
    }
    return Math.max(0, inFlight - outstanding);
  };
}

const sentIn = ({ counters }: Board): number => counters[0][counter.sent]! + counters[1][counter.sent]!;

export function createPacer({ rate, inFlight, closed }: Pace, board: Board, now: number): Pacer {
  if (rate > 0) return steady(rate, board, now);
  return closed ? returning(inFlight, board, now) : () => burst;
}
