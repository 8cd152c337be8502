/** What an interpreted program may touch, and how its run is ended when it touches something else. */
import { mapRecord } from "./maps/descriptor.js";
import type { XdpMemory } from "./memory.js";
import { fault, state } from "./run/state.js";
import type { Access } from "./verifier/result.js";

/** A run ended by force. `state.fault` and `state.faultInsn` of the state block say the same. */
export class ProgramFault extends Error {
  override readonly name = "ProgramFault";
  /** One of `fault`. */
  readonly fault: number;
  /** Slot of the instruction. */
  readonly insn: number;

  constructor(reason: number, insn: number) {
    const what = Object.entries(fault).find(([, value]) => value === reason)?.[0] ?? `${reason}`;
    super(`the program's run ended at insn ${insn}: ${what}`);
    this.fault = reason;
    this.insn = insn;
  }
}

export type CheckMemory = (block: number, pointer: number, size: number, write: boolean) => boolean;

/** Whether [pointer, pointer + size) may be touched by an access of this kind. `pointer` is unsigned. */
export type AccessCheck = (
  access: Access | undefined,
  block: number,
  stackBottom: number,
  pointer: number,
  size: number,
  write: boolean,
) => boolean;

/** @param records Records of the program's maps by index. */
export function createAccessCheck(
  memory: XdpMemory,
  records: readonly number[],
  checkMemory: CheckMemory | undefined,
): AccessCheck {
  const { u32 } = memory;
  const at = (address: number): number => u32[address >>> 2] as number;

  function inMap(index: number, block: number, pointer: number, end: number): boolean {
    const record = records[index];
    if (record === undefined) return false;
    const word = record >>> 2;
    const stride = u32[word + mapRecord.cpuStride] as number;
    const start = (u32[word + mapRecord.values] as number) + stride * at(block + state.cpu);
    return pointer >= start && end <= start + (u32[word + mapRecord.valuesBytes] as number);
  }
  const inMaps = (block: number, pointer: number, end: number): boolean => {
    for (let index = 0; index < records.length; index += 1) {
      if (inMap(index, block, pointer, end)) return true;
    }
    return false;
  };
  const inContext = (block: number, pointer: number, end: number, write: boolean): boolean =>
    !write && pointer >= block && end <= block + state.xdpMdBytes;
  const inPacket = (block: number, pointer: number, end: number): boolean =>
    pointer >= at(block + state.dataMeta) && end <= at(block + state.dataEnd);
  const elsewhere = (block: number, pointer: number, size: number, write: boolean): boolean =>
    checkMemory?.(block, pointer, size, write) === true;

  return (access, block, stackBottom, pointer, size, write) => {
    const end = pointer + size;
    if (end > memory.size) return false;
    const inStack = pointer >= stackBottom && end <= block + state.stackTop;
    switch (access?.kind ?? "any") {
      case "context":
        return inContext(block, pointer, end, write);
      case "stack":
        return inStack;
      case "packet":
        return inPacket(block, pointer, end);
      case "map":
        return inMap((access as { map: number }).map, block, pointer, end);
      case "maps":
        return inMaps(block, pointer, end) || elsewhere(block, pointer, size, write);
      case "memory":
        return elsewhere(block, pointer, size, write);
      default:
        return (
          inStack ||
          inPacket(block, pointer, end) ||
          inContext(block, pointer, end, write) ||
          inMaps(block, pointer, end) ||
          elsewhere(block, pointer, size, write)
        );
    }
  };
}
