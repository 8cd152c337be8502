import { expect, test } from "vitest";
import { createSpace } from "./space.js";
import { ownerOf } from "./users.js";

test("what was claimed far ahead and given back takes its place in time among the others", () => {
  const space = createSpace(4501, { quarantine: 100, sticky: false });
  space.claim(4500, 1);
  space.give(4500, 1, 0);
  for (let index = 0; index < 4500; index++) expect(space.take(2, 50)).toBe(index);
  for (let index = 0; index < 4500; index++) space.give(index, 2, 60);
  expect(space.take(3, 99)).toBeUndefined();
  expect(space.take(3, 100)).toBe(4500);
  expect(space.take(3, 159)).toBeUndefined();
  expect(space.take(3, 160)).toBe(0);
});

test("memory does not go with the size, nor with users who never come back", () => {
  const space = createSpace(2 ** 30, { quarantine: 0, sticky: true });
  const before = process.memoryUsage().arrayBuffers;
  space.claim(2 ** 29, 1);
  for (let user = 2; user < 200_000; user++) {
    const owner = ownerOf(`user${user}`);
    space.give(space.take(owner, user)!, owner, user);
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8e6);
  expect(space.used()).toBe(1);
});
