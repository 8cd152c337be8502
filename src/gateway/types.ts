/**
 * The gateway as the daemon and the API see it: it joins the protocol machines to the data plane and the clock, and asks the
 * configuration's policy what becomes of each call.
 */
import type { CountersOf } from "../dataplane/attributes.js";
import type { Capabilities } from "../dataplane/contract.js";
import type { CallId, CallInfo, Ended, TunnelInfo } from "../l2tp/types.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import type { Config } from "./config.js";

export interface TunnelView extends TunnelInfo {
  /** `access`: a peer opened it to us. `onward`: we opened it to an LNS. */
  readonly side: "access" | "onward";
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly counters: CountersOf<"tunnel">;
}

export interface SessionView extends CallInfo {
  readonly side: "access" | "onward";
  /** Channel in the data plane, once the session is there. */
  readonly channel: number | undefined;
  /** The call that this one is bridged with. */
  readonly bridgedWith: number | undefined;
  readonly callingNumber: string | undefined;
  readonly calledNumber: string | undefined;
  readonly userName: string | undefined;
  readonly since: number;
  readonly counters: CountersOf<"session">;
}

export type GatewayEvent =
  | {
      readonly type: "tunnel-up";
      readonly tunnel: number;
      readonly side: "access" | "onward";
      readonly remote: string;
      readonly hostName: string;
    }
  | { readonly type: "tunnel-down"; readonly tunnel: number; readonly side: "access" | "onward"; readonly ended: Ended }
  | { readonly type: "session-up"; readonly call: number; readonly side: "access" | "onward" }
  | { readonly type: "session-down"; readonly call: number; readonly side: "access" | "onward"; readonly ended: Ended }
  | { readonly type: "bridged"; readonly call: number; readonly with: number }
  | { readonly type: "unbridged"; readonly call: number; readonly with: number }
  | { readonly type: "forward-failed"; readonly call: number; readonly lns: string; readonly ended: Ended }
  | { readonly type: "reloaded"; readonly changes: readonly string[] }
  | { readonly type: "draining"; readonly on: boolean; readonly sessions: number }
  | { readonly type: "drained" };

/** A call of our own, as a LAC. */
export interface PlacedCall {
  /** Name of a policy rule that forwards: says which LNS, and how it is reached. */
  readonly rule: string;
  /** What the ICRQ and the ICCN say of the call. */
  readonly icrq?: AvpValues;
  readonly iccn?: AvpValues;
}

/** A gateway that can be told to place calls. */
export interface CallingGateway extends Gateway {
  /**
   * Places a call to an LNS; `session-up` or `session-down` follows, and its channel is left to be bridged by hand.
   * Undefined: there is no such rule, or no more room, or the gateway is draining.
   */
  placeCall(call: PlacedCall): CallId | undefined;
}

export interface Gateway {
  /** Opens the ports and begins to serve; rejects with a JunctorError that names the configuration entry at fault. */
  start(): Promise<void>;
  /** Applies what differs; sessions that are still allowed stay. Answers what changed, in words. */
  reload(config: Config): Promise<readonly string[]>;
  /** Draining: new calls are refused; `drained` follows when the last has ended. */
  drain(on: boolean): void;
  readonly draining: boolean;
  readonly ready: boolean;
  /** StopCCN (result 6) to every peer, waits for their acknowledgement at most `grace` milliseconds, closes its ports. */
  stop(grace: number): Promise<void>;
  tunnels(): Promise<readonly TunnelView[]>;
  sessions(): Promise<readonly SessionView[]>;
  tunnel(tunnel: number): Promise<TunnelView | undefined>;
  session(call: number): Promise<SessionView | undefined>;
  /** Administrative end: StopCCN (result 1, cleared) or CDN (result 3, administrative). False: no such object. */
  terminateTunnel(tunnel: number): Promise<boolean>;
  terminateSession(call: number): Promise<boolean>;
  events(): AsyncIterableIterator<GatewayEvent>;
  /** Counts by name: the gateway's own, `control/…` the machine's, `control-drop/…` and `data-drop/…` by reason. */
  statistics(): Readonly<Record<string, number>>;
  readonly capabilities: Capabilities;
}
