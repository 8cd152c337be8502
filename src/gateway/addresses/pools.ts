/** Address pools: who gets what, across pools, kinds and reconfiguration. What is free is known by `space.ts`. */
import { formatUnit, indexOf, type Layout, layoutsOf, overlapping, rangeOf, sameLayouts } from "./layout.js";
import { overlap, parseRange, type Range } from "./ranges.js";
import { createSpace, type Space } from "./space.js";
import type { LeaseKind, PoolConfig, Pools } from "./types.js";
import { ownerOf } from "./users.js";

interface Part {
  readonly layout: Layout;
  readonly space: Space;
}

/**
 * A lease that is no unit of any pool as they are now: of another length, or of a pool that is no more. It keeps the units that
 * have a part in it from being given out.
 */
interface Block {
  readonly range: Range;
  readonly owner: number;
}

/** Owner of units that are in use because of a block; `ownerOf` gives no negative numbers. */
const blocked = -2;

/** A block of more units than this is refused: marking them would take too long. */
const largestBlock = 65_536;

const familyOf = (kind: LeaseKind): 4 | 6 => (kind === "ipv4" ? 4 : 6);

/** Pools whose ranges have been checked by the configuration; a range that is none is skipped. */
export function createPools(initial: readonly PoolConfig[]): Pools {
  let parts: readonly Part[] = partsOf(layoutsOf(initial), initial);
  const blocks = new Map<string, Block>();

  /** The pool of the first of the units that `range` has a part in; undefined: there are none; false: one is in use. */
  const reserve = (range: Range): string | undefined | false => {
    const runs = runsIn(parts, range);
    if (runs.reduce((sum, { from, to }) => sum + to - from + 1, 0) > largestBlock) return false;
    for (const { part, from, to } of runs) {
      for (let index = from; index <= to; index++) if (part.space.inUse(index)) return false;
    }
    block(parts, range);
    return runs[0]?.part.layout.pool;
  };

  const unblock = (key: string, owner: number, now: number): void => {
    const block = blocks.get(key);
    if (block?.owner !== owner) return;
    blocks.delete(key);
    for (const { part, from, to } of runsIn(parts, block.range)) {
      for (let index = from; index <= to; index++) {
        const unit = rangeOf(part.layout, index);
        if (![...blocks.values()].some(({ range }) => overlap(range, unit))) part.space.give(index, blocked, now);
      }
    }
  };

  return {
    take(pool, kind, user, now) {
      const part = parts.find(({ layout }) => layout.pool === pool && layout.kind === kind);
      const index = part?.space.take(ownerOf(user), now);
      return part === undefined || index === undefined
        ? undefined
        : { pool, kind, address: formatUnit(part.layout, index) };
    },
    claim(kind, address, user) {
      const range = parseRange(address);
      if (range === undefined || range.family !== familyOf(kind)) return undefined;
      if ([...blocks.values()].some((block) => overlap(block.range, range))) return false;
      const owner = ownerOf(user);
      for (const { layout, space } of parts) {
        const index = layout.kind === kind ? indexOf(layout, range) : undefined;
        if (index !== undefined) return space.claim(index, owner) && { pool: layout.pool, kind, address };
      }
      const pool = reserve(range);
      if (pool === undefined || pool === false) return pool;
      blocks.set(keyOf(range), { range, owner });
      return { pool, kind, address };
    },
    give(lease, user, now) {
      const range = parseRange(lease.address);
      if (range === undefined) return;
      const owner = ownerOf(user);
      for (const { layout, space } of parts) {
        const index = layout.kind === lease.kind ? indexOf(layout, range) : undefined;
        if (index !== undefined && space.give(index, owner, now)) return;
      }
      unblock(keyOf(range), owner, now);
    },
    configure(next) {
      const layouts = layoutsOf(next);
      if (
        sameLayouts(
          layouts,
          parts.map(({ layout }) => layout),
        )
      ) {
        for (const { layout, space } of parts) space.set(settingsOf(layout.pool, next));
        return;
      }
      const old = parts;
      parts = partsOf(layouts, next);
      for (const { range } of blocks.values()) block(parts, range);
      for (const [key, known] of moved(old, parts)) {
        blocks.set(key, known);
        block(parts, known.range);
      }
    },
    status: (now) =>
      parts.map(({ layout: { pool, kind, size }, space }) => ({
        pool,
        kind,
        size,
        used: space.used(),
        quarantined: space.quarantined(now),
      })),
  };
}

const keyOf = ({ family, first, last }: Range): string => `${family} ${first.toString(36)} ${last.toString(36)}`;

const settingsOf = (pool: string, configs: readonly PoolConfig[]) => configs.find(({ name }) => name === pool)!;

const partsOf = (layouts: readonly Layout[], configs: readonly PoolConfig[]): readonly Part[] =>
  layouts.map((layout) => ({ layout, space: createSpace(layout.size, settingsOf(layout.pool, configs)) }));

const runsIn = (parts: readonly Part[], range: Range) =>
  parts.flatMap((part) => overlapping(part.layout, range).map((run) => ({ part, ...run })));

/** Marks what has a part in `range`, as far as it is not in use anyway. */
function block(parts: readonly Part[], range: Range): void {
  for (const { part, from, to } of runsIn(parts, range)) {
    for (let index = from; index <= to; index++) part.space.claim(index, blocked);
  }
}

/** Moves everything known of `old` to `parts`; answers the leases that are no unit there. */
function moved(old: readonly Part[], parts: readonly Part[]): ReadonlyMap<string, Block> {
  const homeless = new Map<string, Block>();
  for (const { layout, space } of old) {
    // Ordered by release, since a space keeps its free entries in that order.
    const entries = [...space.entries()].sort((a, b) => (a.releasedAt ?? 0) - (b.releasedAt ?? 0));
    for (const entry of entries) {
      if (entry.owner === blocked) continue;
      const range = rangeOf(layout, entry.index);
      let home: Part | undefined;
      let index: number | undefined;
      for (const part of parts) {
        if (part.layout.kind !== layout.kind) continue;
        index = indexOf(part.layout, range);
        home = part;
        if (index !== undefined) break;
      }
      if (home !== undefined && index !== undefined) home.space.restore({ ...entry, index });
      else if (entry.releasedAt === undefined) homeless.set(keyOf(range), { range, owner: entry.owner });
    }
  }
  return homeless;
}
