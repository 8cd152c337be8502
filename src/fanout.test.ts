import { expect, it } from "vitest";
import { createFanout } from "./fanout.js";

it("gives every reader every event from now on", async () => {
  const fanout = createFanout<number>(10, lost);
  fanout.emit(0);
  const one = fanout.subscribe();
  fanout.emit(1);
  const two = fanout.subscribe();
  fanout.emit(2);
  fanout.close();
  expect(await all(one)).toEqual([1, 2]);
  expect(await all(two)).toEqual([2]);
});

it("wakes a reader that waits", async () => {
  const fanout = createFanout<string>(10, String);
  const reader = fanout.subscribe();
  const next = reader.next();
  fanout.emit("a");
  expect(await next).toEqual({ done: false, value: "a" });
  const last = reader.next();
  fanout.close();
  expect((await last).done).toBe(true);
});

it("drops the oldest of a reader that does not keep up, counts them, and says so", async () => {
  const fanout = createFanout<number>(4, lost);
  const reader = fanout.subscribe();
  for (let i = 0; i < 6; i++) fanout.emit(i);
  fanout.close();
  expect(await all(reader)).toEqual([-2, 2, 3, 4, 5]);
  expect(fanout.lost).toBe(2);
});

it("tells of the loss where it happened, and once", async () => {
  const fanout = createFanout<number>(4, lost);
  const reader = fanout.subscribe();
  for (let i = 0; i < 3; i++) fanout.emit(i);
  expect((await reader.next()).value).toBe(0);
  for (let i = 3; i < 12; i++) fanout.emit(i);
  fanout.close();
  expect(await all(reader)).toEqual([1, 2, -6, 9, 10, 11]);
  expect(fanout.lost).toBe(6);
});

it("keeps nothing for a reader that has left", async () => {
  const fanout = createFanout<number>(1, lost);
  const reader = fanout.subscribe();
  await reader.return?.();
  for (let i = 0; i < 9; i++) fanout.emit(i);
  expect(fanout.lost).toBe(0);
  expect((await reader.next()).done).toBe(true);
});

/** Events are numbers from 0; so many lost are a negative one. */
const lost = (count: number): number => -count;

async function all<T>(reader: AsyncIterable<T>): Promise<readonly T[]> {
  const events: T[] = [];
  for await (const event of reader) events.push(event);
  return events;
}
