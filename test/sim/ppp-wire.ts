/** A wire between two PPP ends on a virtual clock, which loses, duplicates and reorders what a seed says. */
import { seededNumbers } from "../../src/random.js";
import type { End } from "./ppp-end.js";

export interface Conditions {
  /** Probabilities from 0 to 1. */
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
}

export const perfect: Conditions = { loss: 0, duplication: 0, reordering: 0 };

/** Milliseconds one way. */
const delay = 10;

interface Flight {
  readonly at: number;
  readonly to: number;
  readonly frame: Uint8Array;
}

export interface Wire {
  now: number;
  conditions: Conditions;
  /** Frames delivered. */
  delivered: number;
  /** Hears whatever an end says to the wire. */
  watch: (from: number, frame: Uint8Array) => void;
  /** What becomes of a frame from an end; undefined: it is lost. */
  alter: (from: number, frame: Uint8Array) => Uint8Array | undefined;
  /** Called after each step. */
  stepped: () => void;
  /** Runs until both ends are at rest or until that time. */
  run(until: number): void;
  settle(): void;
}

/** With one end only, everything it says comes back to it. */
export function createWire(ends: readonly End[], seed: number, conditions: Conditions = perfect): Wire {
  const number = seededNumbers(seed);
  let flights: Flight[] = [];

  const launch = (from: number, said: Uint8Array): void => {
    wire.watch(from, said);
    const frame = wire.alter(from, said);
    if (frame === undefined || number() < wire.conditions.loss) return;
    const copies = number() < wire.conditions.duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const late = number() < wire.conditions.reordering ? 1 + 3 * number() : 1;
      flights.push({ at: wire.now + delay * late, to: ends.length === 1 ? 0 : 1 - from, frame: frame.slice() });
    }
  };

  const wire: Wire = {
    now: 0,
    conditions,
    delivered: 0,
    watch: () => {},
    alter: (_from, frame) => frame,
    stepped: () => {},
    settle() {
      ends.forEach((end, from) => {
        for (const frame of end.collect(wire.now)) launch(from, frame);
      });
    },
    run(until) {
      for (wire.settle(); ; wire.settle(), wire.stepped()) {
        const flight = flights.reduce<Flight | undefined>(
          (a, b) => (a === undefined || b.at < a.at ? b : a),
          undefined,
        );
        const due = ends.map((end) => end.deadline() ?? Number.POSITIVE_INFINITY);
        const next = Math.min(flight?.at ?? Number.POSITIVE_INFINITY, ...due);
        if (next > until) break;
        wire.now = Math.max(wire.now, next);
        if (flight && flight.at <= next) {
          flights = flights.filter((each) => each !== flight);
          wire.delivered++;
          ends[flight.to]!.receive(flight.frame, wire.now);
        } else {
          for (const end of ends) end.expire(wire.now);
        }
      }
      wire.now = until;
    },
  };
  return wire;
}
