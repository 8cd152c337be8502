/**
 * The programs of a thread that tail calls reach, by slot. V8 keeps every instance that imports a table for as long as the table is there:
 * one module alone imports this one, and programs import that module's function, so that those that are gone are freed.
 *
 * A slot may lose its program while another thread is about to call it, so that an empty one must be callable: what stands in it tells
 * the caller to go on, as the kernel's does when a slot of a prog_array is empty.
 */
import { importModule } from "../jit/abi.js";
import { isShared, wasm, type XdpMemory } from "../memory.js";
import { i32, i64, moduleBuilder } from "../wasm/builder.js";
import { state } from "./state.js";

export interface TailTable {
  /** What programs import as `tail_call`. */
  readonly call: unknown;
  /** Puts the `tail` export of a program into a slot; undefined: it is empty from now on. */
  set(slot: number, tail: unknown): void;
}

function build(shared: boolean): Uint8Array {
  const module = moduleBuilder();
  module.importMemory(importModule, "memory", { pages: 1, maximum: 65536, shared });
  module.importTable(importModule, "table");
  const vacant = module.func("vacant", [i32, i32], [i64]);
  vacant.get(0).i32Const(1).i32Store(state.vacant);
  vacant.get(0).get(0).i32Load(state.tailCalls).i32Const(1).i32Sub().i32Store(state.tailCalls);
  vacant.i64Const(0);
  module.exportFunction("vacant", vacant);
  const call = module.func("call", [i32, i32, i32], [i64]);
  call.get(0).get(1).get(2).callIndirect([i32, i32], [i64]);
  module.exportFunction("call", call);
  return module.finish();
}

/** With `slots` empty slots; undefined where there is no WebAssembly. */
export function createTailTable(memory: XdpMemory, slots: number): TailTable | undefined {
  if (wasm === undefined) return undefined;
  const table = new wasm.Table({ element: "anyfunc", initial: slots, maximum: slots });
  const { exports } = new wasm.Instance(new wasm.Module(build(isShared(memory))), {
    [importModule]: { memory: memory.shared, table },
  });
  const { call, vacant } = exports;
  for (let slot = 0; slot < slots; slot++) table.set(slot, vacant);
  return { call, set: (slot, tail) => table.set(slot, tail ?? vacant) };
}
