/** Bundles as the control thread makes them, changes them, and takes them away. */
import { modulus } from "../../wire/multilink.js";
import type { UnitState } from "../attributes.js";
import type { Context } from "./context.js";
import { bundle, bundleFlag, link, maximumLinks } from "./multilink-layout.js";
import { createLock } from "./multilink-lock.js";
import { createFragmentQueue } from "./multilink-queue.js";
import { createSlots } from "./slots.js";

export interface BundleSettings {
  readonly multilink: NonNullable<UnitState["multilink"]>;
  readonly protocolFieldCompression: boolean;
  readonly addressAndControlFieldCompression: boolean;
}

export interface Bundles {
  /** Makes a bundle for the unit at a slot. Answers its index; undefined when there are too many. */
  create(unit: number, settings: BundleSettings): number | undefined;
  set(index: number, settings: BundleSettings): void;
  /** Takes a bundle away that no thread uses any more. */
  remove(index: number): void;
  /** Has the session at a slot carry fragments. False when the bundle has as many links as it can have. */
  join(index: number, session: number, now: number): boolean;
  /** What the link brought stays; what it has not brought is not waited for any more. */
  leave(index: number, session: number): void;
}

export function createBundles(context: Context): Bundles {
  const { memory, layout } = context;
  const { i32 } = memory;
  const slots = createSlots(1, layout.multilink.bundles);
  const lock = createLock(memory);
  const queue = createFragmentQueue(context);
  const recordOf = (index: number): number => (layout.multilink.bundleRecords >> 2) + index * bundle.words;

  /** A thread that ended while it held the lock must not keep the control thread from going on. */
  function locked<T>(record: number, change: () => T): T {
    const had = lock.acquire(record + bundle.lock);
    const result = change();
    if (had) lock.release(record + bundle.lock);
    return result;
  }

  function set(index: number, settings: BundleSettings): void {
    const { multilink } = settings;
    const record = recordOf(index);
    i32[record + bundle.mrru] = multilink.mrru;
    i32[record + bundle.fragment] = multilink.fragment;
    i32[record + bundle.linkMru] = multilink.linkMru;
    i32[record + bundle.flags] =
      (multilink.shortSequence ? bundleFlag.shortReceive : 0) |
      (multilink.peerShortSequence ? bundleFlag.shortSend : 0) |
      (settings.addressAndControlFieldCompression ? bundleFlag.bareAddress : 0) |
      (settings.protocolFieldCompression ? bundleFlag.shortProtocol : 0);
  }

  const placeOf = (record: number, session: number): number => {
    for (let index = 0; index < i32[record + bundle.links]!; index++) {
      const at = record + bundle.firstLink + index * link.words;
      if (i32[at + link.session] === session) return at;
    }
    return 0;
  };

  return {
    set,
    create(unit, settings) {
      const index = slots.take();
      if (index === undefined) return undefined;
      const record = recordOf(index);
      i32.fill(0, record, record + bundle.words);
      i32[record + bundle.unit] = unit;
      set(index, settings);
      return index;
    },
    remove(index) {
      const record = recordOf(index);
      locked(record, () => {
        queue.clear(record);
        i32[record + bundle.links] = 0;
      });
      slots.give(index);
    },
    join(index, session, now) {
      const record = recordOf(index);
      return locked(record, () => {
        const count = i32[record + bundle.links]!;
        if (count === maximumLinks) return false;
        const at = record + bundle.firstLink + count * link.words;
        const short = (i32[record + bundle.flags]! & bundleFlag.shortReceive) !== 0;
        i32[at + link.session] = session;
        i32[at + link.last] = (i32[record + bundle.next]! - 1) & (modulus(short) - 1);
        i32[at + link.heard] = now | 0;
        i32[at + link.stale] = 0;
        Atomics.store(i32, record + bundle.links, count + 1);
        return true;
      });
    },
    leave(index, session) {
      const record = recordOf(index);
      locked(record, () => {
        const at = placeOf(record, session);
        if (at === 0) return;
        const count = i32[record + bundle.links]! - 1;
        const last = record + bundle.firstLink + count * link.words;
        if (at !== last) i32.copyWithin(at, last, last + link.words);
        Atomics.store(i32, record + bundle.links, count);
      });
    },
  };
}
