/** The operations on single numbers, for tests: on typed arrays and machine integers, another way than the code under test goes. */
import type { AluOperation } from "./alu.js";
import type { BranchOperation } from "./branch.js";

const buffer = new DataView(new ArrayBuffer(8));

function swap(value: bigint, bytes: 2 | 4 | 8): bigint {
  buffer.setBigUint64(0, value, true);
  if (bytes === 2) return BigInt(buffer.getUint16(0));
  return bytes === 4 ? BigInt(buffer.getUint32(0)) : buffer.getBigUint64(0);
}

function on32(op: AluOperation, a: number, b: number): number {
  switch (op) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return Math.imul(a, b);
    case "and":
      return a & b;
    case "or":
      return a | b;
    case "xor":
      return a ^ b;
    case "lsh":
      return a << b;
    case "rsh":
      return a >>> b;
    case "arsh":
      return a >> b;
    case "div":
      return b === 0 ? 0 : (a >>> 0) / (b >>> 0);
    case "mod":
      return b === 0 ? a : (a >>> 0) % (b >>> 0);
    case "sdiv":
      return b === 0 ? 0 : a / b;
    case "smod":
      return b === 0 ? a : a % b;
    case "neg":
      return -a;
    default:
      return b;
  }
}

function on64(op: AluOperation, a: bigint, b: bigint): bigint {
  const [sa, sb] = [BigInt.asIntN(64, a), BigInt.asIntN(64, b)];
  switch (op) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "and":
      return a & b;
    case "or":
      return a | b;
    case "xor":
      return a ^ b;
    case "lsh":
      return a * 2n ** (b % 64n);
    case "rsh":
      return a / 2n ** (b % 64n);
    case "arsh": {
      const divisor = 2n ** (b % 64n);
      return sa >= 0n ? sa / divisor : -((-sa + divisor - 1n) / divisor);
    }
    case "div":
      return b === 0n ? 0n : a / b;
    case "mod":
      return b === 0n ? a : a % b;
    case "sdiv":
      return b === 0n ? 0n : sa / sb;
    case "smod":
      return b === 0n ? a : sa % sb;
    case "neg":
      return -a;
    default:
      return b;
  }
}

/** Of unsigned 64-bit numbers; the result is unsigned. */
export function concrete(op: AluOperation, a: bigint, b: bigint, bits: 32 | 64): bigint {
  buffer.setBigUint64(0, op.startsWith("movsx") ? b : a, true);
  switch (op) {
    case "movsx8":
      return BigInt.asUintN(bits, BigInt(buffer.getInt8(0)));
    case "movsx16":
      return BigInt.asUintN(bits, BigInt(buffer.getInt16(0, true)));
    case "movsx32":
      return BigInt.asUintN(bits, BigInt(buffer.getInt32(0, true)));
    case "tole16":
      return BigInt(buffer.getUint16(0, true));
    case "tole32":
      return BigInt(buffer.getUint32(0, true));
    case "tole64":
      return a;
    case "tobe16":
    case "bswap16":
      return swap(a, 2);
    case "tobe32":
    case "bswap32":
      return swap(a, 4);
    case "tobe64":
    case "bswap64":
      return swap(a, 8);
    default:
      return bits === 64
        ? BigInt.asUintN(64, on64(op, a, b))
        : BigInt(on32(op, Number(BigInt.asIntN(32, a)), Number(BigInt.asIntN(32, b))) >>> 0);
  }
}

/** Whether the jump is taken. */
export function holds(op: BranchOperation, x: bigint, y: bigint, is32: boolean): boolean {
  const bits = is32 ? 32 : 64;
  const [a, b] = [BigInt.asUintN(bits, x), BigInt.asUintN(bits, y)];
  const [sa, sb] = [BigInt.asIntN(bits, x), BigInt.asIntN(bits, y)];
  switch (op) {
    case "jeq":
      return a === b;
    case "jne":
      return a !== b;
    case "jgt":
      return a > b;
    case "jge":
      return a >= b;
    case "jlt":
      return a < b;
    case "jle":
      return a <= b;
    case "jsgt":
      return sa > sb;
    case "jsge":
      return sa >= sb;
    case "jslt":
      return sa < sb;
    case "jsle":
      return sa <= sb;
    case "jset":
      return (a & b) !== 0n;
  }
}
