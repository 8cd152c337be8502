/** Ring buffers: what ringbuf.ts does. */
import { type FunctionBuilder, type FunctionRef, i32, type Local } from "../../wasm/builder.js";
import { errno } from "../access.js";
import { pushAddress } from "../placed.js";
import { busy, discarded, recordHeader, ring, ringWord, wakeFlag } from "../ringbuf.js";
import { locals, pushRecord, releaseLock, type Site, takeLock } from "./pieces.js";

const lengthMask = discarded - 1;

/** Address of the ring's data, of the map that is compiled for. */
const dataOf = ({ word }: Site): number => word(ringWord.rings) + ring.bytes;
/** Where a word of the ring is, from the record on. */
const wordAt = ({ record, word }: Site, of: number): number => word(ringWord.rings) - record + of * 4;

/** `(state, bytes, flags, upper word of flags, record) -> address` of the record's data; 0: there is no room. */
export function ringReserve(given: Site): FunctionRef {
  const site = { ...given, local: 4 };
  const { word } = site;
  const f = site.module.func(`reserve_${site.base.index}`, [i32, i32, i32, i32, i32], [i32]);
  const [thread, bytes, flags, flagsHigh] = [0, 1, 2, 3];
  const { whole, producer, at } = locals(f, "whole", "producer", "at");
  const size = word(ringWord.size);
  const lock = wordAt(site, ring.lock);
  const refuse = () => void f.i32Const(0).return();
  f.get(flags).get(flagsHigh).i32Or().if();
  refuse();
  f.end();
  f.get(bytes)
    .i32Const(size - recordHeader)
    .i32GtU()
    .if();
  refuse();
  f.end();
  f.get(bytes)
    .i32Const(recordHeader + 7)
    .i32Add()
    .i32Const(-8)
    .i32And()
    .set(whole);
  takeLock(f, site, thread, lock, () => {
    pushRecord(f.get(thread), site).get(bytes).i32Const(0).i32Const(0).call(site.host("helper_131", 5)).return();
  });
  pushRecord(f, site).i32Load(wordAt(site, ring.producer)).tee(producer);
  pushRecord(f, site).i32AtomicLoad(wordAt(site, ring.consumer)).i32Sub();
  f.i32Const(size).get(whole).i32Sub().i32GeU().if();
  releaseLock(f, site, lock);
  refuse();
  f.end();
  pushAddress(
    f
      .get(producer)
      .i32Const(size - 1)
      .i32And(),
    site,
    dataOf(site),
  )
    .i32Add()
    .tee(at);
  f.get(bytes).i32Const(busy).i32Or().i32AtomicStore(0);
  pushAddress(f.get(at).get(at), site, word(ringWord.rings)).i32Sub().i32Const(3).i32ShrU().i32Store(4);
  pushRecord(f, site).get(producer).get(whole).i32Add().i32AtomicStore(wordAt(site, ring.producer));
  releaseLock(f, site, lock);
  f.get(at).i32Const(recordHeader).i32Add();
  return f;
}

/** Marks the record at `data` as finished, and wakes who waits for it. */
function writeCommit(f: FunctionBuilder, site: Site, thread: Local, data: Local, flags: Local, discard: boolean): void {
  const { word, host } = site;
  f.get(data).i32Const(recordHeader).i32Sub();
  f.get(data).i32Const(recordHeader).i32Sub().i32Load(0).i32Const(lengthMask).i32And();
  if (discard) f.i32Const(discarded).i32Or();
  f.i32AtomicStore(0);
  // Only now, as a consumer that found it busy has perhaps lain down since.
  pushRecord(f, site)
    .i32AtomicLoad(wordAt(site, ring.consumer))
    .i32Const(word(ringWord.size) - 1)
    .i32And();
  pushAddress(f.get(data), site, dataOf(site) + recordHeader)
    .i32Sub()
    .i32Eq();
  f.get(flags).i32Const(wakeFlag.none).i32And().i32Eqz().i32And();
  f.get(flags).i32Const(wakeFlag.force).i32And().i32Or().if();
  pushRecord(f.get(thread), site).call(host("ring_wake", 2)).drop().end();
}

/** `(state, data, flags, record) -> 1` if that is a record of this ring, which is then finished; else 0. */
export function ringCommit(given: Site, discard: boolean): FunctionRef {
  const site = { ...given, local: 3 };
  const f = site.module.func(`${discard ? "discard" : "submit"}_${site.base.index}`, [i32, i32, i32, i32], [i32]);
  const [thread, data, flags] = [0, 1, 2];
  const offset = f.local(i32);
  pushAddress(f.get(data), site, dataOf(site) + recordHeader)
    .i32Sub()
    .tee(offset);
  f.i32Const(site.word(ringWord.size)).i32GeU().get(offset).i32Const(7).i32And().i32Or().if();
  f.i32Const(0).return().end();
  writeCommit(f, site, thread, data, flags, discard);
  f.i32Const(1);
  return f;
}

/** Copies up to some tens of bytes: engines call a function for `memory.copy`. */
function writeCopy(f: FunctionBuilder, to: Local, from: Local, bytes: Local): void {
  const { at, end } = locals(f, "at", "end");
  const done = f.block();
  f.get(bytes).i32Const(64).i32GtU().if();
  f.get(to).get(from).get(bytes).memoryCopy().br(done).end();
  f.i32Const(0).set(at).get(bytes).i32Const(-8).i32And().set(end);
  const place = (base: Local) => f.get(base).get(at).i32Add();
  const pieces = f.block();
  const wide = f.loop();
  f.get(at).get(end).i32GeU().brIf(pieces);
  place(to);
  place(from).i64Load(0, 0).i64Store(0, 0);
  f.get(at).i32Const(8).i32Add().set(at).br(wide).end().end();
  const rest = f.loop();
  f.get(at).get(bytes).i32GeU().brIf(done);
  place(to);
  place(from).i32Load8U(0).i32Store8(0);
  f.get(at).i32Const(1).i32Add().set(at).br(rest).end().end();
}

/** `(state, data, bytes, flags, upper word of flags, record)`: 0 or a negative error number. What is at `data` was looked at by the caller. */
export function ringOutput(given: Site, reserve: FunctionRef): FunctionRef {
  const site = { ...given, local: 5 };
  const f = site.module.func(`output_${site.base.index}`, [i32, i32, i32, i32, i32, i32], [i32]);
  const [thread, data, bytes, flags, flagsHigh] = [0, 1, 2, 3, 4];
  const to = f.local(i32);
  f.get(flags)
    .i32Const(~(wakeFlag.none | wakeFlag.force))
    .i32And()
    .get(flagsHigh)
    .i32Or()
    .if();
  f.i32Const(-errno.EINVAL).return().end();
  pushRecord(f.get(thread).get(bytes).i32Const(0).i32Const(0), site).call(reserve).tee(to).i32Eqz().if();
  f.i32Const(-errno.EAGAIN).return().end();
  writeCopy(f, to, data, bytes);
  writeCommit(f, site, thread, to, flags, false);
  f.i32Const(0);
  return f;
}
