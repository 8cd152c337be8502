/** A stored endpoint: plain, structured-cloneable data, shared secrets included. Taken by `snapshot()`, read by `restoreEndpoint`. */
import type { Call, Core, Tunnel } from "./core.js";

export type CallSnapshot = Omit<Call, "slot" | "tunnel">;

export type TunnelSnapshot = Omit<Tunnel, "slot" | "dirty" | "calls" | "peerSessions"> & {
  readonly calls: readonly CallSnapshot[];
};

export interface EndpointState
  extends Pick<
    Core,
    "now" | "outputs" | "callSerialNumber" | "received" | "transmitted" | "retransmissions" | "refusals" | "drops"
  > {
  readonly version: 1;
  /** In order of creation. */
  readonly tunnels: readonly TunnelSnapshot[];
  /** Tunnels with something to send, in the order in which they will. */
  readonly dirty: readonly number[];
  /** The heap of deadlines: call ids, and tunnel ids below zero. */
  readonly timers: readonly number[];
}
