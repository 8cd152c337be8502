/**
 * The short way over a bridge: from the demultiplexer straight into a message. A frame may take it if its header is bare (no
 * optional field), and so is the header that it gets: the ids are all that changes, and they change in place. Segments that
 * follow each other into one tunnel are one piece of a message, whatever sessions they are of.
 */
import { flag, minimumDataHeaderLength, version } from "../../wire/l2tp2.js";
import type { Context } from "./context.js";
import { sessionFlag, tunnel, way } from "./layout.js";
import { createLookup } from "./session-table.js";
import type { Transmitter } from "./transmit.js";

/** Whether a header has no optional field, and neither reserved bits that would have to be cleared. */
export const isBare = (flags: number): boolean => (flags & ~flag.priority) === version;

/** Slots that sessions probably have, by index of segment; good for one batch. */
export interface Hints {
  readonly slots: Int32Array;
  count: number;
}

export interface Crossing {
  /** Slot of the session of segment `index`, 0 when there is none. */
  find(key: number, index: number): number;
  /**
   * Sends as many segments from `start` on as may take the short way together. `slot` is the session of the first, whose tunnel
   * is verified; `end` is where whole segments end and `index` the first one's. Answers how many went, 0 when the
   * first has to go the long way.
   */
  cross(slot: number, start: number, end: number, segment: number, index: number): number;
}

const numbered = flag.sequence | sessionFlag.receiveSequence;

export function createCrossing({ memory, layout }: Context, transmitter: Transmitter, hints: Hints): Crossing {
  const { u32, i32, view } = memory;
  const lookup = createLookup(memory, layout);
  const ways = layout.ways >> 2;
  const { reserve, vacancies, credit, join } = transmitter;

  function find(key: number, index: number): number {
    const hint = index < hints.count ? hints.slots[index]! : 0;
    return hint !== 0 && i32[ways + hint * way.words + way.key] === key ? hint : lookup(key);
  }

  /** `way.onward` of a session whose own frames need no numbers; 0: they go the long way. */
  function onwardOf(slot: number): number {
    const at = ways + slot * way.words;
    return (u32[at + way.header]! & numbered) === 0 ? u32[at + way.onward]! : 0;
  }

  return {
    find,
    cross(firstSlot, start, end, segment, index) {
      const onward = onwardOf(firstSlot);
      if (onward === 0) return 0;
      const to = onward >>> 16;
      const address = u32[(layout.tunnels + to * tunnel.size + tunnel.block) >> 2]!;
      const message = address === 0 ? 0 : reserve(to, address, segment);
      if (message === 0) return 0;
      const limit = Math.min(end, start + vacancies(message, segment) * segment);
      const payload = segment - minimumDataHeaderLength;
      let key = view.getInt32(start + 2);
      const from = key >>> 16;
      let slot = firstSlot;
      let at = start;
      let count = 0;
      for (;;) {
        const peer = i32[ways + slot * way.words + way.onwardPeer]!;
        const before = count;
        const ofSession = key;
        do {
          view.setInt32(at + 2, peer);
          at += segment;
          count++;
          if (at >= limit || !isBare(view.getUint16(at))) break;
          key = view.getInt32(at + 2);
        } while (key === ofSession);
        const frames = count - before;
        credit(message, slot, frames, payload);
        if (key === ofSession || key >>> 16 !== from) break;
        slot = find(key, index + count);
        if (slot === 0 || onwardOf(slot) !== onward) break;
      }
      join(message, start, count, segment);
      return count;
    },
  };
}
