import { expect, test } from "vitest";
import { seed } from "../../../test/seed.js";
import { seededWords } from "../../random.js";
import { createXdpMemory } from "../memory.js";
import { errno } from "./access.js";
import { attachMap } from "./attach.js";
import { createMapStore } from "./store.js";

const ringStore = () => {
  const memory = createXdpMemory(1 << 20);
  return {
    memory,
    maps: createMapStore({ memory, region: { start: 65536, bytes: 900_000 }, cpus: 2, perfBytes: 4096 }),
  };
};

test("records of a ring buffer come out once, whole and in order; a busy one holds back those after it", () => {
  const { memory, maps } = ringStore();
  const map = maps.create({ name: "r", type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 });
  const access = attachMap(memory, map.record, 0);
  const random = seededWords(seed);
  const expected: string[] = [];
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    if (random() % 8 === 0) map.consume((data) => expect(data.join()).toBe(expected.shift()));
    const bytes = random() % 300;
    const at = access.reserve(bytes);
    if (at === 0) {
      refused++;
      expect(access.query(0) + bytes + 16).toBeGreaterThan(4096);
      continue;
    }
    const data = Uint8Array.from({ length: bytes }, () => random());
    memory.u8.set(data, at);
    if (random() % 5 === 0) access.discard(at, 0);
    else {
      access.submit(at, 0);
      expected.push(data.join());
    }
  }
  map.consume((data) => expect(data.join()).toBe(expected.shift()));
  expect(expected).toEqual([]);
  expect(refused).toBeGreaterThan(0);
  const first = access.reserve(8);
  const second = access.reserve(8);
  access.submit(second, 0);
  expect(map.consume(() => {})).toBe(0);
  const [wake] = map.wakeWords();
  const before = memory.i32[wake!]!;
  access.submit(first, 0);
  expect(memory.i32[wake!]).toBe(before + 1);
  expect(map.consume(() => {})).toBe(2);
  expect([access.reserve(4096), access.reserve(-1), access.query(1)]).toEqual([0, 0, 4096]);
});

test("a ring whose header was spoilt is emptied, not followed", () => {
  const { memory, maps } = ringStore();
  const map = maps.create({ name: "r", type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 });
  const access = attachMap(memory, map.record, 0);
  const at = access.reserve(8);
  access.submit(at, 0);
  memory.u32[(at - 8) >>> 2] = 0x3fff_ffff;
  expect(map.consume(() => expect.unreachable())).toBe(0);
  expect(map.lost()).toBe(1);
  const again = access.reserve(8);
  access.submit(again, 0);
  expect(map.consume(() => {})).toBe(1);
});

test("perf events go to the ring of their own CPU, and what finds no room is counted", () => {
  const { memory, maps } = ringStore();
  const map = maps.create({ name: "p", type: "perf_event_array", keySize: 4, valueSize: 4, maxEntries: 0, flags: 0 });
  expect(map.spec.maxEntries).toBe(2);
  const access = attachMap(memory, map.record, 1);
  memory.u8.set([1, 2, 3], 4096);
  memory.u8.set([9, 8], 5000);
  expect(access.perfOutput(0xffff_ffff, 4096, 3, 5000, 2)).toBe(0);
  expect(access.perfOutput(0, 4096, 3, 5000, 2)).toBe(-errno.EOPNOTSUPP);
  expect(access.perfOutput(2, 4096, 3, 5000, 2)).toBe(-errno.E2BIG);
  const seen: [string, number][] = [];
  map.consume((data, cpu) => seen.push([data.join(), cpu]));
  expect(seen).toEqual([["1,2,3,9,8", 1]]);
  let sent = 0;
  while (access.perfOutput(1, 4096, 100, 0, 0) === 0) sent++;
  expect(map.lost()).toBe(1);
  expect(map.consume(() => {})).toBe(sent);
});
