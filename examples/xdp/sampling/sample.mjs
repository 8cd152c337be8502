// Records of the ring buffer `samples` (struct sample in sampling.c), and how Wireshark reads them (pcapng).

const header = 32;

export function decodeSample(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (at) => view.getUint32(at, true);
  return {
    time: view.getBigUint64(0, true),
    device: word(8),
    session: word(12),
    user: word(16),
    rate: word(20),
    length: word(24),
    data: bytes.slice(header, header + Math.min(word(28), bytes.length - header)),
  };
}

/** A block of pcapng: its type, its length, the body, its length. */
function block(type, body) {
  const length = 12 + body.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  bytes.set(body, 8);
  view.setUint32(length - 4, length, true);
  return bytes;
}

const words = (...values) => new Uint8Array(Uint32Array.from(values).buffer);

const linkTypes = { ethernet: 1, ppp: 9 };
const interfaceBlock = 1;
const packetBlock = 6;
const sectionBlock = 0x0a0d0d0a;

/**
 * The beginning of a file: interface 0 has Ethernet frames, interface 1 PPP frames. Times are in nanoseconds (option
 * if_tsresol, 9).
 */
export function pcapngHeader() {
  const section = block(sectionBlock, words(0x1a2b3c4d, 1, 0xffffffff, 0xffffffff));
  const interfaces = [linkTypes.ethernet, linkTypes.ppp].map((type) =>
    block(interfaceBlock, words(type, 0, (1 << 16) | 9, 9, 0)),
  );
  return new Uint8Array(Buffer.concat([section, ...interfaces]));
}

/** Channels have PPP frames, whose first bytes are FF 03 unless the peers agreed to leave them out. */
const isPpp = ({ data }) => data.length >= 2 && data[0] === 0xff && data[1] === 0x03;

export function pcapngPacket(sample) {
  const { time, data, length } = sample;
  const padded = new Uint8Array((data.length + 3) & ~3);
  padded.set(data);
  const fields = words(isPpp(sample) ? 1 : 0, Number(time >> 32n), Number(time & 0xffffffffn), data.length, length);
  return block(packetBlock, new Uint8Array(Buffer.concat([fields, padded])));
}
