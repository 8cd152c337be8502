/** The path on the control thread: what it injects, and datagrams of ports that have no worker (node:dgram, virtual links). */
import { encodeSocketAddress } from "../../system/sockaddr.js";
import type { Inject } from "../contract.js";
import { writeAddressBlock } from "./address-block.js";
import { createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { headroom } from "./egress.js";
import { portCounter, port as portRecord, portState } from "./layout.js";
import type { Core, Port } from "./objects.js";
import { createPath, type Path } from "./path.js";
import type { Scheduler } from "./scheduler.js";

export interface LocalPath {
  readonly path: Path;
  /** Takes a datagram that arrived at a port; `local` is the address it was sent to, if known. */
  receive(port: Port, bytes: Uint8Array, remote: string): void;
  inject(frame: Inject): void;
  close(): void;
}

const longestDatagram = 65535;

export function createLocalPath(
  core: Core,
  scheduler: Scheduler,
  drainPunts: () => void,
  deferred: boolean,
): LocalPath {
  const { memory, layout, ports, channels } = core;
  const { u8, u32, f64 } = memory;
  const context = { memory, layout, arena: layout.arenas[0]! };
  const path = createPath(context);
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
    if (!deferred) path.transmitter.flush();
    if (!deferred || flushing) return;
    flushing = true;
    setImmediate(() => {
      flushing = false;
      path.transmitter.flush();
    });
  }

  /** Copies a frame to where it can leave from. */
  function stage(bytes: Uint8Array): number {
    const at = scratch(headroom + bytes.length) + headroom;
    u8.set(bytes, at);
    return at;
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
      schedule();
      drainPunts();
    },
    inject(frame) {
      const { bytes } = frame;
      if (frame.to === "channel") {
        const session = channels.get(frame.channel);
        if (session === undefined) {
          drops.leaving(drop["inject-no-channel"]);
          return;
        }
        path.egress(session.slot, 0, stage(bytes), bytes.length, headroom, 0);
        session.sent.packets += 1;
        session.sent.bytes += bytes.length;
      } else {
        const port = ports.get(frame.port);
        if (port === undefined) {
          drops.leaving(drop["inject-no-port"]);
          return;
        }
        const at = stage(bytes);
        // Below the frame: its headroom holds the address.
        const address = at - headroom;
        const local = port.wildcard ? frame.local : undefined;
        writeAddressBlock(memory, address, { port: port.slot, remote: frame.remote, local });
        append(0, address, at, 0, at, bytes.length, 0);
      }
      flushSoon();
    },
    close() {
      cancelTimer?.();
      path.transmitter.flush();
    },
  };
}
