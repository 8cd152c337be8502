/**
 * A frame that a unit's peer sent: IP packets go to the host, what belongs to the control protocols to the control thread.
 * A subscriber is not trusted: every packet is checked before the host sees it.
 */

import type { Region } from "../../system/memory.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { fate } from "./hooks/fate.js";
import type { Hooks } from "./hooks/hooks.js";
import { fragmentBit, ipv4, ipv6, ppp, protocol } from "./ip-headers.js";
import { puntRingBytes, session, unitCounter, unitFlag, unit as unitRecord } from "./layout.js";
import { clampMss } from "./mss.js";
import { createReassembler } from "./multilink-receive.js";
import { type PuntWriter, puntKind } from "./punt-ring.js";
import type { Limiter } from "./rate.js";
import { admitted, createRateQueue } from "./rate-queue.js";
import type { RouteLookup } from "./route-table.js";
import { stampOf } from "./stamp.js";
import type { TunOutput } from "./tun-output.js";

export interface UnitIngress {
  /** Begins a batch; `now` is in milliseconds. */
  begin(now: number): void;
  /** Takes the PPP frame of `length` bytes at `payload` that the session at slot `from` (0: several) received for a unit. */
  receive(unit: number, from: number, port: number, payload: number, length: number): void;
  /** Takes an IP packet of a unit after its programs have run. */
  resume(unit: number, port: number, at: number, length: number): void;
  /** Lets through what waited for its limit, and gives up on what fragments wait for. */
  expire(now: number): void;
  /** When `expire` has something to do; Infinity when nothing waits. */
  deadline(): number;
  /** After a batch has left. */
  release(): void;
}

const longestFrame = 65_536 + 64;
/** Packets of all units that may wait for their limits. */
const waitingPackets = 1024;

/** Frames for the control thread, of all units and of each, in a batch. */
const punts = { all: 128, each: 8 } as const;
const ipv6MssDifference = 20;

export function createUnitIngress(
  context: Context,
  region: Region,
  output: TunOutput,
  routes: RouteLookup,
  limiter: Limiter,
  writer: PuntWriter,
  flush: () => void,
  hooks: Hooks,
): UnitIngress {
  const { memory, layout, arena } = context;
  const { u8, u32, i32, f64, view } = memory;
  const drops = createDropCounter(context);
  const units = layout.units >> 2;
  /** The frame being looked at, for punts: the session it came from, its place and length. */
  let [from, frame, frameLength] = [0, 0, 0];
  /** Where frame is 0: the packet that programs have left of it. */
  let packet = 0;
  const rebuilt = region.allocate(longestFrame);
  const sessions = layout.sessions >> 2;
  const counters = arena.unitCounters >> 3;
  const puntedUnits = new Int32Array(punts.all);
  let punted = 0;
  let now = 0;
  let stamp = 0;
  /** The source that was found to be a unit's last, in this batch. */
  let trusted = 0;
  let [trustedA, trustedB, trustedC, trustedD] = [0, 0, 0, 0];

  function refuse(unit: number, port: number, reason: number): void {
    f64[counters + unit * unitCounter.count + unitCounter.rxDropped]! += 1;
    drops.received(reason, port);
  }

  function mayPunt(unit: number): boolean {
    if (punted === punts.all) return false;
    let own = 0;
    for (let index = 0; index < punted; index++) if (puntedUnits[index] === unit) own++;
    if (own >= punts.each) return false;
    puntedUnits[punted++] = unit;
    return true;
  }

  function punt(unit: number, port: number): void {
    if (!mayPunt(unit)) {
      drops.received(drop["unit-punt-limit"], port);
      return;
    }
    if (frame === 0) {
      // A program may have made another packet of it, which is the one to be seen.
      frame = rebuilt;
      view.setUint16(frame, ppp.addressAndControl);
      view.setUint16(frame + 2, ppp.ipv6);
      u8.copyWithin(frame + 4, packet, packet + frameLength);
      frameLength += 4;
    }
    const channel = from === 0 ? 0 : u32[sessions + from * session.words + session.channel]!;
    const handle = u32[units + unit * unitRecord.words + unitRecord.handle]!;
    if (!writer.write(puntKind.unit, channel, frame, frameLength, 0, 0, puntRingBytes / 2, handle)) {
      drops.received(drop["punt-overflow"], port);
    }
  }

  function isOwn4(unit: number, source: number): boolean {
    return routes.ipv4(source) === unit;
  }

  function isOwn6(unit: number, at: number): boolean {
    const a = view.getInt32(at);
    const b = view.getInt32(at + 4);
    const c = view.getInt32(at + 8);
    const d = view.getInt32(at + 12);
    if (trusted === unit && a === trustedA && b === trustedB && c === trustedC && d === trustedD) return true;
    if (routes.ipv6(a, b, c, d) !== unit) return false;
    trusted = unit;
    trustedA = a;
    trustedB = b;
    trustedC = c;
    trustedD = d;
    return true;
  }

  const waiting = createRateQueue(
    context,
    region,
    limiter,
    { limit: unitRecord.up, packets: waitingPackets, headroom: 0 },
    pass,
  );

  /** Takes a packet that is sound and the unit's own. */
  function accept(unit: number, port: number, at: number, length: number): void {
    const outcome =
      u32[units + unit * unitRecord.words + unitRecord.up] === 0 && !waiting.holds(unit)
        ? admitted.now
        : waiting.offer(unit, port, at, length, 0, 0, now);
    if (outcome === admitted.now) pass(unit, port, at, length);
    else if (outcome === admitted.dropped) refuse(unit, port, drop["rate-exceeded"]);
  }

  /** Hands a packet to the host. */
  function pass(unit: number, port: number, at: number, length: number): void {
    const record = units + unit * unitRecord.words;
    const to = u32[record + unitRecord.port]!;
    if (to === 0) {
      refuse(unit, port, drop["unit-no-port"]);
      return;
    }
    if (u32[record + unitRecord.activity] !== stamp) u32[record + unitRecord.activity] = stamp;
    const counter = counters + unit * unitCounter.count;
    if (output.add(to - 1, u32[record + unitRecord.handle]!, at, length)) {
      f64[counter + unitCounter.rxPackets]! += 1;
      f64[counter + unitCounter.rxBytes]! += length;
    } else f64[counter + unitCounter.rxDropped]! += 1;
  }

  function receive4(unit: number, port: number, at: number, length: number): void {
    const record = units + unit * unitRecord.words;
    const flags = u32[record + unitRecord.flags]!;
    if ((flags & unitFlag.ipv4) === 0) {
      refuse(unit, port, drop["np-down"]);
      return;
    }
    const first = length < ipv4.size ? 0 : u8[at]!;
    const own = (first & 0xf) * 4;
    const total = first === 0 ? 0 : view.getUint16(at + ipv4.totalLength);
    if (first >>> 4 !== 4 || own < ipv4.size || total < own || total > length) {
      refuse(unit, port, drop["bad-ip"]);
      return;
    }
    if ((flags & unitFlag.sourceCheck) !== 0) {
      const source = view.getInt32(at + ipv4.source);
      if ((source !== i32[record + unitRecord.framed] || source === 0) && !isOwn4(unit, source)) {
        refuse(unit, port, drop["bad-source"]);
        return;
      }
    }
    const mss = u32[record + unitRecord.mss]!;
    if (mss !== 0 && u8[at + ipv4.protocol] === protocol.tcp) {
      if ((view.getUint16(at + ipv4.fragment) & fragmentBit.offset) === 0) clampMss(memory, at + own, total - own, mss);
    }
    accept(unit, port, at, total);
  }

  const isLinkLocal = (at: number): boolean => (view.getUint16(at) & 0xffc0) === 0xfe80;

  function receive6(unit: number, port: number, at: number, length: number): void {
    const record = units + unit * unitRecord.words;
    const flags = u32[record + unitRecord.flags]!;
    if ((flags & unitFlag.ipv6) === 0) {
      refuse(unit, port, drop["np-down"]);
      return;
    }
    const total = length < ipv6.size ? 0 : ipv6.size + view.getUint16(at + ipv6.payloadLength);
    if (total === 0 || total > length || u8[at]! >>> 4 !== 6) {
      refuse(unit, port, drop["bad-ip"]);
      return;
    }
    const destination = at + ipv6.destination;
    if (u8[destination] === 0xff || isLinkLocal(destination) || isLinkLocal(at + ipv6.source)) {
      punt(unit, port);
      return;
    }
    if ((flags & unitFlag.sourceCheck) !== 0 && !isOwn6(unit, at + ipv6.source)) {
      refuse(unit, port, drop["bad-source"]);
      return;
    }
    const mss = u32[record + unitRecord.mss]!;
    if (mss > ipv6MssDifference && u8[at + ipv6.nextHeader] === protocol.tcp) {
      clampMss(memory, at + ipv6.size, total - ipv6.size, mss - ipv6MssDifference);
    }
    accept(unit, port, at, total);
  }

  /** A packet of a unit with programs, which may make another of it. */
  function seen(unit: number, port: number, at: number, length: number): void {
    if (length < 1) {
      refuse(unit, port, drop["bad-ip"]);
      return;
    }
    const became = hooks.unitIn(unit, port, at, length);
    const counter = counters + unit * unitCounter.count;
    if (became === fate.passed) resume(unit, port, hooks.frame.at, hooks.frame.length);
    else if (became === fate.dropped) f64[counter + unitCounter.rxDropped]! += 1;
    else if (became === fate.sent) {
      f64[counter + unitCounter.rxPackets]! += 1;
      f64[counter + unitCounter.rxBytes]! += length;
    }
  }

  function resume(unit: number, port: number, at: number, length: number): void {
    from = u32[units + unit * unitRecord.words + unitRecord.session]!;
    frame = 0;
    packet = at;
    frameLength = length;
    if (u8[at]! >>> 4 === 6) receive6(unit, port, at, length);
    else receive4(unit, port, at, length);
  }

  function receive(unit: number, session: number, port: number, payload: number, length: number, inner: boolean): void {
    const record = units + unit * unitRecord.words;
    if ((u32[record + unitRecord.flags]! & unitFlag.exists) === 0) {
      drops.received(drop["relation-ended"], port);
      return;
    }
    from = session;
    frame = payload;
    frameLength = length;
    const compressed = length < 2 || view.getUint16(payload) !== ppp.addressAndControl;
    const at = compressed ? payload : payload + 2;
    const left = compressed ? length : length - 2;
    const odd = left > 0 && (u8[at]! & 1) === 1;
    if (left < 1 || (!odd && left < 2)) {
      refuse(unit, port, drop["bad-ppp"]);
      return;
    }
    const kind = odd ? u8[at]! : view.getUint16(at);
    const field = odd ? 1 : 2;
    if ((kind === ppp.ipv4 || kind === ppp.ipv6) && (u32[record + unitRecord.flags]! & unitFlag.ingress) !== 0) {
      seen(unit, port, at + field, left - field);
    } else if (kind === ppp.ipv4) receive4(unit, port, at + field, left - field);
    else if (kind === ppp.ipv6) receive6(unit, port, at + field, left - field);
    else if (kind === ppp.multilink && u32[record + unitRecord.bundle] !== 0) {
      // A packet that was put together is no fragment.
      if (inner) refuse(unit, port, drop["bad-ppp"]);
      else bundles.receive(u32[record + unitRecord.bundle]!, session, port, at + field, left - field, now);
    } else punt(unit, port);
  }

  const bundles = createReassembler(
    context,
    region,
    (unit, session, port, at, length) => receive(unit, session, port, at, length, true),
    flush,
  );

  return {
    begin(time) {
      now = time;
      stamp = stampOf(time) >>> 0;
      punted = 0;
      trusted = 0;
    },
    receive: (unit, session, port, payload, length) => receive(unit, session, port, payload, length, false),
    resume,
    expire(time) {
      bundles.expire(time);
      waiting.expire(time);
    },
    deadline: () => Math.min(bundles.deadline(), waiting.deadline()),
    release() {
      bundles.release();
      waiting.release();
    },
  };
}
