/**
 * The gateway as the daemon and the API see it: it joins the protocol machines to the data plane and the clock, and asks the
 * configuration's policy what becomes of each call.
 */
import type { ChannelState, CountersOf, UnitState } from "../dataplane/attributes.js";
import type { Capabilities } from "../dataplane/contract.js";
import type { CallId, CallInfo, Ended, TunnelInfo } from "../l2tp/types.js";
import type { LinkStatus, NetworkStatus } from "../ppp/types.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import type { AaaStatus, Rates, SessionNames, TerminateCause, Usage } from "./aaa/types.js";
import type { PoolStatus } from "./addresses/types.js";
import type { Config } from "./config.js";
import type { TapPunt, TracedFrame, Watcher } from "./tracing.js";

/** What is known of a tunnel without asking the data plane. */
export interface TunnelFacts extends TunnelInfo {
  /** `access`: a peer opened it to us. `onward`: we opened it to an LNS. */
  readonly side: "access" | "onward";
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export interface TunnelView extends TunnelFacts {
  readonly counters: CountersOf<"tunnel">;
}

/** What is known of a session without asking the data plane. */
export interface SessionFacts extends CallInfo {
  readonly side: "access" | "onward";
  /** Channel in the data plane, once the session is there. */
  readonly channel: number | undefined;
  /** The call that this one is bridged with. */
  readonly bridgedWith: number | undefined;
  readonly callingNumber: string | undefined;
  readonly calledNumber: string | undefined;
  readonly userName: string | undefined;
  /** What becomes of it: `bridged` with another session, `terminated` here in PPP, or nothing (yet). */
  readonly fate: "bridged" | "terminated" | undefined;
  /** Of the subscriber, if it is terminated here. */
  readonly address: string | undefined;
  readonly prefix: string | undefined;
  readonly delegated: string | undefined;
  readonly since: number;
}

/** A session that ends here, in all detail. */
export interface SubscriberView {
  readonly userName: string;
  /** Sessions that are its links; more than one in a bundle. */
  readonly links: readonly CallId[];
  /** Handle of its unit in the data plane; undefined: not there yet. */
  readonly unit: number | undefined;
  readonly rule: string;
  readonly accountingSession: string;
  readonly address: string | undefined;
  readonly prefix: string | undefined;
  readonly delegated: string | undefined;
  readonly routes: readonly string[];
  readonly rates: Rates;
  readonly filters: readonly string[];
  /** Milliseconds since the epoch; undefined: no end is set. */
  readonly endsAt: number | undefined;
  /** Milliseconds; undefined: no limit. */
  readonly idleTimeout: number | undefined;
  /** Milliseconds since the last packet; undefined: there was none. */
  readonly idle: number | undefined;
  readonly usage: Usage;
  readonly since: number;
}

export interface UnitFacts {
  readonly unit: number;
  readonly call: CallId | undefined;
  readonly userName: string | undefined;
  readonly address: string | undefined;
}

export interface UnitView extends UnitFacts {
  readonly state: UnitState;
}

/** The PPP of a session that ends here. */
export interface PppView {
  readonly call: CallId;
  readonly link: LinkStatus;
  readonly network: NetworkStatus | undefined;
  readonly subscriber: SubscriberView | undefined;
}

export interface SessionView extends SessionFacts {
  readonly counters: CountersOf<"session">;
}

export interface ChannelView extends ChannelState {
  /** The call whose frames it carries. */
  readonly call: CallId;
}

/**
 * A part of a listing, in the order of the objects' ids. Listings do not hold up the thread, however many objects there are:
 * what comes or goes while one is made may be missing from it, and nothing else.
 */
export interface Page<Facts> {
  /** Goes on after this id. Default: from the first. */
  readonly after?: number | undefined;
  /** At most so many. Default: all. */
  readonly limit?: number | undefined;
  /** Which objects are wanted. Default: each. */
  readonly accept?: ((facts: Facts) => boolean) | undefined;
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
  | {
      readonly type: "subscriber-up";
      /** The call that it came by first. */
      readonly call: number;
      readonly user: string;
      readonly address: string | undefined;
      readonly prefix: string | undefined;
      readonly delegated: string | undefined;
    }
  | {
      readonly type: "subscriber-down";
      readonly user: string;
      readonly address: string | undefined;
      readonly cause: TerminateCause;
      readonly usage: Usage;
    }
  | { readonly type: "reloaded"; readonly changes: readonly string[] }
  | { readonly type: "draining"; readonly on: boolean; readonly sessions: number }
  | { readonly type: "drained" }
  /** Stands where so many events were that this reader was too slow for. */
  | { readonly type: "lost"; readonly count: number };

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

/** How many there are at this moment; `halfOpen`: tunnels whose peer has proven nothing yet. */
export interface Population {
  readonly tunnels: number;
  readonly halfOpen: number;
  readonly sessions: number;
  /** Users that end here; a bundle is one. */
  readonly subscribers: number;
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
  tunnels(page?: Page<TunnelFacts>): Promise<readonly TunnelView[]>;
  sessions(page?: Page<SessionFacts>): Promise<readonly SessionView[]>;
  /** Channels of sessions. */
  channels(page?: Page<ChannelView>): Promise<readonly ChannelView[]>;
  readonly population: Population;
  tunnel(tunnel: number): Promise<TunnelView | undefined>;
  session(call: number): Promise<SessionView | undefined>;
  /** The call whose frames a channel carries. */
  callOf(channel: number): CallId | undefined;
  /** Administrative end: StopCCN (result 1, cleared) or CDN (result 3, administrative). False: no such object. */
  terminateTunnel(tunnel: number): Promise<boolean>;
  terminateSession(call: number): Promise<boolean>;
  /** The PPP of a session; undefined: there is no such session, or it does not end here. */
  ppp(call: CallId): Promise<PppView | undefined>;
  /** Units of subscribers. */
  units(page?: Page<UnitFacts>): Promise<readonly UnitView[]>;
  unit(unit: number): Promise<UnitView | undefined>;
  /** Sessions of those whom all the given names fit. */
  find(names: SessionNames): readonly CallId[];
  readonly pools: readonly PoolStatus[];
  /** Undefined: no rule terminates. */
  readonly aaa: AaaStatus | undefined;
  /** Control frames and messages of a session from now on. Answers how to stop it; undefined: no such session. */
  trace(call: CallId, watcher: Watcher<TracedFrame>): (() => void) | undefined;
  /** Copies of all frames of a session from now on. One at a time for each session (EBUSY). */
  capture(call: CallId, taker: Watcher<TapPunt>): Promise<(() => Promise<void>) | undefined>;
  events(): AsyncIterableIterator<GatewayEvent>;
  /** Counts by name: the gateway's own, `control/…` the machine's, `control-drop/…` and `data-drop/…` by reason. */
  statistics(): Readonly<Record<string, number>>;
  readonly capabilities: Capabilities;
}
