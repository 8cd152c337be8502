/** What the maps of the programs in `programs/` hold when they are compared with the kernel, by name of program. */
import type { Scenario } from "./kernel/compare-object.js";

type Entries = NonNullable<Scenario["entries"]>;

const bytes = (...parts: readonly (number | readonly number[])[]): Uint8Array => Uint8Array.from(parts.flat());
const w16 = (value: number): readonly number[] => [value & 255, (value >> 8) & 255];
const w32 = (value: number): readonly number[] => [...w16(value & 0xffff), ...w16(value >>> 16)];
const n16 = (value: number): readonly number[] => [value >> 8, value & 255];
const key = (value: number): Uint8Array => bytes(w32(value));
const zeroes = (count: number): readonly number[] => new Array<number>(count).fill(0);

/** The addresses of `frames.ts`. */
const server = [192, 0, 2, 7];

const name = (text: string): Uint8Array => {
  const label = [...new TextEncoder().encode(text)];
  return bytes(label, zeroes(64 - label.length));
};

export interface Setup {
  readonly entries?: Entries;
  /** Maps that hold times, or what only one of both sides has. */
  readonly without?: readonly string[];
}

export const setups: Readonly<Record<string, Setup>> = {
  router: {
    entries: [
      ["routes", bytes(w32(0), [0, 0, 0, 0]), key(2)],
      ["routes", bytes(w32(24), [192, 0, 2, 0]), key(1)],
      ["routes", bytes(w32(32), [192, 0, 2, 9]), key(20)],
      ["hops", key(1), bytes([2, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2], w32(1))],
    ],
  },
  balancer: {
    entries: [
      ["services", bytes(server, n16(80), 6, 0), bytes(w32(1), w32(0))],
      ["services", bytes(server, n16(0), 17, 0), bytes(w32(2), w32(0))],
      ...Array.from({ length: 64 }, (_, index) => ["rings", key(index), key((index * 5) % 8)] as const),
      ...Array.from(
        { length: 8 },
        (_, index) => ["servers", key(index), bytes([10, 9, 9, index], [2, 9, 9, 9, 9, index], [0, 0])] as const,
      ),
    ],
  },
  ddos: {
    entries: [
      ["blocked4", bytes(w32(8), [10, 0, 0, 0]), bytes(zeroes(16), w32(3), w32(1 << 17))],
      ["blocked4", bytes(w32(16), [10, 1, 0, 0]), bytes(zeroes(16), w32(1), w32(0xffffffff))],
      ["blocked4", bytes(w32(12), [172, 16, 0, 0]), bytes(zeroes(16), w32(0), w32(2))],
      ["blocked6", bytes(w32(32), [0x20, 1, 0xd, 0xb8], zeroes(12)), bytes(zeroes(16), w32(2), w32(1 << 17))],
    ],
  },
  dns: { entries: [["refused", name(".a.b.c.d.e.f.g.h.evil.example"), bytes(zeroes(8))]] },
  each: {
    entries: Array.from(
      { length: 10 },
      (_, index) => ["numbers", key(index), bytes(w32(index * index), zeroes(4))] as const,
    ),
  },
  // Times.
  queues: { without: ["times", "recent"] },
  spin_lock: { without: ["buckets"] },
};
