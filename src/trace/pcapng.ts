/**
 * Files of frames that Wireshark and tcpdump read (draft-ietf-opsawg-pcapng): a Section Header Block, one Interface Description
 * Block of link type PPP, and an Enhanced Packet Block for each frame, whose flags say which way it went. A block:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                          Block Type                           |
 *   |                      Block Total Length                       |
 *   |       Body, padded to 32 bits; options at its end             |
 *   |                      Block Total Length                       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Numbers are written little end first, as the byte-order magic says.
 */

const blockType = { sectionHeader: 0x0a0d0d0a, interfaceDescription: 1, enhancedPacket: 6 } as const;
const byteOrderMagic = 0x1a2b3c4d;
const unknownLength = 0xffffffff;

/** PPP as RFC 1662 frames it, with or without address and control. */
const linkTypePpp = 9;

const option = { end: 0, userApplication: 4, interfaceName: 2, resolution: 9, flags: 2 } as const;

/** Bits 0 and 1 of a packet's flags. */
const directions = { in: 1, out: 2 } as const;

/** Timestamps count microseconds: 10 to the minus this. */
const resolution = 6;

export interface PcapngOptions {
  /** Who wrote the file. */
  readonly application?: string;
  /** Where the frames were seen. */
  readonly interfaceName?: string;
}

export interface Pcapng {
  /** The beginning of the file. */
  head(): Uint8Array;
  /** What follows for a frame. `time`: microseconds since the epoch. `in`: from the peer. */
  frame(time: number, direction: "in" | "out", bytes: Uint8Array): Uint8Array;
}

const noBytes = new Uint8Array();

export const createPcapng = ({ application = "junctor", interfaceName }: PcapngOptions = {}): Pcapng => ({
  head() {
    const section = new Uint8Array(16);
    const view = new DataView(section.buffer);
    view.setUint32(0, byteOrderMagic, true);
    view.setUint16(4, 1, true);
    view.setUint32(8, unknownLength, true);
    view.setUint32(12, unknownLength, true);

    const description = new Uint8Array(8);
    new DataView(description.buffer).setUint16(0, linkTypePpp, true);
    const name: readonly Option[] =
      interfaceName === undefined ? [] : [[option.interfaceName, Buffer.from(interfaceName)]];
    return joined([
      block(blockType.sectionHeader, section, noBytes, [[option.userApplication, Buffer.from(application)]]),
      block(blockType.interfaceDescription, description, noBytes, [
        ...name,
        [option.resolution, Uint8Array.of(resolution)],
      ]),
    ]);
  },

  frame(time, direction, bytes) {
    const head = new Uint8Array(20);
    const view = new DataView(head.buffer);
    view.setUint32(4, Math.floor(time / 2 ** 32), true);
    view.setUint32(8, time % 2 ** 32, true);
    view.setUint32(12, bytes.length, true);
    view.setUint32(16, bytes.length, true);
    return block(blockType.enhancedPacket, head, bytes, [
      [option.flags, Uint8Array.of(directions[direction], 0, 0, 0)],
    ]);
  },
});

type Option = readonly [code: number, value: Uint8Array];

const padded = (length: number): number => (length + 3) & ~3;

/** Type, length, `head`, `data` padded, options, length again. */
function block(type: number, head: Uint8Array, data: Uint8Array, options: readonly Option[]): Uint8Array {
  const parts = [head, data, ...options.map(encodeOption), encodeOption([option.end, noBytes])];
  const length = 12 + parts.reduce((sum, part) => sum + padded(part.length), 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += padded(part.length);
  }
  view.setUint32(at, length, true);
  return bytes;
}

function encodeOption([code, value]: Option): Uint8Array {
  const bytes = new Uint8Array(4 + value.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  bytes.set(value, 4);
  return bytes;
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
