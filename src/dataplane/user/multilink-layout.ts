/** Multilink bundles in shared memory, and the pool of buffers for fragments that wait for others. */

export interface MultilinkCapacity {
  readonly bundles: number;
  /** In all bundles together. */
  readonly fragments: number;
}

export interface MultilinkLayout extends MultilinkCapacity {
  readonly bundleRecords: number;
  readonly nodes: number;
  readonly buffers: number;
  readonly pool: number;
}

/**
 * A bundle. Word offsets. `sent` counts what we sent, and whoever sends holds `sending` from taking a number until the
 * fragment has left, so that numbers never run backwards on a link; whoever receives holds `lock`.
 */
export const bundle = {
  lock: 0,
  flags: 1,
  unit: 2,
  mrru: 3,
  /** Sequence number of the fragment that is to be delivered next. */
  next: 4,
  head: 5,
  tail: 6,
  /** Fragments that wait, and their bytes. */
  count: 7,
  bytes: 8,
  /** Fragments in a row that came too late; whether there was any fragment yet. */
  late: 9,
  started: 15,
  sending: 10,
  sent: 11,
  links: 12,
  /** Packets longer than this are cut; 0: only as `linkMru` demands. */
  fragment: 13,
  linkMru: 14,
  firstLink: 16,
  words: 80,
} as const;

export const bundleFlag = {
  shortReceive: 1,
  shortSend: 2,
  /** Framing of what we send: no address and control; a protocol field of one byte. */
  bareAddress: 4,
  shortProtocol: 8,
} as const;

/** A member link of a bundle. Word offsets. */
export const link = {
  /** Slot of its session. */
  session: 0,
  /** Sequence number that it received last, or one before those it may receive. */
  last: 1,
  /** When it received something, in milliseconds. */
  heard: 2,
  /** Not 0: it has been silent while others waited for it, and is waited for no more. */
  stale: 3,
  words: 4,
} as const;

export const maximumLinks = (bundle.words - bundle.firstLink) / link.words;

/** A fragment that waits, at the index of its buffer; 0 is none. Word offsets. */
export const node = { next: 0, previous: 1, sequence: 2, flags: 3, length: 4, arrived: 5, words: 8 } as const;

/** Of those that wait; what need not wait may be longer. */
export const longestFragment = 2048;

/** The pool's free list. Word offsets; `top` is the index of the first node and, above, a count against its coming back. */
export const pool = { top: 0, fresh: 1, words: 16 } as const;

export function planMultilink(
  { bundles, fragments }: MultilinkCapacity,
  take: (bytes: number, align?: number) => number,
): MultilinkLayout {
  return {
    bundles,
    fragments,
    bundleRecords: take((bundles + 1) * bundle.words * 4),
    nodes: take((fragments + 1) * node.words * 4),
    buffers: take((fragments + 1) * longestFragment),
    pool: take(pool.words * 4),
  };
}
