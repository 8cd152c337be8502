/** Addresses as numbers, and the ranges that pools are made of. IPv4 and IPv6 are two number lines. */
import { formatAddress as formatIpv4, parseAddress as parseIpv4 } from "../../wire/ipv4.js";
import { formatAddress as formatIpv6, parseAddress as parseIpv6 } from "../../wire/ipv6.js";

export type Family = 4 | 6;

/** Addresses from `first` to `last`, both included. */
export interface Range {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

export const widthOf = (family: Family): number => (family === 4 ? 32 : 128);

const one = (text: string): { readonly family: Family; readonly value: bigint } | undefined => {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== undefined) return { family: 4, value: BigInt(ipv4) };
  const ipv6 = parseIpv6(text);
  if (ipv6 === undefined) return undefined;
  const view = new DataView(ipv6.buffer);
  return { family: 6, value: (view.getBigUint64(0) << 64n) | view.getBigUint64(8) };
};

/** ADDRESS, PREFIX/LENGTH (bits beyond the length do not matter) or FIRST-LAST; undefined when it is none of these. */
export function parseRange(text: string): Range | undefined {
  const dash = text.indexOf("-");
  if (dash !== -1) {
    const [from, to] = [one(text.slice(0, dash)), one(text.slice(dash + 1))];
    if (from === undefined || from.family !== to?.family || from.value > to.value) return undefined;
    return { family: from.family, first: from.value, last: to.value };
  }
  const slash = text.indexOf("/");
  const address = one(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = widthOf(address.family);
  const length = slash === -1 ? width : Number(text.slice(slash + 1));
  if (!Number.isInteger(length) || length < 0 || length > width) return undefined;
  const free = BigInt(width - length);
  const first = (address.value >> free) << free;
  return { family: address.family, first, last: first + (1n << free) - 1n };
}

export function formatAddress(family: Family, value: bigint): string {
  if (family === 4) return formatIpv4(Number(value));
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, value >> 64n);
  view.setBigUint64(8, value & 0xffff_ffff_ffff_ffffn);
  return formatIpv6(bytes);
}

export const overlap = (a: Range, b: Range): boolean => a.family === b.family && a.first <= b.last && b.first <= a.last;

/** `range` without whatever of it is in `others`, in order. */
export function without(range: Range, others: readonly Range[]): readonly Range[] {
  return others.reduce<readonly Range[]>(
    (left, other) =>
      left.flatMap((piece) => {
        if (!overlap(piece, other)) return [piece];
        const before = { ...piece, last: other.first - 1n };
        const after = { ...piece, first: other.last + 1n };
        return [before, after].filter(({ first, last }) => first <= last);
      }),
    [range],
  );
}

/** The fewest prefixes that together are exactly `range`. */
export function coveringPrefixes({ family, first, last }: Range): readonly string[] {
  const width = widthOf(family);
  const found: string[] = [];
  for (let at = first; at <= last; ) {
    let bits = 0;
    while (bits < width && ((at >> BigInt(bits)) & 1n) === 0n && at + (1n << BigInt(bits + 1)) - 1n <= last) bits++;
    found.push(`${formatAddress(family, at)}/${width - bits}`);
    at += 1n << BigInt(bits);
  }
  return found;
}
