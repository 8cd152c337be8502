/** The frame that programs are timed on, and the prefixes that they look up. */

/** Ethernet, IPv4 and UDP: 64 bytes to 10.1.2.3. */
export function createFrame(): Uint8Array {
  const frame = new Uint8Array(64);
  const view = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0]);
  view.setUint16(16, 50);
  frame.set([64, 17], 22);
  frame.set([192, 0, 2, 1, 10, 1, 2, 3], 26);
  view.setUint16(34, 1024);
  view.setUint16(36, 53);
  view.setUint16(38, 30);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(24, ~sum & 0xffff);
  return frame;
}

const target = 0x0a010203;

/** Keys of 512 prefixes of 10.0.0.0/8, of 16 to 32 bits, none of which has 10.1.2.3: a lookup goes deep, and finds nothing. */
export function* prefixes(): Iterable<Uint8Array> {
  for (let index = 0, count = 0; count < 512; index++) {
    const length = 16 + (index % 17);
    const mask = length === 32 ? 0xffffffff : ~(0xffffffff >>> length);
    const address = (0x0a000000 | (Math.imul(index, 0x9e3779b1) >>> 8)) & mask;
    if (((target ^ address) & mask) === 0) continue;
    const key = new Uint8Array(8);
    new DataView(key.buffer).setUint32(0, length, true);
    new DataView(key.buffer).setUint32(4, address >>> 0);
    yield key;
    count++;
  }
}
