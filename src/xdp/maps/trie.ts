/**
 * The index of an lpm_trie: what finds the longest prefix fast. A path-compressed trie with steps of 4 bits and a first step of up to 16.
 *
 * A node looks at 4 bits of the data, at `position` (counted in nibbles); each of its 16 slots says which is the longest of the node's own
 * prefixes (those of position·4 + 1 to position·4 + 4 bits) for that nibble, and which node is next. The root looks at the first bits at once
 * and has all prefixes up to that length.
 *
 * ```
 * slot: {entry + 1 or 0, node << 9 | position or 0}        node: 16 slots, 128 bytes
 * ```
 *
 * Nodes do not say which bits they skip: a reader walks down without looking, remembers the last entry seen, and compares the key
 * with that entry's prefix once. If they differ from bit L on, all nodes up to L were right, and the answer is the last entry of
 * those. Whoever takes entries or nodes away makes the map's `sequence` odd before and even after; a reader that saw it change asks the hash
 * table of prefixes, length by length. Additions are complete before they can be seen.
 */
import type { XdpMemory } from "../memory.js";
import { copyBytes, recordWord, roundUp8, zeroBytes } from "./access.js";
import { mapRecord } from "./descriptor.js";
import { type HashCore, hashWord } from "./hash.js";

export const trieWord = {
  /** The root's slots; nodes follow, the first of them (number 0) is never used. */
  slots: hashWord.trie,
  meta: hashWord.trie + 1,
  freeNode: hashWord.trie + 2,
  rootBits: hashWord.trie + 3,
  /** Room for a key per thread, user space first. */
  scratch: hashWord.trie + 4,
  /** How many prefixes there are of each length. */
  lengths: hashWord.trie + 5,
} as const;

export const positionBits = 9;
export const trieNodeBytes = 128;
/** Words of what only writers look at: own prefixes, children, next free node; then the data that all below it begin with. */
const meta = { prefixes: 0, children: 1, next: 2, dataBytes: 16 } as const;

export function trieSizes(entries: number, dataBytes: number) {
  const rootBits = Math.min(dataBytes * 8, entries > 1024 ? 16 : entries > 64 ? 12 : 8);
  const nodes = entries * 2 + 2;
  return {
    rootBits,
    nodes,
    rootBytes: 2 ** rootBits * 8,
    slots: 2 ** rootBits * 8 + nodes * trieNodeBytes,
    meta: nodes * (meta.dataBytes + roundUp8(dataBytes)),
  };
}

export interface Trie {
  /** Adds an entry of the hash table to the index. */
  insertLocked(entry: number): void;
  /** Puts another entry with the same key in the place of one. */
  replaceLocked(old: number, entry: number): void;
  /** Takes an entry away; `cover` is the node's next shorter prefix that covers it, -1 for none. */
  removeLocked(entry: number, shorter: (least: number) => number): void;
  clearLocked(): void;
  /** Entry of the longest prefix of data that is as long as prefixes can be; -1: there is none. */
  longest(data: number): number;
}

export function attachTrie(memory: XdpMemory, record: number, core: HashCore): Trie {
  const { i32, u8, u32 } = memory;
  const dataBytes = recordWord(memory, record, mapRecord.keySize) - 4;
  const root = recordWord(memory, record, trieWord.slots);
  const rootBits = recordWord(memory, record, trieWord.rootBits);
  const entries = recordWord(memory, record, mapRecord.maxEntries);
  const sizes = trieSizes(entries, dataBytes);
  const nodes = root + sizes.rootBytes;
  const metaBase = recordWord(memory, record, trieWord.meta);
  const metaBytes = meta.dataBytes + roundUp8(dataBytes);
  const freeNode = (record >>> 2) + trieWord.freeNode;

  const nibble = (data: number, position: number): number =>
    ((u8[data + (position >>> 1)] as number) >>> ((position & 1) === 0 ? 4 : 0)) & 15;
  const rootIndex = (data: number): number => {
    const first = u8[data] as number;
    if (rootBits <= 8) return first >>> (8 - rootBits);
    return ((first << 8) | (u8[data + 1] as number)) >>> (16 - rootBits);
  };
  const slotOf = (child: number, data: number): number =>
    (nodes + (child >>> positionBits) * trieNodeBytes + nibble(data, child & 511) * 8) >>> 2;
  const metaOf = (child: number): number => (metaBase + (child >>> positionBits) * metaBytes) >>> 2;
  const lengthOf = (entry: number): number => u32[core.keyOf(entry) >>> 2] as number;
  const dataOf = (entry: number): number => core.keyOf(entry) + 4;

  function create(position: number, data: number): number {
    const number = i32[freeNode] as number;
    // There are two nodes per entry, and a node has an entry of its own or two children: they cannot run out.
    if (number === 0) throw new Error("trie without free nodes");
    const child = (number << positionBits) | position;
    const at = metaOf(child);
    i32[freeNode] = i32[at + meta.next] as number;
    i32[at + meta.prefixes] = 0;
    i32[at + meta.children] = 0;
    copyBytes(memory, ((at << 2) >>> 0) + meta.dataBytes, data, dataBytes);
    zeroBytes(memory, nodes + number * trieNodeBytes, trieNodeBytes);
    return child;
  }

  /** First slot and number of slots of a prefix in its node (0: the root). */
  function rangeOf(child: number, data: number, length: number): readonly [number, number] {
    if (child === 0) {
      const spare = rootBits - length;
      const index = length === 0 ? 0 : (rootIndex(data) >>> spare) << spare;
      return [(root >>> 2) + index * 2, 2 ** spare];
    }
    const spare = (child & 511) * 4 + 4 - length;
    const index = (nibble(data, child & 511) >>> spare) << spare;
    return [((nodes + (child >>> positionBits) * trieNodeBytes) >>> 2) + index * 2, 2 ** spare];
  }

  function fill(child: number, entry: number): void {
    const length = lengthOf(entry);
    const [first, count] = rangeOf(child, dataOf(entry), length);
    for (let slot = first; slot < first + count * 2; slot += 2) {
      const held = i32[slot] as number;
      if (held === 0 || lengthOf(held - 1) <= length) Atomics.store(i32, slot, entry + 1);
    }
    if (child !== 0) i32[metaOf(child) + meta.prefixes] = (i32[metaOf(child) + meta.prefixes] as number) + 1;
  }

  const addChildren = (child: number, by: number): void => {
    if (child !== 0) i32[metaOf(child) + meta.children] = (i32[metaOf(child) + meta.children] as number) + by;
  };

  function insertLocked(entry: number): void {
    const data = dataOf(entry);
    const length = lengthOf(entry);
    if (length <= rootBits) {
      fill(0, entry);
      return;
    }
    const home = (length - 1) >>> 2;
    let parent = 0;
    let slot = (root >>> 2) + rootIndex(data) * 2;
    for (;;) {
      const child = i32[slot + 1] as number;
      if (child === 0) {
        const made = create(home, data);
        fill(made, entry);
        addChildren(parent, 1);
        Atomics.store(i32, slot + 1, made);
        return;
      }
      const position = child & 511;
      const held = ((metaOf(child) << 2) >>> 0) + meta.dataBytes;
      const until = Math.min(position, home);
      let same = 0;
      while (same < until && nibble(held, same) === nibble(data, same)) same++;
      if (same < until || home < position) {
        const made = create(same, data);
        i32[slotOf(made, held) + 1] = child;
        addChildren(made, 1);
        if (same < until) {
          const leaf = create(home, data);
          fill(leaf, entry);
          i32[slotOf(made, data) + 1] = leaf;
          addChildren(made, 1);
        } else fill(made, entry);
        Atomics.store(i32, slot + 1, made);
        return;
      }
      if (home === position) {
        fill(child, entry);
        return;
      }
      parent = child;
      slot = slotOf(child, data);
    }
  }

  /** Slots on the way to the node that has prefixes of this length, and the nodes that they lead to. */
  function pathTo(data: number, length: number): { slot: number; child: number }[] {
    const path: { slot: number; child: number }[] = [];
    if (length <= rootBits) return path;
    const home = (length - 1) >>> 2;
    let slot = (root >>> 2) + rootIndex(data) * 2;
    for (;;) {
      const child = i32[slot + 1] as number;
      path.push({ slot, child });
      if (child === 0 || (child & 511) >= home) return path;
      slot = slotOf(child, data);
    }
  }

  function swap(entry: number, other: number): number {
    const length = lengthOf(entry);
    const path = pathTo(dataOf(entry), length);
    const child = path.at(-1)?.child ?? 0;
    const [first, count] = rangeOf(child, dataOf(entry), length);
    for (let slot = first; slot < first + count * 2; slot += 2) {
      if (i32[slot] === entry + 1) Atomics.store(i32, slot, other + 1);
    }
    return child;
  }

  function release(child: number): void {
    i32[metaOf(child) + meta.next] = i32[freeNode] as number;
    i32[freeNode] = child >>> positionBits;
  }

  function removeLocked(entry: number, shorter: (least: number) => number): void {
    const length = lengthOf(entry);
    const path = pathTo(dataOf(entry), length);
    const home = path.at(-1)?.child ?? 0;
    swap(entry, shorter(home === 0 ? 0 : (home & 511) * 4 + 1));
    if (home === 0) return;
    i32[metaOf(home) + meta.prefixes] = (i32[metaOf(home) + meta.prefixes] as number) - 1;
    for (let depth = path.length - 1; depth >= 0; depth--) {
      const { slot, child } = path[depth]!;
      const at = metaOf(child);
      const children = i32[at + meta.children] as number;
      if (i32[at + meta.prefixes] !== 0 || children > 1) return;
      let only = 0;
      const slots = (nodes + (child >>> positionBits) * trieNodeBytes) >>> 2;
      for (let index = 0; index < 16; index++) only ||= i32[slots + index * 2 + 1] as number;
      Atomics.store(i32, slot + 1, only);
      release(child);
      if (children === 1) return;
      addChildren(path[depth - 1]?.child ?? 0, -1);
    }
  }

  /** Number of leading bits that are the same, at most all. */
  function sameBits(one: number, other: number): number {
    for (let at = 0; at < dataBytes; at++) {
      const difference = (u8[one + at] as number) ^ (u8[other + at] as number);
      if (difference !== 0) return at * 8 + Math.clz32(difference) - 24;
    }
    return dataBytes * 8;
  }

  function walk(data: number, limit: number): number {
    let slot = (root >>> 2) + rootIndex(data) * 2;
    let best = i32[slot] as number;
    let position = -1;
    for (;;) {
      const child = Atomics.load(i32, slot + 1);
      if (child === 0 || (child & 511) <= position || (child & 511) * 4 > limit) return best - 1;
      position = child & 511;
      slot = slotOf(child, data);
      best = (i32[slot] as number) || best;
    }
  }

  return {
    insertLocked,
    replaceLocked: (old, entry) => void swap(old, entry),
    removeLocked,
    clearLocked() {
      zeroBytes(memory, root, sizes.rootBytes);
      for (let number = 1; number < sizes.nodes; number++) {
        i32[metaOf(number << positionBits) + meta.next] = number + 1 < sizes.nodes ? number + 1 : 0;
      }
      i32[freeNode] = 1;
      zeroBytes(memory, recordWord(memory, record, trieWord.lengths), (dataBytes * 8 + 1) * 4);
    },
    longest(data) {
      const best = walk(data, dataBytes * 8);
      if (best < 0) return -1;
      const same = sameBits(data, dataOf(best));
      return same >= lengthOf(best) ? best : walk(data, same);
    },
  };
}

export const initialTrie = (memory: XdpMemory, record: number, core: HashCore): void =>
  attachTrie(memory, record, core).clearLocked();
