/** What the gateway keeps of calls that end here; small, because there are tens of thousands. */
import type { LcpAgreement, Link, LinkSettings, Network, NetworkSettings, PeerCredentials } from "../../ppp/types.js";
import type { Accounted, Caller, Profile, Rates, TerminateCause } from "../aaa/types.js";
import type { Lease } from "../addresses/types.js";
import type { TerminateConfig } from "../config/types.js";
import type { Leg } from "../records.js";

/** A rule that terminates, ready for use; shared by all of its calls. */
export interface Plan {
  readonly rule: string;
  readonly config: TerminateConfig;
  readonly link: LinkSettings;
  readonly network: NetworkSettings;
}

/** Who has authenticated, and what AAA says of him. */
export interface Identity {
  readonly userName: string;
  readonly profile: Profile;
  /** Which server, or that it was the local file. */
  readonly by: string | undefined;
}

/** One call's PPP link. */
export interface Member {
  readonly leg: Leg;
  readonly plan: Plan;
  readonly link: Link;
  readonly caller: Caller;
  agreement: LcpAgreement | undefined;
  identity: Identity | undefined;
  /** AAA has been asked and has not answered. */
  asking: boolean;
  /** The peer has negotiated anew since: the answer is to a question of before. What it has shown now waits for that. */
  stale: boolean;
  waiting: PeerCredentials | undefined;
  /** What an unfinished conversation with AAA goes on with. */
  continuation: unknown;
  subscriber: Subscriber | undefined;
  /** Why it ends, as far as that is known. */
  cause: TerminateCause | undefined;
  /** Slot of the link's deadline; 0: none. */
  slot: number;
}

/** A network interface that is one subscriber's. */
export interface OwnDevice {
  readonly port: number;
  readonly name: string;
}

/** A user's network: a unit over one link, or over a bundle of them. */
export interface Subscriber {
  readonly plan: Plan;
  readonly identity: Identity;
  readonly members: Set<Member>;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** What names the bundle that it is; undefined: it is none. */
  readonly bundle: string | undefined;
  readonly leases: Lease[];
  /** IPv4 address. */
  readonly address: string | undefined;
  /** /64 on the link. */
  readonly prefix: string | undefined;
  readonly delegated: string | undefined;
  /** Set right after it is made. */
  network: Network | undefined;
  ipv4: boolean;
  ipv6: boolean;
  peerInterfaceId: string;
  rates: Rates;
  /** Times at which it ends, accounts, advertises; Infinity: never. */
  endsAt: number;
  idleTimeout: number;
  idleAt: number;
  interimInterval: number;
  interimAt: number;
  advertiseAt: number;
  class: readonly Uint8Array[];
  filters: readonly string[];
  /** Handle of its unit; 0: not there (yet). */
  unit: number;
  /** A TUN port of its own; undefined: it uses the common one. */
  own: OwnDevice | undefined;
  /** What is under way with the unit, one after the other. */
  work: Promise<void>;
  accounted: Accounted | undefined;
  ended: boolean;
  cause: TerminateCause | undefined;
  slot: number;
  /** The next one of the same user. */
  sameUser: Subscriber | undefined;
}
