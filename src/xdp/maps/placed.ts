/** Addresses in a map's block as code that is compiled once for many maps of one shape has them: relative to the map's record. */
import type { FunctionBuilder, GlobalRef, Local } from "../wasm/builder.js";

export interface PlacedRecord {
  /** Offset of the record of one map of the shape. */
  readonly record: number;
  /** Import with the offset of the record of the map in hand. */
  readonly base: GlobalRef;
  /** Where the function in hand has it at hand: engines read an import from memory each time. */
  readonly local?: Local | undefined;
}

/** Leaves on the stack what `address` is in the map in hand. A map is one block: all of it lies at the same distance from its record. */
export function pushAddress(
  f: FunctionBuilder,
  { base, local, record }: PlacedRecord,
  address: number,
): FunctionBuilder {
  if (local === undefined) f.getGlobal(base);
  else f.get(local);
  return address === record ? f : f.i32Const(address - record).i32Add();
}
