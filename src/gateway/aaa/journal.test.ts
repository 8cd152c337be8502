import { expect, test } from "vitest";
import type { Clock } from "../clock.js";
import { silentLog } from "../log.js";
import type { Store } from "../store/types.js";
import { createJournal } from "./journal.js";

function bench() {
  const written: ReadonlyMap<string, string | undefined>[] = [];
  let wakes: (() => void)[] = [];
  let finish: ((problem?: Error) => void) | undefined;
  const store: Pick<Store, "write"> = {
    write: (changes) =>
      new Promise((resolve, reject) => {
        written.push(changes);
        finish = (problem) => (problem ? reject(problem) : resolve());
      }),
  };
  const clock: Clock = {
    now: () => 0,
    schedule: (_, wake) => {
      wakes.push(wake);
      return () => {
        wakes = wakes.filter((each) => each !== wake);
      };
    },
  };
  return {
    journal: createJournal(store as Store, clock, silentLog),
    written,
    wake: () => {
      for (const each of wakes.splice(0)) each();
    },
    async finish(problem?: Error) {
      finish?.(problem);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test("what comes together is written together, and who waits is told when it is stored", async () => {
  const { journal, written, wake, finish } = bench();
  const told: string[] = [];
  journal.put("a", "1");
  journal.put("a", "2");
  journal.remove("b");
  journal.whenStored(() => told.push("first"));
  expect(written).toEqual([]);
  wake();
  journal.put("c", "3");
  journal.whenStored(() => told.push("second"));
  wake();
  expect(written).toEqual([
    new Map([
      ["a", "2"],
      ["b", undefined],
    ]),
  ]);
  expect(told).toEqual([]);
  await finish();
  expect(told).toEqual(["first"]);
  wake();
  await finish();
  expect(written).toHaveLength(2);
  expect(told).toEqual(["first", "second"]);
});

test("a store that fails holds nobody up", async () => {
  const { journal, wake, finish } = bench();
  const told: string[] = [];
  journal.put("a", "1");
  journal.whenStored(() => told.push("told"));
  wake();
  await finish(new Error("no space left on device"));
  expect(told).toEqual(["told"]);
  expect(journal.failures).toBe(1);
});
