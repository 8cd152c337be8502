import { describe, expect, test } from "vitest";
import { seeds } from "../../../test/seed.js";
import { seededWords } from "../../random.js";
import { createUserTable, ownerOf } from "./users.js";

test("names are told apart", () => {
  const owners = Array.from({ length: 100_000 }, (_, index) => ownerOf(`user${index}@example.com`));
  expect(new Set(owners).size).toBe(owners.length);
  expect(owners.every((owner) => Number.isSafeInteger(owner) && owner >= 0)).toBe(true);
});

describe("the table of users", () => {
  test.each(seeds(5))("seed %i: finds what a Map finds", (seed) => {
    const next = seededWords(seed);
    const owners: number[] = [];
    const table = createUserTable((index) => owners[index]!);
    const model = new Map<number, number>();
    for (let step = 0; step < 20_000; step++) {
      const index = next() % 500;
      const known = owners[index];
      // Owners that fall into few slots, so that they push each other around.
      const owner = (next() % 64) * 65_536 + (next() % 4);
      if (next() % 2 === 0) {
        if (known !== undefined) {
          table.remove(index);
          if (model.get(known) === index) model.delete(known);
        }
        owners[index] = owner;
        table.put(index);
        model.set(owner, index);
      } else if (known !== undefined) {
        table.remove(index);
        if (model.get(known) === index) model.delete(known);
      }
      expect(table.find(owner)).toBe(model.get(owner));
    }
    for (const [owner, index] of model) expect(table.find(owner)).toBe(index);
  });
});
