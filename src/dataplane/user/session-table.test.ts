import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemory } from "../../system/memory.js";
import { planLayout, way } from "./layout.js";
import { createSessionTable, sessionKey } from "./session-table.js";

const capacity = { tunnels: 1, sessions: 32, ports: 1, units: 16, routes: 16 };

function createTable() {
  const layout = planLayout(capacity, 0);
  const memory = createMemory(layout.bytes);
  const table = createSessionTable(memory, layout);
  return {
    lookup: table.lookup,
    insert(key: number, slot: number) {
      memory.i32[(layout.ways >> 2) + slot * way.words + way.key] = key;
      table.insert(key, slot);
    },
    remove(key: number, slot: number) {
      table.remove(key, slot);
      memory.i32[(layout.ways >> 2) + slot * way.words + way.key] = 0;
    },
    entries: () => [...memory.u32.subarray(layout.hash >> 2, (layout.hash >> 2) + 2 ** layout.hashBits)],
  };
}

describe("session table", () => {
  it("finds what is there and nothing else, whatever came and went before", () => {
    const id = fc.integer({ min: 1, max: 0xffff });
    const keys = fc.uniqueArray(fc.tuple(id, id), { minLength: 40, maxLength: 60, selector: String });
    fc.assert(
      fc.property(keys, fc.array(fc.nat(39), { maxLength: 400, size: "max" }), (keys, steps) => {
        const table = createTable();
        const model = new Map<number, number>();
        const free = Array.from({ length: capacity.sessions }, (_, index) => index + 1);
        for (const step of steps) {
          const key = sessionKey(...keys[step]!);
          const slot = model.get(key);
          if (slot !== undefined) {
            table.remove(key, slot);
            model.delete(key);
            free.push(slot);
          } else if (free.length > 0) {
            const fresh = free.shift()!;
            table.insert(key, fresh);
            model.set(key, fresh);
          }
          for (const [known, at] of model) expect(table.lookup(known)).toBe(at);
          if (!model.has(key)) expect(table.lookup(key)).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("takes nothing away that is not there", () => {
    const table = createTable();
    table.insert(sessionKey(1, 1), 1);
    table.remove(sessionKey(1, 2), 2);
    expect(table.lookup(sessionKey(1, 1))).toBe(1);
    table.remove(sessionKey(1, 1), 1);
    table.remove(sessionKey(1, 1), 1);
    expect(table.lookup(sessionKey(1, 1))).toBe(0);
  });

  it("leaves no tombstones where none are needed", () => {
    const table = createTable();
    for (let round = 0; round < 1000; round++) {
      const key = sessionKey(1 + (round % 7), 1 + round);
      table.insert(key, 1);
      table.remove(key, 1);
    }
    expect(table.entries().every((entry) => entry === 0)).toBe(true);
  });
});
