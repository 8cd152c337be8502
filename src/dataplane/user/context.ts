import type { Memory } from "../../system/memory.js";
import type { ArenaLayout, Layout } from "./layout.js";
import { portCounter } from "./layout.js";

/** What a thread that moves frames works on. */
export interface Context {
  readonly memory: Memory;
  readonly layout: Layout;
  readonly arena: ArenaLayout;
}

export interface DropCounter {
  /** Counts `frames` received on a port and dropped for a reason (index from `drop`). */
  received(reason: number, port: number, frames?: number): void;
  /** Counts frames that were on their way out. */
  leaving(reason: number, frames?: number): void;
}

export function createDropCounter({ memory: { f64 }, arena }: Context): DropCounter {
  const drops = arena.drops >> 3;
  const ports = arena.portCounters >> 3;
  return {
    received(reason, port, frames = 1) {
      f64[drops + reason]! += frames;
      f64[ports + port * portCounter.count + portCounter.rxDropped]! += frames;
    },
    leaving(reason, frames = 1) {
      f64[drops + reason]! += frames;
    },
  };
}
