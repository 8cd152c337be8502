/**
 * MD4 (RFC 1320), which the NT password hash of MS-CHAP is (RFC 2433 appendix A). Broken as a digest, and no longer in OpenSSL's
 * default provider; nothing else uses it.
 */

const block = 64;

/** §3.4: of each round, the order in which the words of a block are taken, the shifts, and the constant that is added. */
const rounds = [
  { order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], shifts: [3, 7, 11, 19], constant: 0 },
  { order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15], shifts: [3, 5, 9, 13], constant: 0x5a827999 },
  { order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], shifts: [3, 9, 11, 15], constant: 0x6ed9eba1 },
] as const;

const mixes = [
  (x: number, y: number, z: number): number => (x & y) | (~x & z),
  (x: number, y: number, z: number): number => (x & y) | (x & z) | (y & z),
  (x: number, y: number, z: number): number => x ^ y ^ z,
] as const;

/** The digest of `bytes`: 16 octets. */
export function md4(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / block) * block);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, bytes.length << 3, true);
  view.setUint32(padded.length - 4, Math.floor(bytes.length / 2 ** 29), true);

  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let at = 0; at < padded.length; at += block) digestBlock(state, view, at);
  const digest = new Uint8Array(16);
  const into = new DataView(digest.buffer);
  for (const [index, word] of state.entries()) into.setInt32(4 * index, word, true);
  return digest;
}

function digestBlock(state: Int32Array, view: DataView, at: number): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (const [index, { order, shifts, constant }] of rounds.entries()) {
    const mix = mixes[index]!;
    for (const [step, word] of order.entries()) {
      const sum = (a + mix(b, c, d) + view.getInt32(at + 4 * word, true) + constant) | 0;
      const shift = shifts[step & 3]!;
      [a, b, c, d] = [d, (sum << shift) | (sum >>> (32 - shift)), b, c];
    }
  }
  state[0] = state[0]! + a;
  state[1] = state[1]! + b;
  state[2] = state[2]! + c;
  state[3] = state[3]! + d;
}
