/**
 * The Internet checksum (RFC 1071), sixteen bytes at a time: a WebAssembly function over the engine's memory, as frames lie at
 * any alignment. Sums are of little-endian words, which RFC 1071 §2(B) allows: what is stored as it was summed is right on
 * the wire. `swap16` turns a number into what it is as such a word.
 */
import type { Memory, SharedMemory } from "../../system/memory.js";

/** The one's complement sum of `length` bytes at `at` and of `start` (16 bits), folded to 16 bits. At most 64 KiB. */
export type Sum = (at: number, length: number, start: number) => number;

export const swap16 = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff);

/** Folds a sum of 16-bit words to 16 bits. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** RFC 1624: the checksum after a 16-bit word that it covers changed from `before` to `after`, all of one byte order. */
export const adjusted = (checksum: number, before: number, after: number): number =>
  ~fold((~checksum & 0xffff) + (~before & 0xffff) + after) & 0xffff;

/** Instructions of WebAssembly, each as its bytes. */
const op = {
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  branchToLoopIf: [0x0d, 0],
  end: [0x0b],
  load8: [0x2d, 0, 0],
  load16: [0x2f, 0, 0],
  lessThan: [0x49],
  atLeast: [0x4f],
  add: [0x6a],
  subtract: [0x6b],
  and: [0x71],
  shiftRight: [0x76],
  load128: [0xfd, 0x00, 0, 0],
  lane: [0xfd, 0x1b],
  pairs: [0xfd, 0x7f],
  add32x4: [0xfd, 0xae, 0x01],
} as const;
const type = { i32: 0x7f, v128: 0x7b } as const;
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
/** Numbers of one byte in signed LEB128: -64 to 63. */
const number = (value: number) => [0x41, value & 0x7f];
const lowHalf = [0x41, 0xff, 0xff, 0x03];

const [at, length, sum, stop, lanes] = [0, 1, 2, 3, 4] as const;
const advance = (by: number) => [get(at), number(by), op.add].flat();
const foldSum = [get(sum), lowHalf, op.and, get(sum), number(16), op.shiftRight, op.add, set(sum)].flat();

/** Eight words at a time: the sums of their pairs go to four lanes of 32 bits, which 64 KiB cannot make overflow. */
const byLanes = [
  ...[get(at), get(at), get(length), number(-16), op.and, op.add, tee(stop), op.lessThan, op.if, op.loop],
  ...[get(lanes), get(at), op.load128, op.pairs, op.add32x4, set(lanes)],
  ...[advance(16), tee(at), get(stop), op.lessThan, op.branchToLoopIf, op.end, op.end],
].flat();
const byWords = [
  ...[get(length), number(15), op.and, tee(length), number(2), op.atLeast, op.if, op.loop],
  ...[get(sum), get(at), op.load16, op.add, set(sum), advance(2), set(at)],
  ...[get(length), number(2), op.subtract, tee(length), number(2), op.atLeast, op.branchToLoopIf, op.end, op.end],
].flat();
const lastByte = [get(length), op.if, get(sum), get(at), op.load8, op.add, set(sum), op.end].flat();
const addLanes = [0, 1, 2, 3].flatMap((index) => [
  ...get(lanes),
  ...op.lane,
  index,
  ...get(sum),
  ...op.add,
  ...set(sum),
]);

const locals = [2, 1, type.i32, 1, type.v128];
const code = [
  ...locals,
  ...byLanes,
  ...byWords,
  ...lastByte,
  ...addLanes,
  ...foldSum,
  ...foldSum,
  ...get(sum),
  ...op.end,
];

/** Lengths as LEB128 of two bytes. */
const size = (value: number) => [(value & 0x7f) | 0x80, value >>> 7];
const section = (id: number, content: readonly number[]) => [id, ...size(content.length), ...content];
const [memoryName, sumName] = ["m", "s"].map((name) => [1, name.charCodeAt(0)]) as [number[], number[]];
const program = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, [1, 0x60, 3, type.i32, type.i32, type.i32, 1, type.i32]),
  // A shared memory of 1 to 65536 pages.
  ...section(2, [1, ...memoryName, ...memoryName, 2, 3, 1, 0x80, 0x80, 0x04]),
  ...section(3, [1, 0]),
  ...section(7, [1, ...sumName, 0, 0]),
  ...section(10, [1, ...size(code.length), ...code]),
);

const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object, imports: { m: { m: SharedMemory } }) => { readonly exports: { readonly s: Sum } };
  };
};

let module: object | undefined;

export function createSum({ shared }: Memory): Sum {
  module ??= new WebAssembly.Module(program);
  const { s } = new WebAssembly.Instance(module, { m: { m: shared } }).exports;
  return (at, length, start) => s(at, length, start) & 0xffff;
}
