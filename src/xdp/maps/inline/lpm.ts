/** Lookups in lpm_tries: what trie.ts and lpm.ts do. */
import { state } from "../../run/state.js";
import { type FunctionBuilder, type FunctionRef, i32, i64, type Local } from "../../wasm/builder.js";
import { roundUp8 } from "../access.js";
import { mapRecord } from "../descriptor.js";
import { node } from "../hash.js";
import { pushAddress } from "../placed.js";
import { trieNodeBytes, trieSizes, trieWord } from "../trie.js";
import { hashFind, pushNode, pushValue } from "./hash.js";
import { load, locals, pieces, type Site } from "./pieces.js";

/** Reverses the bytes of the word on the stack. */
function swapBytes(f: FunctionBuilder, scratch: Local): FunctionBuilder {
  f.tee(scratch).i32Const(8).i32Rotl().i32Const(0x00ff00ff).i32And();
  return f.get(scratch).i32Const(24).i32Rotl().i32Const(0xff00ff00).i32And().i32Or();
}

export function lpmLookup(given: Site): FunctionRef {
  const site = { ...given, local: 2 };
  const { module, word } = site;
  const dataBytes = word(mapRecord.keySize) - 4;
  const most = dataBytes * 8;
  const rootBits = word(trieWord.rootBits);
  const root = word(trieWord.slots);
  const nodes = root + trieSizes(word(mapRecord.maxEntries), dataBytes).rootBytes;
  const single = dataBytes === 4;
  const slow = lpmByLength(site);
  const f = module.func(`lookup_${site.base.index}`, [i32, i32, i32], [i32]);
  const [thread, key, base] = [0, 1, 2];
  const { sequence, data, slot, best, child, position, limit, entry, same, held } = locals(
    f,
    "sequence",
    "data",
    "slot",
    "best",
    "child",
    "position",
    "limit",
    "entry",
    "same",
    "held",
  );
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
  if (single) swapBytes(f.get(key).i32Load(4, 0), held).set(data);
  f.i32Const(most).set(limit);

  const done = f.block();
  const again = f.loop();
  if (single)
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
  pushAddress(f, site, root).i32Add().tee(slot).i32Load(0).set(best);
  f.i32Const(-1).set(position);
  const bottom = f.block();
  const walk = f.loop();
  f.get(slot).i32AtomicLoad(4).tee(child).i32Eqz().brIf(bottom);
  f.get(child).i32Const(511).i32And().get(position).i32LeS().brIf(bottom);
  f.get(child).i32Const(511).i32And().tee(position).i32Const(2).i32Shl().get(limit).i32GtU().brIf(bottom);
  f.get(child).i32Const(2).i32ShrU().i32Const(-trieNodeBytes).i32And();
  // The nibble at `position`, times 8.
  if (single) {
    f.get(data).i32Const(28).get(position).i32Const(2).i32Shl().i32Sub().i32ShrU();
  } else {
    f.get(key).get(position).i32Const(1).i32ShrU().i32Add().i32Load8U(4);
    f.get(position).i32Const(-1).i32Xor().i32Const(1).i32And().i32Const(2).i32Shl().i32ShrU();
  }
  f.i32Const(15).i32And().i32Const(3).i32Shl().i32Add();
  pushAddress(f, site, nodes).i32Add().tee(slot);
  f.i32Load(0).tee(held).get(best).get(held).select().set(best);
  f.br(walk).end().end(); // walk, bottom
  f.get(best).i32Eqz().brIf(done);
  f.get(limit).i32Const(most).i32Ne().brIf(done);
  pushNode(f.get(best).i32Const(1).i32Sub(), site).set(entry);
  if (single)
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
  pushValue(f.get(best).i32Const(1).i32Sub(), site);
  f.else().i32Const(0).end();
  return f;
}

/** Asks the hash table for each length in use, from the key's down: for keys that are prefixes themselves, and while the trie is changed. */
function lpmByLength(given: Site): FunctionRef {
  const site = { ...given, local: 2 };
  const { module, word } = site;
  const keySize = word(mapRecord.keySize);
  const most = (keySize - 4) * 8;
  const find = hashFind(site);
  const f = module.func(`lookup_by_length_${site.base.index}`, [i32, i32, i32], [i32]);
  const [thread, key, base] = [0, 1, 2];
  const [scratch, length, index, at] = [f.local(i32), f.local(i32), f.local(i32), f.local(i32)];
  f.get(key).i32Load(0, 0).i32Const(most).i32GtU().if();
  f.i32Const(0).return().end();
  f.get(thread).i32Load(state.cpu).i32Const(1).i32Add().i32Const(roundUp8(keySize)).i32Mul();
  pushAddress(f, site, word(trieWord.scratch)).i32Add().tee(scratch).get(key).i32Const(keySize).memoryCopy();
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
    .i32Load(word(trieWord.lengths) - site.record)
    .if();
  f.get(scratch).get(length).i32Store(0).get(scratch).get(base).call(find).tee(index).i32Const(0).i32GeS().if();
  pushValue(f.get(index), site).return();
  f.end().end().end();
  f.get(length).i32Const(1).i32Sub().tee(length).i32Const(0).i32GeS().brIf(again).end();
  f.i32Const(0);
  return f;
}
