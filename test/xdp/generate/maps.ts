import { type MapSpec, mapFlag, type ProgramSpec } from "../../../src/xdp/spec.js";

/** BTF ids of kernel/functions-btf.ts that maps need. */
export const cellType = { int: 1, cell: 42 } as const;

/**
 * Maps of generated programs. Small, so that they fill up, but for `lru`, which the kernel would empty as it likes. The device map stays
 * empty, the table of programs has one at 1 (`targetProgram`), `out` has `arr` at 0.
 */
export const generatedMaps = [
  { name: "arr", type: "array", keySize: 4, valueSize: 32, maxEntries: 4, flags: 0 },
  { name: "tab", type: "hash", keySize: 8, valueSize: 24, maxEntries: 8, flags: 0 },
  { name: "cpu", type: "percpu_array", keySize: 4, valueSize: 16, maxEntries: 2, flags: 0 },
  { name: "lpm", type: "lpm_trie", keySize: 8, valueSize: 16, maxEntries: 8, flags: mapFlag.noPrealloc },
  { name: "odd", type: "hash", keySize: 5, valueSize: 13, maxEntries: 4, flags: mapFlag.noPrealloc },
  { name: "que", type: "queue", keySize: 0, valueSize: 8, maxEntries: 3, flags: 0 },
  { name: "sta", type: "stack", keySize: 0, valueSize: 24, maxEntries: 3, flags: 0 },
  { name: "dev", type: "devmap", keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 },
  { name: "cpus", type: "percpu_hash", keySize: 8, valueSize: 16, maxEntries: 8, flags: 0 },
  { name: "jumps", type: "prog_array", keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 },
  { name: "lru", type: "lru_hash", keySize: 8, valueSize: 16, maxEntries: 256, flags: 0 },
  { name: "ring", type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 },
  {
    name: "lck",
    type: "array",
    keySize: 4,
    valueSize: 16,
    maxEntries: 2,
    flags: 0,
    keyType: cellType.int,
    valueType: cellType.cell,
    spinLockOffset: 0,
  },
  {
    name: "out",
    type: "array_of_maps",
    keySize: 4,
    valueSize: 4,
    maxEntries: 2,
    flags: 0,
    inner: { name: "inner", type: "array", keySize: 4, valueSize: 32, maxEntries: 4, flags: 0 },
  },
] as const satisfies readonly MapSpec[];

/** What `jumps` has at 1: answers how long the frame is. */
export const targetProgram: ProgramSpec = {
  name: "target",
  section: "xdp",
  attach: "xdp",
  frags: false,
  license: "GPL",
  insns: [
    { opcode: 0x61, dst: 0, src: 1, offset: 4, imm: 0 },
    { opcode: 0x61, dst: 2, src: 1, offset: 0, imm: 0 },
    { opcode: 0x1f, dst: 0, src: 2, offset: 0, imm: 0 },
    { opcode: 0x95, dst: 0, src: 0, offset: 0, imm: 0 },
  ],
  maps: [],
  functions: [{ name: "target", start: 0, btfId: 0, linkage: "global" }],
  lines: [],
};

/** Indexes of the maps whose values a program reads and writes by key. */
export const keyedMaps: readonly number[] = generatedMaps.flatMap(({ name, type }, index) =>
  name !== "lck" && ["array", "hash", "percpu_array", "percpu_hash", "lpm_trie", "lru_hash"].includes(type)
    ? [index]
    : [],
);

export const indexOfMap = (name: (typeof generatedMaps)[number]["name"]): number =>
  generatedMaps.findIndex((map) => map.name === name);
