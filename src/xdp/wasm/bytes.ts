/** A byte buffer that grows, with the integers of WebAssembly's binary format (LEB128). */
export interface ByteWriter {
  readonly length: number;
  byte(value: number): void;
  bytes(values: Uint8Array): void;
  /** Unsigned LEB128 of up to 32 bits. */
  u32(value: number): void;
  /** Signed LEB128 of 32 bits. */
  s32(value: number): void;
  /** Signed LEB128 of 64 bits. */
  s64(value: bigint): void;
  /** Unsigned LEB128 of 21 bits in three bytes, to be set later. Answers its position. */
  reserve(): number;
  patch(position: number, value: number): void;
  /** Length in bytes, then UTF-8. */
  text(value: string): void;
  /** A view, good until the next write. */
  view(): Uint8Array;
}

/** Most that `reserve` has room for. */
export const largestReserved = (1 << 21) - 1;

export function byteWriter(initial = 64): ByteWriter {
  let buffer = new Uint8Array(initial);
  let length = 0;
  const room = (more: number): void => {
    if (length + more <= buffer.length) return;
    const grown = new Uint8Array(Math.max(buffer.length * 2, length + more));
    grown.set(buffer.subarray(0, length));
    buffer = grown;
  };
  const put = (value: number): void => {
    if (length === buffer.length) room(1);
    buffer[length++] = value;
  };
  const writer: ByteWriter = {
    get length() {
      return length;
    },
    byte: put,
    bytes(values) {
      room(values.length);
      buffer.set(values, length);
      length += values.length;
    },
    u32(value) {
      let rest = value >>> 0;
      while (rest >= 0x80) {
        put((rest & 0x7f) | 0x80);
        rest >>>= 7;
      }
      put(rest);
    },
    s32(value) {
      let rest = value | 0;
      while (rest < -64 || rest > 63) {
        put((rest & 0x7f) | 0x80);
        rest >>= 7;
      }
      put(rest & 0x7f);
    },
    s64(value) {
      let rest = BigInt.asIntN(64, value);
      while (rest < -0x4000_0000n || rest > 0x3fff_ffffn) {
        put(Number(rest & 0x7fn) | 0x80);
        rest >>= 7n;
      }
      writer.s32(Number(rest));
    },
    reserve() {
      const position = length;
      put(0x80);
      put(0x80);
      put(0x00);
      return position;
    },
    patch(position, value) {
      buffer[position] = (value & 0x7f) | 0x80;
      buffer[position + 1] = ((value >>> 7) & 0x7f) | 0x80;
      buffer[position + 2] = (value >>> 14) & 0x7f;
    },
    text(value) {
      const encoded = new TextEncoder().encode(value);
      writer.u32(encoded.length);
      writer.bytes(encoded);
    },
    view: () => buffer.subarray(0, length),
  };
  return writer;
}
