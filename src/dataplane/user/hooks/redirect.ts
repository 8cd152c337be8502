/**
 * XDP_REDIRECT: to a device (bpf_redirect, devmap), to another thread (cpumap), to a reader in the control thread (xskmap). A devmap entry's
 * program runs while the frame still is as the redirecting program saw it; the frame then leaves as its target's kind of device has it.
 */
import { redirectKind, state } from "../../../xdp/run/state.js";
import type { Framing as FramingName } from "../../attributes.js";
import { type Context, createDropCounter } from "../context.js";
import { createDeviceNumbers, deviceKind } from "../devices.js";
import { drop } from "../drops.js";
import { ppp } from "../ip-headers.js";
import { backing, port as portRecord, puntRingBytes, session, unitFlag, unit as unitRecord } from "../layout.js";
import { type PuntWriter, puntKind } from "../punt-ring.js";
import { fate } from "./fate.js";
import { frameKind } from "./framing.js";
import { createParcel, type Handoff } from "./handoff.js";
import type { Exits } from "./hooks.js";
import { type Runner, seatRoom } from "./runner.js";

/** What maps say of redirects: an entry's device or thread, and its program's slot and 1, 0 for none. */
export interface Entries {
  /** Whether there is one. */
  find(record: number, key: number): boolean;
  readonly target: number;
  readonly program: number;
  /** Writes all entries of a devmap into `targets` and `programs`, answers how many. */
  all(record: number): number;
  readonly targets: Int32Array;
  readonly programs: Int32Array;
}

export interface Redirects {
  /**
   * Settles a redirect with the frame as its program left it, and answers its fate: `away` if `send` is to follow, otherwise `dropped`,
   * `sent` or `handed`. At `said` are its `redirectKind`, map, key and flags, each a word.
   */
  settle(kind: number, framing: FramingName, said: number): number;
  /** Sends the frame of a kind of device to where `settle` found. */
  send(kind: number, at: number, length: number, room: number): void;
  /** Whether the frame in hand comes from another thread. */
  handedOver(on: boolean): void;
  /** The port that the frame in hand came by; of a datagram, offsets of its sockaddr and of the address it was sent to, or 0. */
  origin(port: number, name: number, local: number): void;
}

const broadcast = 1 << 3;
const excludeIngress = 1 << 4;
/** FF 03 and the protocol. */
const pppHeader = 4;
/** A frame that goes from redirect to redirect ends here. */
const mostRedirects = 4;

export function createRedirects(
  context: Context,
  runner: () => Runner,
  entries: Entries,
  handoff: Handoff,
  punts: PuntWriter,
  exits: () => Exits,
): Redirects {
  const { memory, layout } = context;
  const { u8, u32, view } = memory;
  const drops = createDropCounter(context);
  const numbers = createDeviceNumbers(layout);
  const word = context.arena.programState >> 2;
  const field = (offset: number): number => u32[word + (offset >> 2)]!;
  const aside = new Uint8Array(65_536);
  let device = 0;
  let depth = 0;
  let isHandedOver = false;
  /** What is handed to another thread; always tells where the frame in hand came by. */
  const parcel = createParcel();

  function refuse(): number {
    drops.leaving(drop["xdp-redirect"]);
    return fate.dropped;
  }

  /** What kind of frames a device takes, -1: it takes none. */
  function takes(to: number): number {
    const slot = numbers.slotOf(to);
    // What is not among the devices yet, or no more, has no programs that would see the frame.
    switch (numbers.kindOf(to)) {
      case deviceKind.unit: {
        const flags = u32[(layout.units >> 2) + slot * unitRecord.words + unitRecord.flags]!;
        return (flags & unitFlag.exists) === 0 ? -1 : frameKind.ip;
      }
      case deviceKind.channel:
        return u32[(layout.sessions >> 2) + slot * session.words + session.device] === 0 ? -1 : frameKind.ppp;
      case deviceKind.port:
        return u32[(layout.ports >> 2) + slot * portRecord.words + portRecord.backing] === backing.none
          ? -1
          : frameKind.ip;
      default:
        return -1;
    }
  }

  function copies(record: number, flags: number, kind: number, framing: FramingName): number {
    // Copies of copies would know no end.
    if (depth > 0) return refuse();
    const from = field(state.ingressIfindex);
    const data = field(state.data);
    const length = field(state.dataEnd) - data;
    const count = entries.all(record);
    let became: number = fate.dropped;
    depth++;
    const whole = aside.subarray(0, length);
    whole.set(u8.subarray(data, data + length));
    for (let index = 0; index < count; index++) {
      const to = entries.targets[index]!;
      if ((flags & excludeIngress) !== 0 && to === from) continue;
      const program = entries.programs[index]!;
      const at = runner().seat(whole);
      if (at === 0) refuse();
      else if (runner().resume(program - 1, framing, kind, from, to, at, length, seatRoom) === fate.passed) {
        const { frame } = runner();
        leave(to, kind, frame.at, frame.length, frame.room);
        became = fate.sent;
      }
    }
    depth--;
    return became;
  }

  /** Hands the frame in hand to the thread that an entry says. */
  function hand(kind: number, framing: FramingName): number {
    parcel.device = field(state.ingressIfindex);
    parcel.kind = kind;
    parcel.framing = framing;
    parcel.program = entries.program;
    parcel.number = runner().programIn(entries.program - 1);
    parcel.generation = handoff.generation(parcel.device);
    parcel.at = field(state.data);
    parcel.length = field(state.dataEnd) - parcel.at;
    if (handoff.give(entries.target, parcel)) return fate.handed;
    drops.leaving(drop["handoff-overflow"]);
    return fate.dropped;
  }

  /** Shows the frame in hand to the reader of an xskmap. */
  function show(record: number, key: number): number {
    const data = field(state.data);
    const length = field(state.dataEnd) - data;
    if (punts.write(puntKind.xsk, record, data, length, 0, 0, puntRingBytes / 2, key)) return fate.sent;
    drops.leaving(drop["punt-overflow"]);
    return fate.dropped;
  }

  /** Sends a frame to a device, made one of its kind. */
  function leave(to: number, kind: number, at: number, length: number, room: number): void {
    const wanted = takes(to);
    if (wanted === -1 || kind === frameKind.datagram || depth >= mostRedirects) {
      refuse();
      return;
    }
    depth++;
    const slot = numbers.slotOf(to);
    let start = at;
    let left = length;
    let free = room;
    if (kind === frameKind.ppp && wanted === frameKind.ip) {
      const header = packetOffset(at, length);
      start += header;
      left -= header;
      if (header === 0) left = 0;
    } else if (kind === frameKind.ip && wanted === frameKind.ppp) {
      if (free < pppHeader) {
        start = runner().seat(u8.subarray(at, at + length));
        free = seatRoom;
      }
      if (start === 0) left = 0;
      else {
        start -= pppHeader;
        left += pppHeader;
        free -= pppHeader;
        view.setUint16(start, ppp.addressAndControl);
        view.setUint16(start + 2, u8[start + pppHeader]! >>> 4 === 6 ? ppp.ipv6 : ppp.ipv4);
      }
    }
    if (left <= 0) refuse();
    else if (numbers.kindOf(to) === deviceKind.channel) exits().channel(slot, start, left, free);
    else if (numbers.kindOf(to) === deviceKind.unit) exits().unit(slot, start, left);
    else exits().host(slot, start, left);
    depth--;
  }

  /** Bytes before the IP packet in a PPP frame, 0: it has none. */
  function packetOffset(at: number, length: number): number {
    const skip = length >= 2 && view.getUint16(at) === ppp.addressAndControl ? 2 : 0;
    if (length < skip + 2) return 0;
    const odd = (u8[at + skip]! & 1) === 1;
    const protocol = odd ? u8[at + skip]! : view.getUint16(at + skip);
    return protocol === ppp.ipv4 || protocol === ppp.ipv6 ? skip + (odd ? 1 : 2) : 0;
  }

  return {
    settle(kind, framing, said) {
      const first = said >> 2;
      const [how, record, key, flags] = [u32[first]!, u32[first + 1]!, u32[first + 2]!, u32[first + 3]!];
      if (how === redirectKind.ifindex) {
        device = key;
        return fate.away;
      }
      if (how === redirectKind.devmap) {
        if ((flags & broadcast) !== 0) return copies(record, flags, kind, framing);
        if (!entries.find(record, key)) return refuse();
        device = entries.target;
        const goes = entries.program === 0 || runner().enter(entries.program - 1, device, true);
        return goes ? fate.away : fate.dropped;
      }
      if (how === redirectKind.cpumap) {
        // What leaves its device is not received anew; nor does a frame go from thread to thread for ever.
        const isLeaving = field(state.egressIfindex) !== 0;
        return isLeaving || isHandedOver || !entries.find(record, key) ? refuse() : hand(kind, framing);
      }
      return how === redirectKind.xskmap ? show(record, key) : refuse();
    },
    send(kind, at, length, room) {
      leave(device, kind, at, length, room);
    },
    handedOver(on) {
      isHandedOver = on;
    },
    origin(port, name, local) {
      parcel.port = port;
      parcel.name = name;
      parcel.local = local;
    },
  };
}
