import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkData, encodeData, parseControlHeader, parseData, payloadAt, payloadEnd } from "./l2tp2.js";
import { isMalformed } from "./malformed.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const u16 = fc.nat(0xffff);

describe("data messages", () => {
  test("the shortest header", () => {
    const bytes = encodeData({ tunnelId: 7, sessionId: 9 }, hex("ff03 c021"));
    expect(bytes).toEqual(hex("0002 0007 0009 ff03 c021"));
  });

  test("every optional field", () => {
    const header = { tunnelId: 1, sessionId: 2, sequence: { ns: 3, nr: 4 }, length: true, priority: true, offset: 2 };
    const bytes = encodeData(header, hex("c021"));
    expect(bytes).toEqual(hex("4b02 0012 0001 0002 0003 0004 0002 0000 c021"));
    expect(parseData(bytes)).toEqual({ ...header, payload: hex("c021") });
  });

  test.each([
    ["truncated header", "0002 0007 00"],
    ["version", "0003 0007 0009"],
    ["control message where data is expected", "8002 0007 0009"],
    ["length beyond datagram", "4002 0009 0007 0009"],
    ["header beyond length", "4002 0007 0007 0009"],
    ["header beyond length", "0202 0007 0009 0001"],
  ])("%s is refused", (reason, text) => {
    expect(parseData(hex(text))).toMatchObject({ malformed: "l2tp", reason });
  });

  test("encode and parse are inverse", () => {
    const header = fc.record({
      tunnelId: u16,
      sessionId: u16,
      sequence: fc.option(fc.record({ ns: u16, nr: u16 }), { nil: undefined }),
      length: fc.boolean(),
      priority: fc.boolean(),
      offset: fc.option(fc.nat(40), { nil: undefined }),
    });
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 80 }), (head, payload) => {
        expect(parseData(encodeData(head, payload))).toEqual({ ...head, payload });
      }),
    );
  });

  test("whatever passes the check has its payload inside the frame", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), fc.constantFrom(0x00, 0x02, 0x40, 0x42, 0x4a), (noise, flags) => {
        if (noise.length > 2) noise.set([flags, 2]);
        const view = new DataView(noise.buffer, noise.byteOffset, noise.length);
        if (checkData(view, 0, noise.length)) return;
        const begin = payloadAt(view, 0);
        const end = payloadEnd(view, 0, noise.length);
        expect(begin).toBeLessThanOrEqual(end);
        expect(end).toBeLessThanOrEqual(noise.length);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("control header", () => {
  test("reserved bits and octets after Length do not matter", () => {
    expect(parseControlHeader(hex("f8f2 000c 0001 0002 0003 0004 ffff"))).toEqual({
      tunnelId: 1,
      sessionId: 2,
      ns: 3,
      nr: 4,
      length: 12,
    });
  });

  test.each([
    ["truncated header", "c802 000c 0001 0002 0003 00"],
    ["version", "c803 000c 0001 0002 0003 0004"],
    ["flags of a control message", "8802 000c 0001 0002 0003 0004"],
    ["flags of a control message", "ca02 000c 0001 0002 0003 0004"],
    ["length beyond datagram", "c802 000d 0001 0002 0003 0004"],
    ["length within header", "c802 000b 0001 0002 0003 0004"],
  ])("%s is refused", (reason, text) => {
    const header = parseControlHeader(hex(text));
    expect(isMalformed(header) && header.reason).toBe(reason);
  });
});
