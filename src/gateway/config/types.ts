/** The configuration as the daemon and the gateway work with it: defaults applied, files read, addresses in one spelling. */
import type { Framing, Hook, VerdictName } from "../../dataplane/attributes.js";
import type { Limits, Result } from "../../l2tp/types.js";
import type { AuthProtocol } from "../../ppp/types.js";
import type { AaaConfig } from "../aaa/config.js";
import type { Rates } from "../aaa/types.js";
import type { PoolConfig } from "../addresses/types.js";
import type { Secret } from "./secret.js";

export type ApiAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

export interface Config {
  /** Path of the file, or a name for text from elsewhere. */
  readonly file: string;
  readonly listen: {
    readonly api: ApiAddress;
    readonly token: Secret | undefined;
    readonly metrics: { readonly host: string; readonly port: number } | undefined;
  };
  readonly log: { readonly level: string };
  readonly hostName: string;
  readonly workers: number;
  readonly limits: Omit<Limits, "queued">;
  /** Callers' frames that may wait for their bridge, in all. */
  readonly heldFrames: number;
  /** How long a stop waits, milliseconds. */
  readonly grace: number;
  readonly access: readonly AccessConfig[];
  readonly policy: readonly Rule[];
  readonly tun: TunConfig;
  readonly pools: readonly PoolConfig[];
  readonly aaa: AaaConfig;
  readonly programs: readonly ProgramConfig[];
}

export interface ObjectConfig {
  /** The same for the same file, contents and globals. */
  readonly key: string;
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly globals: Readonly<Record<string, unknown>>;
}

/** A program and the devices it runs on. */
export interface ProgramConfig {
  readonly object: ObjectConfig;
  /** Function or section; undefined: the object's only one. */
  readonly program: string | undefined;
  readonly device: string;
  readonly hook: Hook;
  readonly priority: number;
  readonly runOn: readonly VerdictName[];
  readonly framing: Framing | undefined;
  readonly mode: "user" | "native" | "generic";
  readonly pin: string | undefined;
}

/** How we behave on a control connection. Times in milliseconds. */
export interface TunnelConfig {
  readonly hostName: string;
  readonly secret: Secret | undefined;
  readonly challenge: boolean | undefined;
  readonly hidden: boolean;
  readonly helloInterval: number;
  readonly receiveWindow: number;
  readonly maxRetries: number;
  readonly retransmitTimeout: number;
  readonly retransmitCap: number;
}

export interface SessionConfig {
  readonly sequencing: "off" | "follow" | "on";
  readonly reorderTimeout: number;
}

export interface AccessConfig {
  readonly name: string;
  readonly kind: "l2tp";
  /** ADDRESS:PORT. */
  readonly listen: string;
  /** Prefixes of peers that may open tunnels; undefined: any. */
  readonly peers: readonly string[] | undefined;
  readonly tunnel: TunnelConfig;
  readonly session: SessionConfig;
  readonly float: "follow" | "ignore";
}

/** One key of a match: shell patterns, of which one must match. */
export interface Condition {
  readonly key: MatchKey;
  readonly patterns: readonly string[];
}

export type MatchKey =
  | "calling-number"
  | "called-number"
  | "sub-address"
  | "user-name"
  | "realm"
  | "peer-host-name"
  | "access";

export interface Rule {
  readonly name: string;
  /** All must hold. */
  readonly conditions: readonly Condition[];
  /** Prefixes of the tunnel's peer; undefined: any. */
  readonly peer: readonly string[] | undefined;
  readonly action: Action;
}

export type Action =
  | { readonly type: "forward"; readonly forward: ForwardConfig }
  | { readonly type: "terminate"; readonly terminate: TerminateConfig }
  | { readonly type: "accept" }
  | { readonly type: "reject"; readonly result: Result };

export interface LnsConfig {
  /** ADDRESS:PORT. */
  readonly address: string;
  readonly weight: number;
  readonly priority: number;
  readonly tunnel: TunnelConfig;
  /** ADDRESS:PORT of its own that tunnels to it come from; undefined: as the rule says. */
  readonly source?: string | undefined;
}

/** Times in milliseconds. */
export interface ForwardConfig {
  readonly lns: readonly LnsConfig[];
  readonly balance: "least-sessions" | "round-robin";
  /** ADDRESS:PORT; undefined: the first access entry of the LNS's address family. */
  readonly source: string | undefined;
  readonly maxSessionsPerTunnel: number;
  readonly timeout: number;
  readonly attemptTimeout: number;
  readonly holdDown: number;
  readonly idleTimeout: number;
  readonly session: SessionConfig;
}

/** The device of subscribers that end here. */
export interface TunConfig {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly mtu: number;
  readonly segmentation: boolean;
  readonly virtual: boolean;
}

/** Times in milliseconds; 0: none. */
export interface TerminateConfig {
  readonly pools: {
    readonly ipv4: readonly string[];
    readonly link: readonly string[];
    readonly delegated: readonly string[];
  };
  readonly dns: readonly string[];
  readonly ipv6Dns: readonly string[];
  readonly nbns: readonly string[];
  readonly authentication: readonly AuthProtocol[];
  readonly name: string;
  readonly proxyLcp: "accept" | "renegotiate";
  readonly realm: "keep" | "strip";
  readonly duplicateLogin: "allow" | "reject" | "replace";
  readonly maxSessionsPerUser: number;
  readonly sessionTimeout: number;
  readonly idleTimeout: number;
  readonly authenticationTimeout: number;
  readonly rates: Rates;
  readonly mru: number;
  readonly mssClamp: boolean;
  readonly sourceCheck: boolean;
  readonly multilink: boolean;
  readonly maxLinks: number;
  readonly routes: "aggregate" | "each";
  readonly echoInterval: number;
  readonly echoFailures: number;
  readonly ownDevice: boolean;
  readonly mpls: boolean;
}
