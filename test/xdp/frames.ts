/** Frames of many kinds for programs to look at: well-formed, truncated, and altered by chance. */
import { seededWords } from "../../src/random.js";

const bytes = (...parts: readonly (number | readonly number[] | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...part])));
const u16 = (value: number): readonly number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): readonly number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

/** Internet checksum (RFC 1071) of all `parts` behind each other. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  const all = bytes(...parts);
  let sum = 0;
  for (let at = 0; at < all.length; at += 2) sum += (all[at]! << 8) | (all[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export const macs = { destination: [2, 0, 0, 0, 0, 1], source: [2, 0, 0, 0, 0, 2] } as const;

export const ethernet = (type: number, payload: Uint8Array, tags: readonly number[] = []): Uint8Array =>
  bytes(
    macs.destination,
    macs.source,
    ...tags.flatMap((tag, index) => [u16(index < tags.length - 1 ? 0x88a8 : 0x8100), u16(tag)]),
    u16(type),
    payload,
  );

export interface Ipv4Options {
  readonly from?: readonly number[];
  readonly to?: readonly number[];
  readonly ttl?: number;
  readonly options?: readonly number[];
  /** Flags and fragment offset as they are in the header. */
  readonly fragment?: number;
}

const addresses = { from: [10, 0, 0, 1], to: [192, 0, 2, 7] };

export function ipv4(protocol: number, payload: Uint8Array, options: Ipv4Options = {}): Uint8Array {
  const { from = addresses.from, to = addresses.to, ttl = 64, options: extra = [], fragment = 0x4000 } = options;
  const length = 20 + extra.length;
  const header = (check: number): Uint8Array =>
    bytes(
      [0x40 | (length / 4), 0],
      u16(length + payload.length),
      u16(0x1234),
      u16(fragment),
      [ttl, protocol],
      u16(check),
      from,
      to,
      extra,
    );
  return bytes(header(internetChecksum(header(0))), payload);
}

const address6 = (last: number): readonly number[] => [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];

export const ipv6 = (next: number, payload: Uint8Array, hops = 64): Uint8Array =>
  bytes([0x60, 0, 0, 0], u16(payload.length), [next, hops], address6(1), address6(2), payload);

/** An extension header of 8 × (`words` + 1) bytes. */
export const extension = (next: number, payload: Uint8Array, words = 0): Uint8Array =>
  bytes([next, words], new Uint8Array(6 + words * 8), payload);

function transport(protocol: number, make: (check: number) => Uint8Array): Uint8Array {
  const segment = make(0);
  return make(
    internetChecksum(bytes(addresses.from, addresses.to, [0, protocol], u16(segment.length)), segment) || 0xffff,
  );
}

export const udp = (source: number, destination: number, payload: Uint8Array): Uint8Array =>
  transport(17, (check) => bytes(u16(source), u16(destination), u16(8 + payload.length), u16(check), payload));

export const tcp = (
  source: number,
  destination: number,
  flags: number,
  payload: Uint8Array,
  options: readonly number[] = [],
): Uint8Array =>
  transport(6, (check) =>
    bytes(
      u16(source),
      u16(destination),
      u32(0x01020304),
      u32(0x05060708),
      [(5 + options.length / 4) << 4, flags],
      u16(4096),
      u16(check),
      u16(0),
      options,
      payload,
    ),
  );

export function icmp(type: number, payload: Uint8Array): Uint8Array {
  const make = (check: number): Uint8Array => bytes([type, 0], u16(check), u16(1), u16(1), payload);
  return make(internetChecksum(make(0)));
}

/** A question of one name (RFC 1035, section 4). */
export const dns = (name: string, type = 1, flags = 0x0100): Uint8Array =>
  bytes(
    u16(0xabcd),
    u16(flags),
    u16(1),
    u16(0),
    u16(0),
    u16(0),
    ...name.split(".").map((label) => bytes([label.length], new TextEncoder().encode(label))),
    0,
    u16(type),
    u16(1),
  );

export const arp = (): Uint8Array =>
  bytes(
    u16(1),
    u16(0x0800),
    [6, 4],
    u16(1),
    macs.source,
    addresses.from,
    new Uint8Array(6),
    addresses.to,
    new Uint8Array(18),
  );

const text = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 7) & 255);

/** One of each kind. */
export function usualFrames(): readonly Uint8Array[] {
  const v4 = (protocol: number, payload: Uint8Array, options?: Ipv4Options): Uint8Array =>
    ethernet(0x0800, ipv4(protocol, payload, options));
  const v6 = (next: number, payload: Uint8Array): Uint8Array => ethernet(0x86dd, ipv6(next, payload));
  const mss = [2, 4, 5, 0xb4, 1, 3, 3, 7];
  return [
    v4(17, udp(1000, 53, dns("www.example.org"))),
    v4(17, udp(1000, 53, dns("a.b.c.d.e.f.g.h.evil.example"))),
    v4(17, udp(53, 1000, dns("www.example.org", 28, 0x8180))),
    v4(17, udp(4000, 80, text(100))),
    v4(17, udp(4001, 4789, bytes([8, 0, 0, 0, 0, 0, 7, 0], ethernet(0x0800, ipv4(1, icmp(8, text(8))))))),
    v4(17, udp(11, 9, text(3))),
    v4(17, udp(12, 8080, text(1400))),
    v4(6, tcp(1024, 80, 0x02, text(0), mss)),
    v4(6, tcp(1025, 80, 0x10, text(40))),
    v4(6, tcp(1026, 443, 0x11, text(1))),
    v4(6, tcp(1027, 22, 0x04, text(0))),
    v4(6, tcp(1028, 8080, 0x18, text(600), [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])),
    v4(6, tcp(1029, 80, 0x02, text(0)), { from: [10, 1, 2, 3], ttl: 1 }),
    v4(1, icmp(8, text(56))),
    v4(1, icmp(0, text(5))),
    v4(1, icmp(8, text(32)), { from: [172, 16, 0, 9], options: [1, 1, 1, 0] }),
    v4(17, text(60), { fragment: 0x2000 }),
    v4(17, text(60), { fragment: 0x0010 }),
    v4(4, ipv4(17, udp(5, 6, text(9)))),
    v4(47, bytes(u16(0), u16(0x0800), ipv4(1, icmp(8, text(8))))),
    v6(17, udp(1000, 53, dns("example.com"))),
    v6(6, tcp(2000, 443, 0x02, text(0), mss)),
    v6(58, bytes([128, 0], u16(0x1234), u16(1), u16(2), text(24))),
    v6(0, extension(43, extension(60, extension(17, udp(7, 53, text(20))), 1), 2)),
    v6(44, bytes([17, 0], u16(1), u32(77), udp(9, 53, text(20)))),
    v6(59, text(0)),
    v6(0, extension(0, extension(0, extension(0, extension(0, extension(0, extension(6, tcp(1, 80, 2, text(0))))))))),
    ethernet(0x0800, ipv4(17, udp(1, 2, text(30))), [100]),
    ethernet(0x0800, ipv4(6, tcp(1, 80, 2, text(30))), [100, 4000]),
    ethernet(0x86dd, ipv6(17, udp(1, 2, text(30))), [0x6001]),
    ethernet(0x0806, arp()),
    ethernet(0x88cc, text(46)),
    ethernet(0x0800, text(0)),
    ethernet(0x0800, bytes([0x4f], text(30))),
    ethernet(0x86dd, text(39)),
    text(14),
    text(1500),
    bytes([255, 255, 255, 255, 255, 255], macs.source, u16(0x0806), arp()),
  ];
}

/** `count` frames of which some are cut short and some have other bytes. */
export function alteredFrames(seed: number, count: number): readonly Uint8Array[] {
  const next = seededWords(seed);
  const usual = usualFrames();
  return Array.from({ length: count }, () => {
    const frame = usual[next() % usual.length]!.slice();
    for (let times = next() % 4; times > 0; times--) frame[next() % Math.min(frame.length, 64)] = next() & 255;
    return next() % 3 === 0 ? frame.slice(0, Math.max(14, next() % (frame.length + 1))) : frame;
  });
}
