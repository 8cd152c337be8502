/** The control thread's view of the engine's objects, and what its parts share. */

import type { Memory } from "../../system/memory.js";
import type { DeviceState, PortKind, SessionState, TunnelState, UnitState } from "../attributes.js";
import type { DeleteReason } from "../contract.js";
import type { Counting } from "./counting.js";
import type { EventStream } from "./events.js";
import type { Grace } from "./grace.js";
import type { Layout } from "./layout.js";
import type { Bundles } from "./multilink-bundles.js";
import type { Prefix } from "./route-table.js";
import type { SessionTable } from "./session-table.js";

/** A network interface of the host that this process is the other end of. */
export interface HostDevice {
  /** Tells the host about what differs. */
  set(change: {
    readonly mtu?: number | undefined;
    readonly up?: boolean | undefined;
    readonly queueLength?: number;
  }): Promise<void>;
  address(operation: "add" | "delete", address: string): Promise<void>;
  route(operation: "add" | "delete", prefix: string): Promise<void>;
}

export interface Port {
  readonly handle: number;
  readonly slot: number;
  readonly kind: PortKind;
  readonly local: string;
  readonly family: 4 | 6;
  readonly wildcard: boolean;
  readonly segmentation: boolean;
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  device: Omit<DeviceState, "counters">;
  /** The host's side of a TUN port. */
  readonly host: HostDevice | undefined;
  readonly tunnels: Set<Tunnel>;
  close(): Promise<void>;
}

export interface Traffic {
  packets: number;
  bytes: number;
  errors: number;
}

export interface Tunnel {
  readonly handle: number;
  attributes: Omit<TunnelState, "counters" | "sessions">;
  port: Port;
  readonly sessions: Map<number, Session>;
  /** What sessions that are gone received and sent. */
  readonly past: { readonly received: Traffic; readonly sent: Traffic };
  /** Settles when the address block that is not in use may be written. */
  quiet: Promise<void>;
}

export interface Session {
  readonly handle: number;
  readonly channel: number;
  readonly slot: number;
  readonly tunnel: Tunnel;
  readonly attributes: Pick<SessionState, "sessionId" | "peerSessionId" | "pseudowire" | "lengthField" | "offset">;
  bridge: Session | undefined;
  unit: Unit | undefined;
  deleted: boolean;
  /** Sent, as far as it is settled: injected, and forwarded over bridges that are no more. */
  readonly sent: Traffic;
  /** How much of what this session forwarded is settled with those it was bridged with. */
  readonly settled: Traffic;
  /** While an ended relation may still be in use; the next one must wait for it. */
  parting: Promise<void> | undefined;
}

export interface Unit {
  readonly handle: number;
  readonly name: string;
  readonly slot: number;
  attributes: Omit<UnitState, "unit" | "name" | "channels" | "idle" | "counters">;
  /** In the order in which they were connected. */
  readonly channels: Set<Session>;
  /** Flags of `unitFlag` that say that programs see its packets. */
  watched: number;
  /** Index of its bundle, for multilink. */
  bundle: number | undefined;
  readonly routes: Set<Route>;
}

export interface Route {
  readonly slot: number;
  readonly text: string;
  readonly prefix: Prefix;
  readonly unit: Unit;
  /** The device of the host that leads to it, when the host knows; undefined: it is not told. */
  told: Promise<HostDevice> | undefined;
}

export const noTraffic = (): Traffic => ({ packets: 0, bytes: 0, errors: 0 });

export interface Births {
  /** Resolves when the device's programs would see a frame; undefined: at once. */
  portBorn(port: Port): Promise<void> | undefined;
  unitBorn(unit: Unit): Promise<void> | undefined;
  sessionBorn(session: Session): Promise<void> | undefined;
  gone(object: Port | Unit | Session, reason: DeleteReason): void;
}

export interface Core {
  readonly memory: Memory;
  readonly layout: Layout;
  readonly table: SessionTable;
  readonly counting: Counting;
  readonly grace: Grace;
  readonly events: EventStream;
  readonly ports: Map<number, Port>;
  /** Ports by slot, from before they are open until after they are closed. */
  readonly portSlots: Map<number, Port>;
  readonly tunnels: Map<number, Tunnel>;
  /** By local tunnel id. */
  readonly tunnelIds: Map<number, Tunnel>;
  readonly sessions: Map<number, Session>;
  /** Sessions by channel. */
  readonly channels: Map<number, Session>;
  readonly units: Map<number, Unit>;
  readonly unitNames: Map<string, Unit>;
  /** What is to be done when devices come and go: programs are attached to them. */
  readonly births: Births;
  readonly bundles: Bundles;
  /** By prefix as text, in its canonical form. */
  readonly routes: Map<string, Route>;
  /** Milliseconds on the clock of all threads. */
  readonly now: () => number;
}
