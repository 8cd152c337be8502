/**
 * What a program sees of a frame, and what is left of it afterwards. A device without Ethernet gets a header written before the packet,
 * over bytes that are put back: they are the frame's own headers or the end of the frame before it. The frame itself is not moved.
 */

import type { Memory } from "../../../system/memory.js";
import { ethernet, ethernetType } from "../../../wire/ethernet.js";
import { ppp } from "../ip-headers.js";

/** What a device's frames are: what a UDP socket carries, PPP, or IP. */
export const frameKind = { datagram: 0, ppp: 1, ip: 2 } as const;

const ethernetHeader = ethernet.size;
const savedBytes = 16;
/** The longest PPP header that may be written in place of an Ethernet header: FF 03 and two bytes of protocol. */
const pppHeader = 4;

export interface Framing {
  /** Where the program's view begins, and ends; after `leave`, where the frame does. */
  at: number;
  end: number;
  /** Puts an Ethernet header before the packet in a frame. False: it is too short to be one. */
  enter(kind: number, at: number, length: number, device: number, egress: boolean): boolean;
  /** Undoes `enter`, whatever has become of the view at `at` to `end`. False: it is no frame of that kind. */
  leave(kind: number): boolean;
  /** Puts back what `enter` has written over. */
  restore(): void;
  /** Takes a view over that was entered elsewhere: nothing is to be put back. */
  adopt(): void;
}

const typeOfProtocol = new Map<number, number>([
  [ppp.ipv4, ethernetType.ipv4],
  [ppp.ipv6, ethernetType.ipv6],
  [0x0281, ethernetType.mpls],
]);
const protocolOfType = new Map([...typeOfProtocol].map(([protocol, type]) => [type, protocol] as const));
/** An Ethernet frame whose payload is a PPP frame from its protocol field on. */
const pppType = ethernetType.ppp;

export function createFraming({ u8, view }: Memory): Framing {
  const saved = new Int32Array(savedBytes / 4);
  /** Where the saved bytes lie (0: nothing is saved), the frame as it was, and its type. */
  let [savedAt, first, firstEnd, view0, type0] = [0, 0, 0, 0, 0];

  function writeHeader(at: number, type: number, device: number, egress: boolean): void {
    savedAt = at + ethernetHeader - savedBytes;
    for (let word = 0; word < saved.length; word++) saved[word] = view.getInt32(savedAt + 4 * word);
    // Locally administered: 02 00 and the device's number for the peer, 02 00 00 00 00 00 for us.
    view.setUint16(at, 0x0200);
    view.setUint32(at + 2, egress ? device : 0);
    view.setUint16(at + 6, 0x0200);
    view.setUint32(at + 8, egress ? 0 : device);
    view.setUint16(at + 12, type);
  }

  function restore(): void {
    if (savedAt === 0) return;
    for (let word = 0; word < saved.length; word++) view.setInt32(savedAt + 4 * word, saved[word]!);
    savedAt = 0;
  }

  function toPpp(framing: Framing, type: number): boolean {
    const packet = framing.at + ethernetHeader;
    if (type === pppType) {
      framing.at = packet - 2;
      view.setUint16(framing.at, ppp.addressAndControl);
      return true;
    }
    const protocol = protocolOfType.get(type);
    if (protocol === undefined) return false;
    framing.at = packet - pppHeader;
    view.setUint16(framing.at, ppp.addressAndControl);
    view.setUint16(framing.at + 2, protocol);
    return true;
  }

  const framing: Framing = {
    at: 0,
    end: 0,
    enter(kind, at, length, device, egress) {
      savedAt = 0;
      first = at;
      firstEnd = at + length;
      framing.end = firstEnd;
      let packet = at;
      let type = 0;
      if (kind === frameKind.ip) type = u8[at]! >>> 4 === 6 ? ethernetType.ipv6 : ethernetType.ipv4;
      else {
        if (length >= 2 && view.getUint16(at) === ppp.addressAndControl) packet += 2;
        if (packet >= firstEnd) return false;
        const odd = (u8[packet]! & 1) === 1;
        if (!odd && packet + 2 > firstEnd) return false;
        const known = typeOfProtocol.get(odd ? u8[packet]! : view.getUint16(packet));
        if (known === undefined) type = pppType;
        else {
          type = known;
          packet += odd ? 1 : 2;
        }
      }
      framing.at = packet - ethernetHeader;
      view0 = framing.at;
      type0 = type;
      writeHeader(framing.at, type, device, egress);
      return true;
    },
    leave(kind) {
      const { at, end } = framing;
      if (end - at < ethernetHeader) {
        restore();
        return false;
      }
      const type = view.getUint16(at + 12);
      if (at === view0 && type === type0) {
        // The header went where it came from; what the frame had before its packet is still there.
        restore();
        framing.at = first;
        return true;
      }
      restore();
      if (kind === frameKind.ppp) return toPpp(framing, type);
      framing.at = at + ethernetHeader;
      return type === ethernetType.ipv4 || type === ethernetType.ipv6;
    },
    restore,
    adopt() {
      restore();
      view0 = 0;
    },
  };
  return framing;
}
