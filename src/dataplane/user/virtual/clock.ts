/** A clock that stands still until it is told to go on. Milliseconds. */
export interface VirtualClock {
  now(): number;
  /** Calls back when the clock reaches `time`, or next if it is past; answers how to call it off. */
  at(time: number, callback: () => void): () => void;
  /** When something is due next; undefined when nothing is. */
  next(): number | undefined;
  /** Goes on to `time`, doing what falls due in order of time, then of having been asked for. */
  runUntil(time: number): void;
}

interface Entry {
  readonly time: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

const before = (a: Entry, b: Entry): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

export function createVirtualClock(start = 0): VirtualClock {
  const heap: Entry[] = [];
  let now = start;
  let order = 0;

  function push(entry: Entry): void {
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  function pop(): Entry {
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }

  function next(): number | undefined {
    while (heap.length > 0 && heap[0]!.callback === undefined) pop();
    return heap[0]?.time;
  }

  return {
    now: () => now,
    next,
    at(time, callback) {
      const entry: Entry = { time: Math.max(time, now), order: order++, callback };
      push(entry);
      return () => {
        entry.callback = undefined;
      };
    },
    runUntil(time) {
      for (let due = next(); due !== undefined && due <= time; due = next()) {
        now = due;
        pop().callback!();
      }
      now = Math.max(now, time);
    },
  };
}
