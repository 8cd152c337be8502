import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { seededNumbers } from "../../random.js";
import { createMemory } from "../../system/memory.js";
import { planLayout } from "./layout.js";
import { createRouteTable, type Prefix } from "./route-table.js";

const capacity = { tunnels: 1, sessions: 16, ports: 1, units: 4096, routes: 4096 };

function open() {
  const layout = planLayout(capacity, 0);
  const memory = createMemory(layout.bytes);
  return { layout, memory, table: createRouteTable(memory, layout) };
}

const covers = ({ length, words }: Prefix, address: readonly number[]): boolean =>
  words.every((word, index) => {
    const bits = Math.min(Math.max(length - 32 * index, 0), 32);
    return bits === 0 || word >>> (32 - bits) === address[index]! >>> (32 - bits);
  });

/** Few distinct bits, so that prefixes nest and addresses hit. */
function createSource(seed: number) {
  const random = seededNumbers(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const word = () => (below(2) * 0x8000_0000 + below(4) * 0x0100_0000 + below(4) * 0x100 + below(8)) | 0;
  const address = (family: 4 | 6) => Array.from({ length: family === 4 ? 1 : 4 }, word);
  const prefix = (): Prefix => {
    const family = below(2) === 0 ? 4 : 6;
    const bits = family === 4 ? 32 : 128;
    const length = below(3) === 0 ? bits : below(bits + 1);
    const words = address(family).map((value, index) => {
      const kept = Math.min(Math.max(length - 32 * index, 0), 32);
      return kept === 0 ? 0 : value & (-1 << (32 - kept));
    });
    return { family, length, words };
  };
  return { below, address, prefix };
}

describe("route table", () => {
  it.each([1, 2, 3])("answers as a list searched for the longest prefix does (seed %i)", (seed) => {
    const { table } = open();
    const { below, address, prefix } = createSource(seed);
    const routes = new Map<string, { slot: number; prefix: Prefix; unit: number }>();
    const free = Array.from({ length: 3000 }, (_, index) => index + 1);
    for (let round = 0; round < 12_000; round++) {
      const wanted = prefix();
      const name = JSON.stringify(wanted);
      const known = routes.get(name);
      if (known !== undefined) {
        table.remove(known.slot);
        routes.delete(name);
        free.push(known.slot);
      } else if (routes.size < 400 || below(2) === 0) {
        const slot = free.shift();
        if (slot === undefined) continue;
        const unit = 1 + below(4000);
        table.insert(slot, wanted, unit);
        routes.set(name, { slot, prefix: wanted, unit });
      }
      if (round % 8 !== 0) continue;
      const family = below(2) === 0 ? 4 : 6;
      const to = address(family);
      let best: { length: number; unit: number } = { length: -1, unit: 0 };
      for (const { prefix: each, unit } of routes.values()) {
        if (each.family === family && each.length > best.length && covers(each, to))
          best = { length: each.length, unit };
      }
      const found = family === 4 ? table.lookup.ipv4(to[0]!) : table.lookup.ipv6(to[0]!, to[1]!, to[2]!, to[3]!);
      expect(found).toBe(best.unit);
    }
    for (const { slot } of routes.values()) table.remove(slot);
    expect([table.lookup.ipv4(0), table.lookup.ipv6(0, 0, 0, 0)]).toEqual([0, 0]);
  });

  it("never answers a reader with another address's unit while routes come and go", async () => {
    const { layout, memory, table } = open();
    const url = new URL("../../../dist/dataplane/user/route-table.js", import.meta.url).href;
    const memoryUrl = new URL("../../../dist/system/memory.js", import.meta.url).href;
    table.insert(2000, { family: 4, length: 8, words: [0] }, 4000);
    const reader = new Worker(
      `const { workerData, parentPort } = require("node:worker_threads");
       (async () => {
         const { createRouteLookup } = await import(${JSON.stringify(url)});
         const { attachMemory } = await import(${JSON.stringify(memoryUrl)});
         const memory = attachMemory(workerData.memory);
         const lookup = createRouteLookup(memory, workerData.layout);
         parentPort.postMessage("ready");
         const { i32 } = memory;
         let wrong = 0, right = 0;
         for (let round = 0; Atomics.load(i32, workerData.layout.puntWake >> 2) === 0; round++) {
           const address = round & 1023;
           const unit = lookup.ipv4(address);
           // A host's own unit, or that of the prefix above it.
           if (unit === address + 1) right++;
           else if (unit !== 4000) wrong++;
         }
         parentPort.postMessage({ wrong, right });
       })();`,
      { eval: true, workerData: { memory: memory.shared, layout } },
    );
    const next = () => new Promise<unknown>((resolve) => reader.once("message", resolve));
    await next();
    const random = seededNumbers(5);
    const present = new Set<number>();
    // Slots are not used again here: that is what the grace period is for.
    const started = performance.now();
    for (let round = 0; round < 400_000 && performance.now() - started < 1500; round++) {
      const address = Math.floor(random() * 1024);
      if (present.delete(address)) table.remove(address + 1);
      else {
        table.insert(address + 1, { family: 4, length: 32, words: [address] }, address + 1);
        present.add(address);
      }
    }
    const result = next();
    Atomics.store(memory.i32, layout.puntWake >> 2, 1);
    expect(await result).toEqual({ wrong: 0, right: expect.any(Number) });
    await reader.terminate();
  });
});
