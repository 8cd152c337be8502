/** Arithmetic of RFC 9669 §4.1 and §4.2 on a register file whose 64-bit and 32-bit views lie over each other. */
import { aluOp } from "./insn/instruction.js";

export interface Registers {
  /** Words: the lower one of register n is 2n. */
  readonly words: Int32Array;
  readonly signed: BigInt64Array;
  readonly unsigned: BigUint64Array;
}

export function createRegisters(): Registers {
  const buffer = new ArrayBuffer(11 * 8);
  return {
    words: new Int32Array(buffer),
    signed: new BigInt64Array(buffer),
    unsigned: new BigUint64Array(buffer),
  };
}

const divide32 = (a: number, b: number, signed: boolean): number =>
  b === 0 ? 0 : signed ? (a / b) | 0 : ((a >>> 0) / (b >>> 0)) | 0;
const modulo32 = (a: number, b: number, signed: boolean): number =>
  b === 0 ? a : signed ? (a % b) | 0 : ((a >>> 0) % (b >>> 0)) | 0;

/** Result of a 32-bit operation; undefined: there is none of that number. `offset` selects signed division and extension. */
export function alu32(op: number, a: number, b: number, offset: number): number | undefined {
  switch (op) {
    case aluOp.add:
      return (a + b) | 0;
    case aluOp.sub:
      return (a - b) | 0;
    case aluOp.mul:
      return Math.imul(a, b);
    case aluOp.div:
      return divide32(a, b, offset === 1);
    case aluOp.mod:
      return modulo32(a, b, offset === 1);
    case aluOp.or:
      return a | b;
    case aluOp.and:
      return a & b;
    case aluOp.xor:
      return a ^ b;
    case aluOp.lsh:
      return a << (b & 31);
    case aluOp.rsh:
      return (a >>> (b & 31)) | 0;
    case aluOp.arsh:
      return a >> (b & 31);
    case aluOp.neg:
      return -a | 0;
    case aluOp.mov:
      return offset === 8 ? (b << 24) >> 24 : offset === 16 ? (b << 16) >> 16 : b;
    default:
      return undefined;
  }
}

/** A 64-bit operation of register `dst` with the signed operand `b`; false: there is none of that number. */
export function alu64(registers: Registers, op: number, dst: number, b: bigint, offset: number): boolean {
  const { signed, unsigned } = registers;
  const a = signed[dst] as bigint;
  switch (op) {
    case aluOp.add:
      signed[dst] = a + b;
      return true;
    case aluOp.sub:
      signed[dst] = a - b;
      return true;
    case aluOp.mul:
      signed[dst] = a * b;
      return true;
    case aluOp.div:
      if (b === 0n) signed[dst] = 0n;
      else if (offset === 1) signed[dst] = a / b;
      else unsigned[dst] = BigInt.asUintN(64, a) / BigInt.asUintN(64, b);
      return true;
    case aluOp.mod:
      if (b === 0n) return true;
      if (offset === 1) signed[dst] = a % b;
      else unsigned[dst] = BigInt.asUintN(64, a) % BigInt.asUintN(64, b);
      return true;
    case aluOp.or:
      signed[dst] = a | b;
      return true;
    case aluOp.and:
      signed[dst] = a & b;
      return true;
    case aluOp.xor:
      signed[dst] = a ^ b;
      return true;
    case aluOp.lsh:
      signed[dst] = BigInt.asIntN(64, a << (b & 63n));
      return true;
    case aluOp.rsh:
      unsigned[dst] = BigInt.asUintN(64, a) >> (b & 63n);
      return true;
    case aluOp.arsh:
      signed[dst] = a >> (b & 63n);
      return true;
    case aluOp.neg:
      signed[dst] = -a;
      return true;
    case aluOp.mov:
      signed[dst] = offset === 0 ? b : BigInt.asIntN(offset, b);
      return true;
    default:
      return false;
  }
}

const swap16 = (value: number): number => ((value & 255) << 8) | ((value >>> 8) & 255);
const swap32 = (value: number): number =>
  (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);

/** Cuts register `dst` to `bits` and, if `swap`, turns its bytes round. The machine is little-endian. */
export function swapBytes({ words }: Registers, dst: number, bits: number, swap: boolean): void {
  const low = words[dst * 2] as number;
  const high = words[dst * 2 + 1] as number;
  if (bits === 64) {
    if (!swap) return;
    words[dst * 2] = swap32(high);
    words[dst * 2 + 1] = swap32(low);
    return;
  }
  words[dst * 2] = bits === 16 ? (swap ? swap16(low) : low & 0xffff) : swap ? swap32(low) : low;
  words[dst * 2 + 1] = 0;
}

/** Whether a jump of §4.3 is taken. The operands are of one kind, unsigned and signed. */
export function compares(op: number, a: bigint, b: bigint, signedA: bigint, signedB: bigint): boolean {
  switch (op) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    case 0x40:
      return (a & b) !== 0n;
    case 0x50:
      return a !== b;
    case 0x60:
      return signedA > signedB;
    case 0x70:
      return signedA >= signedB;
    case 0xa0:
      return a < b;
    case 0xb0:
      return a <= b;
    case 0xc0:
      return signedA < signedB;
    default:
      return signedA <= signedB;
  }
}

export function compares32(op: number, a: number, b: number): boolean {
  switch (op) {
    case 0x10:
      return a === b;
    case 0x20:
      return a >>> 0 > b >>> 0;
    case 0x30:
      return a >>> 0 >= b >>> 0;
    case 0x40:
      return (a & b) !== 0;
    case 0x50:
      return a !== b;
    case 0x60:
      return a > b;
    case 0x70:
      return a >= b;
    case 0xa0:
      return a >>> 0 < b >>> 0;
    case 0xb0:
      return a >>> 0 <= b >>> 0;
    case 0xc0:
      return a < b;
    default:
      return a <= b;
  }
}
