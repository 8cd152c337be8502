import { expect, it } from "vitest";
import { ProgramFault } from "../interpreter-memory.js";
import { attachMap } from "../maps/attach.js";
import { createMapStore } from "../maps/store.js";
import { createXdpMemory } from "../memory.js";
import { createForEach } from "./for-each.js";
import { fault, state } from "./state.js";

const block = 8192;
const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

function setUp(keySize: number) {
  const memory = createXdpMemory(1 << 20);
  const store = createMapStore({ memory, region: { start: 65536, bytes: 1 << 19 }, cpus: 1 });
  const map = store.create({ name: "m", type: "hash", keySize, valueSize: 4, maxEntries: 8, flags: 0 });
  const forEach = createForEach(memory, (record) => attachMap(memory, record, 0));
  return { memory, map, forEach };
}

it("visits within a visit have keys of their own", () => {
  const { memory, map, forEach } = setUp(4);
  for (const key of [1, 2, 3]) map.update(word(key), word(key * 10));
  const pairs: number[] = [];
  const visits = forEach(block, map.record, (key) => {
    forEach(block, map.record, (inner, value) => {
      pairs.push(memory.u32[key >>> 2]! * 100 + memory.u32[inner >>> 2]!);
      expect(memory.u32[value >>> 2]).toBe(memory.u32[inner >>> 2]! * 10);
      return 0;
    });
    return 0;
  });
  expect(visits).toBe(3);
  expect(pairs.sort((one, other) => one - other)).toEqual([101, 102, 103, 201, 202, 203, 301, 302, 303]);
});

it("ends a run that wants more room for keys than there is, and has it back", () => {
  const { memory, map, forEach } = setUp(512);
  map.update(new Uint8Array(512), word(1));
  const nest = (): number => forEach(block, map.record, nest);
  for (let round = 0; round < 3; round++) {
    expect(nest).toThrow(ProgramFault);
    expect(memory.u32[(block + state.fault) >>> 2]).toBe(fault.unknown);
  }
  expect(forEach(block, map.record, () => 1)).toBe(1);
});
