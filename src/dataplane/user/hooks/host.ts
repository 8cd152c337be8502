/** What programs ask of this engine: routes and neighbours are its units, devices its ports, units and channels. */
import { type FibLookup, fibResult, type XdpHost } from "../../../xdp/run/host.js";
import { action, state } from "../../../xdp/run/state.js";
import { type Context, createDropCounter } from "../context.js";
import { createDeviceNumbers, deviceKind } from "../devices.js";
import { drop } from "../drops.js";
import { port as portRecord, portState, puntRingBytes, unitFlag, unit as unitRecord } from "../layout.js";
import { type PuntWriter, puntKind } from "../punt-ring.js";
import type { RouteLookup } from "../route-table.js";
import type { Runner } from "./runner.js";

const ethernetHeader = 14;
/** What a channel carries is bounded by the longest datagram. */
const channelMtu = 65_507;
const inet = 2;
const inet6 = 10;

const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;

export interface EngineHost extends XdpHost {
  /** Begins a batch. */
  begin(): void;
  /** Tells of a run that was aborted, as the tracepoint xdp_exception does; so many in a batch, the others are counted. */
  aborted(): void;
}

/** Why, by `fault`. */
const causes = [
  "the program said so",
  "it reached beyond its memory",
  "it ran for too long",
  "an atomic operation was not aligned",
  "it could not go on",
] as const;
const abortedPerBatch = 16;

export function createEngineHost(
  context: Context,
  runner: Runner,
  routes: RouteLookup,
  punts: PuntWriter,
  lineAt: number,
): EngineHost {
  const { memory, layout, arena } = context;
  const { u8, u32, f64 } = memory;
  const numbers = createDeviceNumbers(layout);
  const drops = createDropCounter(context);
  const encoder = new TextEncoder();

  function mtu(ifindex: number): { mtu: number; header: number } | undefined {
    const slot = numbers.slotOf(ifindex);
    switch (numbers.kindOf(ifindex)) {
      case deviceKind.unit: {
        const record = (layout.units >> 2) + slot * unitRecord.words;
        if ((u32[record + unitRecord.flags]! & unitFlag.exists) === 0) return undefined;
        return { mtu: u32[record + unitRecord.mtu]!, header: ethernetHeader };
      }
      case deviceKind.channel:
        return { mtu: channelMtu, header: 0 };
      case deviceKind.port: {
        const record = (layout.ports >> 2) + slot * portRecord.words;
        if (u32[record + portRecord.state] === portState.closed) return undefined;
        return { mtu: u32[record + portRecord.mtu]!, header: 0 };
      }
      default:
        return undefined;
    }
  }

  /** MAC addresses as frames get them when they are given an Ethernet header (framing.ts). */
  function address(mac: Uint8Array, device: number): void {
    mac[0] = 2;
    mac[1] = 0;
    for (let at = 2, shift = 24; at < 6; at++, shift -= 8) mac[at] = device >>> shift;
  }

  function fib(lookup: FibLookup): number {
    const { destination } = lookup;
    const unit =
      lookup.family === inet
        ? routes.ipv4(word(destination, 0))
        : lookup.family === inet6
          ? routes.ipv6(word(destination, 0), word(destination, 4), word(destination, 8), word(destination, 12))
          : 0;
    if (unit === 0) return fibResult.notForwarded;
    const record = (layout.units >> 2) + unit * unitRecord.words;
    const passes = lookup.family === inet ? unitFlag.ipv4 : unitFlag.ipv6;
    if ((u32[record + unitRecord.flags]! & passes) === 0) return fibResult.noNeighbour;
    const limit = u32[record + unitRecord.mtu]!;
    lookup.mtu = limit;
    if (lookup.totalLength > limit) return fibResult.fragmentationNeeded;
    lookup.ifindex = numbers.unit(unit);
    lookup.metric = 0;
    address(lookup.destinationMac, lookup.ifindex);
    address(lookup.sourceMac, 0);
    return fibResult.success;
  }

  let abortedLeft = abortedPerBatch;

  function trace(line: string): void {
    const text = encoder.encode(line);
    const stamp = lineAt + longestLine;
    u8.set(text.length > longestLine ? text.subarray(0, longestLine) : text, lineAt);
    f64[stamp >> 3] = Math.round((performance.timeOrigin + performance.now()) * 1000);
    const device = u32[(arena.programState + state.device) >> 2]!;
    const length = Math.min(text.length, longestLine);
    if (!punts.write(puntKind.trace, runner.running(), lineAt, length, 0, stamp, puntRingBytes / 2, device)) {
      drops.leaving(drop["trace-overflow"]);
    }
  }

  return {
    mtu,
    fib,
    reseat: (_state, headroom, tailroom) => runner.reseat(headroom, tailroom),
    begin() {
      abortedLeft = abortedPerBatch;
    },
    aborted() {
      if (abortedLeft-- <= 0) {
        drops.leaving(drop["trace-overflow"]);
        return;
      }
      const block = arena.programState >> 2;
      const verdict = u32[block + (state.verdict >> 2)]!;
      const cause =
        verdict > action.redirect ? `verdict ${verdict | 0} is none` : causes[u32[block + (state.fault >> 2)]!];
      trace(`XDP_ABORTED: ${cause}`);
    },
    trace,
    wake: () => {},
  };
}

export const longestLine = 1024;
/** Room that lines are written from, aligned to 8. */
export const lineBytes = longestLine + 16;
