/**
 * The fragments of a bundle that wait, in the order of their sequence numbers, and what RFC 1990 §4.1 makes of them: packets
 * that are whole, in order; what misses a fragment that cannot come any more is given up. A fragment cannot come any more
 * when every link has received a later one (M, the minimum of the links' last sequence numbers, has passed it), when what it
 * holds up has waited for too long, or when too much waits. For the holder of the bundle's lock.
 */
import { distance, flag, modulus } from "../../wire/multilink.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { bundle, bundleFlag, link, longestFragment, node } from "./multilink-layout.js";
import { createFragmentPool } from "./multilink-pool.js";

/** How long fragments wait for one that a silent link may still bring, in milliseconds. */
export const patience = 200;
/** How many fragments one bundle may hold: a worker may read a thousand from one link before it turns to the next. */
export const mostWaiting = 4096;
/** A link may bring its fragments in another order than the peer sent them, as long as they are so close to each other. */
const slack = 2;
/** A packet begins with its protocol field, which MRRU does not count. */
const protocolLength = 2;

export interface FragmentQueue {
  /**
   * Queues a fragment that is not late and lies at `at`. The frame may be used again afterwards. What cannot be queued is
   * counted.
   */
  insert(record: number, sequence: number, flags: number, at: number, length: number, port: number, now: number): void;
  /** Takes the next whole packet out: copies it to `to` if it fits into `room`. Answers its length, 0: none, -1: no room. */
  take(record: number, to: number, room: number, now: number): number;
  /** Forgets everything that waits. */
  clear(record: number): void;
}

/** `record` is always the word index of a bundle's record. */
export function createFragmentQueue(context: Context): FragmentQueue {
  const { memory, layout } = context;
  const { i32, u8 } = memory;
  const nodes = layout.multilink.nodes >> 2;
  const buffers = layout.multilink.buffers;
  const free = createFragmentPool(memory, layout.multilink);
  const drops = createDropCounter(context);

  const word = (index: number, field: number): number => nodes + index * node.words + field;
  const bufferOf = (index: number): number => buffers + index * longestFragment;
  const isShort = (record: number): boolean => (i32[record + bundle.flags]! & bundleFlag.shortReceive) !== 0;

  /** Sets the next sequence number, `ahead` of what it is. */
  function advance(record: number, ahead: number): void {
    i32[record + bundle.next] = (i32[record + bundle.next]! + ahead) & (modulus(isShort(record)) - 1);
  }

  function removeHead(record: number): void {
    const index = i32[record + bundle.head]!;
    const next = i32[word(index, node.next)]!;
    i32[record + bundle.head] = next;
    if (next === 0) i32[record + bundle.tail] = 0;
    else i32[word(next, node.previous)] = 0;
    i32[record + bundle.count]! -= 1;
    i32[record + bundle.bytes]! -= i32[word(index, node.length)]!;
    free.give(index);
  }

  /** Takes `count` fragments off the head; the one after them is next. */
  function giveUp(record: number, count: number, reason: number): void {
    for (let left = count; left > 0; left--) removeHead(record);
    advance(record, count);
    drops.leaving(reason, count);
  }

  /** How many sequence numbers from the next one on cannot come any more, because all links have passed them. */
  function passed(record: number): number {
    const next = i32[record + bundle.next]!;
    const short = isShort(record);
    const count = i32[record + bundle.links]!;
    let least = Number.POSITIVE_INFINITY;
    for (let index = 0; index < count; index++) {
      const at = record + bundle.firstLink + index * link.words;
      if (i32[at + link.stale] === 0) least = Math.min(least, distance(i32[at + link.last]!, next, short));
    }
    return least === Number.POSITIVE_INFINITY ? 0 : least - slack;
  }

  /** Links that brought nothing while others waited are waited for no more, until they bring something. */
  function markStale(record: number, now: number): void {
    const count = i32[record + bundle.links]!;
    for (let index = 0; index < count; index++) {
      const at = record + bundle.firstLink + index * link.words;
      if (((now - i32[at + link.heard]!) | 0) >= patience) i32[at + link.stale] = 1;
    }
  }

  /** Whether what misses something at the head has waited long enough. */
  function isImpatient(record: number, now: number): boolean {
    if (i32[record + bundle.count]! > mostWaiting) return true;
    const waited = ((now | 0) - i32[word(i32[record + bundle.head]!, node.arrived)]!) | 0;
    if (waited < patience) return false;
    markStale(record, now | 0);
    return true;
  }

  function copyOut(record: number, count: number, to: number): void {
    let at = to;
    for (let left = count; left > 0; left--) {
      const index = i32[record + bundle.head]!;
      const length = i32[word(index, node.length)]!;
      u8.copyWithin(at, bufferOf(index), bufferOf(index) + length);
      at += length;
      removeHead(record);
    }
    advance(record, count);
  }

  return {
    insert(record, sequence, flags, at, length, port, now) {
      const short = isShort(record);
      const head = i32[record + bundle.head]!;
      // What is missing most often is what the head waits for.
      const isFirst = head !== 0 && distance(i32[word(head, node.sequence)]!, sequence, short) > 0;
      let after = isFirst ? 0 : i32[record + bundle.tail]!;
      while (after !== 0 && distance(i32[word(after, node.sequence)]!, sequence, short) > 0) {
        after = i32[word(after, node.previous)]!;
      }
      if (after !== 0 && i32[word(after, node.sequence)] === sequence) {
        drops.received(drop["multilink-late"], port);
        return;
      }
      const index = length > longestFragment ? 0 : free.take();
      if (index === 0) {
        drops.received(drop["multilink-overflow"], port);
        return;
      }
      const before = after === 0 ? i32[record + bundle.head]! : i32[word(after, node.next)]!;
      i32[word(index, node.next)] = before;
      i32[word(index, node.previous)] = after;
      i32[word(index, node.sequence)] = sequence;
      i32[word(index, node.flags)] = flags;
      i32[word(index, node.length)] = length;
      i32[word(index, node.arrived)] = now | 0;
      if (after === 0) i32[record + bundle.head] = index;
      else i32[word(after, node.next)] = index;
      if (before === 0) i32[record + bundle.tail] = index;
      else i32[word(before, node.previous)] = index;
      i32[record + bundle.count]! += 1;
      i32[record + bundle.bytes]! += length;
      u8.copyWithin(bufferOf(index), at, at + length);
    },
    take(record, to, room, now) {
      const short = isShort(record);
      const longest = i32[record + bundle.mrru]! + protocolLength;
      for (;;) {
        const head = i32[record + bundle.head]!;
        if (head === 0) return 0;
        const gap = distance(i32[word(head, node.sequence)]!, i32[record + bundle.next]!, short);
        if (gap > 0) {
          const lost = isImpatient(record, now) ? gap : Math.min(gap, passed(record));
          if (lost <= 0) return 0;
          advance(record, lost);
          continue;
        }
        if ((i32[word(head, node.flags)]! & flag.begin) === 0) {
          giveUp(record, 1, drop["multilink-lost"]);
          continue;
        }
        let index = head;
        let count = 1;
        let length = i32[word(head, node.length)]!;
        let outcome: "whole" | "waits" | "broken" | "too-long";
        for (;;) {
          if (length > longest) outcome = "too-long";
          else if ((i32[word(index, node.flags)]! & flag.end) !== 0) outcome = "whole";
          else {
            const following = i32[word(index, node.next)]!;
            const sequence = i32[word(index, node.sequence)]!;
            if (following === 0 || distance(i32[word(following, node.sequence)]!, sequence, short) !== 1)
              outcome = "waits";
            else if ((i32[word(following, node.flags)]! & flag.begin) !== 0) outcome = "broken";
            else {
              index = following;
              count++;
              length += i32[word(index, node.length)]!;
              continue;
            }
          }
          break;
        }
        if (outcome === "too-long") giveUp(record, count, drop["multilink-too-long"]);
        else if (outcome === "broken") giveUp(record, count, drop["multilink-lost"]);
        else if (outcome === "waits") {
          if (passed(record) <= count && !isImpatient(record, now)) return 0;
          giveUp(record, count, drop["multilink-lost"]);
        } else {
          if (length > room) return -1;
          copyOut(record, count, to);
          return length;
        }
      }
    },
    clear(record) {
      while (i32[record + bundle.head] !== 0) removeHead(record);
    },
  };
}
