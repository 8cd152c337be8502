import { expect, test } from "vitest";
import { seed } from "../../../../test/seed.js";
import { seededWords } from "../../../random.js";
import { createXdpMemory, wasm } from "../../memory.js";
import { state } from "../../run/state.js";
import { i32, moduleBuilder } from "../../wasm/builder.js";
import { errno, recordWord } from "../access.js";
import { attachMap } from "../attach.js";
import { ring, ringWord } from "../ringbuf.js";
import { createMapStore } from "../store.js";
import { inlineRoutine } from "./routines.js";

if (wasm === undefined) throw new Error("this test needs WebAssembly");
const api = wasm;
const thread = 8192;

/** A ring buffer, its operations in JavaScript, its routines, and what they asked the host for. */
function setUp() {
  const memory = createXdpMemory(1 << 20);
  memory.u32[(thread + state.cpu) >>> 2] = 1;
  const maps = createMapStore({ memory, region: { start: 65536, bytes: 900_000 }, cpus: 2 });
  const map = maps.create({ name: "r", type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 });
  const module = moduleBuilder();
  module.importMemory("env", "memory", { pages: 16, maximum: 16, shared: true });
  const host = (name: string, words: number) => module.importFunction("env", name, new Array(words).fill(i32), [i32]);
  const base = module.importGlobal("env", "map", i32);
  const shape = maps.create({ ...map.spec, name: "s" });
  for (const operation of ["reserve", "submit", "discard", "output"] as const) {
    const routine = inlineRoutine(module, { memory, record: shape.record, base }, operation, host);
    if (routine === undefined) throw new Error(`no routine for ${operation}`);
    module.exportFunction(operation, routine);
  }
  const asked: (readonly number[])[] = [];
  const note = (...words: number[]) => {
    asked.push(words);
    return 0;
  };
  const env = { memory: memory.shared, map: map.record, helper_131: note, ring_wake: note };
  const { exports } = new api.Instance(new api.Module(module.finish()), { env });
  type Routine = (...words: number[]) => number;
  const routine =
    (name: string): Routine =>
    (...words) =>
      (exports[name] as Routine)(...words, map.record);
  const routines = {
    reserve: routine("reserve"),
    submit: routine("submit"),
    discard: routine("discard"),
    output: routine("output"),
  };
  return { memory, map, routines, asked, access: attachMap(memory, map.record, 1) };
}

test("compiled and other operations on a ring buffer in turns: records come out once, whole and in order", () => {
  const { memory, map, routines, access, asked } = setUp();
  const random = seededWords(seed);
  const expected: string[] = [];
  const consume = () => map.consume((data) => expect(data.join()).toBe(expected.shift()));
  const source = 4097;
  let refused = 0;
  for (let round = 0; round < 10_000; round++) {
    if (round % 150 === 0) consume();
    const [compiled, compiledToo] = [random() % 2 === 0, random() % 2 === 0];
    const bytes = random() % 4 === 0 ? random() % 300 : random() % 40;
    const data = Uint8Array.from({ length: bytes }, () => random());
    const free = 4096 - access.query(0);
    const fits = Math.ceil((bytes + 8) / 8) * 8 < free;
    if (!fits) refused++;
    if (random() % 2 === 0) {
      memory.u8.set(data, source);
      const answer = compiled ? routines.output(thread, source, bytes, 1, 0) : access.output(source, bytes, 1);
      expect(answer).toBe(fits ? 0 : -errno.EAGAIN);
      if (fits) expected.push(data.join());
      continue;
    }
    const at = compiled ? routines.reserve(thread, bytes, 0, 0) : access.reserve(bytes);
    expect(at !== 0).toBe(fits);
    if (at === 0) continue;
    memory.u8.set(data, at);
    // What is being written holds back what comes after it, but not what came before.
    if (random() % 200 === 0) {
      consume();
      expect(expected).toEqual([]);
    }
    if (random() % 5 === 0) {
      if (compiledToo) expect(routines.discard(thread, at, 1)).toBe(1);
      else access.discard(at, 1);
    } else {
      if (compiledToo) expect(routines.submit(thread, at, 1)).toBe(1);
      else access.submit(at, 1);
      expected.push(data.join());
    }
  }
  consume();
  expect(expected).toEqual([]);
  expect(refused).toBeGreaterThan(0);
  expect(asked).toEqual([]);
});

test("who reads a ring buffer is told when it has seen all before, or by force, and not when told not to", () => {
  const { map, routines, asked } = setUp();
  const call = [thread, map.record];
  const [first, second, third] = [0, 1, 2].map(() => routines.reserve(thread, 8, 0, 0)) as [number, number, number];
  routines.submit(thread, second, 0);
  expect(asked).toEqual([]);
  routines.submit(thread, first, 0);
  expect(asked).toEqual([call]);
  routines.discard(thread, third, 2);
  expect(asked).toEqual([call, call]);
  map.consume(() => {});
  expect(routines.output(thread, 4096, 8, 1, 0)).toBe(0);
  expect(asked.length).toBe(2);
  expect(routines.output(thread, 4096, 8, 3, 0)).toBe(0);
  expect(asked.length).toBe(3);
});

test("what makes no sense is refused, what is another's is left alone, and a held lock is the host's to wait for", () => {
  const { memory, map, routines, asked } = setUp();
  const { reserve, submit, discard, output } = routines;
  for (const bytes of [4089, 4096, -1, -8, -16]) expect(reserve(thread, bytes, 0, 0)).toBe(0);
  expect(reserve(thread, 8, 1, 0)).toBe(0);
  expect(reserve(thread, 8, 0, 1)).toBe(0);
  for (const [flags, high] of [
    [4, 0],
    [-1, 0],
    [0, 1],
  ] as const) {
    expect(output(thread, 4096, 8, flags, high)).toBe(-errno.EINVAL);
  }
  expect(output(thread, 4096, -1, 0, 0)).toBe(-errno.EAGAIN);
  const at = reserve(thread, 8, 0, 0);
  const before = memory.u8.slice();
  for (const other of [0, 4096, at - 8, at + 1, at + 4, at + 4096, -8]) {
    expect([submit(thread, other, 1), discard(thread, other, 1)]).toEqual([0, 0]);
  }
  expect(memory.u8.join() === before.join()).toBe(true);
  memory.i32[(recordWord(memory, map.record, ringWord.rings) >>> 2) + ring.lock] = 5;
  expect(reserve(thread, 24, 0, 0)).toBe(0);
  expect(asked).toEqual([[thread, map.record, 24, 0, 0]]);
});
