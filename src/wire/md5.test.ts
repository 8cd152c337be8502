import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hmacMd5, md5 } from "./md5.js";

const parts = fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 4 });

test("md5 is the digest of all parts, however long", () => {
  fc.assert(
    fc.property(parts, (given) => {
      expect(Buffer.from(md5(...given))).toEqual(createHash("md5").update(Buffer.concat(given)).digest());
    }),
  );
});

test("hmacMd5 is RFC 2104's, whatever the length of the key", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 150 }), parts, (key, given) => {
      expect(Buffer.from(hmacMd5(key, ...given))).toEqual(createHmac("md5", key).update(Buffer.concat(given)).digest());
    }),
  );
});
