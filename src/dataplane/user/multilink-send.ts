/**
 * Packets go out over the links of a bundle in turn, in fragments where they are too long (RFC 1990 §3, §4). The fragments of a
 * packet have consecutive numbers, and numbers never run backwards on a link: a thread that has taken a number keeps the
 * bundle to itself until its batch has left.
 */
import { flag, put } from "../../wire/multilink.js";
import { pppProtocol } from "../../wire/ppp.js";
import type { Context } from "./context.js";
import type { SendFrame } from "./egress.js";
import { bundle, bundleFlag, link } from "./multilink-layout.js";
import { createLock } from "./multilink-lock.js";

const addressAndControl = 0xff03;

/** Octets of the longest header before a fragment: address, control, protocol, sequence number. */
export const fragmentHeadroom = 8;

export interface FragmentSender {
  /**
   * Sends a packet over a bundle: `headLength` bytes at `head`, its protocol field first, and where it is in two pieces, the
   * `length` bytes at `body`. What `egress.send` wants before a frame, and `fragmentHeadroom` more, may be overwritten.
   * False when the bundle has no link, or is busy for too long.
   */
  send(index: number, head: number, headLength: number, body: number, length: number): boolean;
  /** Others may send: call it when everything has left. */
  release(): void;
}

export interface FragmentWays {
  readonly send: SendFrame;
  /** Bytes that `send` needs before a frame of a session. */
  room(session: number): number;
  /** Room for a header; it lasts until the end of the batch. */
  scratch(bytes: number): number;
  /** Has everything leave; what `scratch` gave lasts on. */
  drain(): void;
}

export function createFragmentSender(context: Context, ways: FragmentWays): FragmentSender {
  const { memory, layout } = context;
  const { i32, view } = memory;
  const records = layout.multilink.bundleRecords >> 2;
  const lock = createLock(memory);
  const held = new Int32Array(layout.multilink.bundles + 1);
  const isHeld = new Uint8Array(layout.multilink.bundles + 1);
  let heldCount = 0;

  function release(): void {
    while (heldCount > 0) {
      const index = held[--heldCount]!;
      isHeld[index] = 0;
      lock.release(records + index * bundle.words + bundle.sending);
    }
  }

  function hold(index: number): boolean {
    if (isHeld[index] === 1) return true;
    const word = records + index * bundle.words + bundle.sending;
    if (!lock.tryAcquire(word)) {
      // Who waits must not have what others wait for.
      ways.drain();
      release();
      if (!lock.acquire(word)) return false;
    }
    isHeld[index] = 1;
    held[heldCount++] = index;
    return true;
  }

  /** Writes the headers of a fragment so that they end at `end`. Answers where they begin. */
  function writeHeader(end: number, flags: number, bits: number, sequence: number): number {
    const short = (flags & bundleFlag.shortSend) !== 0;
    let at = end - (short ? 2 : 4);
    put(view, at, short, bits, sequence);
    if ((flags & bundleFlag.shortProtocol) !== 0) {
      at -= 1;
      view.setUint8(at, pppProtocol.multilink);
    } else {
      at -= 2;
      view.setUint16(at, pppProtocol.multilink);
    }
    if ((flags & bundleFlag.bareAddress) === 0) {
      at -= 2;
      view.setUint16(at, addressAndControl);
    }
    return at;
  }

  const sessionOf = (record: number, turn: number, links: number): number =>
    i32[record + bundle.firstLink + (turn % links) * link.words + link.session]!;

  return {
    release,
    send(index, head, headLength, body, length) {
      const record = records + index * bundle.words;
      const links = i32[record + bundle.links]!;
      if (links === 0 || !hold(index)) return false;
      const flags = i32[record + bundle.flags]!;
      const total = headLength + length;
      const wanted = i32[record + bundle.fragment]!;
      const most = i32[record + bundle.linkMru]! - ((flags & bundleFlag.shortSend) !== 0 ? 2 : 4);
      const shared = wanted > 0 && total > wanted ? Math.min(links, Math.ceil(total / wanted)) : 1;
      const count = Math.max(shared, Math.ceil(total / most));
      const each = Math.ceil(total / count);
      let sequence = i32[record + bundle.sent]!;
      const first = sequence;
      for (let from = 0; from < total; sequence++) {
        // A head before a body is sent as a whole: it is far shorter than what a link takes.
        const least = from === 0 && length > 0 ? headLength : 0;
        const to = Math.min(from + Math.max(each, least), total);
        const bits = (from === 0 ? flag.begin : 0) | (to === total ? flag.end : 0);
        const session = sessionOf(record, sequence >>> 0, links);
        if (from === 0) {
          const at = writeHeader(head, flags, bits, sequence);
          if (length === 0) ways.send(session, at, head - at + to, 0, 0);
          else ways.send(session, at, head - at + headLength, body, to - headLength);
        } else {
          const room = ways.room(session);
          const end = ways.scratch(room + fragmentHeadroom) + room + fragmentHeadroom;
          const at = writeHeader(end, flags, bits, sequence);
          const part = length === 0 ? head + from : body + from - headLength;
          ways.send(session, at, end - at, part, to - from);
        }
        from = to;
      }
      i32[record + bundle.sent] = sequence | 0;
      return sequence !== first;
    },
  };
}
