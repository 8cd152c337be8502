import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeRadius, radiusCode } from "./radius.js";
import {
  doubtAccess,
  doubtAnswer,
  doubtRequest,
  messageAuthenticatorPlace,
  signAccess,
  signAnswer,
  signRequest,
} from "./radius-authenticator.js";
import { attributesOf } from "./radius-values.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const secret = Uint8Array.from(Buffer.from("xyzzy5461"));

const encode = (code: number, signed: boolean): Uint8Array => {
  const bytes = encodeRadius({
    code,
    identifier: 5,
    authenticator: new Uint8Array(16).fill(7),
    attributes: [
      ...(signed ? [messageAuthenticatorPlace] : []),
      ...attributesOf({ "User-Name": "bob", "NAS-Port": 3 }),
    ],
  });
  if ("malformed" in bytes) throw new Error(bytes.reason);
  return bytes;
};

test("the Access-Accept of RFC 2865 §7.1", () => {
  const bytes = hex(`
    02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00 00 00
    0e 06 c0 a8 01 03`);
  const request = hex("0f403f9473978057bd83d5cb98f4227a");
  expect(doubtAnswer(bytes, request, secret, false)).toBeUndefined();
  const signed = bytes.slice();
  signed.fill(0, 4, 20);
  signAnswer(signed, request, secret);
  expect(signed).toEqual(bytes);
  expect(doubtAnswer(bytes, request, secret, true)).toBe("message-authenticator-missing");
});

test("the Access-Accept of RFC 2865 §7.2", () => {
  const bytes = hex(`
    02 01 00 38 15 ef bc 7d ab 26 cf a3 dc 34 d9 c0 3c 86 01 a4 06 06 00 00 00 02 07 06 00 00 00 01
    08 06 ff ff ff fe 0a 06 00 00 00 02 0d 06 00 00 00 01 0c 06 00 00 05 dc`);
  expect(doubtAnswer(bytes, hex("2aee86f08d0d55969ca5978e0d3367a2"), secret, false)).toBeUndefined();
});

describe.each([
  [
    "Access-Request",
    radiusCode.accessRequest,
    signAccess,
    (bytes: Uint8Array, key: Uint8Array) => doubtAccess(bytes, key),
  ],
  [
    "CoA-Request",
    radiusCode.coaRequest,
    signRequest,
    (bytes: Uint8Array, key: Uint8Array) => doubtRequest(bytes, key, true),
  ],
  [
    "Access-Accept",
    radiusCode.accessAccept,
    (bytes: Uint8Array, key: Uint8Array) => signAnswer(bytes, new Uint8Array(16).fill(9), key),
    (bytes: Uint8Array, key: Uint8Array) => doubtAnswer(bytes, new Uint8Array(16).fill(9), key, true),
  ],
] as const)("%s", (_, code, sign, doubt) => {
  test("is believed as it was signed, and with no octet or secret changed", () => {
    const bytes = encode(code, true);
    sign(bytes, secret);
    expect(doubt(bytes, secret)).toBeUndefined();
    expect(doubt(bytes, secret.subarray(1))).toBeDefined();
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = changed[at]! ^ 0x40;
      expect(doubt(changed, secret)).toBeDefined();
    }
  });

  test("without Message-Authenticator is doubted", () => {
    const bytes = encode(code, false);
    sign(bytes, secret);
    expect(doubt(bytes, secret)).toBe("message-authenticator-missing");
  });
});

test("an accounting request is signed as RFC 2866 §3 has it, and needs no Message-Authenticator", () => {
  const bytes = encode(radiusCode.accountingRequest, false);
  signRequest(bytes, secret);
  expect(doubtRequest(bytes, secret, false)).toBeUndefined();
  bytes[30] = bytes[30]! ^ 1;
  expect(doubtRequest(bytes, secret, false)).toBe("authenticator");
});

test("a Message-Authenticator of another length is doubted, wherever it is", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 60 }), (length) => {
      fc.pre(length !== 16);
      const bytes = encodeRadius({
        code: radiusCode.coaRequest,
        identifier: 1,
        authenticator: new Uint8Array(16),
        attributes: [{ vendor: 0, type: 80, value: new Uint8Array(length) }],
      }) as Uint8Array;
      if (length > 16) signRequest(bytes, secret);
      expect(doubtRequest(bytes, secret, false)).toBeDefined();
    }),
  );
});
