import { expect, test } from "vitest";
import { long, seed } from "../../../test/seed.js";
import { seededWords } from "../../random.js";
import { createXdpMemory } from "../memory.js";
import { createAllocator } from "./allocator.js";

test("blocks are zeroed, aligned, disjoint, and all memory comes back", () => {
  const memory = createXdpMemory(1 << 20);
  const region = { start: 65536, bytes: (1 << 20) - 65536 - 40 };
  const allocator = createAllocator(memory, region);
  const whole = allocator.free;
  const random = seededWords(seed);
  const held = new Map<number, number>();
  for (let round = 0; round < (long ? 100_000 : 5_000); round++) {
    if (random() % 100 < 55) {
      const bytes = (random() % 5000) + 1;
      let offset: number;
      try {
        offset = allocator.allocate(bytes);
      } catch (error) {
        expect((error as Error).message).toMatch(/\d+ bytes are free/);
        expect(allocator.largest).toBeLessThan(bytes + 63);
        continue;
      }
      expect(offset % 64).toBe(0);
      expect(offset).toBeGreaterThanOrEqual(region.start);
      expect(offset + bytes).toBeLessThanOrEqual(region.start + region.bytes);
      const block = memory.u8.subarray(offset, offset + bytes);
      expect(block.every((byte) => byte === 0)).toBe(true);
      block.fill(0xaa);
      held.set(offset, bytes);
    } else if (held.size > 0) {
      const [offset, bytes] = [...held][random() % held.size]!;
      expect(memory.u8.subarray(offset, offset + bytes).every((byte) => byte === 0xaa)).toBe(true);
      allocator.release(offset);
      held.delete(offset);
    }
  }
  for (const offset of held.keys()) allocator.release(offset);
  expect(allocator.free).toBe(whole);
  expect(allocator.largest).toBe(whole);
});

test("mistakes are refused", () => {
  const memory = createXdpMemory(65536);
  expect(() => createAllocator(memory, { start: 10, bytes: 100 })).toThrow(/multiple of 64/);
  expect(() => createAllocator(memory, { start: 0, bytes: 65537 })).toThrow(/within the memory/);
  const allocator = createAllocator(memory, { start: 0, bytes: 65536 });
  const offset = allocator.allocate(100);
  expect(() => allocator.release(offset + 64)).toThrow(/no block in use/);
  allocator.release(offset);
  expect(() => allocator.release(offset)).toThrow(/no block in use/);
  expect(() => allocator.allocate(65537, "map m")).toThrow(/65537 bytes of map m: 65536 bytes are free/);
});
