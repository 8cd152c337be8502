/** The hooks of a thread's path: what a device's programs say of a frame, done. */
import { action } from "../../../xdp/run/state.js";
import type { Context } from "../context.js";
import { createDeviceNumbers } from "../devices.js";
import { port as portRecord, session as sessionRecord, unit as unitRecord } from "../layout.js";
import { fate } from "./fate.js";
import { frameKind } from "./framing.js";
import type { Redirects } from "./redirect.js";
import type { Frame, Runner } from "./runner.js";

/** Where frames can be sent. Each takes the frame as its kind of device has it; `room` bytes before it may be overwritten. */
export interface Exits {
  /** Sends a PPP frame on the session at a slot. */
  channel(slot: number, at: number, length: number, room: number): void;
  /** Sends an IP packet to the peer of a unit. */
  unit(slot: number, at: number, length: number): void;
  /** Hands an IP packet to the host through a TUN port. */
  host(port: number, at: number, length: number): void;
  /**
   * Sends datagrams of `segment` bytes each from a port back to where some came from: offsets of their sockaddr and of the address that they
   * were sent to.
   */
  datagrams(port: number, name: number, local: number, at: number, length: number, segment: number): void;
}

/**
 * Takes `length` bytes at `at`: datagrams of `segment` bytes each (the last may be shorter) that one peer sent to a port.
 * `name` is the offset of the peer's sockaddr, `local` that of the local address or 0; `room` bytes before `at` are free.
 */
export type Datagrams = (
  port: number,
  at: number,
  length: number,
  segment: number,
  name: number,
  local: number,
  room: number,
) => void;

/** Where it is not said otherwise, a function answers the frame's fate: `passed`, `dropped`, `sent` or `handed`. */
export interface Hooks {
  /** Where a frame that passed is now. */
  readonly frame: Frame;
  /** A frame of a channel or unit that came by a port. */
  channelIn(slot: number, port: number, at: number, length: number, room: number): number;
  unitIn(slot: number, port: number, at: number, length: number): number;
  channelOut(slot: number, at: number, length: number, room: number): number;
  unitOut(slot: number, at: number, length: number): number;
  /** An IP packet from or to the host by a TUN port. */
  hostIn(port: number, at: number, length: number): number;
  hostOut(port: number, at: number, length: number): number;
  /** Datagrams that came to a port: those that pass go on by `onward`, together if they follow each other and are as they were. */
  datagramsIn(
    onward: Datagrams,
    port: number,
    at: number,
    length: number,
    segment: number,
    name: number,
    local: number,
    room: number,
  ): void;
  datagramOut(port: number, at: number, length: number): number;
  /** Whether programs see what enters or leaves a port. */
  seesPortIn(port: number): boolean;
  seesPortOut(port: number): boolean;
}

/** A kind of device with programs. */
interface Hooked {
  readonly kind: number;
  /** Word index of the chains in the record of slot 0, and words of a record. */
  readonly chains: number;
  readonly words: number;
  number(slot: number): number;
}

/** One whose frames come one by one. */
interface Entered extends Hooked {
  /** Sends a frame back to where it came from. */
  back(slot: number, at: number, length: number, room: number): void;
}

export function createHooks(
  { memory, layout }: Context,
  runner: Runner,
  redirects: Redirects,
  exits: () => Exits,
): Hooks {
  const { u32 } = memory;
  const numbers = createDeviceNumbers(layout);
  const { frame, outcomes } = runner;
  const ports = (layout.ports >> 2) + portRecord.chains;

  const channels: Entered = {
    kind: frameKind.ppp,
    chains: (layout.sessions >> 2) + sessionRecord.chains,
    words: sessionRecord.words,
    number: numbers.channel,
    back: (slot, at, length, room) => exits().channel(slot, at, length, room),
  };
  const units: Entered = {
    kind: frameKind.ip,
    chains: (layout.units >> 2) + unitRecord.chains,
    words: unitRecord.words,
    number: numbers.unit,
    back: (slot, at, length) => exits().unit(slot, at, length),
  };
  const hosts: Entered = {
    kind: frameKind.ip,
    chains: ports,
    words: portRecord.words,
    number: numbers.port,
    back: (slot, at, length) => exits().host(slot, at, length),
  };
  const datagrams: Hooked = { ...hosts, kind: frameKind.datagram };

  function enters(on: Entered, slot: number, port: number, at: number, length: number, room: number): number {
    redirects.origin(port, 0, 0);
    const chain = u32[on.chains + slot * on.words]! & 0xffff;
    const became = runner.run(chain, on.kind, on.number(slot), false, at, length, room);
    if (became !== fate.back) return became;
    on.back(slot, frame.at, frame.length, frame.room);
    return fate.sent;
  }

  function leaves(on: Hooked, slot: number, at: number, length: number, room: number): number {
    const chain = u32[on.chains + slot * on.words]! >>> 16;
    return runner.run(chain, on.kind, on.number(slot), true, at, length, room);
  }

  /** Does what became of one frame of a batch. */
  function settle(onward: Datagrams, index: number, port: number, name: number, local: number, room: number): void {
    redirects.origin(port, name, local);
    const became = runner.settle(index, frameKind.datagram, room);
    if (became === fate.passed) onward(port, frame.at, frame.length, frame.length, name, local, frame.room);
    else if (became === fate.back) exits().datagrams(port, name, local, frame.at, frame.length, frame.length);
  }

  return {
    frame,
    channelIn: (slot, port, at, length, room) => enters(channels, slot, port, at, length, room),
    unitIn: (slot, port, at, length) => enters(units, slot, port, at, length, 0),
    hostIn: (port, at, length) => enters(hosts, port, port, at, length, 0),
    channelOut: (slot, at, length, room) => leaves(channels, slot, at, length, room),
    unitOut: (slot, at, length) => leaves(units, slot, at, length, 0),
    hostOut: (port, at, length) => leaves(hosts, port, at, length, 0),
    datagramOut: (port, at, length) => leaves(datagrams, port, at, length, 0),
    datagramsIn(onward, port, start, length, segment, name, local, headroom) {
      const chain = u32[ports + port * portRecord.words]! & 0xffff;
      const device = numbers.port(port);
      const end = start + length;
      for (let at = start; at < end; ) {
        const size = Math.min(segment, end - at);
        const ran = runner.batch(chain, device, at, Math.floor((end - at) / size), size);
        for (let index = 0, count = 0; index < ran; index += count, at += count * size) {
          const room = at === start ? headroom : 0;
          const verdict = outcomes.verdict(index);
          count = runner.alike(index);
          if (verdict === action.drop) runner.drop(count);
          else if (outcomes.isMoved(index) || (verdict !== action.pass && verdict !== action.tx)) {
            for (let one = 0; one < count; one++) settle(onward, index + one, port, name, local, one === 0 ? room : 0);
          } else if (verdict === action.pass) onward(port, at, count * size, size, name, local, room);
          else exits().datagrams(port, name, local, at, count * size, size);
        }
      }
    },
    seesPortIn: (port) => (u32[ports + port * portRecord.words]! & 0xffff) !== 0,
    seesPortOut: (port) => u32[ports + port * portRecord.words]! >>> 16 !== 0,
  };
}
