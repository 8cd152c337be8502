/**
 * L2TPv2 header, of control and of data messages (RFC 2661 §3.1). Length is there if L is set, Ns and Nr if S, Offset Size
 * and padding if O. A control message has T, L and S, and neither O nor P.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |T|L|x|x|S|x|O|P|x|x|x|x|  Ver  |          Length (opt)         |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |           Tunnel ID           |           Session ID          |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |             Ns (opt)          |             Nr (opt)          |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |      Offset Size (opt)        |    Offset pad... (opt)
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { type Malformed, malformed } from "./malformed.js";
import { putU16, u16 } from "./octets.js";

/** Bits of the first 16 of the header. */
export const flag = { type: 0x8000, length: 0x4000, sequence: 0x0800, offset: 0x0200, priority: 0x0100 } as const;

export const version = 2;
export const versionMask = 0x000f;

/** Octets of a control header: every optional field but the offset. */
export const controlHeaderLength = 12;
/** Octets of the shortest data header. */
export const minimumDataHeaderLength = 6;

// --- View: reads in place, for the hot path. Call `checkData` once; the accessors then stay in bounds. ---

/** Whether the two bytes at `at` begin a control message of any version; they must be there. */
export const isControl = (frame: DataView, at: number): boolean => (frame.getUint8(at) & 0x80) !== 0;

/** Octets before the payload, offset padding not counted. */
export function dataHeaderLength(flags: number): number {
  return (
    minimumDataHeaderLength +
    ((flags & flag.length) !== 0 ? 2 : 0) +
    ((flags & flag.sequence) !== 0 ? 4 : 0) +
    ((flags & flag.offset) !== 0 ? 2 : 0)
  );
}

/** Whether a whole data message lies in `frame` from `at` to `end` (byte offsets). */
export function checkData(frame: DataView, at: number, end: number): Malformed | undefined {
  if (end - at < minimumDataHeaderLength) return malformed("l2tp", "truncated header", end - at);
  const flags = flagsOf(frame, at);
  if ((flags & versionMask) !== version) return malformed("l2tp", "version", flags & versionMask);
  if ((flags & flag.type) !== 0) return malformed("l2tp", "control message where data is expected", flags);
  const header = dataHeaderLength(flags);
  if (end - at < header) return malformed("l2tp", "truncated header", end - at);
  const whole = (flags & flag.length) !== 0 ? frame.getUint16(at + 2) : end - at;
  if (whole > end - at) return malformed("l2tp", "length beyond datagram", whole);
  const padding = (flags & flag.offset) !== 0 ? frame.getUint16(at + header - 2) : 0;
  if (header + padding > whole) return malformed("l2tp", "header beyond length", header + padding);
  return undefined;
}

export const flagsOf = (frame: DataView, at: number): number => frame.getUint16(at);

const idsAt = (frame: DataView, at: number): number => at + ((flagsOf(frame, at) & flag.length) !== 0 ? 4 : 2);
export const tunnelIdOf = (frame: DataView, at: number): number => frame.getUint16(idsAt(frame, at));
export const sessionIdOf = (frame: DataView, at: number): number => frame.getUint16(idsAt(frame, at) + 2);

/** Where the payload begins. */
export function payloadAt(frame: DataView, at: number): number {
  const flags = flagsOf(frame, at);
  const header = dataHeaderLength(flags);
  return at + header + ((flags & flag.offset) !== 0 ? frame.getUint16(at + header - 2) : 0);
}

/** Where the payload ends; octets beyond it are padding of the layer below. */
export const payloadEnd = (frame: DataView, at: number, end: number): number =>
  (flagsOf(frame, at) & flag.length) !== 0 ? at + frame.getUint16(at + 2) : end;

// --- Value: whole headers, for the control plane. ---

export interface DataHeader {
  readonly tunnelId: number;
  readonly sessionId: number;
  /** Present if the message is numbered. */
  readonly sequence?: { readonly ns: number; readonly nr: number } | undefined;
  /** Whether the Length field is there. */
  readonly length?: boolean | undefined;
  readonly priority?: boolean | undefined;
  /** Octets of padding after the header; undefined: no Offset Size field. */
  readonly offset?: number | undefined;
}

/** A data message: header, zeros for the offset padding, payload. */
export function encodeData(header: DataHeader, payload: Uint8Array): Uint8Array {
  const flags =
    version |
    (header.length ? flag.length : 0) |
    (header.sequence ? flag.sequence : 0) |
    (header.offset === undefined ? 0 : flag.offset) |
    (header.priority ? flag.priority : 0);
  const begin = dataHeaderLength(flags) + (header.offset ?? 0);
  const bytes = new Uint8Array(begin + payload.length);
  let at = 0;
  const put = (value: number): void => {
    putU16(bytes, at, value);
    at += 2;
  };
  put(flags);
  if (header.length) put(bytes.length);
  put(header.tunnelId);
  put(header.sessionId);
  if (header.sequence) {
    put(header.sequence.ns);
    put(header.sequence.nr);
  }
  if (header.offset !== undefined) put(header.offset);
  bytes.set(payload, begin);
  return bytes;
}

/** Reads a data message; `payload` is a view into `bytes`. */
export function parseData(bytes: Uint8Array): (DataHeader & { readonly payload: Uint8Array }) | Malformed {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bad = checkData(view, 0, bytes.length);
  if (bad) return bad;
  const flags = flagsOf(view, 0);
  const ids = idsAt(view, 0);
  const header = dataHeaderLength(flags);
  return {
    tunnelId: tunnelIdOf(view, 0),
    sessionId: sessionIdOf(view, 0),
    sequence: (flags & flag.sequence) !== 0 ? { ns: u16(bytes, ids + 4), nr: u16(bytes, ids + 6) } : undefined,
    length: (flags & flag.length) !== 0,
    priority: (flags & flag.priority) !== 0,
    offset: (flags & flag.offset) !== 0 ? u16(bytes, header - 2) : undefined,
    payload: bytes.subarray(payloadAt(view, 0), payloadEnd(view, 0, bytes.length)),
  };
}

export interface ControlHeader {
  readonly tunnelId: number;
  readonly sessionId: number;
  readonly ns: number;
  readonly nr: number;
  /** Octets of the whole message, header included. */
  readonly length: number;
}

/** Reserved bits are ignored on receipt (§3.1); octets after Length are not part of the message. */
export function parseControlHeader(bytes: Uint8Array): ControlHeader | Malformed {
  if (bytes.length < controlHeaderLength) return malformed("l2tp", "truncated header", bytes.length);
  const flags = u16(bytes, 0);
  if ((flags & versionMask) !== version) return malformed("l2tp", "version", flags & versionMask);
  const wanted = flag.type | flag.length | flag.sequence;
  if ((flags & (wanted | flag.offset)) !== wanted) return malformed("l2tp", "flags of a control message", flags);
  const length = u16(bytes, 2);
  if (length > bytes.length) return malformed("l2tp", "length beyond datagram", length);
  if (length < controlHeaderLength) return malformed("l2tp", "length within header", length);
  return { tunnelId: u16(bytes, 4), sessionId: u16(bytes, 6), ns: u16(bytes, 8), nr: u16(bytes, 10), length };
}

/** Writes a control header at the start of `bytes`, whose first `length` octets are the message. */
export function putControlHeader(bytes: Uint8Array, header: ControlHeader): void {
  putU16(bytes, 0, flag.type | flag.length | flag.sequence | version);
  putU16(bytes, 2, header.length);
  putU16(bytes, 4, header.tunnelId);
  putU16(bytes, 6, header.sessionId);
  putSequence(bytes, header.ns, header.nr);
}

/** Renumbers a control message that is in the send queue. */
export function putSequence(bytes: Uint8Array, ns: number, nr: number): void {
  putU16(bytes, 8, ns);
  putU16(bytes, 10, nr);
}
