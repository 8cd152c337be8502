import { assert, integer, property, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { distance, encode, modulus, parse } from "./multilink.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("multilink header (RFC 1990 §3)", () => {
  it("has 24-bit sequence numbers in the long form", () => {
    const part = Uint8Array.of(0x21, 0x45);
    expect(hex(encode({ begin: true, end: false, sequence: 0x012345, part }, false))).toBe("800123452145");
    expect(hex(encode({ begin: false, end: true, sequence: 0xffffff, part }, false))).toBe("40ffffff2145");
  });

  it("has 12-bit sequence numbers in the short form", () => {
    const part = Uint8Array.of(0x21);
    expect(hex(encode({ begin: true, end: true, sequence: 0x123, part }, true))).toBe("c12321");
    expect(hex(encode({ begin: false, end: false, sequence: 0xfff, part }, true))).toBe("0fff21");
  });

  it("is read as it was written", () => {
    const bytes = uint8Array({ maxLength: 20 });
    assert(
      property(integer({ min: 0, max: 15 }), integer({ min: 0, max: 0xff_ffff }), bytes, (bits, number, part) => {
        const short = (bits & 4) !== 0;
        const begin = (bits & 1) !== 0;
        const fragment = { begin, end: (bits & 2) !== 0, sequence: number % modulus(short), part };
        expect(parse(encode(fragment, short), short)).toEqual(fragment);
      }),
    );
  });

  it("is refused when it is cut short", () => {
    expect(parse(Uint8Array.of(0xc0, 0, 0), false)).toMatchObject({ malformed: "multilink", value: 3 });
    expect(parse(Uint8Array.of(0xc0), true)).toMatchObject({ malformed: "multilink", value: 1 });
    expect(parse(Uint8Array.of(0xff, 0xff), true)).toMatchObject({ sequence: 0xfff });
  });

  it("compares sequence numbers across the end of their space", () => {
    expect(distance(3, 0xff_fffe, false)).toBe(5);
    expect(distance(0xff_fffe, 3, false)).toBe(-5);
    expect(distance(3, 0xffe, true)).toBe(5);
    expect(distance(0xffe, 3, true)).toBe(-5);
    expect(distance(0x7ff, 0, true)).toBe(0x7ff);
    expect(distance(0x800, 0, true)).toBe(-0x800);
  });
});
