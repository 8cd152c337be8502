/** What helpers and kfuncs take and give, as data: the verifier checks by it, the compilers pass arguments by it, documents are made of it. */

/** What an argument must be. The size arguments refer to the argument before them. */
export type ArgumentKind =
  | "context"
  | "map" // constant pointer to a map
  | "map-key" // readable, initialized, keySize bytes
  | "map-value" // readable, initialized, valueSize bytes
  | "map-value-uninit" // writable, valueSize bytes
  | "memory" // readable, initialized
  | "memory-or-null"
  | "memory-uninit" // writable
  | "memory-or-null-uninit"
  | "size" // 1 or more
  | "size-or-zero"
  | "constant-size-or-zero" // known at verification: ringbuf_reserve
  | "fixed-memory" // of `bytes` bytes, readable
  | "fixed-memory-uninit" // of `bytes` bytes, writable
  | "scalar"
  | "constant-string" // in a read-only map
  | "callback"
  | "stack-or-null" // callback context
  | "spin-lock" // pointer into a map value
  | "allocated-memory" // a reference from ringbuf_reserve
  | "dynptr"
  | "dynptr-uninit"
  | "anything" // initialized
  | "unchecked"; // passed as it is: may be uninitialized

export type ReturnKind =
  | "void"
  | "integer" // int or long: sign-extended
  | "unsigned" // 32 bits
  | "wide" // 64 bits
  | "map-value-or-null"
  | "allocated-memory-or-null" // a reference that must be given back; its size is the constant-size argument
  | "dynptr-data-or-null";

export interface Signature {
  /** Number of enum bpf_func_id, or ours for a kfunc. */
  readonly id: number;
  /** Of a helper: without bpf_; of a kfunc: the symbol. */
  readonly name: string;
  readonly arguments: readonly ArgumentKind[];
  /** Of the `fixed-memory` arguments. */
  readonly bytes?: number;
  /** By argument, where they differ in size. */
  readonly bytesByArgument?: readonly number[];
  /** Arguments (from 0) of kind `memory` or `fixed-memory` that are written to also: they may not lie in a read-only map. */
  readonly writes?: readonly number[];
  readonly returns: ReturnKind;
  /** Arguments (from 0) of 64 bits: passed in two words, low first. All others are passed as their lower word. */
  readonly wide?: readonly number[];
  /** Pointers to the packet are no good afterwards. */
  readonly changesPacket?: boolean;
  /** Only in programs with a licence compatible with the GPL. */
  readonly gplOnly?: boolean;
  /** Gives a reference, or ends the one passed. */
  readonly acquires?: boolean;
  readonly releases?: boolean;
  /** Types of maps that the `map` argument may be; undefined: any. */
  readonly maps?: readonly string[];
  /** What the callback gets and gives back. */
  readonly callback?: "loop" | "for-each-map";
  readonly summary: string;
}
