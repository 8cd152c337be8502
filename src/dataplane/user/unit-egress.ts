/** Packets that the host routed to a unit: found by their destination, checked, and sent as PPP frames on its session. */

import type { Region } from "../../system/memory.js";
import type { Sum } from "./checksum.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { type Egress, headroom } from "./egress.js";
import { createFragment } from "./fragments.js";
import { fate } from "./hooks/fate.js";
import type { Hooks } from "./hooks/hooks.js";
import { createIcmp } from "./icmp.js";
import { fragmentBit, ipv4, ipv6, ppp, protocol } from "./ip-headers.js";
import {
  backing,
  portCounter,
  port as portRecord,
  portState,
  route,
  sessionCounter,
  session as sessionRecord,
  unitCounter,
  unitFlag,
  unit as unitRecord,
  way,
} from "./layout.js";
import { clampMss } from "./mss.js";
import { createFragmentSender, fragmentHeadroom } from "./multilink-send.js";
import type { Limiter } from "./rate.js";
import { admitted, createRateQueue } from "./rate-queue.js";
import type { RouteLookup } from "./route-table.js";
import { createSegmenter, isSuper, segmentSize } from "./segments.js";
import { stampOf } from "./stamp.js";
import type { Transmitter } from "./transmit.js";
import type { TunOutput } from "./tun-output.js";

export interface UnitEgress {
  /** Begins a batch; `now` is in milliseconds. */
  begin(now: number): void;
  /**
   * Takes what the host sent through a TUN port: `length` bytes at `at`, a multiple of 4, the first `header` of which are a
   * virtio_net_hdr. `headroomForUnits` bytes before it are free.
   */
  receive(port: number, at: number, length: number, header: number): void;
  /** As `receive`, for an IP packet whose port's programs have run. */
  resume(port: number, at: number, length: number): void;
  /** Touches what the first `count` packets at these places will need, before they are received one by one. */
  fetch(places: Int32Array, count: number, header: number): void;
  /** Sends a frame over the bundle of a unit, from its protocol field on: `headroomForUnits` bytes before it are free. */
  sendOnBundle(bundle: number, at: number, length: number): boolean;
  /** Sends an IP packet that a program has for a unit's peer. */
  sendTo(slot: number, at: number, length: number): void;
  /** Sends what waited for its limit. */
  expire(now: number): void;
  /** When `expire` has something to do; Infinity when nothing waits. */
  deadline(): number;
  /** After a batch has left. */
  release(): void;
}

/** Packets of all units that may wait for their limits. */
const waitingPackets = 2048;

/** What the longest L2TP and PPP headers take. */
export const headroomForUnits = headroom + 32;

const longestPacket = 65_536 + 64;

/** Packets that are looked up together. */
export const together = 64;

const ipv6MssDifference = 20;
/** FF 03 and a protocol of two bytes, and what a fragment has before them. */
const longestPppHeader = 4 + fragmentHeadroom;

export function createUnitEgress(
  context: Context,
  region: Region,
  sum: Sum,
  egress: Egress,
  transmitter: Transmitter,
  output: TunOutput,
  routes: RouteLookup,
  limiter: Limiter,
  hooks: Hooks,
): UnitEgress {
  const { memory, layout, arena } = context;
  const { u8, u32, f64, view } = memory;
  const drops = createDropCounter(context);
  const icmp = createIcmp(region, sum);
  const segmenter = createSegmenter(memory, sum);
  const fragment = createFragment(memory, sum);
  const units = layout.units >> 2;
  const ports = layout.ports >> 2;
  const counters = arena.unitCounters >> 3;
  const portCounters = arena.portCounters >> 3;
  const routeRecords = layout.routes >> 2;
  const ways = layout.ways >> 2;
  const sessions = layout.sessions >> 2;
  const sessionCounters = arena.sessionCounters >> 3;
  const fetched = new Int32Array(together + 1);
  const linear = region.allocate(longestPacket);
  let now = 0;
  let stamp = 0;
  /** The unit of the packet in hand, its record and its session, and the protocol field of its packets. */
  let unit = 0;
  let record = 0;
  let session = 0;
  let pppProtocol = 0;

  function refuse(reason: number, packets = 1): void {
    f64[counters + unit * unitCounter.count + unitCounter.txDropped]! += packets;
    drops.leaving(reason, packets);
  }

  /** Finds the unit that a packet goes to. */
  function find(at: number, length: number): boolean {
    const v4 = u8[at]! >>> 4 === 4;
    if (v4 ? length < ipv4.size : length < ipv6.size || u8[at]! >>> 4 !== 6) {
      drops.leaving(drop["bad-ip"]);
      return false;
    }
    const to = at + (v4 ? ipv4.destination : ipv6.destination);
    unit = v4
      ? routes.ipv4(view.getInt32(to))
      : routes.ipv6(view.getInt32(to), view.getInt32(to + 4), view.getInt32(to + 8), view.getInt32(to + 12));
    if (unit === 0) {
      drops.leaving(drop["no-route"]);
      return false;
    }
    record = units + unit * unitRecord.words;
    const flags = u32[record + unitRecord.flags]!;
    if ((flags & (v4 ? unitFlag.ipv4 : unitFlag.ipv6)) === 0) {
      refuse(drop["np-down"]);
      return false;
    }
    session = u32[record + unitRecord.session]!;
    if (session === 0) {
      refuse(drop["unit-no-channel"]);
      return false;
    }
    pppProtocol = v4 ? ppp.ipv4 : ppp.ipv6;
    if (u32[record + unitRecord.activity] !== stamp) u32[record + unitRecord.activity] = stamp;
    return true;
  }

  const room = (bytes: number): number => {
    // A multiple of 8 with the headers before it.
    const before = (egress.room(session) + longestPppHeader + 7) & ~7;
    return transmitter.scratch(before + bytes) + before;
  };

  const waiting = createRateQueue(
    context,
    region,
    limiter,
    { limit: unitRecord.down, packets: waitingPackets, headroom: headroomForUnits },
    (of, protocolField, at, length) => {
      unit = of;
      record = units + unit * unitRecord.words;
      session = u32[record + unitRecord.session]!;
      pppProtocol = protocolField;
      if (session === 0) refuse(drop["unit-no-channel"]);
      else transmit(at, length, 0, 0);
    },
  );
  const { scratch, drain } = transmitter;
  const fragments = createFragmentSender(context, { send: egress.send, room: egress.room, scratch, drain });

  /** Takes a packet of one or two pieces that has passed all checks but the limit. */
  function send(head: number, headLength: number, body: number, length: number): void {
    const outcome =
      u32[record + unitRecord.down] === 0 && !waiting.holds(unit)
        ? admitted.now
        : waiting.offer(unit, pppProtocol, head, headLength, body, length, now);
    if (outcome === admitted.now) transmit(head, headLength, body, length);
    else if (outcome === admitted.dropped) refuse(drop["rate-exceeded"]);
  }

  /** A packet of a unit with programs: they want it in one piece, and may make another of it. */
  function transmitSeen(head: number, headLength: number, body: number, length: number): void {
    const all = headLength + length;
    let at = head;
    if (length > 0) {
      u8.copyWithin(linear, head, head + headLength);
      u8.copyWithin(linear + headLength, body, body + length);
      at = room(all);
      u8.copyWithin(at, linear, linear + all);
    }
    // A redirect may send another packet of another unit meanwhile.
    const [unit0, record0, session0, protocol0] = [unit, record, session, pppProtocol];
    const became = hooks.unitOut(unit, at, all);
    unit = unit0;
    record = record0;
    session = session0;
    pppProtocol = protocol0;
    if (became === fate.dropped) f64[counters + unit * unitCounter.count + unitCounter.txDropped]! += 1;
    if (became !== fate.passed) return;
    if (hooks.frame.length > u32[record + unitRecord.mtu]!) {
      refuse(drop["packet-too-big"]);
      return;
    }
    pppProtocol = u8[hooks.frame.at]! >>> 4 === 6 ? ppp.ipv6 : ppp.ipv4;
    put(hooks.frame.at, hooks.frame.length, 0, 0);
    pppProtocol = protocol0;
  }

  function transmit(head: number, headLength: number, body: number, length: number): void {
    if ((u32[record + unitRecord.flags]! & unitFlag.egress) === 0) put(head, headLength, body, length);
    else transmitSeen(head, headLength, body, length);
  }

  function put(head: number, headLength: number, body: number, length: number): void {
    const flags = u32[record + unitRecord.flags]!;
    let start = head;
    if ((flags & unitFlag.protocolCompression) !== 0) u8[--start] = pppProtocol;
    else {
      start -= 2;
      view.setUint16(start, pppProtocol);
    }
    if ((flags & unitFlag.multilink) !== 0) {
      const bundle = u32[record + unitRecord.bundle]!;
      if (!fragments.send(bundle, start, head + headLength - start, body, length)) {
        refuse(drop["unit-no-channel"]);
        return;
      }
    } else {
      if ((flags & unitFlag.addressCompression) === 0) {
        start -= 2;
        view.setUint16(start, ppp.addressAndControl);
      }
      egress.send(session, start, head + headLength - start, body, length);
    }
    const counter = counters + unit * unitCounter.count;
    f64[counter + unitCounter.txPackets]! += 1;
    f64[counter + unitCounter.txBytes]! += headLength + length;
  }

  /** Tells the sender of a packet that is too long for the link; RFC 1191 §4, RFC 8200 §5. */
  function tooBig(port: number, at: number, length: number, mtu: number): void {
    refuse(drop["packet-too-big"]);
    // The host takes nothing that claims to come from its own address.
    const isHost = u32[ports + port * portRecord.words + portRecord.backing] === backing.kernel;
    const error = icmp.tooBig(at, length, mtu, isHost ? 0 : u32[record + unitRecord.local]!);
    if (error !== 0) output.add(port, 0, error, icmp.length());
  }

  const mayFragment = (at: number): boolean =>
    u8[at]! >>> 4 === 4 && (view.getUint16(at + ipv4.fragment) & fragmentBit.dont) === 0;

  function clamp(at: number, length: number): void {
    const mss = u32[record + unitRecord.mss]!;
    if (mss === 0) return;
    if (pppProtocol === ppp.ipv4) {
      const own = (u8[at]! & 0xf) * 4;
      if (u8[at + ipv4.protocol] !== protocol.tcp || (view.getUint16(at + ipv4.fragment) & fragmentBit.offset) !== 0)
        return;
      clampMss(memory, at + own, length - own, mss);
    } else if (u8[at + ipv6.nextHeader] === protocol.tcp && mss > ipv6MssDifference) {
      clampMss(memory, at + ipv6.size, length - ipv6.size, mss - ipv6MssDifference);
    }
  }

  /** A packet in one piece. */
  function single(port: number, at: number, length: number): void {
    clamp(at, length);
    const mtu = u32[record + unitRecord.mtu]!;
    if (length > mtu) {
      if (mayFragment(at)) fragment(at, length, mtu, room, send);
      else tooBig(port, at, length, mtu);
      return;
    }
    send(at, length, 0, 0);
  }

  /** A segment that is too long for the link and may be fragmented: put together first. */
  function whole(head: number, headLength: number, body: number, length: number): void {
    const at = transmitter.scratch(headLength + length);
    u8.copyWithin(at, head, head + headLength);
    u8.copyWithin(at + headLength, body, body + length);
    fragment(at, headLength + length, u32[record + unitRecord.mtu]!, room, send);
  }

  function superPacket(port: number, header: number, at: number, length: number): number {
    const headers = segmenter.headersOf(header, at, length);
    if (headers === 0) {
      refuse(drop["bad-offload"]);
      return 0;
    }
    const size = segmentSize(memory, header);
    const packets = Math.ceil((length - headers) / size);
    const mtu = u32[record + unitRecord.mtu]!;
    if (headers + size <= mtu) segmenter.cut(header, at, length, headers, room, send);
    else if (mayFragment(at)) segmenter.cut(header, at, length, headers, room, whole);
    else tooBig(port, at, length, mtu);
    return packets;
  }

  /**
   * Each line of a table is far away in memory when there are many units. Step by step, the loads of a step depend on nothing but the
   * step before, so that the processor has many of them on the way at a time.
   */
  function fetch(places: Int32Array, count: number, header: number): void {
    let touched = 0;
    for (let index = 0; index < count; index++) {
      const at = places[index]! + header;
      fetched[index] = u8[at]! >>> 4 === 4 ? routes.guess(view.getInt32(at + ipv4.destination)) : 0;
    }
    for (let index = 0; index < count; index++) {
      fetched[index] = u32[routeRecords + fetched[index]! * route.words + route.unit]!;
    }
    for (let index = 0; index < count; index++) {
      const slot = fetched[index]!;
      const words = units + slot * unitRecord.words;
      touched ^= u32[words + unitRecord.down]! ^ u32[2 * (counters + slot * unitCounter.count)]!;
      fetched[index] = u32[words + unitRecord.session]!;
    }
    for (let index = 0; index < count; index++) {
      const slot = fetched[index]!;
      touched ^= u32[ways + slot * way.words]! ^ u32[sessions + slot * sessionRecord.words]!;
      touched ^= u32[2 * (sessionCounters + slot * sessionCounter.count) + 2 * sessionCounter.sentPackets]!;
    }
    // Used for nothing, but what is not used is not fetched.
    fetched[together] = touched;
  }

  function count(port: number, packets: number, bytes: number): void {
    const counter = portCounters + port * portCounter.count;
    f64[counter + portCounter.rxPackets]! += packets;
    f64[counter + portCounter.rxBytes]! += bytes;
  }

  /** Takes a packet of the host; answers how many it was. */
  function pass(port: number, start: number, at: number, length: number, header: number): number {
    if (length < ipv4.size) drops.leaving(drop["bad-ip"]);
    else if (find(at, length)) {
      if (header !== 0 && isSuper(memory, start)) return superPacket(port, start, at, length);
      if (header !== 0 && !segmenter.complete(start, at, length)) refuse(drop["bad-offload"]);
      else single(port, at, length);
    }
    return 1;
  }

  return {
    fetch,
    begin(time) {
      now = time;
      stamp = stampOf(time) >>> 0;
    },
    receive(port, start, all, header) {
      const at = start + header;
      const length = all - header;
      if (u32[ports + port * portRecord.words + portRecord.state] !== portState.up) {
        drops.received(drop["device-down"], port);
        return;
      }
      if (hooks.seesPortIn(port)) {
        count(port, 1, length);
        if (length > 0 && hooks.hostIn(port, at, length) === fate.passed) {
          pass(port, start, hooks.frame.at, hooks.frame.length, 0);
        }
        return;
      }
      count(port, pass(port, start, at, length, header), length);
    },
    resume: (port, at, length) => void pass(port, at, at, length, 0),
    sendTo(slot, at, length) {
      const before = [unit, record, session, pppProtocol] as const;
      unit = slot;
      record = units + slot * unitRecord.words;
      session = u32[record + unitRecord.session]!;
      const flags = u32[record + unitRecord.flags]!;
      const v6 = u8[at]! >>> 4 === 6;
      pppProtocol = v6 ? ppp.ipv6 : ppp.ipv4;
      if ((flags & (v6 ? unitFlag.ipv6 : unitFlag.ipv4)) === 0) refuse(drop["np-down"]);
      else if (session === 0) refuse(drop["unit-no-channel"]);
      else if (length > u32[record + unitRecord.mtu]!) refuse(drop["packet-too-big"]);
      else {
        // What is before it may be another frame's.
        u8.copyWithin(linear, at, at + length);
        const own = room(length);
        u8.copyWithin(own, linear, linear + length);
        send(own, length, 0, 0);
      }
      [unit, record, session, pppProtocol] = before;
    },
    sendOnBundle: (bundle, at, length) => fragments.send(bundle, at, length, 0, 0),
    expire: waiting.expire,
    deadline: waiting.deadline,
    release() {
      icmp.release();
      fragments.release();
      waiting.release();
    },
  };
}
