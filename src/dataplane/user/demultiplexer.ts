/**
 * The first step of a frame: a UDP datagram from a port is a control message for the control thread, or data of a session.
 * Everything that the peer says is checked here, and what is not as it should be is counted and dropped.
 *
 * A port's programs run before anything is looked at, in `receive`.
 */
import { flag, minimumDataHeaderLength as minimum, version, versionMask } from "../../wire/l2tp2.js";
import { type Context, createDropCounter } from "./context.js";
import { type Crossing, type Hints, isBare } from "./crossing.js";
import type { Delivery } from "./delivery.js";
import { drop } from "./drops.js";
import type { Datagrams, Hooks } from "./hooks/hooks.js";
import { block, forwardCounter, puntRingBytes, sessionCounter, sessionFlag, tunnel, way } from "./layout.js";
import { type PuntWriter, puntKind } from "./punt-ring.js";
import type { Sequencer } from "./sequence.js";
import { createGuess, createLookup } from "./session-table.js";

export interface Demultiplexer {
  /** Begins a batch. `now` is in milliseconds. */
  begin(now: number): void;
  /** Takes what one peer sent to a port. */
  receive: Datagrams;
  /** As `receive`, after the port's programs have run. */
  resume: Datagrams;
}

const floatInterval = 1000;
/** Segments that are looked up together: as many as GRO joins. */
export const together = 64;

export function createDemultiplexer(
  context: Context,
  delivery: Delivery,
  sequencer: Sequencer,
  punts: PuntWriter,
  crossing: Crossing,
  hints: Hints,
  hooks: Hooks,
): Demultiplexer {
  const { memory, layout, arena } = context;
  const { u32, i32, f64, view } = memory;
  const lookup = createLookup(memory, layout);
  const guess = createGuess(memory, layout);
  const drops = createDropCounter(context);
  const ways = layout.ways >> 2;
  const sessionCounters = arena.sessionCounters >> 3;
  const forwardCounters = arena.forwardCounters >> 3;
  const tunnelErrors = arena.tunnelErrors >> 3;
  const numbered = flag.sequence | sessionFlag.receiveSequence;
  const { deliver } = delivery;
  const { find, cross } = crossing;
  const lastFloat = new Float64Array(65536).fill(Number.NEGATIVE_INFINITY);
  let now = 0;

  const addressOf = (tunnelId: number): number => u32[(layout.tunnels + tunnelId * tunnel.size) >> 2]!;

  /** Whether the sockaddr at `name` is that of an address block: address, port and family, not IPv6's flow and scope. */
  function isFrom(address: number, name: number): boolean {
    return u32[address >> 2] === u32[name >> 2] && sameHost(address >> 2, name >> 2);
  }

  function sameHost(a: number, n: number): boolean {
    if ((u32[a]! & 0xffff) !== (u32[n]! & 0xffff)) return false;
    if (u32[a + block.nameLength / 4] === 16) return u32[a + 1] === u32[n + 1];
    return (
      u32[a + 2] === u32[n + 2] && u32[a + 3] === u32[n + 3] && u32[a + 4] === u32[n + 4] && u32[a + 5] === u32[n + 5]
    );
  }

  /** Whether a tunnel's data may come from here; if not, says why by counting. */
  function verify(tunnelId: number, port: number, name: number): boolean {
    const address = addressOf(tunnelId);
    if (address === 0) {
      drops.received(drop["unknown-tunnel"], port);
      return false;
    }
    if (isFrom(address, name)) {
      if (u32[(address + block.port) >> 2] === port) return true;
      drops.received(drop["wrong-port"], port);
      return false;
    }
    drops.received(drop["wrong-source"], port);
    if (sameHost(address >> 2, name >> 2) && now - lastFloat[tunnelId]! >= floatInterval) {
      lastFloat[tunnelId] = now;
      punts.write(puntKind.float, tunnelId, name, 0, name, 0, puntRingBytes / 2);
    }
    return false;
  }

  function refuse(reason: number, port: number, key: number): void {
    drops.received(reason, port);
    const slot = lookup(key);
    if (slot !== 0) f64[sessionCounters + slot * sessionCounter.count + sessionCounter.rxErrors]! += 1;
  }

  function unknownSession(tunnelId: number, port: number): void {
    f64[tunnelErrors + tunnelId]! += 1;
    drops.received(drop["unknown-session"], port);
  }

  /** A control message goes up whole. Peers without a tunnel yet leave room for those that have one. */
  function control(port: number, at: number, length: number, name: number, local: number): void {
    const hasTunnelId = length >= minimum && (view.getUint16(at) & flag.length) !== 0;
    const address = hasTunnelId ? addressOf(view.getUint16(at + 4)) : 0;
    const reserve = address !== 0 && isFrom(address, name) ? 0 : puntRingBytes / 4;
    if (!punts.write(puntKind.port, port, at, length, name, local, reserve))
      drops.received(drop["punt-overflow"], port);
  }

  /** A header with optional fields, or something else altogether. `verified` as below; answers the tunnel it verified. */
  function general(
    port: number,
    at: number,
    end: number,
    name: number,
    local: number,
    room: number,
    verified: number,
  ): number {
    const flags = view.getUint16(at);
    if ((flags & versionMask) !== version) {
      drops.received(drop["bad-version"], port);
      return verified;
    }
    if ((flags & flag.type) !== 0) {
      control(port, at, end - at, name, local);
      return verified;
    }
    let next = at + ((flags & flag.length) !== 0 ? 4 : 2);
    if (end - next < 4) {
      drops.received(drop["too-short"], port);
      return verified;
    }
    const key = view.getInt32(next);
    const tunnelId = key >>> 16;
    if (tunnelId !== verified && !verify(tunnelId, port, name)) return verified;
    const slot = lookup(key);
    if (slot === 0) {
      unknownSession(tunnelId, port);
      return tunnelId;
    }
    next += 4;
    const whole = (flags & flag.length) !== 0 ? view.getUint16(at + 2) : end - at;
    const fields = ((flags & flag.sequence) !== 0 ? 4 : 0) + ((flags & flag.offset) !== 0 ? 2 : 0);
    if (whole > end - at || at + whole < next + fields) {
      refuse(drop["bad-length"], port, key);
      return tunnelId;
    }
    const messageEnd = at + whole;
    const ns = (flags & flag.sequence) !== 0 ? view.getUint16(next) : 0;
    next += fields;
    if ((flags & flag.offset) !== 0) next += view.getUint16(next - 2);
    if (next > messageEnd) {
      refuse(drop["bad-offset"], port, key);
      return tunnelId;
    }
    const length = messageEnd - next;
    const free = room + next - at;
    if (((flags | u32[ways + slot * way.words + way.header]!) & numbered) === 0) {
      deliver(slot, port, flags & flag.priority, next, length, free);
    } else sequencer.receive(slot, port, flags, ns, next, length, free, now);
    return tunnelId;
  }

  /**
   * Touches what a group of segments of many sessions will need: each line is far away in memory. Step by step, the loads of
   * a step depend on nothing but the step before, so that the processor has many of them on the way at a time.
   */
  function fetch(start: number, end: number, segment: number): void {
    const { slots } = hints;
    let count = 0;
    let touched = 0;
    for (let at = start; at < end; at += segment) slots[count++] = guess(view.getInt32(at + 2));
    for (let index = 0; index < count; index++) {
      const slot = slots[index]!;
      touched ^= i32[2 * (forwardCounters + slot * forwardCounter.count)]!;
      touched ^= i32[ways + slot * way.words]!;
    }
    // Used for nothing, but what is not used is not fetched.
    slots[together] = touched;
    hints.count = count;
  }

  /** Whether the first two of several segments are of different sessions. */
  const isMixed = (start: number, end: number, segment: number): boolean =>
    start + segment + minimum <= end && view.getInt32(start + 2) !== view.getInt32(start + segment + 2);

  const receive: Datagrams = (port, start, length, segment, name, local, headroom) => {
    const end = start + length;
    let room = headroom;
    // All segments have one sender: it is compared once with each tunnel in turn.
    let verified = 0;
    for (let group = start; group < end; group += segment * together) {
      const groupEnd = Math.min(group + segment * together, end);
      const wholeEnd = groupEnd - ((groupEnd - group) % segment);
      hints.count = 0;
      if (isMixed(group, wholeEnd, segment)) fetch(group, wholeEnd, segment);
      for (let at = group, index = 0; at < groupEnd; room = 0) {
        const size = Math.min(segment, end - at);
        const first = at;
        at += segment;
        index++;
        if (size < minimum) {
          drops.received(drop["too-short"], port);
          continue;
        }
        const flags = view.getUint16(first);
        if (!isBare(flags)) {
          verified = general(port, first, first + size, name, local, room, verified);
          continue;
        }
        const key = view.getInt32(first + 2);
        const tunnelId = key >>> 16;
        if (tunnelId !== verified) {
          if (!verify(tunnelId, port, name)) continue;
          verified = tunnelId;
        }
        const slot = find(key, index - 1);
        if (slot === 0) {
          unknownSession(tunnelId, port);
          continue;
        }
        const crossed = size === segment ? cross(slot, first, wholeEnd, segment, index - 1) : 0;
        if (crossed > 0) {
          at = first + crossed * segment;
          index += crossed - 1;
          continue;
        }
        const payload = first + minimum;
        const free = room + minimum;
        if ((u32[ways + slot * way.words + way.header]! & numbered) === 0) {
          deliver(slot, port, flags & flag.priority, payload, size - minimum, free);
        } else sequencer.receive(slot, port, flags, 0, payload, size - minimum, free, now);
      }
    }
  };

  /** Programs may leave nothing of a datagram. */
  const resume: Datagrams = (port, start, length, segment, name, local, room) => {
    if (length === 0) drops.received(drop["too-short"], port);
    else receive(port, start, length, segment, name, local, room);
  };

  return {
    begin(time) {
      now = time;
    },
    receive(port, start, length, segment, name, local, room) {
      if (hooks.seesPortIn(port)) hooks.datagramsIn(resume, port, start, length, segment, name, local, room);
      else receive(port, start, length, segment, name, local, room);
    },
    resume,
  };
}
