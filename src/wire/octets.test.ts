import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeText, encodeText, putU16, putU32, u16, u32 } from "./octets.js";

const guard = 0xee;

/** What `encodeText` writes, which is nothing outside of its room. */
function encoded(text: string, room = 3 * text.length): Uint8Array {
  const into = new Uint8Array(room + 8).fill(guard);
  const length = encodeText(into, 4, room, text);
  const outside = [...into.subarray(0, 4), ...into.subarray(4 + length)];
  expect(outside.every((octet) => octet === guard)).toBe(true);
  return into.slice(4, 4 + length);
}

test("any octets survive as text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      expect(encoded(decodeText(octets, 0, octets.length))).toEqual(octets);
    }),
    { numRuns: 1000 },
  );
});

test("any well-formed text survives as octets, and reads as what it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      expect(encoded(text)).toEqual(new TextEncoder().encode(text));
      const octets = encoded(text);
      expect(decodeText(octets, 0, octets.length)).toBe(text);
    }),
  );
});

test("text is cut to its room at a character", () => {
  expect(encoded("aé", 2)).toEqual(Uint8Array.of(0x61));
  expect(encoded("abc", 2)).toEqual(Uint8Array.of(0x61, 0x62));
});

test("numbers", () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.integer({ min: 0, max: 0xffffffff }), (short, long) => {
      const bytes = new Uint8Array(6);
      putU16(bytes, 0, short);
      putU32(bytes, 2, long);
      expect([u16(bytes, 0), u32(bytes, 2)]).toEqual([short, long]);
    }),
  );
});
