import { describe, expect, it } from "vitest";
import { createXdpMemory, wasm, type XdpMemory } from "../memory.js";
import { type FunctionBuilder, i32, i64, type ModuleBuilder, moduleBuilder, type ValueType } from "./builder.js";

if (wasm === undefined) throw new Error("this test needs WebAssembly");
const api = wasm;

type Native = (...values: (number | bigint)[]) => number | bigint;

function instantiate(module: ModuleBuilder, env: Readonly<Record<string, unknown>>): Record<string, Native> {
  const instance = new api.Instance(new api.Module(module.finish()), { env });
  return instance.exports as Record<string, Native>;
}

/** A module with one function. */
function single(
  takes: readonly ValueType[],
  gives: readonly ValueType[],
  write: (f: FunctionBuilder) => void,
  memory: XdpMemory = createXdpMemory(65536),
): Native {
  const module = moduleBuilder();
  module.importMemory("env", "memory", { pages: 1, maximum: 1, shared: true });
  const f = module.func("f", takes, gives);
  write(f);
  module.exportFunction("f", f);
  return instantiate(module, { memory: memory.shared }).f as Native;
}

describe("modules", () => {
  it("sums words of memory in a loop", () => {
    const memory = createXdpMemory(65536);
    memory.u32.set([5, 6, 7, 0xffff_fff0], 4);
    const sum = single(
      [i32, i32],
      [i32],
      (f) => {
        const [at, count] = [0, 1];
        const total = f.local(i32);
        const done = f.block();
        const again = f.loop();
        f.get(count).i32Eqz().brIf(done);
        f.get(total).get(at).i32Load(0).i32Add().set(total);
        f.get(at).i32Const(4).i32Add().set(at);
        f.get(count).i32Const(1).i32Sub().set(count);
        f.br(again).end().end();
        f.get(total);
      },
      memory,
    );
    expect(sum(16, 3)).toBe(18);
    expect(sum(16, 4)).toBe(2);
  });

  it("encodes every constant", () => {
    for (const value of [0, 1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8193, 0x7fff_ffff, -0x8000_0000, 0xffff_ffff]) {
      expect(single([], [i32], (f) => f.i32Const(value))()).toBe(value | 0);
      expect(single([], [i64], (f) => f.i64Const(value))()).toBe(BigInt(value));
    }
    const wide = [0n, 1n << 31n, (1n << 32n) - 1n, 1n << 62n, 1n << 63n, -(1n << 63n), (1n << 64n) - 1n, 0x3fff_ffffn];
    for (const value of [...wide, 0x4000_0000n, -0x4000_0000n, -0x4000_0001n, 0x1234_5678_9abc_def0n]) {
      expect(single([], [i64], (f) => f.i64Const(value))()).toBe(BigInt.asIntN(64, value));
    }
  });

  it("branches by table, and to either side of an if", () => {
    const choose = single([i32], [i32], (f) => {
      const other = f.block();
      const second = f.block();
      const first = f.block();
      f.get(0).brTable([first, second], other);
      f.end().i32Const(10).return();
      f.end().i32Const(20).return();
      f.end();
      f.get(0).i32Const(5).i32GtU().if(i32);
      f.i32Const(40).else().i32Const(30).end();
    });
    expect([0, 1, 2, 9].map((n) => choose(n))).toEqual([10, 20, 30, 40]);
  });

  it("calls functions defined later, imports added later, and through the table", () => {
    const module = moduleBuilder();
    module.importTable("env", "table");
    const f = module.func("f", [i32], [i32]);
    const later = module.func("later", [i32], [i32]);
    f.get(0).call(later);
    f.call(module.importFunction("env", "twice", [i32], [i32]));
    f.get(0).callIndirect([i32], [i32]);
    later.get(0).i32Const(1).i32Add();
    module.exportFunction("f", f);
    module.exportFunction("later", later);
    const table = new api.Table({ element: "anyfunc", initial: 4 });
    const { f: run, later: plusOne } = instantiate(module, { table, twice: (n: number) => n * 2 });
    table.set(3, plusOne);
    expect(run?.(3)).toBe(9);
    expect(() => run?.(2)).toThrow();
  });

  it("imports the same function once", () => {
    const module = moduleBuilder();
    const one = module.importFunction("env", "twice", [i32], [i32]);
    expect(module.importFunction("env", "twice", [i32], [i32])).toBe(one);
  });

  it("imports globals", () => {
    const module = moduleBuilder();
    const [low, high] = [module.importGlobal("env", "low", i32), module.importGlobal("env", "high", i32)];
    expect(module.importGlobal("env", "low", i32)).toBe(low);
    const f = module.func("f", [], [i32]);
    f.getGlobal(high).getGlobal(low).i32Sub();
    module.exportFunction("f", f);
    expect(instantiate(module, { low: 2, high: 44 }).f?.()).toBe(42);
  });

  it("does atomics in shared memory", () => {
    const memory = createXdpMemory(65536);
    memory.u64[2] = 40n;
    const add = single([i64], [i64], (f) => f.i32Const(0).get(0).i64AtomicRmwAdd(16), memory);
    expect(add(2n)).toBe(40n);
    const swap = single(
      [i64, i64],
      [i64],
      (f) => f.i32Const(16).get(0).get(1).i64AtomicRmwCmpxchg().atomicFence(),
      memory,
    );
    expect(swap(41n, 1n)).toBe(42n);
    expect(swap(42n, 1n)).toBe(42n);
    expect(memory.u64[2]).toBe(1n);
  });

  it("fills and copies memory", () => {
    const memory = createXdpMemory(65536);
    const f = single(
      [],
      [],
      (at) => at.i32Const(8).i32Const(7).i32Const(4).memoryFill().i32Const(20).i32Const(10).i32Const(4).memoryCopy(),
      memory,
    );
    f();
    expect([...memory.u8.subarray(6, 24)]).toEqual([0, 0, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 0, 0]);
  });

  it("refuses to branch to what is not open, and to leave blocks open", () => {
    const module = moduleBuilder();
    const f = module.func("f", [], []);
    const label = f.block();
    f.end();
    expect(() => f.br(label)).toThrow(/not open/);
    f.block();
    expect(() => module.finish()).toThrow(/still open/);
  });
});
