import fc from "fast-check";
import { expect, it } from "vitest";
import { compileGlob } from "./glob.js";

it.each([
  ["*", "", true],
  ["*", "anything", true],
  ["0049*", "004930123", true],
  ["0049*", "0033", false],
  ["*.example", "a.b.example", true],
  ["*.example", "example", false],
  ["a?c", "abc", true],
  ["a?c", "ac", false],
  ["a*b*c", "a--b--b--c", true],
  ["a*b*c", "a--c--b", false],
  ["[a-c]x", "bx", true],
  ["[!a-c]x", "bx", false],
  ["[]]", "]", true],
  ["[!]]", "]", false],
  ["[-+]4", "+4", true],
  ["[ab", "[ab", true],
  ["\\*", "*", true],
  ["\\*", "a", false],
  ["", "", true],
  ["", "a", false],
  ["a.c", "abc", false],
])("%s on %s: %s", (pattern, text, expected) => {
  expect(compileGlob(pattern)(text)).toBe(expected);
});

it("ignores letter case if told to", () => {
  expect(compileGlob("*.Example", true)("A.EXAMPLE")).toBe(true);
  expect(compileGlob("*.Example")("a.example")).toBe(false);
});

it("matches as a regular expression would", () => {
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
  fc.assert(
    fc.property(pattern, text, (glob, subject) => {
      const expression = new RegExp(`^${glob.replaceAll("*", ".*").replaceAll("?", ".")}$`);
      expect(compileGlob(glob)(subject)).toBe(expression.test(subject));
    }),
  );
});

it("takes no longer for a text that was made to take long", () => {
  const match = compileGlob("*a*a*a*a*a*a*a*a*a*a*a*a*b");
  const started = performance.now();
  expect(match("a".repeat(1000))).toBe(false);
  // It is under a millisecond; backtracking would take years.
  expect(performance.now() - started).toBeLessThan(5000);
});
