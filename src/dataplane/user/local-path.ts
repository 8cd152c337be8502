/** The path on the control thread: what it injects, and datagrams of ports that have no worker (node:dgram, virtual links). */
import { encodeSocketAddress } from "../../system/sockaddr.js";
import { address as addressField, control as controlField } from "../../wire/ppp.js";
import type { Inject } from "../contract.js";
import { writeAddressBlock } from "./address-block.js";
import { createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { headroom } from "./egress.js";
import { ppp } from "./ip-headers.js";
import { portCounter, port as portRecord, portState, unitFlag } from "./layout.js";
import type { Core, Port, Session, Unit } from "./objects.js";
import { createPath, type Path } from "./path.js";
import type { Scheduler } from "./scheduler.js";
import { headroomForUnits } from "./unit-egress.js";

export interface LocalPath {
  readonly path: Path;
  /** Takes a datagram that arrived at a port; `local` is the address it was sent to, if known. */
  receive(port: Port, bytes: Uint8Array, remote: string): void;
  inject(frame: Inject): void;
  close(): void;
}

const longestDatagram = 65535;
/** Frames that are taken over at a time, and how often in a row. */
const handedOver = 256;
const mostBatches = 64;

export function createLocalPath(
  core: Core,
  scheduler: Scheduler,
  drainPunts: () => void,
  deferred: boolean,
  wake: (worker: number) => void,
): LocalPath {
  const { memory, layout, ports, channels, units } = core;
  const { u8, u32, f64 } = memory;
  const context = { memory, layout, arena: layout.arenas[0]! };
  const path = createPath(context, { wake });
  const drops = createDropCounter(context);
  const buffer = path.region.allocate(headroom + longestDatagram) + headroom;
  const name = path.region.allocate(32);
  const counters = context.arena.portCounters >> 3;
  const { scratch, append } = path.transmitter;
  let flushing = false;
  let cancelTimer: (() => void) | undefined;
  let timerAt = Number.POSITIVE_INFINITY;

  function schedule(): void {
    const deadline = path.deadline();
    if (deadline === timerAt) return;
    cancelTimer?.();
    timerAt = deadline;
    cancelTimer = deadline === Number.POSITIVE_INFINITY ? undefined : scheduler.at(deadline, expire);
  }

  function expire(): void {
    timerAt = Number.POSITIVE_INFINITY;
    path.begin(scheduler.now());
    path.expire(scheduler.now());
    path.end();
    schedule();
    drainPunts();
  }

  function flushSoon(): void {
    if (!deferred) {
      path.end();
      takeOver();
      drainPunts();
    }
    if (!deferred || flushing) return;
    flushing = true;
    setImmediate(() => {
      flushing = false;
      path.end();
      takeOver();
      drainPunts();
    });
  }

  /** Frames that programs have handed to this thread itself (cpumap). */
  function takeOver(): void {
    for (let batch = 0; batch < mostBatches && path.awaited(); batch++) {
      path.begin(scheduler.now());
      path.takeOver(handedOver);
      path.end();
    }
  }

  /** Copies a frame to where it can leave from. */
  function stage(bytes: Uint8Array, before = headroom): number {
    const at = scratch(before + bytes.length) + before;
    u8.set(bytes, at);
    return at;
  }

  function sendOn(session: Session, bytes: Uint8Array): void {
    path.egress.forward(session.slot, 0, stage(bytes), bytes.length, headroom, 0);
    session.sent.packets += 1;
    session.sent.bytes += bytes.length;
  }

  function injectChannel(channel: number, bytes: Uint8Array): void {
    const session = channels.get(channel);
    if (session === undefined) drops.leaving(drop["inject-no-channel"]);
    else sendOn(session, bytes);
  }

  /** Whether a PPP frame, with address and control as those that are injected have, is an IP packet. */
  const isPacket = (bytes: Uint8Array): boolean =>
    bytes.length > 4 && bytes[2] === 0 && (bytes[3] === ppp.ipv4 || bytes[3] === ppp.ipv6);

  /** A packet of our own to a unit whose programs see all that leaves it. */
  function sendPacket({ slot }: Unit, bytes: Uint8Array): void {
    path.begin(scheduler.now());
    path.sendTo(slot, stage(bytes.subarray(4), headroomForUnits), bytes.length - 4);
    schedule();
  }

  function injectUnit(handle: number, bytes: Uint8Array): void {
    const unit = units.get(handle);
    const session = unit === undefined ? undefined : [...unit.channels][0];
    if (unit === undefined) drops.leaving(drop["inject-no-unit"]);
    else if (session === undefined) drops.leaving(drop["unit-no-channel"]);
    else if ((unit.watched & unitFlag.egress) !== 0 && isPacket(bytes)) sendPacket(unit, bytes);
    else if (unit.bundle === undefined || unit.channels.size === 1) sendOn(session, bytes);
    else {
      const at = stage(bytes, headroomForUnits);
      const framing = bytes.length >= 2 && bytes[0] === addressField && bytes[1] === controlField ? 2 : 0;
      if (!path.sendOnBundle(unit.bundle, at + framing, bytes.length - framing)) {
        drops.leaving(drop["multilink-busy"]);
      }
      // Others wait until the frame has left.
      path.end();
    }
  }

  function injectIp(handle: number, bytes: Uint8Array): void {
    const port = ports.get(handle);
    if (port?.kind !== "tun") drops.leaving(drop["inject-no-port"]);
    else if (bytes.length > longestDatagram) drops.leaving(drop["bad-ip"]);
    else {
      path.begin(scheduler.now());
      path.fromHost(port.slot, stage(bytes, headroomForUnits), bytes.length, 0);
      schedule();
      if (!deferred) path.end();
      if (!deferred) drainPunts();
    }
  }

  function injectPort(frame: Extract<Inject, { to: "port" }>): void {
    const port = ports.get(frame.port);
    if (port === undefined) {
      drops.leaving(drop["inject-no-port"]);
      return;
    }
    const { bytes } = frame;
    const at = stage(bytes);
    // Below the frame: its headroom holds the address.
    const address = at - headroom;
    const local = port.wildcard ? frame.local : undefined;
    writeAddressBlock(memory, address, { port: port.slot, remote: frame.remote, local });
    append(0, address, at, 0, at, bytes.length, 0);
  }

  return {
    path,
    receive(port, bytes, remote) {
      const { slot } = port;
      const record = counters + slot * portCounter.count;
      f64[record + portCounter.rxPackets]! += 1;
      f64[record + portCounter.rxBytes]! += bytes.length;
      if (u32[(layout.ports >> 2) + slot * portRecord.words + portRecord.state] !== portState.up) {
        drops.received(drop["device-down"], slot);
        return;
      }
      u8.set(bytes.length > longestDatagram ? bytes.subarray(0, longestDatagram) : bytes, buffer);
      u8.set(encodeSocketAddress(remote), name);
      path.begin(scheduler.now());
      if (bytes.length === 0) drops.received(drop["too-short"], slot);
      else path.receive(slot, buffer, bytes.length, bytes.length, name, 0, headroom);
      path.end();
      takeOver();
      schedule();
      drainPunts();
    },
    inject(frame) {
      if (frame.to === "channel") injectChannel(frame.channel, frame.bytes);
      else if (frame.to === "unit") injectUnit(frame.unit, frame.bytes);
      else if (frame.to === "ip") injectIp(frame.port, frame.bytes);
      else injectPort(frame);
      flushSoon();
    },
    close() {
      cancelTimer?.();
      path.end();
    },
  };
}
