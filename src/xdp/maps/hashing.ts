/**
 * The hash of a key: upper word of s0 + Σ s(i+1)·w(i) modulo 2^64, w(i) being the key's words of 32 bits (the last one filled with
 * zeros) and s random words of 64 bits that belong to the map. That is multilinear hashing (Carter and Wegman 1979), strongly universal,
 * so that nobody who does not know s can make keys that collide. Compiled programs compute it in place (inline.ts).
 */
import type { XdpMemory } from "../memory.js";

/** Bytes of seeds for keys of that size. */
export const seedBytes = (keySize: number): number => (Math.ceil(keySize / 4) + 1) * 8;

/** Odd numbers from a splitmix32 sequence. `zero`: the same ones for each map (BPF_F_ZERO_SEED). */
export function writeSeeds(memory: XdpMemory, at: number, keySize: number, zero: boolean): void {
  const words = seedBytes(keySize) / 4;
  let state = 0x5eed;
  for (let word = 0; word < words; word++) {
    if (zero) {
      state = (state + 0x9e3779b9) | 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      memory.i32[(at >>> 2) + word] = (mixed ^ (mixed >>> 15)) | 1;
    } else memory.u32[(at >>> 2) + word] = randomWord() | 1;
  }
}

const randomWord = (): number => globalThis.crypto.getRandomValues(new Uint32Array(1))[0] as number;

/** Hash function of keys in the memory, as a signed number. */
export function keyHasher(memory: XdpMemory, seeds: number, keySize: number): (key: number) => number {
  const { view, u8 } = memory;
  const words = keySize >>> 2;
  const rest = keySize & 3;
  const low = new Int32Array(words + 2);
  const high = new Int32Array(words + 2);
  for (let i = 0; i * 8 < seedBytes(keySize); i++) {
    low[i] = memory.i32[(seeds >>> 2) + i * 2] as number;
    high[i] = memory.i32[(seeds >>> 2) + i * 2 + 1] as number;
  }
  return (key) => {
    let sumLow = (low[0] as number) >>> 0;
    let sumHigh = high[0] as number;
    const total = rest === 0 ? words : words + 1;
    for (let i = 0; i < total; i++) {
      let word: number;
      if (i < words) word = view.getInt32(key + i * 4, true);
      else {
        word = u8[key + i * 4] as number;
        if (rest > 1) word |= (u8[key + i * 4 + 1] as number) << 8;
        if (rest > 2) word |= (u8[key + i * 4 + 2] as number) << 16;
      }
      const seedLow = low[i + 1] as number;
      const wl = word & 0xffff;
      const wh = word >>> 16;
      const sl = seedLow & 0xffff;
      const sh = seedLow >>> 16;
      const middle1 = Math.imul(wl, sh) >>> 0;
      const middle2 = Math.imul(wh, sl) >>> 0;
      const carry = (Math.imul(wl, sl) >>> 16) + (middle1 & 0xffff) + (middle2 & 0xffff);
      sumLow += Math.imul(word, seedLow) >>> 0;
      sumHigh =
        (sumHigh +
          Math.imul(wh, sh) +
          (middle1 >>> 16) +
          (middle2 >>> 16) +
          (carry >>> 16) +
          Math.imul(word, high[i + 1] as number)) |
        0;
      if (sumLow >= 0x1_0000_0000) {
        sumLow -= 0x1_0000_0000;
        sumHigh = (sumHigh + 1) | 0;
      }
    }
    return sumHigh;
  };
}
