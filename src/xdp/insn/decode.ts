/** Programs as bytes (RFC 9669 §3.1) and as instructions: one for each slot of 8 bytes. */
import { JunctorError } from "../../errors.js";
import type { Instruction } from "./instruction.js";

export const slotBytes = 8;

/** In big-endian objects not only the numbers are turned round: the destination register is the upper half of its byte. */
export interface ByteOrder {
  readonly bigEndian?: boolean;
}

function decodeSlot(view: DataView, at: number, big: boolean): Instruction {
  const registers = view.getUint8(at + 1);
  const low = registers & 15;
  const high = registers >> 4;
  return {
    opcode: view.getUint8(at),
    dst: big ? high : low,
    src: big ? low : high,
    offset: view.getInt16(at + 2, !big),
    imm: view.getInt32(at + 4, !big),
  };
}

/** The instructions of a program. Throws EINVAL if `bytes` are not whole slots; what the slots say is not looked at. */
export function decodeProgram(bytes: Uint8Array, order: ByteOrder = {}): Instruction[] {
  if (bytes.length % slotBytes !== 0) {
    throw new JunctorError(
      "EINVAL",
      `a program of ${bytes.length} bytes ends within slot ${Math.floor(bytes.length / slotBytes)}`,
      "an instruction has 8 or 16 bytes",
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const big = order.bigEndian === true;
  return Array.from({ length: bytes.length / slotBytes }, (_, slot) => decodeSlot(view, slot * slotBytes, big));
}

/** The bytes of a program. Fields that are too wide are cut to their width. */
export function encodeProgram(insns: readonly Instruction[], order: ByteOrder = {}): Uint8Array {
  const bytes = new Uint8Array(insns.length * slotBytes);
  const view = new DataView(bytes.buffer);
  const big = order.bigEndian === true;
  insns.forEach((insn, slot) => {
    const at = slot * slotBytes;
    view.setUint8(at, insn.opcode);
    view.setUint8(at + 1, big ? (insn.dst << 4) | (insn.src & 15) : (insn.src << 4) | (insn.dst & 15));
    view.setInt16(at + 2, insn.offset, !big);
    view.setInt32(at + 4, insn.imm, !big);
  });
  return bytes;
}
