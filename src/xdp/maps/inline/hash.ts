/** Lookups in hash tables: what hash.ts does. */
import { type FunctionBuilder, type FunctionRef, i32, type Local } from "../../wasm/builder.js";
import { mapRecord } from "../descriptor.js";
import { hashWord, node } from "../hash.js";
import { pushAddress } from "../placed.js";
import { addCpu, brIfDifferent, locals, pushRecord, type Site } from "./pieces.js";

/** Lookups of a missing key that were disturbed so often answer that there is none. */
const patience = 1024;

/** Leaves the key's hash on the stack. */
export function pushHash(f: FunctionBuilder, site: Site, key: Local): void {
  const keySize = site.word(mapRecord.keySize);
  const seeds = site.word(hashWord.seeds) - site.record;
  const pushSeed = (at: number) => pushRecord(f, site).i64Load(seeds + at * 8);
  pushSeed(0);
  for (let at = 0; at * 4 < keySize; at++) {
    const left = keySize - at * 4;
    f.get(key);
    if (left >= 4) f.i64Load32U(at * 4, 0);
    else if (left === 1) f.i64Load8U(at * 4);
    else {
      f.i64Load16U(at * 4, 0);
      if (left === 3)
        f.get(key)
          .i64Load8U(at * 4 + 2)
          .i64Const(16)
          .i64Shl()
          .i64Or();
    }
    pushSeed(at + 1)
      .i64Mul()
      .i64Add();
  }
  f.i64Const(32).i64ShrU().i32WrapI64();
}

/** Leaves the address of the bucket of the hash on the stack. */
export const pushHead = (f: FunctionBuilder, site: Site): FunctionBuilder =>
  pushAddress(
    f.i32Const(site.word(mapRecord.mask)).i32And().i32Const(3).i32Shl(),
    site,
    site.word(mapRecord.table),
  ).i32Add();

/** Address of the node whose index is on the stack. */
export const pushNode = (f: FunctionBuilder, site: Site): FunctionBuilder =>
  pushAddress(f.i32Const(site.word(hashWord.nodeStride)).i32Mul(), site, site.word(hashWord.nodes)).i32Add();

/** Address of the value of the node whose index is on the stack; of a per-CPU map, of the first CPU. */
export const pushValue = (f: FunctionBuilder, site: Site): FunctionBuilder =>
  pushAddress(f.i32Const(site.word(mapRecord.stride)).i32Mul(), site, site.word(mapRecord.values)).i32Add();

/** `(key, record) -> index` of the key's node, or -1. */
export function hashFind(site: Site): FunctionRef {
  const f = site.module.func(`find_${site.base.index}`, [i32, i32], [i32]);
  pushFound(f, { ...site, local: 1 }, 0);
  return f;
}

/** Leaves the index of the key's node, or -1, on the stack. */
function pushFound(f: FunctionBuilder, site: Site, key: Local): void {
  const { word } = site;
  const keySize = word(mapRecord.keySize);
  const { hashed, head, sequence, index, at, steps, rounds } = locals(
    f,
    "hashed",
    "head",
    "sequence",
    "index",
    "at",
    "steps",
    "rounds",
  );
  pushHash(f, site, key);
  pushHead(f.tee(hashed), site).set(head);
  const found = f.block();
  const again = f.loop();
  f.get(head).i32AtomicLoad(4).set(sequence);
  f.get(head).i32AtomicLoad(0).set(index);
  f.i32Const(word(hashWord.nodeCount)).set(steps);
  const end = f.block();
  const walk = f.loop();
  f.get(index).i32Const(0).i32LtS().brIf(end);
  pushNode(f.get(index), site).tee(at);
  f.i32AtomicLoad(node.hash).get(hashed).i32Eq().if();
  const different = f.block();
  brIfDifferent(f, [key, 0], [at, node.key], keySize, different);
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

/** @param then What a found entry is asked for besides: to be marked as used, or the record that is its value. */
export function hashLookup(given: Site, then: "none" | "mark" | "load"): FunctionRef {
  const site = { ...given, local: 2 };
  const f = site.module.func(`lookup_${site.base.index}`, [i32, i32, i32], [i32]);
  const [thread, key] = [0, 1];
  const index = f.local(i32);
  pushFound(f, site, key);
  f.tee(index).i32Const(0).i32LtS().if(i32);
  f.i32Const(0).else();
  if (then === "mark") {
    const at = f.local(i32);
    pushNode(f.get(index), site).tee(at);
    f.i32Load(node.referenced).i32Eqz().if();
    f.get(at).i32Const(1).i32Store(node.referenced).end();
  }
  pushValue(f.get(index), site);
  addCpu(f, thread, site.word(mapRecord.cpuStride));
  if (then === "load") f.i32AtomicLoad();
  f.end();
  return f;
}
