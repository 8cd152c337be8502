/**
 * Which of the numbers from 0 to `size` are given out. Three regions:
 *
 *   0 ........................ fresh ........................ size
 *   | an entry each, in chunks |  free, but for a few `far`      |
 *
 * Free entries are in a list ordered by when they were given back. So memory goes with what has been in use, not with the size, and
 * taking and giving cost the same whatever the size. An entry is 25 octets; a sticky space adds 6 to 11 for its table of users.
 */
import { createUserTable } from "./users.js";

export interface SpaceSettings {
  /** Milliseconds that what was given back goes to nobody else. */
  readonly quarantine: number;
  readonly sticky: boolean;
}

/** What is known of one number, for moving it to another space. `releasedAt` undefined: it is in use. */
export interface Entry {
  readonly index: number;
  readonly owner: number;
  readonly releasedAt: number | undefined;
}

export interface Space {
  readonly size: number;
  /** The owner's last one if that is free and the space is sticky; else one that was never given out; else the oldest. */
  take(owner: number, now: number): number | undefined;
  /** Takes this very one, in quarantine or not; false: it is in use. */
  claim(index: number, owner: number): boolean;
  inUse(index: number): boolean;
  /** False: it is not in use, or not by this owner. */
  give(index: number, owner: number, now: number): boolean;
  /** Puts back what another space knew of a number that is free here. */
  restore(entry: Entry): void;
  entries(): IterableIterator<Entry>;
  set(settings: SpaceSettings): void;
  used(): number;
  quarantined(now: number): number;
}

const chunkBits = 12;
const chunkSize = 1 << chunkBits;
const none = -1;
/** When something was given back that was never given out. */
const never = Number.NEGATIVE_INFINITY;
/** Free entries are kept for their users up to this many, or as many as are in use; then they are used again first. */
const keptFor = 65_536;

interface Chunk {
  readonly used: Uint8Array;
  readonly before: Int32Array;
  readonly after: Int32Array;
  readonly releasedAt: Float64Array;
  readonly owner: Float64Array;
}

const createChunk = (): Chunk => ({
  used: new Uint8Array(chunkSize),
  before: new Int32Array(chunkSize),
  after: new Int32Array(chunkSize),
  releasedAt: new Float64Array(chunkSize),
  owner: new Float64Array(chunkSize),
});

export function createSpace(size: number, initial: SpaceSettings): Space {
  let settings = initial;
  const chunks: Chunk[] = [];
  const far = new Map<number, { readonly owner: number; readonly releasedAt: number | undefined }>();
  let fresh = 0;
  let oldest = none;
  let newest = none;
  let free = 0;
  let used = 0;

  const chunk = (index: number): Chunk => chunks[index >> chunkBits]!;
  const at = (index: number): number => index & (chunkSize - 1);
  const ownerAt = (index: number): number => chunk(index).owner[at(index)]!;
  const releasedAt = (index: number): number => chunk(index).releasedAt[at(index)]!;
  const isUsed = (index: number): boolean => chunk(index).used[at(index)] === 1;
  const users = createUserTable(ownerAt);
  const inQuarantine = (since: number, now: number): boolean => now - since < settings.quarantine;

  const setBefore = (index: number, value: number): void => {
    if (index === none) newest = value;
    else chunk(index).before[at(index)] = value;
  };
  const setAfter = (index: number, value: number): void => {
    if (index === none) oldest = value;
    else chunk(index).after[at(index)] = value;
  };
  const unlink = (index: number): void => {
    const [before, after] = [chunk(index).before[at(index)]!, chunk(index).after[at(index)]!];
    setAfter(before, after);
    setBefore(after, before);
    free--;
  };
  const link = (index: number, time: number): void => {
    let before = time === never ? none : newest;
    while (before !== none && releasedAt(before) > time) before = chunk(before).before[at(before)]!;
    const after = before === none ? oldest : chunk(before).after[at(before)]!;
    chunk(index).before[at(index)] = before;
    chunk(index).after[at(index)] = after;
    chunk(index).releasedAt[at(index)] = time;
    setAfter(before, index);
    setBefore(after, index);
    free++;
  };

  /** Makes the entry of number `fresh`, used if `far` says so and free otherwise. */
  const unfold = (): number => {
    const index = fresh++;
    if (at(index) === 0) chunks.push(createChunk());
    const known = far.get(index);
    far.delete(index);
    chunk(index).owner[at(index)] = known?.owner ?? none;
    if (known !== undefined && known.releasedAt === undefined) chunk(index).used[at(index)] = 1;
    else link(index, known?.releasedAt ?? never);
    return index;
  };

  const occupy = (index: number, owner: number): number => {
    unlink(index);
    if (ownerAt(index) !== owner) {
      if (ownerAt(index) !== none) users.remove(index);
      chunk(index).owner[at(index)] = owner;
    }
    chunk(index).used[at(index)] = 1;
    used++;
    return index;
  };
  const release = (index: number, time: number): void => {
    chunk(index).used[at(index)] = 0;
    link(index, time);
    if (settings.sticky) users.put(index);
    used--;
  };

  /** Whether `index` gets an entry rather than a place in `far`: where that leaves few entries unused. */
  const near = (index: number): boolean => {
    if (index >= fresh && index < 2 * fresh + chunkSize) while (fresh <= index) unfold();
    return index < fresh;
  };

  const ready = (now: number): boolean => oldest !== none && !inQuarantine(releasedAt(oldest), now);

  const space: Space = {
    size,
    take(owner, now) {
      const last = settings.sticky ? users.find(owner) : undefined;
      if (last !== undefined && !isUsed(last)) return occupy(last, owner);
      const plenty = free > Math.max(used, keptFor) || (oldest !== none && releasedAt(oldest) === never);
      // What `far` had may come to be the oldest, hence the question each time.
      while (fresh < size && !(plenty && ready(now))) {
        const index = unfold();
        if (!isUsed(index) && !inQuarantine(releasedAt(index), now)) return occupy(index, owner);
      }
      return ready(now) ? occupy(oldest, owner) : undefined;
    },
    claim(index, owner) {
      if (near(index)) {
        if (isUsed(index)) return false;
        occupy(index, owner);
        return true;
      }
      if (space.inUse(index)) return false;
      far.set(index, { owner, releasedAt: undefined });
      used++;
      return true;
    },
    inUse(index) {
      if (index < fresh) return isUsed(index);
      const known = far.get(index);
      return known !== undefined && known.releasedAt === undefined;
    },
    give(index, owner, now) {
      if (index < fresh) {
        if (!isUsed(index) || ownerAt(index) !== owner) return false;
        release(index, now);
        return true;
      }
      const known = far.get(index);
      if (known?.owner !== owner || known.releasedAt !== undefined) return false;
      if (settings.quarantine === 0) far.delete(index);
      else far.set(index, { owner, releasedAt: now });
      used--;
      return true;
    },
    restore({ index, owner, releasedAt: time }) {
      if (space.claim(index, owner) && time !== undefined) space.give(index, owner, time);
    },
    *entries() {
      for (let index = 0; index < fresh; index++) {
        const time = releasedAt(index);
        if (isUsed(index)) yield { index, owner: ownerAt(index), releasedAt: undefined };
        else if (time !== never) yield { index, owner: ownerAt(index), releasedAt: time };
      }
      for (const [index, { owner, releasedAt: time }] of far) yield { index, owner, releasedAt: time };
    },
    set(next) {
      settings = next;
    },
    used: () => used,
    quarantined(now) {
      let count = 0;
      for (let index = newest; index !== none && inQuarantine(releasedAt(index), now); count++) {
        index = chunk(index).before[at(index)]!;
      }
      for (const { releasedAt: time } of far.values()) if (time !== undefined && inQuarantine(time, now)) count++;
      return count;
    },
  };
  return space;
}
