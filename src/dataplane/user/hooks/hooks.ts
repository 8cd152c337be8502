/**
 * The hooks of a thread's path: what a device's programs say of a frame, done. Each function answers whether the frame goes on as if
 * there were no program, and `frame` then says where it is; otherwise it has been dropped and counted, or has left another way.
 */
import { action } from "../../../xdp/run/state.js";
import { type Context, createDropCounter } from "../context.js";
import { createDeviceNumbers } from "../devices.js";
import { drop } from "../drops.js";
import { port as portRecord, session, unit as unitRecord } from "../layout.js";
import { frameKind } from "./framing.js";
import { fate, type Redirects } from "./redirect.js";
import type { Frame, Runner } from "./runner.js";

/** Where frames can be sent. Each takes the frame as its kind of device has it; `room` bytes before it may be overwritten. */
export interface Exits {
  /** Sends a PPP frame on the session at a slot. */
  channel(slot: number, at: number, length: number, room: number): void;
  /** Sends an IP packet to the peer of a unit. */
  unit(slot: number, at: number, length: number): void;
  /** Hands an IP packet to the host through a TUN port. */
  host(port: number, at: number, length: number): void;
  /** Sends a datagram from a port back to where one came from: offsets of its sockaddr and of the address it was sent to. */
  datagram(port: number, name: number, local: number, at: number, length: number): void;
}

export interface Hooks {
  readonly frame: Frame;
  /** What became of the last frame that did not go on: one of `fate`. */
  fate(): number;
  channelIn(slot: number, at: number, length: number, room: number): boolean;
  channelOut(slot: number, at: number, length: number, room: number): boolean;
  unitIn(slot: number, at: number, length: number): boolean;
  unitOut(slot: number, at: number, length: number): boolean;
  /** A datagram that came to a port; `name` and `local` as in `Exits.datagram`. */
  portIn(port: number, at: number, length: number, name: number, local: number, room: number): boolean;
  portOut(port: number, at: number, length: number, room: number): boolean;
  /** An IP packet from or to the host by a TUN port. */
  hostIn(port: number, at: number, length: number): boolean;
  hostOut(port: number, at: number, length: number): boolean;
  /** How many of `count` datagrams of `size` bytes that follow each other pass a port's programs as they are. */
  portPass(port: number, start: number, count: number, size: number, name: number, local: number, room: number): number;
  /** Whether programs see what enters or leaves a port. */
  seesPortIn(port: number): boolean;
  seesPortOut(port: number): boolean;
}

export function createHooks(context: Context, runner: Runner, redirects: Redirects, exits: () => Exits): Hooks {
  const { memory, layout } = context;
  const { u32 } = memory;
  const drops = createDropCounter(context);
  const numbers = createDeviceNumbers(layout);
  const sessions = layout.sessions >> 2;
  const units = layout.units >> 2;
  const ports = layout.ports >> 2;
  const { frame } = runner;
  let became: number = fate.dropped;

  const channelChains = (slot: number): number => u32[sessions + slot * session.words + session.chains]!;
  const unitChains = (slot: number): number => u32[units + slot * unitRecord.words + unitRecord.chains]!;
  const portChains = (slot: number): number => u32[ports + slot * portRecord.words + portRecord.chains]!;

  /** Sends a frame that a program has redirected where its verdict says. */
  function redirect(kind: number): boolean {
    redirects.send(kind, frame.at, frame.length, frame.room);
    became = fate.sent;
    return false;
  }

  function refuse(): boolean {
    drops.leaving(drop["xdp-unknown"]);
    became = fate.dropped;
    return false;
  }

  /** Runs a device's programs; a redirect may have been settled already. */
  function run(
    chain: number,
    kind: number,
    device: number,
    egress: boolean,
    at: number,
    length: number,
    room: number,
  ): number {
    redirects.clear();
    const verdict = runner.run(chain, kind, device, egress, at, length, room);
    became = redirects.fate();
    return verdict;
  }

  /** What leaves may be dropped or sent elsewhere; back is no way for it. */
  function out(chain: number, kind: number, device: number, at: number, length: number, room: number): boolean {
    const verdict = run(chain, kind, device, true, at, length, room);
    if (verdict === action.pass) return true;
    if (verdict === action.redirect) return redirect(kind);
    return verdict === action.tx ? refuse() : false;
  }

  const sent = (): false => {
    became = fate.sent;
    return false;
  };

  return {
    frame,
    fate: () => became,
    channelIn(slot, at, length, room) {
      const device = numbers.channel(slot);
      const verdict = run(channelChains(slot) & 0xffff, frameKind.ppp, device, false, at, length, room);
      if (verdict === action.pass) return true;
      if (verdict === action.redirect) return redirect(frameKind.ppp);
      if (verdict !== action.tx) return false;
      exits().channel(slot, frame.at, frame.length, frame.room);
      return sent();
    },
    channelOut: (slot, at, length, room) =>
      out(channelChains(slot) >>> 16, frameKind.ppp, numbers.channel(slot), at, length, room),
    unitIn(slot, at, length) {
      const device = numbers.unit(slot);
      const verdict = run(unitChains(slot) & 0xffff, frameKind.ip, device, false, at, length, 0);
      if (verdict === action.pass) return true;
      if (verdict === action.redirect) return redirect(frameKind.ip);
      if (verdict !== action.tx) return false;
      exits().unit(slot, frame.at, frame.length);
      return sent();
    },
    unitOut: (slot, at, length) => out(unitChains(slot) >>> 16, frameKind.ip, numbers.unit(slot), at, length, 0),
    portIn(port, at, length, name, local, room) {
      redirects.origin(name, local);
      const device = numbers.port(port);
      const verdict = run(portChains(port) & 0xffff, frameKind.datagram, device, false, at, length, room);
      if (verdict === action.pass) return true;
      if (verdict === action.redirect) return redirect(frameKind.datagram);
      if (verdict !== action.tx) return false;
      exits().datagram(port, name, local, frame.at, frame.length);
      return sent();
    },
    hostIn(port, at, length) {
      const device = numbers.port(port);
      const verdict = run(portChains(port) & 0xffff, frameKind.ip, device, false, at, length, 0);
      if (verdict === action.pass) return true;
      if (verdict === action.redirect) return redirect(frameKind.ip);
      if (verdict !== action.tx) return false;
      exits().host(port, frame.at, frame.length);
      return sent();
    },
    hostOut: (port, at, length) => out(portChains(port) >>> 16, frameKind.ip, numbers.port(port), at, length, 0),
    portOut: (port, at, length, room) =>
      out(portChains(port) >>> 16, frameKind.datagram, numbers.port(port), at, length, room),
    portPass(port, start, count, size, name, local) {
      redirects.origin(name, local);
      return runner.pass(portChains(port) & 0xffff, numbers.port(port), start, count, size);
    },
    seesPortIn: (port) => (portChains(port) & 0xffff) !== 0,
    seesPortOut: (port) => portChains(port) >>> 16 !== 0,
  };
}
