/** Memory that is passed to helpers and global functions. */
import type { MapSpec } from "../spec.js";
import type { Analysis } from "./analysis.js";
import { checkMapValue, checkPacket, checkRegion } from "./memory.js";
import { refuse } from "./refusal.js";
import { describe, isNull, type Register } from "./register.js";
import { fillStack, readStack, stackRange } from "./stack.js";

export interface MemoryUse {
  readonly reads: boolean;
  readonly writes: boolean;
  /** No bytes at all are fine. */
  readonly zero?: boolean;
  readonly packet?: boolean;
}

/** `size` bytes, or up to as many. */
export function checkHelperMemory(
  analysis: Analysis,
  register: Register,
  index: number,
  size: number,
  use: MemoryUse,
): void {
  const zero = use.zero === true;
  if (zero && size === 0 && isNull(register)) return;
  if (register.nullable) refuse(`R${index} may be null here`, "compare it with 0 first");
  switch (register.kind) {
    case "packet":
    case "meta":
      if (use.packet !== true)
        refuse(`this helper takes no pointers into the packet (R${index})`, "copy the bytes to the stack first");
      checkPacket(register, index, 0, size, zero);
      return;
    case "value":
      if (use.reads || !use.writes) checkMapValue(register, index, 0, size, false, zero);
      if (use.writes) checkMapValue(register, index, 0, size, true, zero);
      return;
    case "key":
      if (use.writes) refuse(`R${index} points to a map's key, which cannot be written`);
      checkRegion(register, index, 0, size, (register.map as MapSpec).keySize, "a key of a map", zero);
      return;
    case "memory":
      if (use.writes && !register.writable) refuse(`R${index} points to memory that may only be read`);
      checkRegion(register, index, 0, size, register.range, "memory", zero);
      return;
    case "stack": {
      if (size === 0 && !zero) refuse(`R${index}: no bytes of the stack`);
      const range = stackRange(analysis, register, index, 0, size);
      if (size === 0) return;
      if (use.reads || !range.exact) readStack(range);
      if (use.writes) fillStack(range, "m");
      return;
    }
    default:
      refuse(`R${index} is ${describe(register)}, where a pointer to memory is needed`);
  }
}
