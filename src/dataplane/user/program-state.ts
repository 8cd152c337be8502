/** A program of the engine, and what is told of it. */
import type { XdpMap } from "../../xdp/maps/store.js";
import type { ObjectSpec, ProgramSpec } from "../../xdp/spec.js";
import { type CountersOf, type ProgramState, verdicts } from "../attributes.js";
import { programCounter } from "./layout.js";
import type { Core } from "./objects.js";

export interface Program {
  readonly handle: number;
  readonly slot: number;
  readonly spec: ProgramSpec;
  /** The kernel's: what its instructions hash to. */
  readonly tag: string;
  /** What it was loaded with, as the kernel can have it: without what only this engine provides. */
  readonly object: () => ObjectSpec;
  readonly maps: readonly XdpMap[];
  pin: string | undefined;
  /** Attachments, chains and maps that use it. */
  holds: number;
  /** How many of these are entries of program arrays. */
  tailHolds: number;
  /** It was loaded and not unloaded. */
  wanted: boolean;
}

export interface ProgramCounters {
  /** Sums of all threads. */
  of(slot: number): CountersOf<"program">;
  clear(slot: number): void;
}

export function programCountersOf({ layout, memory: { f64 } }: Core): ProgramCounters {
  const places = (slot: number): number[] =>
    layout.arenas.map(({ programCounters }) => (programCounters >> 3) + slot * programCounter.count);
  return {
    of(slot) {
      const field = (index: number): number => places(slot).reduce((sum, at) => sum + f64[at + index]!, 0);
      const verdict = Object.fromEntries(
        verdicts.map((name, index) => [name, field(programCounter.verdicts + index)]),
      ) as Record<(typeof verdicts)[number], number>;
      return {
        runs: field(programCounter.runs),
        nanoseconds: field(programCounter.nanoseconds),
        measured: field(programCounter.measured),
        ...verdict,
        unknown: field(programCounter.verdicts + verdicts.length),
      };
    },
    clear(slot) {
      for (const at of places(slot)) f64.fill(0, at, at + programCounter.count);
    },
  };
}

export function stateOf({ handle, slot, spec, tag, maps, pin }: Program, counters: ProgramCounters): ProgramState {
  return {
    program: handle,
    name: spec.name,
    section: spec.section,
    attach: spec.attach,
    tag,
    instructions: spec.insns.length,
    license: spec.license,
    maps: maps.map(({ id }) => id),
    ...(pin === undefined ? {} : { pin }),
    counters: counters.of(slot),
  };
}
