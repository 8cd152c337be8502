import { describe, expect, it } from "vitest";
import { createRecent } from "./recent.js";

describe("what was used last", () => {
  const kept = () => createRecent<string>({ count: 3, bytes: 20, weigh: ({ length }) => length });

  it("is made once", () => {
    const recent = kept();
    expect(recent.get("a", () => "first")).toBe("first");
    expect(recent.get("a", () => "second")).toBe("first");
    expect([recent.count, recent.bytes]).toEqual([1, 5]);
  });

  it("stays, what was used before it goes", () => {
    const recent = kept();
    for (const key of ["a", "b", "c"]) recent.get(key, () => key);
    recent.get("a", () => "again");
    recent.get("d", () => "d");
    expect(recent.get("a", () => "again")).toBe("a");
    expect(recent.get("b", () => "again")).toBe("again");
    expect(recent.count).toBe(3);
  });

  it("is never more than was asked for, whatever it weighs", () => {
    const recent = kept();
    for (let length = 0; length < 30; length++) {
      expect(recent.get(`${length}`, () => "x".repeat(length))).toHaveLength(length);
      expect(recent.bytes).toBeLessThanOrEqual(20);
      expect(recent.count).toBeLessThanOrEqual(3);
    }
    expect([recent.count, recent.bytes]).toEqual([0, 0]);
  });

  it("is forgotten where making it fails", () => {
    const recent = kept();
    const fail = (): string => {
      throw new Error("no");
    };
    expect(() => recent.get("a", fail)).toThrow("no");
    expect(recent.count).toBe(0);
    expect(recent.get("a", () => "yes")).toBe("yes");
  });
});
