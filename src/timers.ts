/** A heap of deadlines. Setting, moving and cancelling one are O(log n); an item is its own handle. */

export interface Timed {
  /** Milliseconds; meaningful while the item is in a heap. */
  due: number;
  /** Place in the heap, -1 outside of it. */
  slot: number;
}

export type Timers<T extends Timed> = T[];

export function schedule<T extends Timed>(timers: Timers<T>, item: T, due: number): void {
  item.due = due;
  if (item.slot < 0) {
    item.slot = timers.length;
    timers.push(item);
  }
  settle(timers, item);
}

export function cancel<T extends Timed>(timers: Timers<T>, item: T): void {
  if (item.slot < 0) return;
  const last = timers.pop()!;
  if (last !== item) {
    place(timers, last, item.slot);
    settle(timers, last);
  }
  item.slot = -1;
}

/** Takes out the item that is due first, if that is at or before `now`. */
export function popDue<T extends Timed>(timers: Timers<T>, now: number): T | undefined {
  const first = timers[0];
  if (first === undefined || first.due > now) return undefined;
  cancel(timers, first);
  return first;
}

function place<T extends Timed>(timers: Timers<T>, item: T, slot: number): void {
  timers[slot] = item;
  item.slot = slot;
}

function settle<T extends Timed>(timers: Timers<T>, item: T): void {
  let slot = item.slot;
  while (slot > 0) {
    const parent = timers[(slot - 1) >> 1]!;
    if (parent.due <= item.due) break;
    place(timers, parent, slot);
    slot = (slot - 1) >> 1;
  }
  for (;;) {
    const left = 2 * slot + 1;
    const right = left + 1;
    if (left >= timers.length) break;
    const child = right < timers.length && timers[right]!.due < timers[left]!.due ? right : left;
    if (timers[child]!.due >= item.due) break;
    place(timers, timers[child]!, slot);
    slot = child;
  }
  place(timers, item, slot);
}
