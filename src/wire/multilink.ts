/**
 * Multilink header (RFC 1990 §3): after the protocol field 003d of a fragment, before its part of the packet, which begins with
 * the packet's own protocol field. B begins a packet, E ends it; a packet in one piece has both.
 *
 *   long:
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |B|E|0|0|0|0|0|0|                sequence number                |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 *   short, if that is negotiated (§5.1.2):
 *    0                   1
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |B|E|0|0|    sequence number    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { type Malformed, malformed } from "./malformed.js";

export const flag = { begin: 0x80, end: 0x40 } as const;
export const whole = flag.begin | flag.end;

const longBits = 24;
const shortBits = 12;

export const headerLength = (short: boolean): number => (short ? 2 : 4);

/** Sequence numbers count up to this, and begin again with 0. */
export const modulus = (short: boolean): number => 2 ** (short ? shortBits : longBits);

/** How far `a` is ahead of `b`, which is negative if it lies behind: sequence numbers are compared within half their space. */
export function distance(a: number, b: number, short: boolean): number {
  const unused = 32 - (short ? shortBits : longBits);
  return ((a - b) << unused) >> unused;
}

// --- View: in place, for the hot path. The caller has checked that the header is there. ---

export const flagsOf = (frame: DataView, at: number): number => frame.getUint8(at) & whole;

export const sequenceOf = (frame: DataView, at: number, short: boolean): number =>
  short ? frame.getUint16(at) & 0x0fff : frame.getUint32(at) & 0xff_ffff;

/** `sequence` may be any integer: what is beyond the modulus is not sent. */
export function put(frame: DataView, at: number, short: boolean, flags: number, sequence: number): void {
  if (short) frame.setUint16(at, (flags << 8) | (sequence & 0x0fff));
  else frame.setUint32(at, (flags << 24) | (sequence & 0xff_ffff));
}

// --- Value ---

export interface Fragment {
  readonly begin: boolean;
  readonly end: boolean;
  readonly sequence: number;
  /** Of the first fragment: protocol field and information of the packet. */
  readonly part: Uint8Array;
}

/** Reads what follows the protocol field; `part` is a view into `bytes`. */
export function parse(bytes: Uint8Array, short: boolean): Fragment | Malformed {
  const length = headerLength(short);
  if (bytes.length < length) return malformed("multilink", "truncated header", bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = flagsOf(view, 0);
  return {
    begin: (flags & flag.begin) !== 0,
    end: (flags & flag.end) !== 0,
    sequence: sequenceOf(view, 0, short),
    part: bytes.subarray(length),
  };
}

/** What follows the protocol field. */
export function encode({ begin, end, sequence, part }: Fragment, short: boolean): Uint8Array {
  const length = headerLength(short);
  const bytes = new Uint8Array(length + part.length);
  put(new DataView(bytes.buffer), 0, short, (begin ? flag.begin : 0) | (end ? flag.end : 0), sequence);
  bytes.set(part, length);
  return bytes;
}
