/**
 * Which unit an address is routed to: the longest prefix wins. One hash table in shared memory has the prefixes of both
 * families; a lookup tries the lengths that are in use, longest first, and subscribers' addresses are nearly all of one.
 * The control thread inserts and removes while workers look up, as in the session table: an entry is one word, published after
 * the route that it points to; nothing moves; a route's slot is used again only when no worker can still have found it.
 */
import type { Memory } from "../../system/memory.js";
import { type Layout, route, routeLengths } from "./layout.js";

/** A prefix as numbers: 32 bits of an IPv4 address or four times 32 of an IPv6 one, with nothing beyond the length. */
export interface Prefix {
  readonly family: 4 | 6;
  readonly length: number;
  readonly words: readonly number[];
}

/** Both answer the unit's slot, 0 for none. Words are int32 in network byte order's value. */
export interface RouteLookup {
  ipv4(address: number): number;
  ipv6(a: number, b: number, c: number, d: number): number;
  /** The route in an address's first place among those of the longest prefixes: often its own, and some route or 0 in any case. */
  guess(address: number): number;
}

const slotBits = 20;
const slotMask = (1 << slotBits) - 1;
const tombstone = 0xfff << slotBits;
const ipv6Kind = 256;
export const maximumRoutes = slotMask;

/** Multipliers of MurmurHash3's 32-bit finalizer, and 2^32 divided by the golden ratio. */
function mix(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}
const golden = 0x9e3779b1 | 0;
const hash4 = (kind: number, a: number): number => mix(a ^ Math.imul(kind, golden));
const hash6 = (kind: number, a: number, b: number, c: number, d: number): number =>
  mix(hash4(kind, a) ^ Math.imul(b, golden) ^ mix(c ^ Math.imul(d, golden)));

/** The first `length` bits of a word, of none at 0 and below, of all at 32 and above. */
const upper = (word: number, length: number): number =>
  length <= 0 ? 0 : length >= 32 ? word : word & (-1 << (32 - length));

const highestOf = (bits: number): number => 32 - Math.clz32(bits);

export function createRouteLookup({ i32, u32 }: Memory, layout: Layout): RouteLookup {
  const table = layout.routeHash >> 2;
  const records = layout.routes >> 2;
  const lengths = layout.routeLengths >> 2;
  const longest = lengths + routeLengths.longestProbe;
  const shift = 32 - layout.routeHashBits;
  const mask = 2 ** layout.routeHashBits - 1;

  function find(hash: number, kind: number, a: number, b: number, c: number, d: number): number {
    const tag = hash & 0xfff;
    for (let at = hash >>> shift, probe = 0; ; at = (at + 1) & mask, probe++) {
      const entry = u32[table + at]!;
      if (entry === 0) return 0;
      if (entry >>> slotBits === tag && (entry & slotMask) !== 0) {
        const record = records + (entry & slotMask) * route.words;
        const prefix = record + route.prefix;
        const same =
          i32[record + route.kind] === kind &&
          i32[prefix] === a &&
          (kind < ipv6Kind || (i32[prefix + 1] === b && i32[prefix + 2] === c && i32[prefix + 3] === d));
        if (same) return i32[record + route.unit]!;
      }
      if (probe >= u32[longest]!) return 0;
    }
  }

  function find4(length: number, address: number): number {
    const prefix = upper(address, length);
    return find(hash4(length, prefix), length, prefix, 0, 0, 0);
  }

  function find6(length: number, a: number, b: number, c: number, d: number): number {
    const [w, x, y, z] = [upper(a, length), upper(b, length - 32), upper(c, length - 64), upper(d, length - 96)];
    const kind = ipv6Kind + length;
    return find(hash6(kind, w, x, y, z), kind, w, x, y, z);
  }

  return {
    guess(address) {
      const length = highestOf(i32[lengths + routeLengths.ipv4]!);
      return u32[table + (hash4(length, upper(address, length)) >>> shift)]! & slotMask;
    },
    ipv4(address) {
      for (let bits = i32[lengths + routeLengths.ipv4]!; bits !== 0; ) {
        const length = highestOf(bits);
        const unit = find4(length, address);
        if (unit !== 0) return unit;
        bits &= ~(1 << (length - 1));
      }
      return i32[lengths + routeLengths.ipv4 + 1] === 0 ? 0 : find4(0, 0);
    },
    ipv6(a, b, c, d) {
      for (let word = 3; word >= 0; word--) {
        for (let bits = i32[lengths + routeLengths.ipv6 + word]!; bits !== 0; ) {
          const length = highestOf(bits);
          const unit = find6(32 * word + length, a, b, c, d);
          if (unit !== 0) return unit;
          bits &= ~(1 << (length - 1));
        }
      }
      return i32[lengths + routeLengths.ipv6 + 4] === 0 ? 0 : find6(0, 0, 0, 0, 0);
    },
  };
}

export interface RouteTable {
  readonly lookup: RouteLookup;
  /** Publishes a route at a free slot (1 and up). The prefix must not be there yet. */
  insert(slot: number, prefix: Prefix, unit: number): void;
  /** From the next lookup on the route is unknown; lookups under way may still have found it. */
  remove(slot: number): void;
}

export function createRouteTable(memory: Memory, layout: Layout): RouteTable {
  const { i32, u32 } = memory;
  const table = layout.routeHash >> 2;
  const records = layout.routes >> 2;
  const lengths = layout.routeLengths >> 2;
  const longest = lengths + routeLengths.longestProbe;
  const shift = 32 - layout.routeHashBits;
  const mask = 2 ** layout.routeHashBits - 1;
  /** Routes by kind: the length of an IPv4 prefix, or 256 and that of an IPv6 one. */
  const count = new Int32Array(2 * ipv6Kind);
  const isTombstone = (entry: number): boolean => entry !== 0 && (entry & slotMask) === 0;

  function hashAt(record: number): number {
    const kind = i32[record + route.kind]!;
    const [a, b, c, d] = i32.subarray(record + route.prefix, record + route.prefix + 4);
    return kind < ipv6Kind ? hash4(kind, a!) : hash6(kind, a!, b!, c!, d!);
  }

  /** Says whether prefixes of a kind exist. */
  function mark(kind: number, exists: boolean): void {
    const first = lengths + (kind < ipv6Kind ? routeLengths.ipv4 : routeLengths.ipv6);
    const length = kind % ipv6Kind;
    const word = first + (length > 0 ? (length - 1) >> 5 : kind < ipv6Kind ? 1 : 4);
    const bit = length > 0 ? 1 << ((length - 1) & 31) : 1;
    if (exists) Atomics.or(i32, word, bit);
    else Atomics.and(i32, word, ~bit);
  }

  return {
    lookup: createRouteLookup(memory, layout),
    insert(slot, { family, length, words }, unit) {
      const record = records + slot * route.words;
      const kind = family === 4 ? length : ipv6Kind + length;
      i32[record + route.kind] = kind;
      for (let word = 0; word < 4; word++) i32[record + route.prefix + word] = words[word] ?? 0;
      i32[record + route.unit] = unit;
      const hash = hashAt(record);
      let at = hash >>> shift;
      let probe = 0;
      for (; u32[table + at] !== 0 && !isTombstone(u32[table + at]!); at = (at + 1) & mask) probe++;
      if (probe > i32[longest]!) Atomics.store(i32, longest, probe);
      Atomics.store(i32, table + at, ((hash & 0xfff) << slotBits) | slot);
      if (count[kind]!++ === 0) mark(kind, true);
    },
    remove(slot) {
      const record = records + slot * route.words;
      const kind = i32[record + route.kind]!;
      const hash = hashAt(record);
      const entry = (((hash & 0xfff) << slotBits) | slot) >>> 0;
      let at = hash >>> shift;
      while (u32[table + at] !== entry) at = (at + 1) & mask;
      if (--count[kind]! === 0) mark(kind, false);
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
