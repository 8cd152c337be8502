import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemory } from "../../system/memory.js";
import { puntRingBytes } from "./layout.js";
import { createPuntReader, createPuntWriter, puntKind } from "./punt-ring.js";

function createRing() {
  const memory = createMemory(puntRingBytes + (1 << 18));
  const ring = 65536;
  const source = ring + puntRingBytes + 4096;
  const write = createPuntWriter(memory, ring).write;
  const read = createPuntReader(memory, ring);
  const end = ring + 128 + puntRingBytes;
  return { memory, source, write, read, beyond: () => memory.u8.subarray(end, source) };
}

describe("punt ring", () => {
  it("hands over every record once, in order, with its bytes", () => {
    const step = fc.oneof(
      fc.record({ length: fc.integer({ min: 0, max: 60_000 }), byte: fc.nat(255) }),
      fc.integer({ min: 1, max: 20 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
        const { memory, source, write, read } = createRing();
        const expected: [number, number, number][] = [];
        let count = 0;
        for (const step of steps) {
          if (typeof step !== "number") {
            memory.u8.fill(step.byte, source, source + step.length);
            if (write(puntKind.port, ++count, source, step.length, source, 0, 0)) {
              expected.push([count, step.length, step.byte]);
            }
            continue;
          }
          read(step, ({ object, at, length, name, local }) => {
            const [wanted, size, byte] = expected.shift()!;
            expect([object, length, name !== 0, local]).toEqual([wanted, size, true, 0]);
            if (length > 0) expect([memory.u8[at], memory.u8[at + length - 1]]).toEqual([byte, byte]);
          });
        }
        read(1000, () => expected.shift());
        expect(expected).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it("wraps around without touching what lies beyond", () => {
    const { memory, source, write, read, beyond } = createRing();
    for (let count = 1; count < 3000; count++) {
      memory.u8.fill(count & 255, source, source + 1000);
      expect(write(puntKind.port, count, source, 1000, 0, 0, 0)).toBe(true);
      read(1, ({ object, at }) => expect([object, memory.u8[at + 999]]).toEqual([count, count & 255]));
    }
    expect(beyond().every((byte) => byte === 0)).toBe(true);
  });

  it("refuses what does not fit, and what would eat into the reserve", () => {
    const { source, write, read } = createRing();
    let written = 0;
    while (write(puntKind.channel, 1, source, 1000, 0, 0, puntRingBytes / 2)) written++;
    expect(written).toBe(Math.floor(puntRingBytes / 2 / 1072));
    while (write(puntKind.port, 1, source, 1000, 0, 0, 0)) written++;
    expect(written).toBeLessThanOrEqual(puntRingBytes / 1072);
    expect(read(1, () => {})).toBe(true);
    expect(write(puntKind.port, 1, source, 1000, 0, 0, 0)).toBe(true);
  });
});
