/** A seeded world with its own time and a network that loses, repeats, delays and reorders. */

import {
  createVirtualClock,
  createVirtualNetwork,
  type VirtualEnd,
  type VirtualNetwork,
} from "../../src/dataplane/index.js";
import type { Clock } from "../../src/gateway/clock.js";
import { seededNumbers } from "../../src/random.js";

export interface Link {
  /** Probabilities. */
  readonly loss: number;
  readonly duplicate: number;
  /** One way, milliseconds; reordering comes from the difference. */
  readonly delay: readonly [least: number, most: number];
}

export interface World extends Clock {
  readonly network: Network;
  /** The same network, for an engine. */
  readonly virtual: VirtualNetwork;
  /** From 0 to less than 1. */
  random(): number;
  bytes(length: number): Uint8Array;
  chance(probability: number): boolean;
  between(least: number, most: number): number;
  /** Runs everything that is due in the next `milliseconds`. */
  run(milliseconds: number): Promise<void>;
  /** Runs until `done` holds; false if it does not within `milliseconds`. */
  until(done: () => boolean, milliseconds: number): Promise<boolean>;
  /** Called after each moment at which something happened. */
  onStep: () => void;
}

export interface Network {
  /** Addresses that nobody hears from, and that hear nothing. */
  readonly dead: Set<string>;
  setLink(link: Link): void;
  /** Answers how to leave. */
  attach(address: string, receive: (from: string, bytes: Uint8Array) => void): () => void;
  send(from: string, to: string, bytes: Uint8Array): void;
}

/** Lets everything run that waits for promises alone. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const start = 1_000_000;

const conditions = ({ loss, duplicate, delay: [least, most] }: Link) => ({
  loss,
  duplicate,
  delay: least,
  jitter: most - least,
});

export function createWorld(seed: number, link: Link): World {
  const random = seededNumbers(seed);
  const clock = createVirtualClock(start);
  const virtual = createVirtualNetwork({ seed, clock, ...conditions(link) });

  const step = async (limit: number): Promise<boolean> => {
    const at = clock.next();
    if (at === undefined || at > limit) return false;
    clock.runUntil(at);
    await settle();
    world.onStep();
    return true;
  };

  const world: World = {
    now: clock.now,
    schedule: clock.at,
    random,
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)),
    chance: (probability) => random() < probability,
    between: (least, most) => least + random() * (most - least),
    async run(milliseconds) {
      const end = clock.now() + milliseconds;
      await settle();
      while (await step(end));
      clock.runUntil(end);
    },
    async until(done, milliseconds) {
      const end = clock.now() + milliseconds;
      await settle();
      while (!done()) if (!(await step(end))) return false;
      return true;
    },
    onStep: () => {},
    network: createNetwork(virtual),
    virtual,
  };
  return world;
}

function createNetwork(virtual: VirtualNetwork): Network {
  const ends = new Map<string, VirtualEnd>();
  const dead = new Set<string>();
  return {
    dead,
    setLink: (link) => virtual.set(conditions(link)),
    attach(address, receive) {
      const end = virtual.attach(address, ({ from, bytes }) => {
        if (!dead.has(address)) receive(from, bytes);
      });
      ends.set(address, end);
      return end.close;
    },
    send(from, to, bytes) {
      if (!dead.has(from)) ends.get(from)?.send(to, bytes);
    },
  };
}
