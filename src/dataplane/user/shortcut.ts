/**
 * Opens and closes the short way over a bridge, one direction at a time: `way.onward` and `onwardPeer` of the session that
 * frames come from are a copy of what its partner's record says, so that the partner's record need not be read for each frame.
 *
 * A worker that sees `onward` must see the right `onwardPeer` without a fence of its own. Hence the ids are stored when the bridge
 * begins, and the way opens a grace period later: a worker has then passed a point that orders its reads. It closes by one
 * store, in the same grace period as the bridge itself. A closed way is never wrong: frames then go by the partner's record.
 */

import type { Memory } from "../../system/memory.js";
import { flag } from "../../wire/l2tp2.js";
import { type Layout, session, sessionFlag, way } from "./layout.js";

const optional = flag.length | flag.sequence | flag.offset;
/** Somebody wants to see the frames of a session with one of these. */
const watched = sessionFlag.tapped | sessionFlag.ingress | sessionFlag.egress;

export interface Shortcut {
  /** Stores the ids of the direction from slot `from` to slot `to`, before their bridge begins. */
  prepare(from: number, to: number): void;
  /** Opens that direction if the bridge still holds; at least a grace period after `prepare`. */
  open(from: number, to: number): void;
  /** Closes the way that leads from a session over its bridge. */
  close(from: number): void;
  /** Closes the way that leads to a session over its bridge: its header has become longer, or it is tapped. Any thread may. */
  closeTo(to: number): void;
}

export function createShortcut({ i32 }: Memory, layout: Layout): Shortcut {
  const word = (slot: number, field: number): number => (layout.sessions >> 2) + slot * session.words + field;
  const step = (slot: number, field: number): number => (layout.ways >> 2) + slot * way.words + field;
  const header = (slot: number): number => Atomics.load(i32, step(slot, way.header));
  /** Whether frames may go the short way from one session to another: to a bare header, and unseen. */
  const mayCross = (from: number, to: number): boolean =>
    (header(to) & optional) === 0 && ((header(from) | header(to)) & watched) === 0;
  const close = (from: number): void => void Atomics.store(i32, step(from, way.onward), 0);

  return {
    close,
    prepare(from, to) {
      Atomics.store(i32, step(from, way.onwardPeer), i32[word(to, session.peer)]!);
    },
    open(from, to) {
      if (Atomics.load(i32, word(from, session.relation)) !== to || !mayCross(from, to)) return;
      Atomics.store(i32, step(from, way.onward), (i32[step(to, way.key)]! & ~0xffff) | 1);
      // A worker may have made the header longer in between, and closed before we opened.
      if (!mayCross(from, to)) close(from);
    },
    closeTo(to) {
      const from = Atomics.load(i32, word(to, session.relation));
      if (from > 0) close(from);
    },
  };
}
