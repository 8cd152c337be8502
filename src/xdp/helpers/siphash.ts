/** SipHash-2-4 (Aumasson and Bernstein, 2012), its lower 32 bits. */
const mask = 0xffffffffffffffffn;
const rotate = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & mask;

/** @param key 16 bytes. */
export function sipHash64(key: Uint8Array, message: Uint8Array): bigint {
  const keys = new DataView(key.buffer, key.byteOffset, 16);
  const [k0, k1] = [keys.getBigUint64(0, true), keys.getBigUint64(8, true)];
  let [v0, v1] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn];
  let [v2, v3] = [k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n];
  const rounds = (count: number): void => {
    for (let round = 0; round < count; round++) {
      v0 = (v0 + v1) & mask;
      v1 = rotate(v1, 13n) ^ v0;
      v0 = rotate(v0, 32n);
      v2 = (v2 + v3) & mask;
      v3 = rotate(v3, 16n) ^ v2;
      v0 = (v0 + v3) & mask;
      v3 = rotate(v3, 21n) ^ v0;
      v2 = (v2 + v1) & mask;
      v1 = rotate(v1, 17n) ^ v2;
      v2 = rotate(v2, 32n);
    }
  };
  const absorb = (word: bigint): void => {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  };
  const whole = message.length & ~7;
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  for (let at = 0; at < whole; at += 8) absorb(view.getBigUint64(at, true));
  let last = BigInt(message.length & 0xff) << 56n;
  for (let at = whole; at < message.length; at++) last |= BigInt(message[at]!) << BigInt(8 * (at - whole));
  absorb(last);
  v2 ^= 0xffn;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

export function sipHash(key: Uint8Array, message: Uint8Array): number {
  return Number(sipHash64(key, message) & 0xffffffffn);
}
