import { expect, it } from "vitest";
import { createEventStream } from "./events.js";

/** Milliseconds to emit and read so many events. */
async function time(count: number): Promise<number> {
  const stream = createEventStream();
  const reader = stream.subscribe();
  const start = performance.now();
  for (let port = 0; port < count; port++) stream.emit({ type: "port-opened", port });
  stream.close();
  let next = 0;
  for await (const event of reader) expect(event.type === "port-opened" && event.port === next++).toBe(true);
  expect(next).toBe(count);
  return performance.now() - start;
}

it("reads out a long queue in a time that grows with its length", async () => {
  await time(20_000);
  const short = await time(20_000);
  expect(await time(200_000)).toBeLessThan(40 * short);
});

it("keeps so many and says how many went before", async () => {
  const stream = createEventStream();
  const reader = stream.subscribe();
  const count = 600_000;
  for (let port = 0; port < count; port++) stream.emit({ type: "port-opened", port });
  stream.close();
  const events = [];
  for await (const event of reader) events.push(event);
  const [first, second] = events;
  expect(first).toEqual({ type: "lost", count: stream.lost });
  expect(second).toEqual({ type: "port-opened", port: stream.lost });
  expect(events.length - 1 + stream.lost).toBe(count);
  expect(events.length).toBeLessThanOrEqual((1 << 18) + 1);
});
