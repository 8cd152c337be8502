/** Counters as the contract gives them: those of all threads added up. */

import type { Memory } from "../../system/memory.js";
import type { CountersOf } from "../attributes.js";
import { dropReasons } from "./drops.js";
import { forwardCounter, type Layout, portCounter, sessionCounter, unitCounter } from "./layout.js";

/** What the data path counts for one session; what a bridge forwards is counted at the session it came from. */
export interface SessionTally {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly rxErrors: number;
  readonly rxSeqDiscards: number;
  readonly rxOosPackets: number;
  readonly forwardedPackets: number;
  readonly forwardedBytes: number;
  readonly forwardErrors: number;
  /** Sent for its unit. */
  readonly sentPackets: number;
  readonly sentBytes: number;
}

export interface Counting {
  session(slot: number): SessionTally;
  /** Sets a session's counters back; no thread may be using the slot. */
  clearSession(slot: number): void;
  unit(slot: number): CountersOf<"unit">;
  clearUnit(slot: number): void;
  tunnelErrors(tunnelId: number): number;
  clearTunnelErrors(tunnelId: number): void;
  port(slot: number): CountersOf<"port">;
  clearPort(slot: number): void;
  drops(): Record<string, number>;
}

export function createCounting({ f64 }: Memory, { arenas }: Layout): Counting {
  const sum = (place: (arena: (typeof arenas)[number]) => number): number => {
    let total = 0;
    for (const arena of arenas) total += f64[place(arena) >> 3]!;
    return total;
  };
  const sessionRecord = sessionCounter.count * 8;
  const forwardRecord = forwardCounter.count * 8;
  const unitRecord = unitCounter.count * 8;
  const portRecord = portCounter.count * 8;
  return {
    session(slot) {
      const field = (index: number) => sum(({ sessionCounters }) => sessionCounters + slot * sessionRecord + index * 8);
      const forwarded = (index: number) =>
        sum(({ forwardCounters }) => forwardCounters + slot * forwardRecord + index * 8);
      const forwardedPackets = forwarded(forwardCounter.packets);
      const forwardedBytes = forwarded(forwardCounter.bytes);
      return {
        rxPackets: field(sessionCounter.keptPackets) + forwardedPackets,
        rxBytes: field(sessionCounter.keptBytes) + forwardedBytes,
        rxErrors: field(sessionCounter.rxErrors),
        rxSeqDiscards: field(sessionCounter.rxSeqDiscards),
        rxOosPackets: field(sessionCounter.rxOosPackets),
        forwardedPackets,
        forwardedBytes,
        forwardErrors: field(sessionCounter.forwardErrors),
        sentPackets: field(sessionCounter.sentPackets),
        sentBytes: field(sessionCounter.sentBytes),
      };
    },
    clearSession(slot) {
      for (const { sessionCounters, forwardCounters } of arenas) {
        const at = (sessionCounters + slot * sessionRecord) >> 3;
        f64.fill(0, at, at + sessionCounter.count);
        const forwarded = (forwardCounters + slot * forwardRecord) >> 3;
        f64.fill(0, forwarded, forwarded + forwardCounter.count);
      }
    },
    unit(slot) {
      const field = (index: number) => sum(({ unitCounters }) => unitCounters + slot * unitRecord + index * 8);
      return {
        rxPackets: field(unitCounter.rxPackets),
        rxBytes: field(unitCounter.rxBytes),
        rxDropped: field(unitCounter.rxDropped),
        txPackets: field(unitCounter.txPackets),
        txBytes: field(unitCounter.txBytes),
        txDropped: field(unitCounter.txDropped),
      };
    },
    clearUnit(slot) {
      for (const { unitCounters } of arenas) {
        const at = (unitCounters + slot * unitRecord) >> 3;
        f64.fill(0, at, at + unitCounter.count);
      }
    },
    tunnelErrors: (tunnelId) => sum(({ tunnelErrors }) => tunnelErrors + tunnelId * 8),
    clearTunnelErrors(tunnelId) {
      for (const { tunnelErrors } of arenas) f64[(tunnelErrors >> 3) + tunnelId] = 0;
    },
    port(slot) {
      const field = (index: number) => sum(({ portCounters }) => portCounters + slot * portRecord + index * 8);
      return {
        rxPackets: field(portCounter.rxPackets),
        rxBytes: field(portCounter.rxBytes),
        txPackets: field(portCounter.txPackets),
        txBytes: field(portCounter.txBytes),
        txErrors: field(portCounter.txErrors),
        rxDropped: field(portCounter.rxDropped),
      };
    },
    clearPort(slot) {
      for (const { portCounters } of arenas) {
        const at = (portCounters + slot * portRecord) >> 3;
        f64.fill(0, at, at + portCounter.count);
      }
    },
    drops() {
      const found = dropReasons.map((reason, index) => [reason, sum(({ drops }) => drops + index * 8)] as const);
      return Object.fromEntries(found.filter(([, count]) => count > 0));
    },
  };
}
