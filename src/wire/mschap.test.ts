import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { md4 } from "./md4.js";
import {
  challengeHash,
  challengeResponse,
  generateAuthenticatorResponse,
  generateNtResponse,
  hashNtPasswordHash,
  mschapResponse,
  mschapv2Parts,
  mschapv2Response,
  ntPasswordHash,
  ntResponseOfMschap,
} from "./mschap.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const plain = (bytes: Uint8Array | undefined): Uint8Array => Uint8Array.from(bytes ?? []);

test.each([
  ["", "31d6cfe0d16ae931b73c59d7e0c089c0"],
  ["a", "bde52cb31de33e46245e05fbdbd6fb24"],
  ["abc", "a448017aaf21d8525fc10ae87aa6729d"],
  ["message digest", "d9130a8164549fe818874806e1c7014b"],
  ["abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"],
  ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "043f8582f241db351ce627e153e7f0e4"],
  ["1234567890".repeat(8), "e33b4ddc9c38f2199c3e7b164fcc0536"],
])("MD4 of %j (RFC 1320 §A.5)", (text, digest) => {
  expect(md4(octets(text))).toEqual(hex(digest));
});

describe("MS-CHAPv2 (RFC 2759 §9.2)", () => {
  const userName = "User";
  const password = octets("clientPass");
  const authenticatorChallenge = hex("5B5D7C7D7B3F2F3E3C2C602132262628");
  const peerChallenge = hex("21402324255E262A28295F2B3A337C7E");
  const ntResponse = hex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF");

  test("each digest", () => {
    expect(plain(challengeHash(peerChallenge, authenticatorChallenge, userName))).toEqual(hex("D02E4386BCE91226"));
    expect(ntPasswordHash(password)).toEqual(hex("44EBBA8D5312B8D611474411F56989AE"));
    expect(hashNtPasswordHash(ntPasswordHash(password))).toEqual(hex("41C00C584BD2D91C4017A2A12FA59F3F"));
    expect(generateNtResponse(authenticatorChallenge, peerChallenge, userName, password)).toEqual(ntResponse);
    expect(generateAuthenticatorResponse(password, ntResponse, peerChallenge, authenticatorChallenge, userName)).toBe(
      "S=407A5589115FD0D6209F510FE9C04566932CDA56",
    );
  });

  test("a domain before the name does not count", () => {
    expect(generateNtResponse(authenticatorChallenge, peerChallenge, "BIGCO\\User", password)).toEqual(ntResponse);
  });

  test("the value holds both parts", () => {
    const parts = mschapv2Parts(mschapv2Response(peerChallenge, ntResponse));
    expect([plain(parts.peerChallenge), plain(parts.ntResponse)]).toEqual([peerChallenge, ntResponse]);
  });
});

describe("MS-CHAP (RFC 2433 §B.2)", () => {
  const ntResponse = hex("4e9d3c8f9cfd385d5bf4d3246791956ca4c351ab409a3d61");

  test("the response to a challenge", () => {
    const passwordHash = ntPasswordHash(octets("MyPw"));
    expect(passwordHash).toEqual(hex("fc156af7edcd6c0edde3337d427f4eac"));
    expect(challengeResponse(hex("102db5df085d3041"), passwordHash)).toEqual(ntResponse);
  });

  test("the value holds it, and says whether", () => {
    const value = mschapResponse(ntResponse);
    expect(plain(ntResponseOfMschap(value))).toEqual(ntResponse);
    value[48] = 0;
    expect(ntResponseOfMschap(value)).toBeUndefined();
    expect(ntResponseOfMschap(value.subarray(1))).toBeUndefined();
  });
});

test("no name, password or length of challenge is too odd for the digests", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.string({ unit: "binary" }),
      fc.uint8Array({ maxLength: 300 }),
      (ours, theirs, name, password) => {
        expect(generateNtResponse(ours, theirs, name, password)).toHaveLength(24);
      },
    ),
  );
});
