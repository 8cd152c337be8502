/** Authentication, authorisation and accounting as the gateway asks for them; who answers (RADIUS, local file) is inside. */

import type { Judgement, PeerCredentials } from "../../ppp/types.js";
import type { AaaConfig } from "./config.js";

/** A direction's rate: bits of IP packets a second, and the bytes that may follow each other without pause. */
export interface Rate {
  readonly bitsPerSecond: number;
  readonly burst: number;
}

/** Rates of a subscriber: `up` is what it sends, `down` what it receives. Undefined: unlimited. */
export interface Rates {
  readonly up: Rate | undefined;
  readonly down: Rate | undefined;
}

/** An LNS that a subscriber is to be forwarded to (RFC 2868), best first. */
export interface TunnelTarget {
  /** ADDRESS:PORT or ADDRESS. */
  readonly server: string;
  readonly client: string | undefined;
  readonly secret: Uint8Array | undefined;
  readonly assignmentId: string | undefined;
  readonly clientName: string | undefined;
  readonly serverName: string | undefined;
  readonly preference: number;
}

/** What a subscriber is entitled to. What is undefined is the policy's to decide. Times in milliseconds. */
export interface Profile {
  /** The name that accounting uses, if it is not the one that was given (User-Name in an Access-Accept). */
  readonly userName: string | undefined;
  /** Framed-IP-Address, dotted; undefined: from a pool. */
  readonly address: string | undefined;
  readonly pool: string | undefined;
  /** Framed-Route: prefixes behind the subscriber. */
  readonly routes: readonly string[];
  /** Framed-IPv6-Prefix, a /64, for SLAAC. */
  readonly ipv6Prefix: string | undefined;
  readonly ipv6Pool: string | undefined;
  readonly delegatedPrefix: string | undefined;
  readonly delegatedPool: string | undefined;
  readonly ipv6Routes: readonly string[];
  /** Framed-Interface-Id, 16 hexadecimal digits. */
  readonly interfaceId: string | undefined;
  readonly dns: readonly string[];
  readonly ipv6Dns: readonly string[];
  readonly nbns: readonly string[];
  readonly mtu: number | undefined;
  readonly sessionTimeout: number | undefined;
  readonly idleTimeout: number | undefined;
  readonly interimInterval: number | undefined;
  readonly rates: Rates | undefined;
  /** Filter-Id: names a profile of the configuration. */
  readonly filters: readonly string[];
  /** Class, to be given back in accounting (RFC 2865 §5.25). */
  readonly class: readonly Uint8Array[];
  /** Forward instead of terminate. */
  readonly tunnels: readonly TunnelTarget[];
  /** Port-Limit: links in a bundle. */
  readonly portLimit: number | undefined;
}

/** What is known of a session before anybody has authenticated. */
export interface Caller {
  /** Acct-Session-Id: unique, over restarts too. */
  readonly session: string;
  /** Acct-Multi-Session-Id of a bundle. */
  readonly bundle?: string | undefined;
  readonly callingNumber: string | undefined;
  readonly calledNumber: string | undefined;
  readonly nasPort: number;
  readonly nasPortId: string;
  readonly connectInfo: string | undefined;
  readonly agentCircuitId: string | undefined;
  readonly agentRemoteId: string | undefined;
  /** Addresses of the tunnel that it came in by. */
  readonly tunnelClient: string;
  readonly tunnelServer: string;
}

export interface AuthenticationRequest {
  readonly caller: Caller;
  /** The name after realm stripping; the credentials have it as given. */
  readonly userName: string;
  readonly credentials: PeerCredentials;
  /** What an earlier `challenge` of this conversation came with. */
  readonly continuation?: unknown;
}

export type Authentication =
  | {
      readonly verdict: "accept";
      readonly judgement: Judgement & { readonly verdict: "accept" };
      readonly profile: Profile;
      readonly by: string;
    }
  | {
      readonly verdict: "reject";
      readonly judgement: Judgement & { readonly verdict: "reject" };
      readonly reason: string;
    }
  | {
      readonly verdict: "challenge";
      readonly judgement: Judgement & { readonly verdict: "challenge" };
      readonly continuation: unknown;
    };

/** IP bytes and packets of a subscriber; `in` is what it sent. */
export interface Usage {
  readonly inBytes: number;
  readonly outBytes: number;
  readonly inPackets: number;
  readonly outPackets: number;
}

/** Acct-Terminate-Cause (RFC 2866 §5.10, numbers there). */
export type TerminateCause =
  | "user-request"
  | "lost-carrier"
  | "lost-service"
  | "idle-timeout"
  | "session-timeout"
  | "admin-reset"
  | "admin-reboot"
  | "port-error"
  | "nas-error"
  | "nas-request"
  | "nas-reboot"
  | "port-unneeded"
  | "port-preempted"
  | "port-suspended"
  | "service-unavailable"
  | "callback"
  | "user-error"
  | "host-request"; // prettier-ignore

/** What an accounting record says of a session; plain data, stored until it is delivered. */
export interface Accounted {
  readonly caller: Caller;
  readonly userName: string;
  readonly class: readonly Uint8Array[];
  readonly address: string | undefined;
  readonly ipv6Prefix: string | undefined;
  readonly delegatedPrefix: string | undefined;
  readonly interfaceId: string | undefined;
  readonly links: number | undefined;
  /** Who let the user in: `by` of the Authentication; undefined is RADIUS (Acct-Authentic, RFC 2866 §5.6). */
  readonly by?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly started: number;
}

export interface Accounting {
  start(session: Accounted): void;
  interim(session: Accounted, usage: Usage): void;
  /** Is not lost: stored before it is sent, and kept until a server has taken it. */
  stop(session: Accounted, usage: Usage, cause: TerminateCause): void;
}

/** How a session is named by CoA and Disconnect (RFC 5176 §3): all that are given must fit. */
export interface SessionNames {
  readonly session?: string | undefined;
  readonly userName?: string | undefined;
  readonly address?: string | undefined;
  readonly ipv6Prefix?: string | undefined;
  readonly callingNumber?: string | undefined;
  readonly nasPort?: number | undefined;
}

/** What may change during a session. */
export type ProfileChange = Partial<
  Pick<Profile, "sessionTimeout" | "idleTimeout" | "interimInterval" | "rates" | "filters" | "class">
>;

/** What the gateway does for those who change or end sessions from outside. Answers an Error-Cause (RFC 5176 §3.5) or none. */
export interface DynamicHandler {
  change(names: SessionNames, change: ProfileChange): number | undefined;
  disconnect(names: SessionNames): number | undefined;
}

export interface Aaa {
  authenticate(request: AuthenticationRequest): Promise<Authentication>;
  readonly accounting: Accounting;
  /** A new configuration; what is under way goes on. */
  configure(config: AaaConfig): void;
  /** For the API: servers, their state and counters; how many records wait. */
  status(): AaaStatus;
  statistics(): Readonly<Record<string, number>>;
  /** Waits at most so many milliseconds for what is under way; what is stored stays stored. */
  stop(grace: number): Promise<void>;
}

export interface AaaStatus {
  readonly servers: readonly {
    readonly name: string;
    readonly service: "authentication" | "accounting";
    readonly address: string;
    readonly alive: boolean;
    readonly outstanding: number;
    readonly roundTrip: number | undefined;
    readonly counters: Readonly<Record<string, number>>;
  }[];
  readonly localUsers: number;
  /** Accounting records that no server has taken yet. */
  readonly pending: number;
}
