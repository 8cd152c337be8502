/** Instructions as the kernel takes them (RFC 9669 §3.1, little-endian). */
import type { Instruction } from "../../../xdp/insn/instruction.js";

export function encodeInstructions(insns: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(insns.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [slot, insn] of insns.entries()) {
    view.setUint8(slot * 8, insn.opcode);
    view.setUint8(slot * 8 + 1, (insn.src << 4) | insn.dst);
    view.setInt16(slot * 8 + 2, insn.offset, true);
    view.setInt32(slot * 8 + 4, insn.imm, true);
  }
  return bytes;
}
