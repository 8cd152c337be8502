/**
 * What stands in the empty slots of a table for tail calls. A slot may lose its program while another thread is about to call it, so that
 * an empty one must be callable: it tells the caller to go on, as the kernel's does when a slot of a prog_array is empty.
 */
import { importModule } from "../jit/abi.js";
import { isShared, wasm, type XdpMemory } from "../memory.js";
import { i32, i64, moduleBuilder } from "../wasm/builder.js";
import { state } from "./state.js";

function build(shared: boolean): Uint8Array {
  const module = moduleBuilder();
  module.importMemory(importModule, "memory", { pages: 1, maximum: 65536, shared });
  const f = module.func("tail", [i32, i32], [i64]);
  f.get(0).i32Const(1).i32Store(state.vacant);
  f.get(0).get(0).i32Load(state.tailCalls).i32Const(1).i32Sub().i32Store(state.tailCalls);
  f.i64Const(0);
  module.exportFunction("tail", f);
  return module.finish();
}

/** A function for the table; undefined where there is no WebAssembly. */
export function vacantSlot(memory: XdpMemory): unknown {
  if (wasm === undefined) return undefined;
  const { exports } = new wasm.Instance(new wasm.Module(build(isShared(memory))), {
    [importModule]: { memory: memory.shared },
  });
  return exports.tail;
}
