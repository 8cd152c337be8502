/** Hands out `count` numbers from `first` on: what came back last, else the lowest that is fresh. */
export interface Slots {
  /** Undefined when all are taken. */
  take(): number | undefined;
  give(slot: number): void;
}

export function createSlots(first: number, count: number): Slots {
  const returned: number[] = [];
  let fresh = first;
  return {
    take() {
      return returned.pop() ?? (fresh < first + count ? fresh++ : undefined);
    },
    give(slot) {
      returned.push(slot);
    },
  };
}
