/** What the gateway keeps of ports, tunnels, LNSs and calls; small, because there are tens of thousands of calls. */
import type { CallId, Result, TunnelId } from "../l2tp/types.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import type { PrefixList } from "./config/address.js";
import type { AccessConfig, ForwardConfig, TunnelConfig } from "./config/types.js";
import type { Member } from "./termination/records.js";

export type Side = "access" | "onward";

export interface Port {
  /** As configured, ADDRESS:PORT. */
  readonly address: string;
  /** Handle in the data plane. */
  readonly handle: number;
  /** What comes in by it; undefined: it only sends, or is about to close. */
  access: Access | undefined;
  readonly tunnels: Set<Tunnel>;
}

export interface Access {
  readonly config: AccessConfig;
  /** Who may open tunnels; undefined: anybody. */
  readonly peers: PrefixList | undefined;
}

export interface Tunnel {
  readonly id: TunnelId;
  readonly port: Port;
  readonly since: number;
  remote: string;
  hostName: string;
  up: boolean;
  ended: boolean;
  /** Calls in it that have not ended. */
  sessions: number;
  /** Handle in the data plane; 0: not there (yet). */
  plane: number;
  /** While the data plane creates it. */
  creating: Promise<void> | undefined;
  /** The LNS that we opened it to; undefined: a peer opened it to us. */
  readonly lns: Lns | undefined;
  /** Slot of its idle deadline; 0: none. */
  idleSlot: number;
  /** Calls whose ICCN the LNS has not acknowledged, in the order in which it will. */
  readonly unconfirmed: Unconfirmed[];
}

export interface Lns {
  readonly key: string;
  /** ADDRESS:PORT. */
  readonly address: string;
  readonly source: string | undefined;
  readonly settings: TunnelConfig;
  readonly maxSessionsPerTunnel: number;
  /** Milliseconds. */
  readonly idleTimeout: number;
  readonly holdDown: number;
  readonly tunnels: Set<Tunnel>;
  /** Those that may carry another call; a subset of `tunnels`. */
  readonly withRoom: Set<Tunnel>;
  sessions: number;
  /** Until when it is tried last; 0: it is well. */
  heldDownUntil: number;
  /** No rule names it any more: its tunnels go with their last calls. */
  retired: boolean;
}

export interface Candidate {
  readonly lns: Lns;
  readonly weight: number;
  readonly priority: number;
  /** Smooth weighted round robin: grows by the weight in each round, falls by the sum of weights when chosen. */
  credit: number;
}

export interface ForwardPlan {
  readonly forward: ForwardConfig;
  /** Best priority first. */
  readonly candidates: readonly Candidate[];
}

export interface Unconfirmed {
  readonly onward: Leg;
  /** How many messages the LNS has acknowledged once it has the ICCN. */
  readonly iccn: number;
}

/** What the operator sees of a call, shared by both of its legs. */
export interface CallNames {
  readonly callingNumber: string | undefined;
  readonly calledNumber: string | undefined;
  userName: string | undefined;
}

/** One call in one tunnel. A switched call is two legs, each other's partner. */
export interface Leg {
  readonly call: CallId;
  readonly tunnel: Tunnel;
  readonly since: number;
  readonly names: CallNames;
  peerSessionId: number;
  up: boolean;
  ended: boolean;
  /** Handles in the data plane; 0: not there. */
  session: number;
  channel: number;
  /** The leg that shares its fate. */
  partner: Leg | undefined;
  /** Its ICCN has gone to the LNS, and the bridge waits for that to be acknowledged. */
  unconfirmed: boolean;
  /** The channel that the data plane has bridged its channel with; 0: none. */
  bridged: number;
  /** Frames that wait for the bridge. */
  held: Uint8Array[] | undefined;
  /** While a caller's call is being set up; undefined once the ICCN has gone to an LNS. */
  setup: Setup | undefined;
  /** Its PPP, if it ends here. */
  member: Member | undefined;
}

/** What is needed until an LNS has taken the call. */
export interface Setup {
  readonly leg: Leg;
  readonly icrq: AvpValues;
  iccn: AvpValues;
  plan: ForwardPlan | undefined;
  /** LNSs that were asked. */
  readonly tried: Lns[];
  /** What the last LNS that refused said. */
  refusal: Result | undefined;
  /** When the caller has waited long enough. */
  giveUpAt: number;
  /** Slot of the deadline that comes next; 0: none. */
  slot: number;
}

export const sideOf = (tunnel: Tunnel): Side => (tunnel.lns === undefined ? "access" : "onward");
