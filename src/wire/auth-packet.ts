/** What the packets of PAP, CHAP and EAP share: the head of a control packet (RFC 1661 §5), without a frame around it. */
import { encodeText, putU16 } from "./octets.js";

/** A packet of `length` octets in all with its head written; the data are to be written after it. */
export function emptyPacket(code: number, identifier: number, length: number): Uint8Array {
  const packet = new Uint8Array(length);
  packet[0] = code;
  packet[1] = identifier;
  putU16(packet, 2, length);
  return packet;
}

/** The octets of `text`, at most so many, cut at a character. */
export function textOctets(text: string, most: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(most, 3 * text.length));
  return bytes.subarray(0, encodeText(bytes, 0, bytes.length, text));
}
