/**
 * Control messages on their way from the data thread to the thread of the machines, packed into one buffer.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-------------------------------+-------------------------------+
 *   |            socket             |            length             |
 *   +-------------------------------+-------------------------------+
 *   |               sockaddr of the sender, 28 bytes                |
 *   +---------------------------------------------------------------+
 *   |                     message, length bytes                     ~
 *   +---------------------------------------------------------------+
 */
import type { Datagram } from "../l2tp/types.js";
import { decodeSocketAddress } from "../system/index.js";

const nameLength = 28;
const headLength = 4 + nameLength;

export interface Mailbox {
  /** Takes a message of `length` bytes at offset `at` whose sender's sockaddr lies at offset `name`. False: it is full. */
  add(from: Uint8Array, socket: number, name: number, at: number, length: number): boolean;
  /** What has been added since the last time, or undefined. */
  take(): ArrayBuffer | undefined;
}

export function createMailbox(capacity: number): Mailbox {
  const bytes = new Uint8Array(capacity);
  const view = new DataView(bytes.buffer);
  let used = 0;
  return {
    add(from, socket, name, at, length) {
      if (used + headLength + length > capacity) return false;
      view.setUint16(used, socket);
      view.setUint16(used + 2, length);
      bytes.set(from.subarray(name, name + nameLength), used + 4);
      bytes.set(from.subarray(at, at + length), used + headLength);
      used += headLength + length;
      return true;
    },
    take() {
      if (used === 0) return undefined;
      const letters = bytes.buffer.slice(0, used);
      used = 0;
      return letters;
    },
  };
}

export function readMailbox(letters: ArrayBuffer): readonly Datagram[] {
  const view = new DataView(letters);
  const datagrams: Datagram[] = [];
  for (let at = 0; at < letters.byteLength; ) {
    const length = view.getUint16(at + 2);
    const remote = decodeSocketAddress(view, at + 4);
    const bytes = new Uint8Array(letters, at + headLength, length);
    if (remote !== undefined) datagrams.push({ port: view.getUint16(at), remote, bytes });
    at += headLength + length;
  }
  return datagrams;
}
