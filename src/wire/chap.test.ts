import fc from "fast-check";
import { expect, test } from "vitest";
import { type ChapPacket, chapCode, encodeChap, parseChap } from "./chap.js";
import { isMalformed } from "./malformed.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

const challenge: ChapPacket = { code: chapCode.challenge, identifier: 7, value: hex("0a0b0c"), name: "lns" };

test.each<[string, ChapPacket, string]>([
  ["a challenge", challenge, "01 07 000b 03 0a0b0c 6c6e73"],
  [
    "a response without a name",
    { code: chapCode.response, identifier: 7, value: hex("01"), name: "" },
    "02 07 0006 01 01",
  ],
  ["a success", { code: chapCode.success, identifier: 7, message: "hi" }, "03 07 0006 6869"],
  ["a failure", { code: chapCode.failure, identifier: 255, message: "" }, "04 ff 0004"],
])("%s, octet by octet", (_, packet, text) => {
  expect(encodeChap(packet)).toEqual(hex(text));
  expect(parseChap(hex(text))).toEqual(packet);
});

test("octets after the length are padding", () => {
  expect(parseChap(hex("01 07 000b 03 0a0b0c 6c6e73 ffff"))).toEqual(challenge);
});

test.each([
  ["length", "01 07 00"],
  ["length", "01 07 0003"],
  ["length", "01 07 0006 00"],
  ["truncated value", "01 07 0004"],
  ["empty value", "01 07 0006 00 61"],
  ["value beyond packet", "02 07 0006 02 61"],
  ["code", "05 07 0004"],
])("%s is refused", (reason, text) => {
  expect(parseChap(hex(text))).toMatchObject({ malformed: "chap", reason });
});

test("encode and parse are inverse", () => {
  const identifier = fc.nat(255);
  const text = fc.string({ unit: "binary", maxLength: 60 });
  const packet = fc.oneof(
    fc.record({
      code: fc.constantFrom(chapCode.challenge, chapCode.response),
      identifier,
      value: fc.uint8Array({ minLength: 1, maxLength: 255 }),
      name: text,
    }),
    fc.record({ code: fc.constantFrom(chapCode.success, chapCode.failure), identifier, message: text }),
  );
  fc.assert(
    fc.property(packet, (value) => {
      expect(parseChap(encodeChap(value))).toEqual(value);
    }),
  );
});

test("whatever is accepted says the same when it is written again", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 4 }), (noise, code) => {
      if (noise.length > 3) noise.set([code, 9, 0, noise.length]);
      const packet = parseChap(noise);
      if (!isMalformed(packet)) expect(parseChap(encodeChap(packet))).toEqual(packet);
    }),
    { numRuns: 2000 },
  );
});
