/** A seeded world with its own time and a network that loses, repeats, delays and reorders. */
import type { Clock } from "../../src/gateway/clock.js";

export interface Link {
  /** Probabilities. */
  readonly loss: number;
  readonly duplicate: number;
  /** One way, milliseconds; reordering comes from the difference. */
  readonly delay: readonly [least: number, most: number];
}

export interface World extends Clock {
  readonly network: Network;
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
  /** What is still scheduled. */
  readonly pending: number;
}

export interface Network {
  link: Link;
  /** Addresses that nobody hears from. */
  readonly dead: Set<string>;
  attach(address: string, receive: (from: string, bytes: Uint8Array) => void): void;
  send(from: string, to: string, bytes: Uint8Array): void;
}

interface Due {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** mulberry32: 32 bits of state are plenty here. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Lets everything run that waits for promises alone. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createWorld(seed: number, link: Link): World {
  const random = generator(seed);
  const queue: Due[] = [];
  let now = 1_000_000;
  let order = 0;
  let live = 0;

  const before = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  const push = (due: Due): void => {
    let i = queue.push(due) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(due, queue[parent]!)) break;
      queue[i] = queue[parent]!;
      i = parent;
    }
    queue[i] = due;
  };
  const pop = (): Due => {
    const first = queue[0]!;
    const last = queue.pop()!;
    if (queue.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && before(queue[child + 1]!, queue[child]!)) child++;
      if (!before(queue[child]!, last)) break;
      queue[i] = queue[child]!;
      i = child;
    }
    queue[i] = last;
    return first;
  };

  const schedule = (at: number, run: () => void): (() => void) => {
    const due: Due = { at: Math.max(at, now), order: order++, run };
    live++;
    push(due);
    return () => {
      if (due.run) live--;
      due.run = undefined;
    };
  };

  /** Runs what is due next, and everything due at the same moment. */
  const step = async (limit: number): Promise<boolean> => {
    while (queue.length > 0 && !queue[0]?.run) pop();
    const at = queue[0]?.at;
    if (at === undefined || at > limit) return false;
    now = at;
    while (queue[0]?.at === at) {
      const { run } = pop();
      if (!run) continue;
      live--;
      run();
    }
    await settle();
    world.onStep();
    return true;
  };

  const world: World = {
    now: () => now,
    schedule,
    random,
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)),
    chance: (probability) => random() < probability,
    between: (least, most) => least + random() * (most - least),
    async run(milliseconds) {
      const end = now + milliseconds;
      await settle();
      while (await step(end));
      now = end;
    },
    async until(done, milliseconds) {
      const end = now + milliseconds;
      await settle();
      while (!done()) if (!(await step(end))) return false;
      return true;
    },
    onStep: () => {},
    get pending() {
      return live;
    },
    network: createNetwork(link, schedule, () => now, random),
  };
  return world;
}

function createNetwork(
  link: Link,
  schedule: (at: number, run: () => void) => void,
  now: () => number,
  random: () => number,
): Network {
  const receivers = new Map<string, (from: string, bytes: Uint8Array) => void>();
  const network: Network = {
    link,
    dead: new Set(),
    attach: (address, receive) => void receivers.set(address, receive),
    send(from, to, bytes) {
      const copies = random() < network.link.duplicate ? 2 : 1;
      for (let i = 0; i < copies; i++) {
        if (random() < network.link.loss) continue;
        const [least, most] = network.link.delay;
        const copy = bytes.slice();
        schedule(now() + least + random() * (most - least), () => {
          if (!network.dead.has(from) && !network.dead.has(to)) receivers.get(to)?.(from, copy);
        });
      }
    },
  };
  return network;
}
