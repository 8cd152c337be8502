/**
 * Deadlines of very many things, in slots of 50 ms: setting and clearing cost the same however many there are. A deadline
 * is kept by rounding up, so that nothing is due early.
 */
const slotLength = 50;

export interface Deadlines<T> {
  /** Answers the slot, which `clear` needs. A thing may be in a slot once. */
  set(item: T, at: number): number;
  clear(item: T, slot: number): void;
  /** When the next is due. */
  next(): number | undefined;
  /** Takes out what is due, oldest slot first. */
  due(now: number): readonly T[];
  readonly size: number;
}

export function createDeadlines<T>(): Deadlines<T> {
  const slots = new Map<number, Set<T>>();
  let earliest: number | undefined;

  const findEarliest = (): number | undefined => {
    let least: number | undefined;
    for (const slot of slots.keys()) if (least === undefined || slot < least) least = slot;
    return least;
  };

  const remove = (slot: number): void => {
    slots.delete(slot);
    if (slot === earliest) earliest = findEarliest();
  };

  return {
    set(item, at) {
      const slot = Math.ceil(at / slotLength);
      const items = slots.get(slot);
      if (items) items.add(item);
      else slots.set(slot, new Set([item]));
      if (earliest === undefined || slot < earliest) earliest = slot;
      return slot;
    },
    clear(item, slot) {
      const items = slots.get(slot);
      if (items?.delete(item) && items.size === 0) remove(slot);
    },
    next: () => (earliest === undefined ? undefined : earliest * slotLength),
    due(now) {
      const found: T[] = [];
      while (earliest !== undefined && earliest * slotLength <= now) {
        found.push(...(slots.get(earliest) ?? []));
        remove(earliest);
      }
      return found;
    },
    get size() {
      let size = 0;
      for (const items of slots.values()) size += items.size;
      return size;
    },
  };
}
