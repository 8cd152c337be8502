/** Which addresses and prefixes each pool has to give: the configuration as numbered units. */
import { coveringPrefixes, formatAddress, parseRange, type Range, widthOf, without } from "./ranges.js";
import type { LeaseKind, PoolConfig } from "./types.js";

/** `count` units in a row; the first of them has number `index` in its space. */
export interface Segment {
  readonly unit: bigint;
  readonly count: number;
  readonly index: number;
}

/** What one pool gives of one kind. Unit n is the addresses from n × 2^bits on. */
export interface Layout {
  readonly pool: string;
  readonly kind: LeaseKind;
  readonly family: 4 | 6;
  /** Length of what is given out: 32 for IPv4. */
  readonly length: number;
  readonly segments: readonly Segment[];
  readonly size: number;
}

/** A space has no more units than this, however large its pool. */
const largest = 2 ** 30;

/** An address in several pools belongs to the first; a pool has a layout for each kind that its ranges have room for. */
export function layoutsOf(pools: readonly PoolConfig[]): readonly Layout[] {
  const taken: Range[] = [];
  return pools.flatMap((config) => {
    const excluded = config.exclude.flatMap((text) => parseRange(text) ?? []);
    const ranges: Range[] = [];
    for (const text of config.ranges) {
      const range = parseRange(text);
      if (range === undefined) continue;
      ranges.push(...without(range, taken));
      taken.push(range);
    }
    const of = (family: 4 | 6) => ranges.filter((range) => range.family === family);
    const halves = of(6).map((range) => halve(range, config.delegatedLength));
    return [
      layout(config.name, "ipv4", widthOf(4), of(4), excluded),
      layout(
        config.name,
        "link",
        config.prefixLength,
        halves.flatMap(({ lower }) => lower),
        excluded,
      ),
      layout(
        config.name,
        "delegated",
        config.delegatedLength,
        halves.flatMap(({ upper }) => upper),
        excluded,
      ),
    ].filter(({ size }) => size > 0);
  });
}

/**
 * The lower half is for links, the upper one, from a whole delegated prefix on, is delegated. A range that has room for no
 * second delegated prefix is for links only.
 */
function halve(
  range: Range,
  delegatedLength: number,
): { readonly lower: readonly Range[]; readonly upper: readonly Range[] } {
  const bits = BigInt(widthOf(6) - delegatedLength);
  const middle = range.first + (range.last - range.first + 1n) / 2n;
  const cut = ((middle + (1n << bits) - 1n) >> bits) << bits;
  if (cut + (1n << bits) - 1n > range.last) return { lower: [range], upper: [] };
  return {
    lower: [{ ...range, last: cut - 1n }].filter(({ first, last }) => first <= last),
    upper: [{ ...range, first: cut }],
  };
}

function layout(
  pool: string,
  kind: LeaseKind,
  length: number,
  ranges: readonly Range[],
  excluded: readonly Range[],
): Layout {
  const family = kind === "ipv4" ? 4 : 6;
  const bits = BigInt(widthOf(family) - length);
  const segments: Segment[] = [];
  let size = 0;
  for (const { first, last } of ranges.flatMap((range) => without(range, excluded))) {
    const unit = (first + (1n << bits) - 1n) >> bits; // whole units only
    const count = Math.min(Number(((last + 1n) >> bits) - unit), largest - size);
    if (count <= 0) continue;
    segments.push({ unit, count, index: size });
    size += count;
  }
  return { pool, kind, family, length, segments, size };
}

/** The number of the unit that is exactly `range`; undefined: it is none of this layout. */
export function indexOf(layout: Layout, range: Range): number | undefined {
  if (rangeSize(range) !== 1n << BigInt(widthOf(layout.family) - layout.length)) return undefined;
  const [first] = overlapping(layout, range);
  return first?.from;
}

const rangeSize = ({ first, last }: Range): bigint => last - first + 1n;

/** The units that have a part in `range`, as runs of numbers: `from` to `to`, both included. */
export function overlapping(layout: Layout, range: Range): readonly { readonly from: number; readonly to: number }[] {
  if (range.family !== layout.family) return [];
  const bits = BigInt(widthOf(layout.family) - layout.length);
  const [low, high] = [range.first >> bits, range.last >> bits];
  return layout.segments.flatMap(({ unit, count, index }) => {
    const from = low > unit ? low - unit : 0n;
    const to = high - unit < BigInt(count) ? high - unit : BigInt(count - 1);
    return from > to ? [] : [{ from: index + Number(from), to: index + Number(to) }];
  });
}

export function rangeOf({ segments, family, length }: Layout, index: number): Range {
  const segment = segments.find((each) => index < each.index + each.count)!;
  const bits = BigInt(widthOf(family) - length);
  const first = (segment.unit + BigInt(index - segment.index)) << bits;
  return { family, first, last: first + (1n << bits) - 1n };
}

/** 192.0.2.1, or 2001:db8:0:1::/64. */
export function formatUnit(layout: Layout, index: number): string {
  const address = formatAddress(layout.family, rangeOf(layout, index).first);
  return layout.family === 4 ? address : `${address}/${layout.length}`;
}

/** Prefixes that cover all ranges of all pools, excluded addresses included, each address once. */
export function prefixesOf(pools: readonly PoolConfig[]): readonly string[] {
  const taken: Range[] = [];
  return pools
    .flatMap(({ ranges }) => ranges)
    .flatMap((text) => {
      const range = parseRange(text);
      if (range === undefined) return [];
      const rest = without(range, taken);
      taken.push(range);
      return rest.flatMap(coveringPrefixes);
    });
}

export const sameLayouts = (a: readonly Layout[], b: readonly Layout[]): boolean => signature(a) === signature(b);

const signature = (layouts: readonly Layout[]): string =>
  JSON.stringify(layouts, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
