/**
 * Updates and removals in hash tables: what hash.ts does, under the same lock. While it is held nothing is called: a thread whose stack is at
 * its end must not stop there.
 */
import { state } from "../../run/state.js";
import { type FunctionBuilder, type FunctionRef, i32, type Local } from "../../wasm/builder.js";
import { errno } from "../access.js";
import { mapRecord } from "../descriptor.js";
import { evictionScan, freeLimit, hashWord, node } from "../hash.js";
import { pushHash, pushHead, pushNode, pushValue } from "./hash.js";
import {
  addCpu,
  addLocked,
  brIfDifferent,
  copy,
  copyValue,
  locals,
  pushRecord,
  releaseLock,
  type Site,
  takeLock,
  zero,
} from "./pieces.js";

const lockAt = mapRecord.lock * 4;
/** Leaves a word of the record. */
const pushWord = (f: FunctionBuilder, site: Site, word: number): FunctionBuilder =>
  pushRecord(f, site).i32Load(word * 4);

/** Where a key stands: its bucket, and the node that has it (-1: none) with the address of the word that leads to it. */
interface Found {
  readonly head: Local;
  readonly index: Local;
  readonly at: Local;
  readonly link: Local;
}

/** Walks a bucket, whose address is in `head`, until `match` goes to its label; `index` is -1 at the end. */
function writeWalk(f: FunctionBuilder, site: Site, { head, index, at, link }: Found, match: () => void): void {
  const steps = f.local(i32);
  f.get(head).tee(link).i32AtomicLoad(0).set(index);
  f.i32Const(site.word(hashWord.nodeCount)).set(steps);
  const end = f.block();
  const walk = f.loop();
  f.get(index).i32Const(0).i32LtS().brIf(end);
  pushNode(f.get(index), site).set(at);
  match();
  f.get(at).tee(link).i32AtomicLoad(node.next).set(index);
  f.get(steps).i32Const(1).i32Sub().tee(steps).brIf(walk).end();
  f.i32Const(-1).set(index).end();
}

/** Looks for the key, with the lock held. */
function writeSeek(f: FunctionBuilder, site: Site, key: Local, hashed: Local): Found {
  const place = locals(f, "head", "index", "at", "link");
  pushHead(f.get(hashed), site).set(place.head);
  const found = f.block();
  writeWalk(f, site, place, () => {
    const different = f.block();
    f.get(place.at).i32AtomicLoad(node.hash).get(hashed).i32Ne().brIf(different);
    brIfDifferent(f, [key, 0], [place.at, node.key], site.word(mapRecord.keySize), different);
    f.br(found).end();
  });
  f.end();
  return place;
}

/** Leaves what the place of the free node that is so many behind the first one is `ringAt` behind. */
function pushFree(f: FunctionBuilder, site: Site, behind: () => void): void {
  pushWord(f, site, hashWord.freeFirst);
  behind();
  pushRecord(f.i32Const(site.word(hashWord.nodeCount)).i32RemU().i32Const(2).i32Shl(), site).i32Add();
}
const ringAt = ({ record, word }: Site): number => word(hashWord.free) - record;

/** Puts the node that the word at `link` leads away from back among the free ones, after that word was changed. */
function writeFree(f: FunctionBuilder, site: Site, { head, index }: Pick<Found, "head" | "index">): void {
  f.get(head).i32Const(1).i32AtomicRmwAdd(4).drop();
  pushFree(f, site, () => pushWord(f, site, hashWord.freeCount).i32Add());
  f.get(index).i32Store(ringAt(site));
  addLocked(f, site, hashWord.freeCount, 1);
}

function writeUnlink(f: FunctionBuilder, site: Site, place: Found): void {
  f.get(place.link).get(place.at).i32Load(node.next).i32AtomicStore(0);
  writeFree(f, site, place);
  addLocked(f, site, mapRecord.count, -1);
}

/** Second chance, as in hash.ts. */
function writeEvict(f: FunctionBuilder, site: Site): void {
  const place = locals(f, "head", "index", "at", "link");
  const { hand, looked, passed, own } = locals(f, "hand", "looked", "passed", "own");
  const nodes = site.word(hashWord.nodeCount);
  f.i32Const(0)
    .set(looked)
    .i32Const(nodes * 2)
    .set(passed);
  const done = f.block();
  const again = f.loop();
  pushWord(f, site, hashWord.hand).set(hand);
  pushRecord(f, site)
    .i32Const(0)
    .get(hand)
    .i32Const(1)
    .i32Add()
    .get(hand)
    .i32Const(nodes - 1)
    .i32Eq()
    .select();
  f.i32Store(hashWord.hand * 4);
  pushNode(f.get(hand), site).set(own);
  // Not in its list: it is free.
  const skip = f.block();
  pushHead(f.get(own).i32Load(node.hash), site).set(place.head);
  const found = f.block();
  writeWalk(f, site, place, () => f.get(place.index).get(hand).i32Eq().brIf(found));
  f.br(skip).end();
  f.get(own)
    .i32Load(node.referenced)
    .get(looked)
    .i32Const(Math.min(evictionScan, site.word(mapRecord.maxEntries)))
    .i32LtU()
    .i32And()
    .if();
  f.get(looked).i32Const(1).i32Add().set(looked).get(own).i32Const(0).i32Store(node.referenced);
  f.br(skip).end();
  writeUnlink(f, site, place);
  f.br(done).end();
  f.get(passed).i32Const(1).i32Sub().tee(passed).brIf(again).end().end();
}

/** Takes a free node and writes the key into it; its index is left in `index`, its address in `at`. */
function writeTake(f: FunctionBuilder, site: Site, key: Local, hashed: Local, index: Local, at: Local): void {
  const nodes = site.word(hashWord.nodeCount);
  pushFree(f, site, () => {});
  f.i32Load(ringAt(site)).set(index);
  pushRecord(f, site).i32Const(0);
  pushWord(f, site, hashWord.freeFirst).i32Const(1).i32Add().tee(at);
  f.get(at)
    .i32Const(freeLimit(nodes))
    .i32Eq()
    .select()
    .i32Store(hashWord.freeFirst * 4);
  addLocked(f, site, hashWord.freeCount, -1);
  pushNode(f.get(index), site).tee(at);
  // Whoever strayed here must not take a half-written key for the one it had.
  f.get(hashed).i32Const(-1).i32Xor().i32Store(node.hash);
  copy(f, [at, node.key], [key, 0], site.word(mapRecord.keySize));
  f.get(at).get(hashed).i32Store(node.hash);
}

/** Writes the value of a node that was taken; of a per-CPU map, zeros for the other CPUs. */
function writeNew(f: FunctionBuilder, { word }: Site, thread: Local, value: Local, at: Local): void {
  const spinLock = word(mapRecord.spinLock);
  const cpuStride = word(mapRecord.cpuStride);
  const valueSize = word(mapRecord.valueSize);
  if (cpuStride === 0) {
    copyValue(f, at, value, valueSize, spinLock);
    if (spinLock !== 0)
      f.get(at)
        .i32Const(0)
        .i32Store(spinLock - 1);
    return;
  }
  const one = f.local(i32);
  f.i32Const(0).set(one);
  const each = f.loop();
  f.get(one).get(thread).i32Load(state.cpu).i32Eq().if();
  copy(f, [at, 0], [value, 0], valueSize);
  f.else();
  zero(f, at, word(mapRecord.stride));
  f.end();
  f.get(at).i32Const(cpuStride).i32Add().set(at);
  f.get(one).i32Const(1).i32Add().tee(one).i32Const(word(hashWord.cpus)).i32LtU().brIf(each).end();
}

/** @param lru Whether the entry that was not used for longest makes room. */
export function hashUpdate(given: Site, lru: boolean): FunctionRef {
  const site = { ...given, local: 5 };
  const { word } = site;
  const f = site.module.func(`update_${site.base.index}`, [i32, i32, i32, i32, i32, i32], [i32]);
  const [thread, key, value, flags, flagsHigh] = [0, 1, 2, 3, 4];
  const { hashed, fresh, node: taken } = locals(f, "hashed", "fresh", "node");
  const perCpu = word(mapRecord.cpuStride) !== 0;
  const byHost = () => {
    pushRecord(f.get(thread), site).get(key).get(value).get(flags).get(flagsHigh);
    f.call(site.host("helper_2", 6)).return();
  };
  f.get(flags).i32Const(2).i32GtU().get(flagsHigh).i32Or().if();
  byHost();
  f.end();
  pushHash(f, site, key);
  f.set(hashed);
  takeLock(f, site, thread, lockAt, byHost);
  const place = writeSeek(f, site, key, hashed);
  const { head, index, at, link } = place;

  const done = f.block(i32);
  f.get(index).i32Const(0).i32GeS().if();
  f.i32Const(-errno.EEXIST).get(flags).i32Const(1).i32Eq().brIf(done).drop();
  if (perCpu) {
    pushValue(f.get(index), site);
    addCpu(f, thread, word(mapRecord.cpuStride));
    f.set(taken);
    copy(f, [taken, 0], [value, 0], word(mapRecord.valueSize));
    if (lru) f.get(at).i32Const(1).i32Store(node.referenced);
    f.i32Const(0).br(done);
  }
  f.else();
  f.i32Const(-errno.ENOENT).get(flags).i32Const(2).i32Eq().brIf(done).drop();
  pushWord(f, site, mapRecord.count).i32Const(word(mapRecord.maxEntries)).i32GeU().if();
  if (lru) writeEvict(f, site);
  else f.i32Const(-errno.E2BIG).br(done);
  f.end().end();

  pushWord(f.i32Const(-errno.ENOMEM), site, hashWord.freeCount).i32Eqz().brIf(done).drop();
  writeTake(f, site, key, hashed, fresh, taken);
  // What was there before counts as used.
  if (lru) f.get(taken).get(index).i32Const(0).i32GeS().i32Store(node.referenced);
  const to = f.local(i32);
  pushValue(f.get(fresh), site).set(to);
  writeNew(f, site, thread, value, to);
  f.get(index).i32Const(0).i32LtS().if();
  f.get(taken).get(head).i32Load(0).i32Store(node.next);
  f.get(head).get(fresh).i32AtomicStore(0);
  addLocked(f, site, mapRecord.count, 1);
  f.else();
  f.get(taken).get(at).i32Load(node.next).i32Store(node.next);
  f.get(link).get(fresh).i32AtomicStore(0);
  writeFree(f, site, place);
  f.end().i32Const(0);
  f.end();
  releaseLock(f, site, lockAt);
  return f;
}

export function hashRemove(given: Site): FunctionRef {
  const site = { ...given, local: 2 };
  const f = site.module.func(`remove_${site.base.index}`, [i32, i32, i32], [i32]);
  const [thread, key] = [0, 1];
  const hashed = f.local(i32);
  pushHash(f, site, key);
  f.set(hashed);
  takeLock(f, site, thread, lockAt, () => {
    pushRecord(f.get(thread), site).get(key).call(site.host("helper_3", 3)).return();
  });
  const place = writeSeek(f, site, key, hashed);
  f.get(place.index).i32Const(0).i32LtS().if(i32);
  f.i32Const(-errno.ENOENT).else();
  writeUnlink(f, site, place);
  f.i32Const(0).end();
  releaseLock(f, site, lockAt);
  return f;
}
