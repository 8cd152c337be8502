import { expect, test } from "vitest";
import { assembleXdp } from "../library/source.js";
import { withMaxEntries } from "./sizes.js";

const object = assembleXdp(
  { one: "r1 = map[first] ll\nr0 = 2\nexit" },
  {
    maps: {
      first: { type: "hash", maxEntries: 8 },
      second: { type: "hash", maxEntries: 8 },
      ".data": { type: "array", initial: new Uint8Array(4) },
    },
  },
);

test("a map has as many entries as was asked for, for the object and its programs alike", () => {
  const other = withMaxEntries(object, { first: 4096 });
  expect(other.maps.map(({ name, maxEntries }) => [name, maxEntries])).toContainEqual(["first", 4096]);
  expect(other.maps.find(({ name }) => name === "second")).toBe(object.maps.find(({ name }) => name === "second"));
  const [program] = other.programs;
  expect(program!.maps.find(({ name }) => name === "first")).toBe(other.maps.find(({ name }) => name === "first"));
  expect(program!.insns).toBe(object.programs[0]!.insns);
});

test.each([
  ["third", /max_entries: there is no map third.*maps are (first, second|second, first)/],
  [".data", /max_entries: \.data holds global variables/],
])("of %s there is an error that names the maps", (name, message) => {
  let thrown: unknown;
  try {
    withMaxEntries(object, { [name]: 2 });
  } catch (error) {
    thrown = error;
  }
  const { problem, hint } = thrown as { problem: string; hint?: string };
  expect(`${problem}: ${hint ?? ""}`).toMatch(message);
});
