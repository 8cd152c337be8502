/** What the frames of a batch have come to (`xdp/run/outcome.ts`), as one thread keeps and reads it. */
import type { Region } from "../../../system/memory.js";
import { outcome } from "../../../xdp/run/outcome.js";

/** Frames of a batch: as many as GRO joins. */
export const mostBatch = 64;

export interface Outcomes {
  /** Offset of a frame's record. */
  at(index: number): number;
  verdict(index: number): number;
  /** Whether the frame begins or ends elsewhere than it did. */
  isMoved(index: number): boolean;
  /** How many frames from this one on, before `end`, have its verdict, and have been moved or not as it has. */
  alike(first: number, end: number): number;
  /** Gives so many frames a verdict where they are. */
  fill(verdict: number, count: number): void;
}

const words = outcome.bytes / 4;
const data = outcome.data / 4;

export function createOutcomes(region: Region): Outcomes {
  const { i32, u32 } = region.memory;
  const start = region.allocate(mostBatch * outcome.bytes);
  const record = (index: number): number => (start >> 2) + index * words;
  return {
    at: (index) => start + index * outcome.bytes,
    verdict: (index) => u32[record(index)]!,
    isMoved: (index) => i32[record(index) + data] !== 0,
    alike(first, end) {
      const from = record(first);
      const stop = record(end);
      const verdict = i32[from]!;
      const stays = i32[from + data] === 0;
      let next = from + words;
      while (next < stop && i32[next] === verdict && (i32[next + data] === 0) === stays) next += words;
      return (next - from) / words;
    },
    fill(verdict, count) {
      for (let index = 0; index < count; index++) {
        u32[record(index)] = verdict;
        u32[record(index) + data] = 0;
      }
    },
  };
}
