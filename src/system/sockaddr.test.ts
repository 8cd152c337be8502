import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSocketAddress, encodeSocketAddress, isWildcard, splitSocketAddress } from "./index.js";

const round = (text: string) => {
  const bytes = encodeSocketAddress(text);
  return decodeSocketAddress(new DataView(bytes.buffer), 0);
};

describe("socket addresses", () => {
  it.each([
    ["192.0.2.1:1701", [2, 0, 6, 165, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["[2001:db8::1]:1", [10, 0, 0, 1, 0, 0, 0, 0, 32, 1, 13, 184, ...new Array(11).fill(0), 1, 0, 0, 0, 0]],
  ])("%s has the kernel's bytes", (text, bytes) => {
    expect([...encodeSocketAddress(text as string)]).toEqual(bytes);
    expect(round(text as string)).toBe(text);
  });

  it.each([
    ["[::]:0", "[::]:0"],
    ["[::ffff:192.0.2.1]:5", "[::ffff:c000:201]:5"],
    ["[2001:DB8:0:0:1:0:0:1]:9", "[2001:db8::1:0:0:1]:9"],
    ["[fe80::1%3]:7", "[fe80::1%3]:7"],
  ])("%s is written %s (RFC 5952)", (text, canonical) => {
    expect(round(text)).toBe(canonical);
  });

  it.each(["", "1.2.3.4", "1.2.3:1", "1.2.3.4:65536", "::1:5", "[::1]", "[1.2.3.4]:5", "host:1", "1.2.3.4:"])(
    "refuses %j",
    (text) => {
      expect(() => splitSocketAddress(text)).toThrow(/is no socket address/);
    },
  );

  it("is the identity on every address", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6().map((host) => `[${host}]`),
        ),
        fc.nat(0xffff),
        (host, port) => {
          const once = round(`${host}:${port}`)!;
          expect(round(once)).toBe(once);
          expect([...encodeSocketAddress(once)]).toEqual([...encodeSocketAddress(`${host}:${port}`)]);
        },
      ),
    );
  });

  it("knows wildcards", () => {
    expect(["0.0.0.0:1701", "[::]:0", "127.0.0.1:0", "[::1]:0"].map(isWildcard)).toEqual([true, true, false, false]);
  });
});
