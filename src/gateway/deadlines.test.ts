import { expect, it } from "vitest";
import { createDeadlines } from "./deadlines.js";

it("is due when it is time and not before", () => {
  const deadlines = createDeadlines<string>();
  deadlines.set("later", 1001);
  deadlines.set("soon", 101);
  expect(deadlines.next()).toBe(150);
  expect(deadlines.due(149)).toEqual([]);
  expect(deadlines.due(150)).toEqual(["soon"]);
  expect(deadlines.next()).toBe(1050);
  expect(deadlines.due(5000)).toEqual(["later"]);
  expect(deadlines.next()).toBeUndefined();
});

it("forgets what is cleared", () => {
  const deadlines = createDeadlines<string>();
  const slot = deadlines.set("a", 100);
  deadlines.set("b", 100);
  deadlines.set("c", 200);
  deadlines.clear("a", slot);
  deadlines.clear("a", slot);
  expect(deadlines.size).toBe(2);
  expect(deadlines.due(100)).toEqual(["b"]);
  expect(deadlines.next()).toBe(200);
});

it("gives what is due in order, however late it is asked", () => {
  const deadlines = createDeadlines<number>();
  for (const at of [500, 100, 300, 200, 400]) deadlines.set(at, at);
  expect(deadlines.due(1000)).toEqual([100, 200, 300, 400, 500]);
});
