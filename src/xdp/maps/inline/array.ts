/** Arrays: what array.ts does. */
import { type FunctionRef, i32 } from "../../wasm/builder.js";
import { errno } from "../access.js";
import { mapRecord } from "../descriptor.js";
import { pushAddress } from "../placed.js";
import { addCpu, copyValue, pushRecord, type Site } from "./pieces.js";

/** @param maps An array_of_maps: its values are records. */
export function arrayLookup(given: Site, maps: boolean): FunctionRef {
  const site = { ...given, local: 2 };
  const { word } = site;
  const f = site.module.func(`lookup_${site.base.index}`, [i32, i32, i32], [i32]);
  const [thread, key] = [0, 1];
  const index = f.local(i32);
  f.get(key).i32Load(0, 0).tee(index).i32Const(word(mapRecord.maxEntries)).i32LtU().if(i32);
  pushAddress(f.get(index).i32Const(word(mapRecord.stride)).i32Mul(), site, word(mapRecord.values)).i32Add();
  addCpu(f, thread, word(mapRecord.cpuStride));
  if (maps) f.i32AtomicLoad();
  f.else().i32Const(0).end();
  return f;
}

export function arrayUpdate(given: Site): FunctionRef {
  const site = { ...given, local: 5 };
  const { word } = site;
  const f = site.module.func(`update_${site.base.index}`, [i32, i32, i32, i32, i32, i32], [i32]);
  const [thread, key, value, flags, flagsHigh] = [0, 1, 2, 3, 4];
  const [index, at] = [f.local(i32), f.local(i32)];
  f.get(flags).i32Const(2).i32GtU().get(flagsHigh).i32Or().if();
  pushRecord(f.get(thread), site).get(key).get(value).get(flags).get(flagsHigh).call(site.host("helper_2", 6)).return();
  f.end();
  f.get(key).i32Load(0, 0).tee(index).i32Const(word(mapRecord.maxEntries)).i32GeU().if();
  f.i32Const(-errno.E2BIG).return().end();
  f.get(flags).i32Const(1).i32Eq().if();
  f.i32Const(-errno.EEXIST).return().end();
  pushAddress(f.get(index).i32Const(word(mapRecord.stride)).i32Mul(), site, word(mapRecord.values)).i32Add();
  addCpu(f, thread, word(mapRecord.cpuStride));
  f.set(at);
  copyValue(f, at, value, word(mapRecord.valueSize), word(mapRecord.spinLock));
  f.i32Const(0);
  return f;
}
