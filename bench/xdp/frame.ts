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

/** Keys of 512 prefixes of 16 to 32 bits, none of which has 10.1.2.3 or an address of the switch benchmark's packets. */
export function* prefixes(): Iterable<Uint8Array> {
  for (let index = 0; index < 512; index++) {
    const key = new Uint8Array(8);
    const length = 16 + (index % 17);
    new DataView(key.buffer).setUint32(0, length, true);
    const address = ((0xac100000 + index * 0x10001) & ~(length === 32 ? 0 : 0xffffffff >>> length)) >>> 0;
    new DataView(key.buffer).setUint32(4, address);
    yield key;
  }
}
