/** L2TPv2 data messages of the simplest kind (RFC 2661 §3.1): no length, no sequence numbers, no offset. */
const control = 0x80;
const version2 = 0x02;
const headerLength = 6;

export function dataMessage(tunnelId: number, sessionId: number, frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerLength + frame.length);
  bytes.set([0, version2, tunnelId >> 8, tunnelId & 0xff, sessionId >> 8, sessionId & 0xff]);
  bytes.set(frame, headerLength);
  return bytes;
}

/** Undefined: it is no such message. */
export function readData(
  bytes: Uint8Array,
): { readonly tunnelId: number; readonly sessionId: number; readonly frame: Uint8Array } | undefined {
  if (bytes.length < headerLength || (bytes[0]! & control) !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { tunnelId: view.getUint16(2), sessionId: view.getUint16(4), frame: bytes.slice(headerLength) };
}
