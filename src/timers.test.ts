import fc from "fast-check";
import { expect, test } from "vitest";
import { cancel, popDue, schedule, type Timed } from "./timers.js";

test("items come out in the order of their deadlines, whatever was moved or cancelled before", () => {
  const operation = fc.tuple(fc.nat(20), fc.option(fc.nat(1000), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const timers: Timed[] = [];
      const items = Array.from({ length: 21 }, (): Timed => ({ due: 0, slot: -1 }));
      const expected = new Map<Timed, number>();
      for (const [index, due] of operations) {
        const item = items[index]!;
        if (due === undefined) {
          cancel(timers, item);
          expected.delete(item);
        } else {
          schedule(timers, item, due);
          expected.set(item, due);
        }
        timers.forEach((each, slot) => {
          expect(each.slot).toBe(slot);
        });
      }
      expect(popDue(timers, -1)).toBeUndefined();
      const out: number[] = [];
      for (let item = popDue(timers, 1000); item; item = popDue(timers, 1000)) {
        out.push(item.due);
        expect(item.slot).toBe(-1);
      }
      expect(out).toEqual([...expected.values()].sort((a, b) => a - b));
    }),
  );
});
