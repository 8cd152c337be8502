/**
 * Finds a session by the ids in a data header: an open-addressing hash table in shared memory. The control thread inserts
 * and removes while workers look up, hence an entry is one word, published after the record that it points to, and nothing
 * ever moves: a removed entry becomes a tombstone unless no probe can need it. An entry takes the place of the first
 * tombstone on its way, so that none lies further from its place than live entries pushed it; a lookup goes no further than
 * the longest such way, however many tombstones there are.
 *
 *   +------------+--------------------+
 *   | tag (12)   |     slot (20)      |      0: never used; slot 0: removed
 *   +------------+--------------------+
 */
import type { Memory } from "../../system/memory.js";
import { type Layout, way } from "./layout.js";

const slotBits = 20;
const slotMask = (1 << slotBits) - 1;
const tombstone = 0xfff << slotBits;
/** 2^32 divided by the golden ratio (Knuth, The Art of Computer Programming 3 §6.4). */
const multiplier = 0x9e3779b1 | 0;

export const maximumSessions = slotMask;

/** Ids in a row hash to one cache line of the table, so that a tunnel's sessions take few lines. */
const lineMask = 15;
const hashOf = (key: number): number => Math.imul(key >>> 4, multiplier);
const homeOf = (key: number, hash: number, shift: number): number => (hash ^ ((key & lineMask) << shift)) >>> shift;
const tagOf = (key: number, hash: number): number => (hash ^ key) & 0xfff;

/** A session's key: unsigned ids joined into an int32. */
export const sessionKey = (tunnelId: number, sessionId: number): number => (tunnelId << 16) | sessionId;

/** Answers the session's slot, 0 when there is none. */
export type Lookup = (key: number) => number;

export function createLookup({ i32, u32 }: Memory, layout: Layout): Lookup {
  const table = layout.hash >> 2;
  const ways = layout.ways >> 2;
  const longest = layout.longestProbe >> 2;
  const shift = 32 - layout.hashBits;
  const mask = 2 ** layout.hashBits - 1;
  return (key) => {
    const hash = hashOf(key);
    const tag = tagOf(key, hash);
    for (let at = homeOf(key, hash, shift), probe = 0; ; at = (at + 1) & mask, probe++) {
      const entry = u32[table + at]!;
      if (entry === 0) return 0;
      if (entry >>> slotBits === tag) {
        const slot = entry & slotMask;
        if (i32[ways + slot * way.words + way.key] === key) return slot;
      }
      if (probe >= u32[longest]!) return 0;
    }
  };
}

/** The slot in a key's first place in the table: most often its own, and some slot or 0 in any case. */
export function createGuess({ u32 }: Memory, layout: Layout): Lookup {
  const table = layout.hash >> 2;
  const shift = 32 - layout.hashBits;
  return (key) => u32[table + homeOf(key, hashOf(key), shift)]! & slotMask;
}

export interface SessionTable {
  readonly lookup: Lookup;
  /** Publishes a record that is filled, its key included. The key must not be there yet. */
  insert(key: number, slot: number): void;
  /** From the next lookup on the session is unknown; lookups under way may still have found it. It need not be there. */
  remove(key: number, slot: number): void;
}

export function createSessionTable(memory: Memory, layout: Layout): SessionTable {
  const { i32, u32 } = memory;
  const table = layout.hash >> 2;
  const longest = layout.longestProbe >> 2;
  const shift = 32 - layout.hashBits;
  const mask = 2 ** layout.hashBits - 1;
  const isTombstone = (entry: number) => entry !== 0 && (entry & slotMask) === 0;

  return {
    lookup: createLookup(memory, layout),
    insert(key, slot) {
      const hash = hashOf(key);
      let at = homeOf(key, hash, shift);
      let probe = 0;
      for (; u32[table + at] !== 0 && !isTombstone(u32[table + at]!); at = (at + 1) & mask) probe++;
      if (probe > i32[longest]!) Atomics.store(i32, longest, probe);
      Atomics.store(i32, table + at, (tagOf(key, hash) << slotBits) | slot);
    },
    remove(key, slot) {
      const hash = hashOf(key);
      const entry = ((tagOf(key, hash) << slotBits) | slot) >>> 0;
      let at = homeOf(key, hash, shift);
      for (let probe = 0; u32[table + at] !== entry; at = (at + 1) & mask) if (probe++ >= i32[longest]!) return;
      if (u32[table + ((at + 1) & mask)] !== 0) {
        Atomics.store(i32, table + at, tombstone);
        return;
      }
      // The probe sequence ends here, so this entry and the tombstones before it stop no lookup.
      do {
        Atomics.store(i32, table + at, 0);
        at = (at - 1) & mask;
      } while (isTombstone(u32[table + at]!));
    },
  };
}
