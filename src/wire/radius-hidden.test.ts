import fc from "fast-check";
import { expect, test } from "vitest";
import { hidePassword, hideSalted, longestPassword, revealPassword, revealSalted } from "./radius-hidden.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));
const octets = (maxLength: number, minLength = 0) => fc.uint8Array({ minLength, maxLength });

test("the password of RFC 2865 §7.1", () => {
  const authenticator = hex("0f403f9473978057bd83d5cb98f4227a");
  const hidden = hidePassword(text("arctangent"), text("xyzzy5461"), authenticator)!;
  expect(hidden).toEqual(hex("0dbe708d93d413ce3196e43f782a0aee"));
  expect(revealPassword(hidden, text("xyzzy5461"), authenticator)).toEqual(text("arctangent"));
});

test("a password is hidden in whole blocks, and comes back", () => {
  fc.assert(
    fc.property(octets(longestPassword), octets(40), octets(16, 16), (password, secret, authenticator) => {
      fc.pre(password.at(-1) !== 0);
      const hidden = hidePassword(password, secret, authenticator)!;
      expect(hidden.length).toBe(Math.max(16, Math.ceil(password.length / 16) * 16));
      expect(revealPassword(hidden, secret, authenticator)).toEqual(password);
    }),
  );
});

test("a password that is too long is refused", () => {
  expect(hidePassword(new Uint8Array(129), text("x"), new Uint8Array(16))).toBeUndefined();
});

test("what is hidden with a salt comes back, and with another secret hardly ever", () => {
  fc.assert(
    fc.property(octets(200), octets(40), octets(16, 16), octets(2, 2), (plain, secret, authenticator, salt) => {
      const hidden = hideSalted(plain, salt, secret, authenticator);
      expect(hidden.length % 16).toBe(2);
      expect(revealSalted(hidden, secret, authenticator)).toEqual(plain);
    }),
  );
});

test("whatever bytes come, revealing stays within them", () => {
  fc.assert(
    fc.property(octets(260), octets(10), octets(16, 16), (value, secret, authenticator) => {
      const revealed = revealSalted(value, secret, authenticator);
      if (revealed) expect(revealed.length).toBeLessThan(value.length - 2);
      const password = revealPassword(value, secret, authenticator);
      if (password) expect(password.length).toBeLessThanOrEqual(value.length);
    }),
  );
});
