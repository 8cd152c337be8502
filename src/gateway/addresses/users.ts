/** Who had what last: a hash table in typed arrays, since a Map of names would cost more than all the rest of a lease. */

/** 53 bits of a name (cyrb53): for telling users apart, where a coincidence would only give one the other's old address. */
export function ownerOf(user: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < user.length; at++) {
    const unit = user.charCodeAt(at);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 0x1_0000_0000 * (low & 0x1f_ffff) + (high >>> 0);
}

/** Indices by owner, one each. The owner of an index in the table must not change. */
export interface UserTable {
  find(owner: number): number | undefined;
  /** Takes the place of another index of the same owner. */
  put(index: number): void;
  /** Nothing happens when the table has another index of this owner, or none. */
  remove(index: number): void;
}

/** Linear probing, at most three quarters full; removal moves up what follows, so that no tombstones gather. */
export function createUserTable(ownerAt: (index: number) => number): UserTable {
  let slots = new Uint32Array(64); // index + 1; 0: empty
  let count = 0;

  const home = (owner: number): number => (owner >>> 0) & (slots.length - 1);
  /** Where this owner is, or where it would go. */
  const slotOf = (owner: number): number => {
    let slot = home(owner);
    while (slots[slot] !== 0 && ownerAt(slots[slot]! - 1) !== owner) slot = (slot + 1) & (slots.length - 1);
    return slot;
  };
  const grow = (): void => {
    const old = slots;
    slots = new Uint32Array(old.length * 2);
    for (const entry of old) if (entry !== 0) slots[slotOf(ownerAt(entry - 1))] = entry;
  };

  return {
    find(owner) {
      const entry = slots[slotOf(owner)]!;
      return entry === 0 ? undefined : entry - 1;
    },
    put(index) {
      if (count * 4 >= slots.length * 3) grow();
      const slot = slotOf(ownerAt(index));
      if (slots[slot] === 0) count++;
      slots[slot] = index + 1;
    },
    remove(index) {
      const mask = slots.length - 1;
      let hole = slotOf(ownerAt(index));
      if (slots[hole] !== index + 1) return;
      count--;
      for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
        const wanted = home(ownerAt(slots[slot]! - 1));
        if (((slot - wanted) & mask) < ((slot - hole) & mask)) continue;
        slots[hole] = slots[slot]!;
        hole = slot;
      }
      slots[hole] = 0;
    },
  };
}
