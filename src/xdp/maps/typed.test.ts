import { expect, test } from "vitest";
import type { Btf } from "../btf/btf.js";
import { createXdpMemory } from "../memory.js";
import type { MapSpec } from "../spec.js";
import { createMapStore } from "./store.js";
import { typed } from "./typed.js";

const int = (name: string, size: number) =>
  ({ kind: "int", name, size, signed: false, char: false, bool: false, bits: size * 8, offset: 0 }) as const;

const btf = {
  types: [
    { kind: "void" },
    int("__u32", 4),
    int("__u64", 8),
    {
      kind: "struct",
      name: "counts",
      size: 16,
      members: [
        { name: "packets", type: 2, offset: 0, bits: 0 },
        { name: "mark", type: 1, offset: 64, bits: 0 },
      ],
    },
  ],
} as unknown as Btf;

const store = () =>
  createMapStore({ memory: createXdpMemory(1 << 20), region: { start: 65536, bytes: 1 << 19 }, cpus: 2 });
const spec: MapSpec = {
  name: "m",
  type: "hash",
  keySize: 4,
  valueSize: 16,
  maxEntries: 4,
  flags: 0,
  btf,
  keyType: 1,
  valueType: 3,
};

test("keys and values have the shape that BTF gives them", () => {
  const map = typed(store().create(spec));
  map.set(7, { packets: 5n, mark: 3 });
  const value = map.get(7) as unknown as { packets: bigint | number; mark: number };
  expect(Number(value.packets)).toBe(5);
  expect(value.mark).toBe(3);
  expect(map.map.lookup(Uint8Array.of(7, 0, 0, 0))?.[8]).toBe(3);
  expect([...map.entries()].map(([key]) => key)).toEqual([7]);
  expect(map.delete(7)).toBe(true);
  expect(map.get(7)).toBeUndefined();
});

test("values per CPU are arrays, and without BTF numbers", () => {
  const map = typed(
    store().create({ name: "m", type: "percpu_array", keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 }),
  );
  map.set(1, [10, 20]);
  expect(map.get(1)).toEqual([10, 20]);
  map.set(1, 9);
  expect(map.get(1)).toEqual([9, 9]);
  expect(() => map.set(1, 2 ** 40)).toThrow(/does not fit/);
  expect(() => map.set(1, "x")).toThrow(/without BTF/);
});
