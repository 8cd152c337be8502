import { expect, it } from "vitest";
import { select } from "./paging.js";

const numbers = Array.from({ length: 20_000 }, (_, i) => i);

it("takes the first that are wanted, and looks no further", async () => {
  let looked = 0;
  const page = { limit: 3, accept: (n: number) => n % 1000 === 999 };
  const factsOf = (n: number) => {
    looked++;
    return n === 1999 ? undefined : n;
  };
  expect(await select(numbers, page, factsOf, async (n) => `view ${n}`)).toEqual([
    "view 999",
    "view 2999",
    "view 3999",
  ]);
  expect(looked).toBe(4000);
});

it("lets the event loop turn while it looks and while it reads", async () => {
  const turnsDuring = async (work: Promise<unknown>): Promise<number> => {
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    await work;
    running = false;
    return turns;
  };
  const slow = (n: number) => {
    for (const end = performance.now() + 0.1; performance.now() < end; );
    return n;
  };
  const some = numbers.slice(0, 500);
  expect(await turnsDuring(select(some, { accept: () => false }, slow, async (n) => n))).toBeGreaterThan(10);
  expect(
    await turnsDuring(
      select(
        some,
        {},
        (n) => n,
        async (n) => slow(n),
      ),
    ),
  ).toBeGreaterThan(10);
});
