import { describe, expect, it } from "vitest";
import { ffiMissing, libc } from "./ffi.js";
import { createMemory } from "./memory.js";
import { openWriteRing, writeRingBytes } from "./write-ring.js";

describe.skipIf(ffiMissing() !== undefined)("write ring", () => {
  const area = 4096;
  const bytes = area + writeRingBytes + 4096;

  it("does many writes in order, answers each one's result, and begins again", ({ skip }) => {
    const memory = createMemory(bytes);
    const ring = openWriteRing(memory, area) ?? skip("the kernel has no such io_uring");
    const { eventfd, read, close } = libc();
    const [one, two] = [eventfd(0, 0o4000), eventfd(0, 0o4000)];
    const value = bytes - 64;
    const total = (fd: number): number => {
      expect(read(fd, memory.address + value + 16, 8)).toBe(8);
      return memory.u32[(value + 16) >> 2]!;
    };
    memory.u32[value >> 2] = 3;
    for (let round = 0; round < 10; round++) {
      for (let index = 0; index < ring.entries; index++) ring.add(index % 2 === 0 ? one : two, value, 8);
      expect(ring.submit()).toBe(ring.entries);
      for (let index = 0; index < ring.entries; index++) expect(ring.result(index)).toBe(8);
      expect([total(one), total(two)]).toEqual([3 * 32, 3 * 32]);
    }
    ring.add(one, value, 8);
    ring.add(-1, value, 8);
    ring.add(one, value, 4);
    ring.add(two, value, 8);
    expect(ring.submit()).toBe(4);
    // EBADF, EINVAL
    expect([0, 1, 2, 3].map(ring.result)).toEqual([8, -9, -22, 8]);
    expect([total(one), total(two)]).toEqual([3, 3]);
    for (const each of [one, two]) close(each);
    ring.close();
  });
});
