/** A PPP frame becomes an L2TP data message of a session (RFC 2661 §3.1) and goes to its tunnel's port. */
import { dataHeaderLength, flag } from "../../wire/l2tp2.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { session, tunnel, way } from "./layout.js";
import type { Transmitter } from "./transmit.js";

/** Largest header that we write: all fields and 255 bytes of offset padding; and what a buffer keeps free before a frame. */
export const headroom = 288;

/**
 * Sends the frame of `length` bytes at `payload` on the session at slot `to`. The header is written before it if `room` bytes
 * there may be overwritten. `priority` is the P bit or 0; `source` the session it came from, 0 for none.
 */
export type Egress = (
  to: number,
  priority: number,
  payload: number,
  length: number,
  room: number,
  source: number,
) => void;

const optional = flag.length | flag.sequence | flag.offset;

export function createEgress(context: Context, transmitter: Transmitter): Egress {
  const { memory, layout } = context;
  const { u32, i32, view } = memory;
  const records = layout.sessions >> 2;
  const ways = layout.ways >> 2;
  const drops = createDropCounter(context);
  const { append, keep, scratch } = transmitter;

  /** Writes a header with fields that not every header has. */
  function writeGeneral(at: number, flags: number, record: number, end: number, payload: number): void {
    view.setUint16(at, flags);
    let next = at + 2;
    if ((flags & flag.length) !== 0) {
      view.setUint16(next, end - at);
      next += 2;
    }
    view.setUint32(next, u32[record + session.peer]!);
    next += 4;
    if ((flags & flag.sequence) !== 0) {
      view.setUint16(next, Atomics.add(i32, record + session.ns, 1) & 0xffff);
      view.setUint16(next + 2, 0);
      next += 4;
    }
    if ((flags & flag.offset) !== 0) {
      view.setUint16(next, u32[record + session.offset]!);
      for (let pad = next + 2; pad < payload; pad++) view.setUint8(pad, 0);
    }
  }

  return (to, priority, payload, length, room, source) => {
    const record = records + to * session.words;
    const step = ways + to * way.words;
    const tunnelId = i32[step + way.key]! >>> 16;
    const address = u32[(layout.tunnels + tunnelId * tunnel.size + tunnel.block) >> 2]!;
    if (address === 0) {
      drops.leaving(drop["unknown-tunnel"]);
      keep(source, 1, length);
      return;
    }
    const flags = (u32[step + way.header]! & 0xffff) | priority;
    if ((flags & optional) === 0) {
      const header = room >= 6 ? payload - 6 : scratch(6);
      view.setUint16(header, flags);
      view.setUint32(header + 2, u32[record + session.peer]!);
      append(tunnelId, address, header, 6, payload, length, source);
      return;
    }
    const padding = (flags & flag.offset) !== 0 ? u32[record + session.offset]! : 0;
    const headerLength = dataHeaderLength(flags) + padding;
    const header = headerLength <= room ? payload - headerLength : scratch(headerLength);
    const end = header + headerLength;
    writeGeneral(header, flags, record, end + length, end);
    append(tunnelId, address, header, headerLength, payload, length, source);
  };
}
