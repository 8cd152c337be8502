import type { Random } from "./random.js";

/** What becomes of a message; each takes a copy and may give it back changed in place. */
const mutations: readonly ((bytes: Uint8Array, random: Random, corpus: readonly Uint8Array[]) => Uint8Array)[] = [
  function flipBits(bytes, random) {
    for (let n = 1 + random.below(4); n > 0 && bytes.length > 0; n--)
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    return bytes;
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function extend(bytes, random) {
    return Uint8Array.from([...bytes, ...random.bytes(1 + random.below(64))]);
  },
  function interestingWord(bytes, random) {
    if (bytes.length < 2) return bytes;
    const value = random.pick([0, 1, 5, 6, 7, 0x3f, 0x3ff, 0x7fff, 0x8000, 0xffff]);
    const at = random.below(bytes.length - 1);
    bytes[at] = value >> 8;
    bytes[at + 1] = value & 0xff;
    return bytes;
  },
  function splice(bytes, random, corpus) {
    const other = random.pick(corpus);
    return Uint8Array.from([
      ...bytes.subarray(0, random.below(bytes.length + 1)),
      ...other.subarray(random.below(other.length + 1)),
    ]);
  },
  function repeatPart(bytes, random) {
    const from = random.below(bytes.length + 1);
    const to = from + random.below(bytes.length - from + 1);
    return Uint8Array.from([...bytes.subarray(0, to), ...bytes.subarray(from, to), ...bytes.subarray(to)]);
  },
  function randomBody(bytes, random) {
    if (bytes.length > 12) bytes.set(random.bytes(bytes.length - 12), 12);
    return bytes;
  },
];

const longest = 1400;

/** One to three mutations of a message of the corpus. */
export function mutate(random: Random, corpus: readonly Uint8Array[]): Uint8Array {
  let bytes: Uint8Array = random.pick(corpus).slice();
  for (let n = 1 + random.below(3); n > 0; n--) bytes = random.pick(mutations)(bytes, random, corpus);
  return bytes.subarray(0, longest);
}

/** Makes the L2TP header of a control message right again, so that what is wrong lies deeper. */
export function mendHeader(
  bytes: Uint8Array,
  header: { tunnelId: number; sessionId: number; ns: number; nr: number },
): Uint8Array {
  if (bytes.length < 12) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint16(0, 0xc802);
  view.setUint16(2, bytes.length);
  view.setUint16(4, header.tunnelId);
  view.setUint16(6, header.sessionId);
  view.setUint16(8, header.ns);
  view.setUint16(10, header.nr);
  return bytes;
}
