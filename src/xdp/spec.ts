/** What a loader makes of an object file: programs and maps as plain data, not yet verified, bound or running. */
import type { Btf } from "./btf/btf.js";
import type { Instruction } from "./insn/instruction.js";

/** Numbers of the kernel's enum bpf_map_type. */
export const mapTypes = {
  hash: 1,
  array: 2,
  prog_array: 3,
  perf_event_array: 4,
  percpu_hash: 5,
  percpu_array: 6,
  lru_hash: 9,
  lru_percpu_hash: 10,
  lpm_trie: 11,
  array_of_maps: 12,
  hash_of_maps: 13,
  devmap: 14,
  cpumap: 16,
  xskmap: 17,
  queue: 22,
  stack: 23,
  devmap_hash: 25,
  ringbuf: 27,
  bloom_filter: 30,
} as const;
export type MapTypeName = keyof typeof mapTypes;

/** Bits of map_flags (linux/bpf.h). */
export const mapFlag = {
  noPrealloc: 1,
  noCommonLru: 2,
  numaNode: 4,
  readOnly: 8,
  writeOnly: 16,
  zeroSeed: 64,
  readOnlyProgram: 128,
  writeOnlyProgram: 256,
  mmapable: 1024,
  innerMap: 4096,
} as const;

export interface MapSpec {
  readonly name: string;
  readonly type: MapTypeName;
  /** Bytes; 0 where the type has no key (queue, stack, bloom_filter, ringbuf). */
  readonly keySize: number;
  readonly valueSize: number;
  /** Of a ringbuf: bytes, a power of two of at least 4096. */
  readonly maxEntries: number;
  readonly flags: number;
  /** Number of hash functions of a bloom filter. */
  readonly extra?: number;
  /** Template of what a map of maps holds. */
  readonly inner?: MapSpec;
  /** Contents of .rodata, .data, .bss: the value of key 0. May be altered before the object is loaded. */
  readonly initial?: Uint8Array;
  /** Entries declared in the object (`.values`): names of maps or programs by key. */
  readonly initialSlots?: ReadonlyMap<number, string>;
  readonly pinByName?: boolean;
  /** BTF type ids of key and value, 0 for none. */
  readonly keyType?: number;
  readonly valueType?: number;
  readonly btf?: Btf;
  /** Offset of a struct bpf_spin_lock in the value; undefined: it has none. */
  readonly spinLockOffset?: number;
}

/** BPF_XDP (device ingress or egress), BPF_XDP_DEVMAP, BPF_XDP_CPUMAP. */
export type AttachType = "xdp" | "xdp/devmap" | "xdp/cpumap";

export interface FunctionSpec {
  readonly name: string;
  /** Index of its first slot. The program itself is the first, at 0. */
  readonly start: number;
  /** BTF id of its FUNC, 0 for none. A global function is verified on its own, by its prototype. */
  readonly btfId: number;
  readonly linkage: "static" | "global";
}

export interface LineInfo {
  /** Slot from which on this line holds. */
  readonly insn: number;
  readonly file: string;
  readonly text: string;
  /** Count from 1. */
  readonly line: number;
  readonly column: number;
}

export interface ProgramSpec {
  readonly name: string;
  readonly section: string;
  readonly attach: AttachType;
  /** Section xdp.frags: it copes with frames in several pieces. */
  readonly frags: boolean;
  /** As in the object's `license` section; some helpers want "GPL" or a compatible one. */
  readonly license: string;
  /**
   * The program, then the functions it calls. Calls between them are relative to the next slot; a load of a map has the index of the
   * map in `maps` as imm (`loadKind.map`, `loadKind.mapValue` with the offset into the value in the second slot); a load of a
   * function is relative; a call of a kfunc has our number of it (helpers/kfuncs.ts) as imm, -1 for a weak one that is not there.
   */
  readonly insns: readonly Instruction[];
  readonly maps: readonly MapSpec[];
  readonly functions: readonly FunctionSpec[];
  readonly lines: readonly LineInfo[];
  readonly btf?: Btf;
  /** False of a section `?xdp`: only for those who ask for it by name. Undefined is true. */
  readonly autoload?: boolean;
}

/** What of an object is left out, and why: programs of other types, maps of unknown ones. */
export interface Skipped {
  readonly name: string;
  readonly section: string;
  readonly reason: string;
}

export interface ObjectSpec {
  readonly programs: readonly ProgramSpec[];
  /** All maps of the object by name; programs refer to the same objects. */
  readonly maps: readonly MapSpec[];
  readonly license: string;
  readonly btf?: Btf;
  /** The object's .BTF section as it is, for the kernel. */
  readonly rawBtf?: Uint8Array;
  readonly skipped?: readonly Skipped[];
}
