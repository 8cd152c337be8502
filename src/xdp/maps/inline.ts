/**
 * Lookups as WebAssembly in a program's own module, with what the map's record says of its shape as constants, and addresses relative to the
 * record. They do what hash.ts, trie.ts and array.ts do, on the same memory at the same time.
 */
import type { XdpMemory } from "../memory.js";
import { state } from "../run/state.js";
import { type FunctionBuilder, type FunctionRef, i32, i64, type Local, type ModuleBuilder } from "../wasm/builder.js";
import { recordWord, roundUp8 } from "./access.js";
import { typeAt } from "./attach.js";
import { mapRecord } from "./descriptor.js";
import { hashWord, node } from "./hash.js";
import { type PlacedRecord, pushAddress } from "./placed.js";
import { trieNodeBytes, trieSizes, trieWord } from "./trie.js";

/** A map that exists, as a compiler knows it. */
export interface InlineMap extends PlacedRecord {
  readonly memory: XdpMemory;
}

/** Lookups of a missing key that were disturbed so often answer that there is none. */
const patience = 1024;

type Words = (word: number) => number;
/** Pieces that a run of bytes is loaded in: offset and width. */
function pieces(bytes: number): (readonly [number, 1 | 2 | 4 | 8])[] {
  const list: [number, 1 | 2 | 4 | 8][] = [];
  for (let at = 0; at < bytes; ) {
    const left = bytes - at;
    const width = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    list.push([at, width]);
    at += width;
  }
  return list;
}

/** Loads so many bytes, unaligned, as 64 bits with zeros above. */
function load(f: FunctionBuilder, width: 1 | 2 | 4 | 8, offset: number): FunctionBuilder {
  if (width === 8) return f.i64Load(offset, 0);
  if (width === 4) return f.i64Load32U(offset, 0);
  return width === 2 ? f.i64Load16U(offset, 0) : f.i64Load8U(offset);
}

/**
 * A function `(state: i32, key: i32, record: i32) -> i32` of the module that answers the address of the key's value, on the thread's CPU where there is one
 * per CPU, or 0; of a map of maps, the record of the inner map. Undefined for a type whose lookup is not made here: call the helper.
 */
export function inlineLookup(module: ModuleBuilder, given: InlineMap): FunctionRef | undefined {
  const { memory, record } = given;
  const map: InlineMap = { ...given, local: 2 };
  const words: Words = (word) => recordWord(memory, record, word);
  switch (typeAt(memory, record)) {
    case "array":
    case "percpu_array":
    case "array_of_maps":
      return arrayLookup(module, map, words, typeAt(memory, record) === "array_of_maps");
    case "hash":
    case "percpu_hash":
      return hashLookup(module, map, words, "none");
    case "lru_hash":
    case "lru_percpu_hash":
      return hashLookup(module, map, words, "mark");
    case "hash_of_maps":
      return hashLookup(module, map, words, "load");
    case "lpm_trie":
      return lpmLookup(module, map, words);
    default:
      return undefined;
  }
}

/** Adds `cpu * cpuStride` to what is on the stack. */
function addCpu(f: FunctionBuilder, thread: Local, cpuStride: number): void {
  if (cpuStride !== 0) f.get(thread).i32Load(state.cpu).i32Const(cpuStride).i32Mul().i32Add();
}

function arrayLookup(module: ModuleBuilder, map: InlineMap, words: Words, maps: boolean): FunctionRef {
  const f = module.func(`lookup_${map.base.index}`, [i32, i32, i32], [i32]);
  const [thread, key] = [0, 1];
  const index = f.local(i32);
  f.get(key).i32Load(0, 0).tee(index).i32Const(words(mapRecord.maxEntries)).i32LtU().if(i32);
  pushAddress(f.get(index).i32Const(words(mapRecord.stride)).i32Mul(), map, words(mapRecord.values)).i32Add();
  addCpu(f, thread, words(mapRecord.cpuStride));
  if (maps) f.i32AtomicLoad();
  f.else().i32Const(0).end();
  return f;
}

/** `(key, record) -> index` of the key's node, or -1. */
function hashFind(module: ModuleBuilder, map: InlineMap, words: Words): FunctionRef {
  const f = module.func(`find_${map.base.index}`, [i32, i32], [i32]);
  writeFind(f, { ...map, local: 1 }, words, 0);
  return f;
}

/** Leaves the index of the key's node, or -1, on the stack. */
function writeFind(f: FunctionBuilder, map: InlineMap, words: Words, key: Local): void {
  const keySize = words(mapRecord.keySize);
  const seeds = words(hashWord.seeds) - map.record;
  const seed = (at: number) => pushAddress(f, map, map.record).i64Load(seeds + at * 8);
  const [hashed, head, sequence, index, at, steps, rounds] = Array.from({ length: 7 }, () => f.local(i32)) as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  seed(0);
  for (let word = 0; word * 4 < keySize; word++) {
    const left = keySize - word * 4;
    f.get(key);
    if (left >= 4) f.i64Load32U(word * 4, 0);
    else if (left === 1) f.i64Load8U(word * 4);
    else {
      f.i64Load16U(word * 4, 0);
      if (left === 3)
        f.get(key)
          .i64Load8U(word * 4 + 2)
          .i64Const(16)
          .i64Shl()
          .i64Or();
    }
    seed(word + 1)
      .i64Mul()
      .i64Add();
  }
  f.i64Const(32).i64ShrU().i32WrapI64().tee(hashed);
  f.i32Const(words(mapRecord.mask)).i32And().i32Const(3).i32Shl();
  pushAddress(f, map, words(mapRecord.table)).i32Add().set(head);
  const found = f.block();
  const again = f.loop();
  f.get(head).i32AtomicLoad(4).set(sequence);
  f.get(head).i32AtomicLoad(0).set(index);
  f.i32Const(words(hashWord.nodeCount)).set(steps);
  const end = f.block();
  const walk = f.loop();
  f.get(index).i32Const(0).i32LtS().brIf(end);
  pushAddress(f.get(index).i32Const(words(hashWord.nodeStride)).i32Mul(), map, words(hashWord.nodes))
    .i32Add()
    .tee(at);
  f.i32AtomicLoad(node.hash).get(hashed).i32Eq().if();
  const different = f.block();
  for (const [offset, width] of pieces(keySize)) {
    load(f.get(key), width, offset);
    load(f.get(at), width, node.key + offset)
      .i64Ne()
      .brIf(different);
  }
  f.br(found).end().end();
  f.get(at).i32AtomicLoad(node.next).set(index);
  f.get(steps).i32Const(1).i32Sub().tee(steps).brIf(walk);
  f.end().end(); // walk, end
  f.get(head).i32AtomicLoad(4).get(sequence).i32Ne();
  f.get(rounds).i32Const(1).i32Add().tee(rounds).i32Const(patience).i32LtU().i32And().brIf(again);
  f.i32Const(-1).set(index);
  f.end().end(); // again, found
  f.get(index);
}

function hashLookup(module: ModuleBuilder, map: InlineMap, words: Words, then: "none" | "mark" | "load"): FunctionRef {
  const f = module.func(`lookup_${map.base.index}`, [i32, i32, i32], [i32]);
  const [thread, key] = [0, 1];
  const index = f.local(i32);
  writeFind(f, map, words, key);
  f.tee(index).i32Const(0).i32LtS().if(i32);
  f.i32Const(0).else();
  if (then === "mark") {
    const at = f.local(i32);
    pushAddress(f.get(index).i32Const(words(hashWord.nodeStride)).i32Mul(), map, words(hashWord.nodes))
      .i32Add()
      .tee(at);
    f.i32Load(node.referenced).i32Eqz().if();
    f.get(at).i32Const(1).i32Store(node.referenced).end();
  }
  pushAddress(f.get(index).i32Const(words(mapRecord.stride)).i32Mul(), map, words(mapRecord.values)).i32Add();
  addCpu(f, thread, words(mapRecord.cpuStride));
  if (then === "load") f.i32AtomicLoad();
  f.end();
  return f;
}

/** Reverses the bytes of the word on the stack. */
function swapBytes(f: FunctionBuilder, scratch: Local): FunctionBuilder {
  f.tee(scratch).i32Const(8).i32Rotl().i32Const(0x00ff00ff).i32And();
  return f.get(scratch).i32Const(24).i32Rotl().i32Const(0xff00ff00).i32And().i32Or();
}

function lpmLookup(module: ModuleBuilder, map: InlineMap, words: Words): FunctionRef {
  const dataBytes = words(mapRecord.keySize) - 4;
  const most = dataBytes * 8;
  const rootBits = words(trieWord.rootBits);
  const root = words(trieWord.slots);
  const nodes = root + trieSizes(words(mapRecord.maxEntries), dataBytes).rootBytes;
  const word = dataBytes === 4;
  const slow = lpmByLength(module, map, words);
  const f = module.func(`lookup_${map.base.index}`, [i32, i32, i32], [i32]);
  const [thread, key, base] = [0, 1, 2];
  const local = () => f.local(i32);
  const [sequence, data, slot, best, child, position, limit, entry, same, held] = [
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
    local(),
  ];
  const callSlow = () => f.get(thread).get(key).get(base).call(slow).return();

  f.get(key).i32Load(0, 0).i32Const(most).i32Ne().if();
  callSlow().end();
  f.get(base)
    .i32AtomicLoad(mapRecord.sequence * 4)
    .tee(sequence)
    .i32Const(1)
    .i32And()
    .if();
  callSlow().end();
  if (word) swapBytes(f.get(key).i32Load(4, 0), held).set(data);
  f.i32Const(most).set(limit);

  const done = f.block();
  const again = f.loop();
  if (word)
    f.get(data)
      .i32Const(32 - rootBits)
      .i32ShrU();
  else if (rootBits <= 8)
    f.get(key)
      .i32Load8U(4)
      .i32Const(8 - rootBits)
      .i32ShrU();
  else {
    f.get(key).i32Load8U(4).i32Const(8).i32Shl().get(key).i32Load8U(5).i32Or();
    f.i32Const(16 - rootBits).i32ShrU();
  }
  f.i32Const(3).i32Shl();
  pushAddress(f, map, root).i32Add().tee(slot).i32Load(0).set(best);
  f.i32Const(-1).set(position);
  const bottom = f.block();
  const walk = f.loop();
  f.get(slot).i32AtomicLoad(4).tee(child).i32Eqz().brIf(bottom);
  f.get(child).i32Const(511).i32And().get(position).i32LeS().brIf(bottom);
  f.get(child).i32Const(511).i32And().tee(position).i32Const(2).i32Shl().get(limit).i32GtU().brIf(bottom);
  f.get(child).i32Const(2).i32ShrU().i32Const(-trieNodeBytes).i32And();
  // The nibble at `position`, times 8.
  if (word) {
    f.get(data).i32Const(28).get(position).i32Const(2).i32Shl().i32Sub().i32ShrU();
  } else {
    f.get(key).get(position).i32Const(1).i32ShrU().i32Add().i32Load8U(4);
    f.get(position).i32Const(-1).i32Xor().i32Const(1).i32And().i32Const(2).i32Shl().i32ShrU();
  }
  f.i32Const(15).i32And().i32Const(3).i32Shl().i32Add();
  pushAddress(f, map, nodes).i32Add().tee(slot);
  f.i32Load(0).tee(held).get(best).get(held).select().set(best);
  f.br(walk).end().end(); // walk, bottom
  f.get(best).i32Eqz().brIf(done);
  f.get(limit).i32Const(most).i32Ne().brIf(done);
  f.get(best).i32Const(1).i32Sub().i32Const(words(hashWord.nodeStride)).i32Mul();
  pushAddress(f, map, words(hashWord.nodes)).i32Add().set(entry);
  if (word)
    swapBytes(f.get(entry).i32Load(node.key + 4), held)
      .get(data)
      .i32Xor()
      .i32Clz()
      .set(same);
  else {
    const difference = f.local(i64);
    const shift = f.local(i64);
    const known = f.block();
    for (const [offset, width] of pieces(dataBytes)) {
      load(f.get(key), width, 4 + offset);
      load(f.get(entry), width, node.key + 4 + offset)
        .i64Xor()
        .tee(difference)
        .i64Eqz()
        .i32Eqz()
        .if();
      f.get(difference).get(difference).i64Ctz().i64Const(56).i64And().tee(shift).i64ShrU().i32WrapI64();
      f.i32Const(255)
        .i32And()
        .i32Clz()
        .get(shift)
        .i32WrapI64()
        .i32Add()
        .i32Const(offset * 8 - 24)
        .i32Add()
        .set(same);
      f.br(known).end();
    }
    f.i32Const(most).set(same).end();
  }
  f.get(same).get(entry).i32Load(node.key).i32GeU().brIf(done);
  f.get(same).set(limit).br(again);
  f.end().end(); // again, done

  f.get(base)
    .i32AtomicLoad(mapRecord.sequence * 4)
    .get(sequence)
    .i32Ne()
    .if();
  callSlow().end();
  f.get(best).if(i32);
  f.get(best).i32Const(1).i32Sub().i32Const(words(mapRecord.stride)).i32Mul();
  pushAddress(f, map, words(mapRecord.values)).i32Add();
  f.else().i32Const(0).end();
  return f;
}

/** Asks the hash table for each length in use, from the key's down: for keys that are prefixes themselves, and while the trie is changed. */
function lpmByLength(module: ModuleBuilder, map: InlineMap, words: Words): FunctionRef {
  const keySize = words(mapRecord.keySize);
  const most = (keySize - 4) * 8;
  const find = hashFind(module, map, words);
  const f = module.func(`lookup_by_length_${map.base.index}`, [i32, i32, i32], [i32]);
  const [thread, key, base] = [0, 1, 2];
  const [scratch, length, index, at] = [f.local(i32), f.local(i32), f.local(i32), f.local(i32)];
  f.get(key).i32Load(0, 0).i32Const(most).i32GtU().if();
  f.i32Const(0).return().end();
  f.get(thread).i32Load(state.cpu).i32Const(1).i32Add().i32Const(roundUp8(keySize)).i32Mul();
  pushAddress(f, map, words(trieWord.scratch)).i32Add().tee(scratch).get(key).i32Const(keySize).memoryCopy();
  f.i32Const(most).set(length);
  const again = f.loop();
  // Bits from `length` on are zero.
  f.get(length).i32Const(most).i32Ne().if();
  f.get(scratch).get(length).i32Const(3).i32ShrU().i32Add().tee(at);
  f.get(at).i32Load8U(4).i32Const(0xff00).get(length).i32Const(7).i32And().i32ShrU().i32And().i32Store8(4);
  f.end();
  f.get(length).get(key).i32Load(0, 0).i32LeU().if();
  f.get(length)
    .i32Const(2)
    .i32Shl()
    .get(base)
    .i32Add()
    .i32Load(words(trieWord.lengths) - map.record)
    .if();
  f.get(scratch).get(length).i32Store(0).get(scratch).get(base).call(find).tee(index).i32Const(0).i32GeS().if();
  pushAddress(f.get(index).i32Const(words(mapRecord.stride)).i32Mul(), map, words(mapRecord.values))
    .i32Add()
    .return();
  f.end().end().end();
  f.get(length).i32Const(1).i32Sub().tee(length).i32Const(0).i32GeS().brIf(again).end();
  f.i32Const(0);
  return f;
}
