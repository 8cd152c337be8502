/**
 * The one linear memory that frames, stacks and maps lie in, and what of WebAssembly's interface is used. Nothing below `src/xdp`
 * needs Node: it runs in a browser.
 */

export interface WasmMemory {
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
}

/** A compiled module; it may be posted to another thread and instantiated there. */
export type WasmModule = object & { readonly __wasmModule?: never };

export interface WasmTable {
  get(index: number): unknown;
  set(index: number, value: unknown): void;
  grow(by: number): number;
  readonly length: number;
}

export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

interface WasmApi {
  Memory: new (descriptor: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
  Module: new (bytes: Uint8Array) => WasmModule;
  Table: new (descriptor: { element: "anyfunc"; initial: number; maximum?: number }) => WasmTable;
  Instance: new (
    module: WasmModule,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => WasmInstance;
  Global: new (descriptor: { value: "i32"; mutable: boolean }, value: number) => { value: number };
  validate(bytes: Uint8Array): boolean;
}

/** Absent where there is no WebAssembly: programs are then interpreted. */
export const wasm = (globalThis as unknown as { WebAssembly?: WasmApi }).WebAssembly;

export const wasmPage = 65536;

/** Views of the whole memory. Every pointer of a program is a byte offset into it, in the lower half of a 64-bit register. */
export interface XdpMemory {
  readonly shared: WasmMemory;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly u64: BigUint64Array;
  readonly view: DataView;
  readonly size: number;
}

export function viewMemory(shared: WasmMemory): XdpMemory {
  const { buffer } = shared;
  return {
    shared,
    u8: new Uint8Array(buffer),
    u32: new Uint32Array(buffer),
    i32: new Int32Array(buffer),
    f64: new Float64Array(buffer),
    u64: new BigUint64Array(buffer),
    view: new DataView(buffer),
    size: buffer.byteLength,
  };
}

/** Whether threads may share it. */
export const isShared = ({ shared }: XdpMemory): boolean => !(shared.buffer instanceof ArrayBuffer);

/**
 * A memory of its own of `bytes` that never grows; pages that are not touched cost nothing. Threads can share it, except in browsers
 * where the page is not cross-origin isolated and has no shared memory.
 */
export function createXdpMemory(bytes: number): XdpMemory {
  const pages = Math.ceil(bytes / wasmPage);
  if (wasm === undefined) {
    const size = pages * wasmPage;
    return viewMemory({
      buffer: typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(size) : new SharedArrayBuffer(size),
    });
  }
  const shared = typeof SharedArrayBuffer !== "undefined";
  return viewMemory(new wasm.Memory({ initial: pages, maximum: pages, shared }));
}
