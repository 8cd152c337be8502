import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMemory } from "../system/index.js";
import { answerEcho } from "../wire/icmp.js";
import {
  checkFrame,
  checkRoutedFrame,
  destinationOf,
  direction,
  directionOf,
  isReturn,
  minimumSize,
  sequenceOf,
  sessionOf,
  timeOf,
  writeFrame,
  writePing,
} from "./frame.js";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const memory = createMemory(2048);

describe("frame", () => {
  test("what was written is found whole, with its fields", () => {
    fc.assert(
      fc.property(fc.integer({ min: minimumSize, max: 1500 }), u32, u32, u32, fc.boolean(), (size, a, b, c, up) => {
        const way = up ? direction.up : direction.down;
        memory.u8.fill(0xee);
        writeFrame(memory, 8, size, a, way, b, c);
        expect(checkFrame(memory, 8, size)).toBe(true);
        expect([sessionOf(memory, 8), directionOf(memory, 8), sequenceOf(memory, 8), timeOf(memory, 8)]).toEqual([
          a,
          way,
          b,
          c,
        ]);
        expect(memory.u8[7]).toBe(0xee);
        expect(memory.u8[8 + ((size + 3) & ~3)]).toBe(0xee);
      }),
    );
  });

  test("a ping is one that hosts answer, and the answer is known again", () => {
    fc.assert(
      fc.property(fc.integer({ min: minimumSize, max: 1500 }), u32, u32, (size, session, sequence) => {
        writePing(memory, 8, size, session, sequence, 7, 0x6440_0001, 0xc000_0201);
        expect(isReturn(memory.u8, 12, true)).toBe(false);
        const reply = answerEcho(memory.u8.slice(12, 8 + size), ["192.0.2.1"]);
        expect(reply).toHaveLength(size - 4);
        memory.u8.set(reply!, 12);
        expect(isReturn(memory.u8, 12, true)).toBe(true);
        expect(isReturn(memory.u8, 12, false)).toBe(false);
        expect(checkRoutedFrame(memory, 8, size)).toBe(true);
        expect([sessionOf(memory, 8), sequenceOf(memory, 8), destinationOf(memory, 8)]).toEqual([
          session,
          sequence,
          0x6440_0001,
        ]);
      }),
    );
  });

  test("an alteration of any byte is seen", () => {
    const size = 203;
    for (let at = 0; at < size; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        writeFrame(memory, 0, size, 70_000, direction.down, 41, 99);
        memory.u8[at]! ^= flip;
        expect(checkFrame(memory, 0, size), `byte ${at} ^ ${flip}`).toBe(false);
      }
    }
  });

  test("a frame that was cut short or exchanged words is seen", () => {
    writeFrame(memory, 0, 400, 1, direction.up, 2, 3);
    const whole = memory.u8.slice(0, 400);
    for (let size = 0; size < 400; size++) {
      memory.u8.fill(0);
      memory.u8.set(whole.subarray(0, size));
      expect(checkFrame(memory, 0, size), `${size} bytes`).toBe(false);
    }
    memory.u8.set(whole);
    memory.u32.copyWithin(20, 24, 28);
    expect(checkFrame(memory, 0, 400)).toBe(false);
  });

  test("the IPv4 header is right", () => {
    writeFrame(memory, 0, 100, 0x1_2345, direction.up, 7, 8);
    const ip = new DataView(memory.u8.buffer, 4, 20);
    let sum = 0;
    for (let at = 0; at < 20; at += 2) sum += ip.getUint16(at);
    expect((sum & 0xffff) + (sum >>> 16)).toBe(0xffff);
    expect(ip.getUint16(2)).toBe(96);
    expect([...new Uint8Array(memory.u8.buffer, 16, 8)]).toEqual([198, 18, 0x23, 0x45, 198, 19, 0x23, 0x45]);
    expect([...memory.u8.slice(0, 4)]).toEqual([0xff, 0x03, 0x00, 0x21]);
    expect([...memory.u8.slice(24, 32)]).toEqual([0, 9, 0, 9, 0, 76, 0, 0]);
  });
});
