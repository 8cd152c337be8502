/** Pieces of code that the routines of maps are made of. */
import type { XdpMemory } from "../../memory.js";
import { state } from "../../run/state.js";
import { type FunctionBuilder, type FunctionRef, i32, type Local, type ModuleBuilder } from "../../wasm/builder.js";
import { recordWord } from "../access.js";
import { type PlacedRecord, pushAddress } from "../placed.js";

/** A map that exists, as a compiler knows it. What is written for it serves all of its shape. */
export interface InlineMap extends PlacedRecord {
  readonly memory: XdpMemory;
}

/** Imports a function of the host: `words` words to one. */
export type HostFunction = (name: string, words: number) => FunctionRef;

/** What a routine is written into and for. */
export interface Site extends InlineMap {
  readonly module: ModuleBuilder;
  readonly host: HostFunction;
  /** A word of the map's record. Sizes and counts are constants of the routine; of addresses, the distance from the record is. */
  readonly word: (index: number) => number;
}

export function siteOf(module: ModuleBuilder, map: InlineMap, host: HostFunction): Site {
  return { ...map, module, host, word: (index) => recordWord(map.memory, map.record, index) };
}

/** Leaves the address of the record of the map in hand. */
export const pushRecord = (f: FunctionBuilder, site: PlacedRecord): FunctionBuilder =>
  pushAddress(f, site, site.record);

/** New locals of 32 bits, by name. */
export function locals<K extends string>(f: FunctionBuilder, ...names: readonly K[]): Readonly<Record<K, Local>> {
  return Object.fromEntries(names.map((name) => [name, f.local(i32)])) as Record<K, Local>;
}

type Width = 1 | 2 | 4 | 8;

/** Pieces that a run of bytes is loaded in: offset and width. */
export function pieces(bytes: number): (readonly [number, Width])[] {
  const list: [number, Width][] = [];
  for (let at = 0; at < bytes; ) {
    const left = bytes - at;
    const width = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    list.push([at, width]);
    at += width;
  }
  return list;
}

/** Loads so many bytes, unaligned, as 64 bits with zeros above. */
export function load(f: FunctionBuilder, width: Width, offset: number): FunctionBuilder {
  if (width === 8) return f.i64Load(offset, 0);
  if (width === 4) return f.i64Load32U(offset, 0);
  return width === 2 ? f.i64Load16U(offset, 0) : f.i64Load8U(offset);
}

function store(f: FunctionBuilder, width: Width, offset: number): FunctionBuilder {
  if (width === 8) return f.i64Store(offset, 0);
  if (width === 4) return f.i64Store32(offset, 0);
  return width === 2 ? f.i64Store16(offset, 0) : f.i64Store8(offset);
}

/** Runs of bytes up to this are copied and cleared in place; engines call a function for `memory.copy` and `memory.fill`. */
const mostUnrolled = 128;

/** A place: the address in a local, and an offset from it. */
export type Place = readonly [at: Local, offset: number];

export function copy(f: FunctionBuilder, [to, toOffset]: Place, [from, fromOffset]: Place, bytes: number): void {
  if (bytes > mostUnrolled) {
    f.get(to).i32Const(toOffset).i32Add().get(from).i32Const(fromOffset).i32Add().i32Const(bytes).memoryCopy();
    return;
  }
  for (const [offset, width] of pieces(bytes)) {
    load(f.get(to).get(from), width, fromOffset + offset);
    store(f, width, toOffset + offset);
  }
}

export function zero(f: FunctionBuilder, at: Local, bytes: number): void {
  if (bytes > mostUnrolled) f.get(at).i32Const(0).i32Const(bytes).memoryFill();
  else for (const [offset, width] of pieces(bytes)) store(f.get(at).i64Const(0), width, offset);
}

/** Goes to a label if two runs of bytes differ. */
export function brIfDifferent(f: FunctionBuilder, one: Place, other: Place, bytes: number, label: number): void {
  for (const [offset, width] of pieces(bytes)) {
    load(f.get(one[0]), width, one[1] + offset);
    load(f.get(other[0]), width, other[1] + offset)
      .i64Ne()
      .brIf(label);
  }
}

/** Copies a value, all but its bpf_spin_lock; `spinLock` is the record's word. */
export function copyValue(f: FunctionBuilder, to: Local, from: Local, bytes: number, spinLock: number): void {
  if (spinLock === 0) {
    copy(f, [to, 0], [from, 0], bytes);
    return;
  }
  const behind = spinLock + 3;
  copy(f, [to, 0], [from, 0], spinLock - 1);
  copy(f, [to, behind], [from, behind], bytes - behind);
}

/** Adds `cpu * cpuStride` to what is on the stack. */
export function addCpu(f: FunctionBuilder, thread: Local, cpuStride: number): void {
  if (cpuStride !== 0) f.get(thread).i32Load(state.cpu).i32Const(cpuStride).i32Mul().i32Add();
}

/** A lock that is not to be had at once is looked at so often before the host waits for it, who can tell how long. */
const spins = 200;

/** Takes the lock that is so many bytes behind the record as `lockWord` does; `otherwise` leaves the function, for the host to do the whole. */
export function takeLock(f: FunctionBuilder, site: Site, thread: Local, lock: number, otherwise: () => void): void {
  const left = f.local(i32);
  f.i32Const(spins).set(left);
  const taken = f.block();
  const again = f.loop();
  pushRecord(f, site).i32Const(0).get(thread).i32Load(state.cpu).i32Const(2).i32Add();
  f.i32AtomicRmwCmpxchg(lock).i32Eqz().brIf(taken);
  const wait = f.loop();
  f.get(left).i32Const(1).i32Sub().tee(left).i32Eqz().if();
  otherwise();
  f.end();
  pushRecord(f, site).i32AtomicLoad(lock).brIf(wait);
  f.end().br(again).end().end(); // wait, again, taken
}

export function releaseLock(f: FunctionBuilder, site: Site, lock: number): void {
  pushRecord(f, site).i32Const(0).i32AtomicStore(lock);
}

/** Adds to a word of the record, where the map's lock makes sure that nobody else does. */
export function addLocked(f: FunctionBuilder, site: Site, word: number, by: number): void {
  pushRecord(f, site);
  pushRecord(f, site)
    .i32Load(word * 4)
    .i32Const(by)
    .i32Add()
    .i32Store(word * 4);
}
