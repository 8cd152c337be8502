import { describe, expect, test } from "vitest";
import { long, seed } from "../../../test/seed.js";
import { seededWords } from "../../random.js";
import { createXdpMemory } from "../memory.js";
import type { MapSpec, MapTypeName } from "../spec.js";
import { createMapStore, type MapStoreOptions } from "./store.js";

const rounds = long ? 200_000 : 8_000;

const store = (options: Partial<MapStoreOptions> = {}) =>
  createMapStore({
    memory: createXdpMemory(1 << 26),
    region: { start: 65536, bytes: (1 << 26) - 65536 },
    cpus: 3,
    ...options,
  });

const spec = (type: MapTypeName, more: Partial<MapSpec> = {}): MapSpec => ({
  name: "m",
  type,
  keySize: 4,
  valueSize: 8,
  maxEntries: 16,
  flags: type === "lpm_trie" ? 1 : 0,
  ...more,
});

const bytes = (...values: number[]) => Uint8Array.from(values);
const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

const code = (work: () => void): string => {
  try {
    work();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return "ok";
};

describe.each(["hash", "percpu_hash", "lru_hash", "lru_percpu_hash"] as const)("%s", (type) => {
  test.each([1, 3, 4, 6, 8, 20, 37])("keys of %i bytes do as a Map does", (keySize) => {
    const lru = type.startsWith("lru");
    const maps = store();
    const map = maps.create(spec(type, { keySize, valueSize: 12, maxEntries: 60 }));
    const model = new Map<string, string>();
    const random = seededWords(seed + keySize);
    for (let round = 0; round < rounds; round++) {
      const key = new Uint8Array(keySize).fill(7);
      key[random() % keySize] = random() % (lru ? 7 : 90);
      const name = key.join();
      const value = Uint8Array.from({ length: map.userValueSize }, (_, at) => (at % 16 < 12 ? random() : 0));
      const flags = random() % 3;
      switch (random() % 4) {
        case 0:
        case 1: {
          const expected =
            flags === 1 && model.has(name)
              ? "EEXIST"
              : flags === 2 && !model.has(name)
                ? "ENOENT"
                : model.size >= 60 && !model.has(name)
                  ? "E2BIG"
                  : "ok";
          if (lru && expected === "E2BIG") break;
          expect(code(() => map.update(key, value, flags))).toBe(expected);
          if (expected === "ok") model.set(name, value.join());
          break;
        }
        case 2:
          expect(map.delete(key)).toBe(model.delete(name));
          break;
        default:
          expect(map.lookup(key)?.join()).toBe(model.get(name));
      }
      expect(map.count).toBe(model.size);
    }
    expect(new Map([...map.entries()].map(([key, value]) => [key.join(), value.join()]))).toEqual(model);
    let seen = 0;
    for (let key = map.nextKey(); key !== undefined; key = map.nextKey(key)) seen++;
    expect(seen).toBe(model.size);
    map.clear();
    expect(map.count).toBe(0);
    const before = maps.free;
    map.release();
    expect(maps.free).toBeGreaterThan(before);
  });
});

test("an LRU map takes any number of keys and keeps those in use", () => {
  const map = store().create(spec("lru_hash", { maxEntries: 100 }));
  for (let key = 0; key < 10_000; key++) {
    map.update(u32(key), u32(key).length === 4 ? new Uint8Array(8).fill(key) : bytes());
    expect(map.lookup(u32(key))).toBeDefined();
    expect(map.count).toBeLessThanOrEqual(100);
  }
  expect(map.count).toBe(100);
});

describe("lpm_trie", () => {
  test.each([
    [1, 3],
    [4, 20],
    [4, 300],
    [4, 2000],
    [16, 300],
    [33, 100],
  ])("%i bytes of data, %i prefixes, does as a search of all prefixes does", (dataBytes, maxEntries) => {
    const random = seededWords(seed + maxEntries);
    const map = store().create(spec("lpm_trie", { keySize: 4 + dataBytes, maxEntries }));
    const model = new Map<string, { length: number; data: Uint8Array; value: string }>();
    const bit = (data: Uint8Array, at: number) => ((data[at >>> 3] as number) >>> (7 - (at & 7))) & 1;
    const matches = (one: Uint8Array, other: Uint8Array, length: number) => {
      for (let at = 0; at < length; at++) if (bit(one, at) !== bit(other, at)) return false;
      return true;
    };
    const pool: Uint8Array[] = [];
    const randomData = () => {
      const held = pool[random() % 64];
      const data = Uint8Array.from({ length: dataBytes }, () => random());
      if (held !== undefined) {
        // Shares bits with one that was there before.
        const same = random() % (dataBytes * 8);
        for (let at = 0; at < same; at++) {
          const mask = 0x80 >>> (at & 7);
          data[at >>> 3] = ((data[at >>> 3] as number) & ~mask) | ((held[at >>> 3] as number) & mask);
        }
      }
      if (pool.length < 64) pool.push(data);
      return data;
    };
    for (let round = 0; round < rounds / 2; round++) {
      const data = randomData();
      const length = random() % (dataBytes * 8 + 1);
      const full = random() % 4 !== 0;
      const key = new Uint8Array(4 + dataBytes);
      key.set(u32(length));
      key.set(data, 4);
      const exact = data.map((byte, at) =>
        length >= at * 8 + 8 ? byte : length <= at * 8 ? 0 : byte & (0xff00 >> (length & 7)),
      );
      const name = `${length}/${exact.join()}`;
      const what = random() % 5;
      if (what < 2) {
        const value = Uint8Array.from({ length: 8 }, () => random());
        const expected = model.size >= maxEntries && !model.has(name) ? "ENOSPC" : "ok";
        expect(code(() => map.update(key, value))).toBe(expected);
        if (expected === "ok") model.set(name, { length, data: exact, value: value.join() });
      } else if (what === 2) {
        const names = [...model.keys()];
        const victim = names[random() % Math.max(names.length, 1)];
        if (victim === undefined || random() % 4 === 0) expect(map.delete(key)).toBe(model.delete(name));
        else {
          const { length: bits, data: held } = model.get(victim)!;
          key.set(u32(bits));
          key.set(held, 4);
          expect(map.delete(key)).toBe(true);
          model.delete(victim);
        }
      } else {
        const limit = full ? dataBytes * 8 : length;
        key.set(u32(limit));
        let best: { length: number; value: string } | undefined;
        for (const one of model.values()) {
          if (
            one.length <= limit &&
            matches(one.data, data, one.length) &&
            (best === undefined || one.length > best.length)
          )
            best = one;
        }
        expect(map.lookup(key)?.join()).toBe(best?.value);
      }
      expect(map.count).toBe(model.size);
    }
    expect([...map.entries()].map(([, value]) => value.join()).sort()).toEqual(
      [...model.values()].map(({ value }) => value).sort(),
    );
    map.clear();
    expect(map.count).toBe(0);
  });
});

test("arrays", () => {
  const maps = store();
  const array = maps.create(spec("array", { valueSize: 5, initial: bytes(9, 9, 9, 9, 9), maxEntries: 3 }));
  expect(array.lookup(u32(0))).toEqual(bytes(9, 9, 9, 9, 9));
  array.update(u32(2), bytes(1, 2, 3, 4, 5));
  expect(array.lookup(u32(2))).toEqual(bytes(1, 2, 3, 4, 5));
  expect(array.lookup(u32(3))).toBeUndefined();
  expect(code(() => array.update(u32(3), bytes(1, 2, 3, 4, 5)))).toBe("E2BIG");
  expect(code(() => array.update(u32(1), bytes(1, 2, 3, 4, 5), 1))).toBe("EEXIST");
  expect(code(() => array.update(u32(1), bytes(1, 2, 3, 4, 5), 4))).toBe("EINVAL");
  expect(code(() => array.delete(u32(1)))).toBe("EINVAL");
  expect([...array.entries()].length).toBe(3);
  array.freeze();
  expect(code(() => array.update(u32(1), bytes(1, 2, 3, 4, 5)))).toBe("EPERM");
  const perCpu = maps.create(spec("percpu_array", { valueSize: 4 }));
  expect(perCpu.userValueSize).toBe(24);
  perCpu.update(
    u32(1),
    Uint8Array.from({ length: 24 }, (_, at) => (at % 8 < 4 ? at : 0)),
  );
  expect(perCpu.lookup(u32(1))?.[17]).toBe(17);
});

test.each(["queue", "stack"] as const)("%s", (type) => {
  const map = store().create(spec(type, { keySize: 0, valueSize: 3, maxEntries: 5 }));
  const model: string[] = [];
  const random = seededWords(seed);
  for (let round = 0; round < rounds; round++) {
    if (random() % 2 === 0) {
      const value = bytes(random(), random(), random());
      const flags = random() % 3;
      const full = model.length === 5;
      expect(code(() => map.push(value, flags))).toBe(flags === 1 ? "EINVAL" : full && flags === 0 ? "E2BIG" : "ok");
      if (flags === 1 || (full && flags === 0)) continue;
      if (full) model.shift();
      model.push(value.join());
    } else {
      expect(map.peek()?.join()).toBe(type === "queue" ? model[0] : model.at(-1));
      expect(map.pop()?.join()).toBe(type === "queue" ? model.shift() : model.pop());
    }
  }
});

test("a bloom filter has what was put in, and little else", () => {
  const map = store().create(spec("bloom_filter", { keySize: 0, valueSize: 4, maxEntries: 1000, flags: 64 }));
  for (let value = 0; value < 1000; value++) map.push(u32(value));
  for (let value = 0; value < 1000; value++) expect(map.peek(u32(value))).toEqual(u32(value));
  let wrong = 0;
  for (let value = 1000; value < 11_000; value++) if (map.peek(u32(value)) !== undefined) wrong++;
  expect(wrong).toBeLessThan(1000);
});

test("maps of maps hold their inner maps", () => {
  const freed: (() => void)[] = [];
  const maps = store({ defer: (free) => freed.push(free) });
  const inner = spec("hash", { name: "inner" });
  for (const type of ["array_of_maps", "hash_of_maps"] as const) {
    const outer = maps.create(spec(type, { valueSize: 4, inner }));
    const one = maps.create({ ...inner, maxEntries: 99 });
    outer.update(u32(5), u32(one.id));
    expect(outer.number(u32(5))).toBe(one.record);
    expect(outer.lookup(u32(5))).toEqual(u32(one.id));
    expect(code(() => outer.update(u32(5), u32(outer.id)))).toBe("EINVAL");
    expect(code(() => outer.update(u32(5), u32(9999)))).toBe("EINVAL");
    one.release();
    expect(one.references).toBe(1);
    const two = maps.create(inner);
    outer.update(u32(5), u32(two.id));
    expect(one.references).toBe(0);
    two.release();
    outer.release();
    const before = maps.free;
    while (freed.length > 0) freed.shift()!();
    expect(two.references).toBe(0);
    expect(maps.free).toBeGreaterThan(before);
  }
  expect(maps.list()).toEqual([]);
});

test("maps of objects keep what user space gave and what the host made of it", () => {
  const dropped: number[] = [];
  const maps = store({
    host: { resolve: (_map, value) => (value[0] as number) + 1000, drop: (_map, number) => dropped.push(number) },
  });
  const programs = maps.create(spec("prog_array", { valueSize: 4 }));
  programs.update(u32(3), u32(77));
  expect(programs.lookup(u32(3))).toEqual(u32(77));
  expect(programs.number(u32(3))).toBe(1078);
  expect(programs.delete(u32(3))).toBe(true);
  expect(programs.lookup(u32(3))).toBeUndefined();
  for (const type of ["devmap", "devmap_hash", "cpumap", "xskmap"] as const) {
    const map = maps.create(spec(type, { valueSize: type === "xskmap" ? 4 : 8 }));
    const value = type === "xskmap" ? u32(6) : bytes(6, 0, 0, 0, 1, 0, 0, 0);
    map.update(u32(2), value);
    expect(map.lookup(u32(2))).toEqual(value);
    expect(map.number(u32(2))).toBe(1006);
    expect(map.delete(u32(2))).toBe(true);
    expect(map.lookup(u32(2))).toBeUndefined();
  }
  expect(dropped).toEqual([1077, 1006, 1006, 1006, 1006]);
});

test("attributes that make no sense are refused", () => {
  const maps = store();
  const cases: [MapTypeName, Partial<MapSpec>, RegExp][] = [
    ["array", { keySize: 8 }, /key_size is 8, it must be 4/],
    ["array", { maxEntries: 0 }, /max_entries is 0/],
    ["array", { flags: 1 }, /map_flags/],
    ["hash", { valueSize: 0 }, /value_size is 0/],
    ["hash", { keySize: 600 }, /key_size is 600/],
    ["hash", { maxEntries: 1 << 25 }, /no room/],
    ["hash", { flags: 24 }, /read-only and write-only/],
    ["lpm_trie", { keySize: 8, flags: 0 }, /NO_PREALLOC/],
    ["lpm_trie", { keySize: 4 }, /key_size is 4/],
    ["queue", {}, /key_size is 4, it must be 0/],
    ["ringbuf", { keySize: 0, valueSize: 0, maxEntries: 5000 }, /power of two/],
    ["hash_of_maps", { valueSize: 4 }, /inner/],
    ["devmap", { valueSize: 6 }, /4 or 8/],
    ["percpu_array", { valueSize: 40000 }, /32768/],
    ["hash", { maxEntries: -1 }, /integer/],
    ["hash", { spinLockOffset: 6 }, /bpf_spin_lock/],
  ];
  const before = maps.free;
  for (const [type, more, message] of cases) expect(() => maps.create(spec(type, more)), type).toThrow(message);
  expect(maps.free).toBe(before);
});
