import fc from "fast-check";
import { expect, test } from "vitest";
import { isMalformed } from "./malformed.js";
import { encodePap, type PapPacket, papCode, parsePap } from "./pap.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

const request: PapPacket = { code: papCode.request, identifier: 7, name: "user", password: hex("70617373") };

test.each<[string, PapPacket, string]>([
  ["a request", request, "01 07 000e 04 75736572 04 70617373"],
  ["an acknowledgement", { code: papCode.ack, identifier: 7, message: "hi" }, "02 07 0007 02 6869"],
  ["a refusal", { code: papCode.nak, identifier: 255, message: "" }, "03 ff 0005 00"],
])("%s, octet by octet", (_, packet, text) => {
  expect(encodePap(packet)).toEqual(hex(text));
  expect(parsePap(hex(text))).toEqual(packet);
});

test("octets after the length are padding", () => {
  expect(parsePap(hex("01 07 000e 04 75736572 04 70617373 ffff"))).toEqual(request);
});

test("an answer without the length of a message is taken", () => {
  expect(parsePap(hex("02 07 0004"))).toEqual({ code: papCode.ack, identifier: 7, message: "" });
});

test.each([
  ["length", "01 07 00"],
  ["length", "01 07 0003"],
  ["length", "01 07 0006 00"],
  ["name beyond packet", "01 07 0004"],
  ["name beyond packet", "01 07 0006 02 61"],
  ["password beyond packet", "01 07 0006 01 61"],
  ["password beyond packet", "01 07 0009 01 61 03 6162 63"],
  ["message beyond packet", "02 07 0006 02 61 62"],
  ["code", "04 07 0004"],
])("%s is refused", (reason, text) => {
  expect(parsePap(hex(text))).toMatchObject({ malformed: "pap", reason });
});

test("encode and parse are inverse", () => {
  const identifier = fc.nat(255);
  const text = fc.string({ unit: "binary", maxLength: 60 });
  const packet = fc.oneof(
    fc.record({
      code: fc.constant(papCode.request),
      identifier,
      name: text,
      password: fc.uint8Array({ maxLength: 255 }),
    }),
    fc.record({ code: fc.constantFrom(papCode.ack, papCode.nak), identifier, message: text }),
  );
  fc.assert(
    fc.property(packet, (value) => {
      expect(parsePap(encodePap(value))).toEqual(value);
    }),
  );
});

test("whatever is accepted says the same when it is written again", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (noise, code) => {
      if (noise.length > 3) noise.set([code, 9, 0, noise.length]);
      const packet = parsePap(noise);
      if (!isMalformed(packet)) expect(parsePap(encodePap(packet))).toEqual(packet);
    }),
    { numRuns: 2000 },
  );
});
