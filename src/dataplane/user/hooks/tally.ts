/** Counters of programs: their runs by verdict, and the time that runs take, while that is asked for. */
import { action } from "../../../xdp/run/state.js";
import type { Context } from "../context.js";
import { programCounter } from "../layout.js";

export interface Tally {
  /** Counts runs of the program in a slot. */
  add(slot: number, verdict: number, runs: number): void;
  /** Measures the time of runs from now on, or does not. */
  measure(on: boolean): void;
  /** What `end` takes. */
  begin(): number;
  end(slot: number, begun: number, runs: number): void;
}

export function createTally({ memory: { f64 }, arena }: Context): Tally {
  const counters = arena.programCounters >> 3;
  let measuring = false;
  return {
    add(slot, verdict, runs) {
      const counter = counters + slot * programCounter.count;
      f64[counter + programCounter.runs]! += runs;
      const known = verdict >>> 0 <= action.redirect ? verdict : action.redirect + 1;
      f64[counter + programCounter.verdicts + known]! += runs;
    },
    measure(on) {
      measuring = on;
    },
    begin: () => (measuring ? performance.now() : 0),
    end(slot, begun, runs) {
      if (!measuring) return;
      const counter = counters + slot * programCounter.count;
      f64[counter + programCounter.nanoseconds]! += (performance.now() - begun) * 1e6;
      f64[counter + programCounter.measured]! += runs;
    },
  };
}
