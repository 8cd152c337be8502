import { describe, expect, it } from "vitest";
import { seededNumbers } from "../../random.js";
import { createMemory } from "../../system/memory.js";
import { adjusted, createSum, fold, swap16 } from "./checksum.js";

/** RFC 1071 §4.1, word by word. */
function naive(bytes: Uint8Array, start: number): number {
  let sum = start;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += bytes[at]! | ((bytes[at + 1] ?? 0) << 8);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum;
}

describe("the Internet checksum", () => {
  const memory = createMemory(1 << 17);
  const sum = createSum(memory);

  it("is that of RFC 1071's example", () => {
    memory.u8.set([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], 100);
    expect(swap16(sum(100, 8, 0))).toBe(0xddf2);
  });

  it("is what the plain loop says, at any place, length and start", () => {
    const random = seededNumbers(7);
    for (let i = 0; i < memory.size; i++) memory.u8[i] = random() * 256;
    for (let round = 0; round < 2000; round++) {
      const at = Math.floor(random() * 64);
      const length = Math.floor(random() * (round % 10 === 0 ? 65_536 : 200));
      const start = Math.floor(random() * 65_536);
      expect(sum(at, length, start) % 0xffff).toBe(naive(memory.u8.subarray(at, at + length), start) % 0xffff);
    }
    memory.u8.fill(0xff);
    expect(sum(1, 65_535, 0xffff)).toBe(naive(memory.u8.subarray(1, 65_536), 0xffff));
  });

  it("can be adjusted for one changed word", () => {
    const random = seededNumbers(8);
    for (let round = 0; round < 500; round++) {
      const words = Array.from({ length: 6 }, () => Math.floor(random() * 65_536));
      const checksum = ~fold(words.reduce((a, b) => a + b)) & 0xffff;
      const after = Math.floor(random() * 65_536);
      const changed = adjusted(checksum, words[2]!, after);
      words[2] = after;
      expect((fold(words.reduce((a, b) => a + b)) + changed) % 0xffff).toBe(0);
    }
  });
});
