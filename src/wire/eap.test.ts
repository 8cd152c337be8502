import fc from "fast-check";
import { expect, test } from "vitest";
import { type EapPacket, eapCode, eapType, encodeEap, encodeMd5Challenge, parseEap, parseMd5Challenge } from "./eap.js";
import { isMalformed } from "./malformed.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

const identity: EapPacket = { code: eapCode.response, identifier: 7, type: eapType.identity, data: hex("6162") };

test.each<[string, EapPacket, string]>([
  ["a request", { code: eapCode.request, identifier: 7, type: eapType.identity, data: hex("") }, "01 07 0005 01"],
  ["a response", identity, "02 07 0007 01 6162"],
  ["a success", { code: eapCode.success, identifier: 7 }, "03 07 0004"],
  ["a failure", { code: eapCode.failure, identifier: 255 }, "04 ff 0004"],
])("%s, octet by octet", (_, packet, text) => {
  expect(encodeEap(packet)).toEqual(hex(text));
  expect(parseEap(hex(text))).toEqual(packet);
});

test("octets after the length are padding", () => {
  expect(parseEap(hex("02 07 0007 01 6162 ffff"))).toEqual(identity);
});

test.each([
  ["length", "01 07 00"],
  ["length", "01 07 0003"],
  ["length", "01 07 0006 00"],
  ["truncated type", "01 07 0004"],
  ["length of a result", "03 07 0005 00"],
  ["code", "05 07 0004"],
])("%s is refused", (reason, text) => {
  expect(parseEap(hex(text))).toMatchObject({ malformed: "eap", reason });
});

test("the data of an MD5-Challenge", () => {
  expect(encodeMd5Challenge({ value: hex("0102"), name: "ab" })).toEqual(hex("02 0102 6162"));
  expect(parseMd5Challenge(hex("02 0102 6162"))).toEqual({ value: hex("0102"), name: "ab" });
  for (const bad of ["", "00 61", "03 0102"]) expect(isMalformed(parseMd5Challenge(hex(bad)))).toBe(true);
});

test("encode and parse are inverse", () => {
  const identifier = fc.nat(255);
  const packet = fc.oneof(
    fc.record({
      code: fc.constantFrom(eapCode.request, eapCode.response),
      identifier,
      type: fc.nat(255),
      data: fc.uint8Array({ maxLength: 100 }),
    }),
    fc.record({ code: fc.constantFrom(eapCode.success, eapCode.failure), identifier }),
  );
  fc.assert(
    fc.property(packet, (value) => {
      expect(parseEap(encodeEap(value))).toEqual(value);
    }),
  );
});

test("whatever is accepted says the same when it is written again", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 4 }), (noise, code) => {
      if (noise.length > 3) noise.set([code, 9, 0, noise.length]);
      const packet = parseEap(noise);
      if (!isMalformed(packet)) expect(parseEap(encodeEap(packet))).toEqual(packet);
      const challenge = parseMd5Challenge(noise);
      if (!isMalformed(challenge)) expect(parseMd5Challenge(encodeMd5Challenge(challenge))).toEqual(challenge);
    }),
    { numRuns: 2000 },
  );
});
