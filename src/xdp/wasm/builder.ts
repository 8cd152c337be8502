/**
 * Writes WebAssembly modules in the binary format (core specification §5, with the threads proposal's atomics and shared memory).
 *
 * ```
 * const module = moduleBuilder();
 * module.importMemory("env", "memory", { pages: 1, maximum: 65536, shared: true });
 * const log = module.importFunction("env", "log", [i32], []);
 * const sum = module.func("sum", [i32, i32], [i32]); // address and number of words -> their sum
 * const [at, count] = [0, 1]; // parameters are the first locals
 * const total = sum.local(i32);
 * const done = sum.block();
 * const again = sum.loop();
 * sum.get(count).i32Eqz().brIf(done);
 * sum.get(total).get(at).i32Load(0).i32Add().set(total);
 * sum.get(at).i32Const(4).i32Add().set(at);
 * sum.get(count).i32Const(1).i32Sub().set(count);
 * sum.br(again).end().end(); // loop, block
 * sum.get(total).call(log).get(total); // what is left on the stack is the result
 * module.exportFunction("sum", sum);
 * const bytes = module.finish();
 * ```
 *
 * A function's methods append one instruction each, in stack order, and answer the function, so that they chain; `block`, `loop` and
 * `if` answer a label for `br`, `brIf` and `brTable`, and are closed by `end`. Functions may be called before they are written, and
 * imports may be added at any time. Types are not checked here: `WebAssembly.validate` does.
 */
import { type ByteWriter, byteWriter } from "./bytes.js";
import { type FunctionBody, type FunctionBuilder, type FunctionRef, functionBody, type GlobalRef } from "./function.js";
import type { ValueType } from "./opcodes.js";

export type { FunctionBuilder, FunctionRef, GlobalRef, Label, Local } from "./function.js";
export { i32, i64, type ValueType } from "./opcodes.js";

export interface MemoryLimits {
  /** Least size of the memory, and the largest that it may have, in pages of 65536 bytes. */
  readonly pages: number;
  readonly maximum: number;
  readonly shared: boolean;
}

export interface ModuleBuilder {
  importMemory(module: string, name: string, limits: MemoryLimits): void;
  /** A table of functions, the target of `callIndirect`. */
  importTable(module: string, name: string): void;
  /** The same function for the same names. */
  importFunction(
    module: string,
    name: string,
    parameters: readonly ValueType[],
    results: readonly ValueType[],
  ): FunctionRef;
  /** A new function, whose body is what its methods append until `finish`. */
  func(name: string, parameters: readonly ValueType[], results: readonly ValueType[]): FunctionBuilder;
  /** A global that the host sets once and for all; the same one for the same names. */
  importGlobal(module: string, name: string, type: ValueType): GlobalRef;
  exportFunction(name: string, func: FunctionRef): void;
  /** The module's bytes. */
  finish(): Uint8Array;
}

const section = { custom: 0, type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const external = { function: 0, table: 1, memory: 2, global: 3 } as const;
const functionType = 0x60;
const functionReference = 0x70;
const immutable = 0;

interface Import {
  readonly module: string;
  readonly name: string;
  readonly type: number;
  readonly ref: FunctionRef;
}

export function moduleBuilder(): ModuleBuilder {
  const types: { readonly parameters: readonly ValueType[]; readonly results: readonly ValueType[] }[] = [];
  const typeIndexes = new Map<string, number>();
  const imports: Import[] = [];
  const functions: FunctionBody[] = [];
  const globals: { readonly module: string; readonly name: string; readonly ref: GlobalRef }[] = [];
  const exports: { readonly name: string; readonly func: FunctionRef }[] = [];
  let memory: { readonly module: string; readonly name: string; readonly limits: MemoryLimits } | undefined;
  let table: { readonly module: string; readonly name: string } | undefined;

  const typeOf = (parameters: readonly ValueType[], results: readonly ValueType[]): number => {
    const key = `${parameters.join()}:${results.join()}`;
    const known = typeIndexes.get(key);
    if (known !== undefined) return known;
    types.push({ parameters, results });
    typeIndexes.set(key, types.length - 1);
    return types.length - 1;
  };

  return {
    importMemory(module, name, limits) {
      memory = { module, name, limits };
    },
    importTable(module, name) {
      table = { module, name };
    },
    importFunction(module, name, parameters, results) {
      const known = imports.find((one) => one.module === module && one.name === name);
      if (known !== undefined) return known.ref;
      const index = imports.length;
      const ref: FunctionRef = { name, parameters, results, index: () => index };
      imports.push({ module, name, type: typeOf(parameters, results), ref });
      return ref;
    },
    func(name, parameters, results) {
      typeOf(parameters, results);
      const own = functions.length;
      const index = (): number => imports.length + own;
      const body = functionBody({ name, parameters, results, index, type: typeOf });
      functions.push(body);
      return body.builder;
    },
    importGlobal(module, name, type) {
      const known = globals.find((one) => one.module === module && one.name === name);
      if (known !== undefined) return known.ref;
      const ref: GlobalRef = { index: globals.length, type };
      globals.push({ module, name, ref });
      return ref;
    },
    exportFunction(name, func) {
      exports.push({ name, func });
    },
    finish() {
      const out = byteWriter(4096);
      out.bytes(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
      writeSection(out, section.type, types, (at, { parameters, results }) => {
        at.byte(functionType);
        for (const list of [parameters, results]) {
          at.u32(list.length);
          for (const type of list) at.byte(type);
        }
      });
      const importWriters = imports.map((one) => (at: ByteWriter) => {
        at.text(one.module);
        at.text(one.name);
        at.byte(external.function);
        at.u32(one.type);
      });
      const known = memory;
      if (known !== undefined) importWriters.push((at) => writeMemory(at, known));
      const tableName = table;
      if (tableName !== undefined) {
        importWriters.push((at) => {
          at.text(tableName.module);
          at.text(tableName.name);
          at.byte(external.table);
          at.byte(functionReference);
          at.byte(0);
          at.u32(0);
        });
      }
      for (const { module, name, ref } of globals) {
        importWriters.push((at) => {
          at.text(module);
          at.text(name);
          at.byte(external.global);
          at.byte(ref.type);
          at.byte(immutable);
        });
      }
      writeSection(out, section.import, importWriters, (at, write) => write(at));
      writeSection(out, section.function, functions, (at, { builder }) =>
        at.u32(typeOf(builder.parameters, builder.results)),
      );
      writeSection(out, section.export, exports, (at, { name, func }) => {
        at.text(name);
        at.byte(external.function);
        at.u32(func.index());
      });
      writeSection(out, section.code, functions, (at, body) => body.write(at));
      writeNames(out, [...imports.map((one) => one.ref), ...functions.map((one) => one.builder)]);
      return out.view().slice();
    },
  };
}

function writeMemory(
  at: ByteWriter,
  memory: { readonly module: string; readonly name: string; readonly limits: MemoryLimits },
): void {
  at.text(memory.module);
  at.text(memory.name);
  at.byte(external.memory);
  at.byte(memory.limits.shared ? 3 : 1);
  at.u32(memory.limits.pages);
  at.u32(memory.limits.maximum);
}

function writeSection<T>(
  out: ByteWriter,
  id: number,
  items: readonly T[],
  write: (at: ByteWriter, item: T) => void,
): void {
  if (items.length === 0) return;
  const content = byteWriter(1024);
  content.u32(items.length);
  for (const item of items) write(content, item);
  out.byte(id);
  out.u32(content.length);
  out.bytes(content.view());
}

/** The custom section "name", for profilers and stack traces: subsection 1, functions by index. */
function writeNames(out: ByteWriter, functions: readonly FunctionRef[]): void {
  const names = byteWriter(1024);
  writeSection(names, 1, functions, (at, func) => {
    at.u32(func.index());
    at.text(func.name);
  });
  const content = byteWriter(1024);
  content.text("name");
  content.bytes(names.view());
  out.byte(section.custom);
  out.u32(content.length);
  out.bytes(content.view());
}
