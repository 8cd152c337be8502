/**
 * The L2TP endpoint as its drivers see it: one machine that keeps all control connections of a host and the calls in them
 * (RFC 2661). Messages come in as datagrams, decisions as commands; messages and events come out of `take()`. It asks
 * policy by event (`tunnel-request`, `call-request`) and is answered by command, at once or later.
 */
import type { Machine } from "../machine.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import type { CauseCode } from "../wire/l2tp2-avp-value.js";
import type { EndpointState } from "./state.js";

/** A control connection, by the local tunnel id (1–65535). */
export type TunnelId = number;
/** A call, by `tunnel id << 16 | session id` (both local) as an unsigned number. */
export type CallId = number;

export interface Datagram {
  /** Where it arrived; opaque, comes back in `send`. */
  readonly port: number;
  readonly local?: string | undefined;
  /** The sender, as 192.0.2.1:1701 or [2001:db8::1]:1701. */
  readonly remote: string;
  readonly bytes: Uint8Array;
}

/** How a control connection or call ends (RFC 2661 §4.4.2). */
export interface Result {
  /** Result code of the StopCCN or CDN. */
  readonly result: number;
  readonly error?: number | undefined;
  readonly message?: string | undefined;
  /** Q.931 cause, CDN alone. */
  readonly cause?: CauseCode | undefined;
}

export interface Ended extends Result {
  /** Who ended it; `timeout`: the peer stopped answering; `peer-restarted`: it opened a new control connection. */
  readonly by: "local" | "peer" | "timeout" | "peer-restarted";
}

/** What we say of ourselves and how we behave, for one control connection. */
export interface TunnelSettings {
  readonly hostName?: string | undefined;
  /** Shared secret: challenges the peer, answers its challenge, hides AVPs. Without: no authentication. */
  readonly secret?: Uint8Array | undefined;
  /** Whether we challenge the peer; by default yes if there is a secret. */
  readonly challenge?: boolean | undefined;
  /** Hide the AVPs that may be hidden (RFC 2661 §4.3); needs the secret. */
  readonly hidden?: boolean | undefined;
  /** Receive window that we offer, messages. Default 16. */
  readonly receiveWindow?: number | undefined;
  /** Idle time before a HELLO, milliseconds; 0: none. Default 60 000. */
  readonly helloInterval?: number | undefined;
  /** Retransmissions before giving up. Default 5. */
  readonly maxRetries?: number | undefined;
  /** First retransmission time-out, doubled each time up to the cap, milliseconds. Defaults 1000 and 8000. */
  readonly retransmitTimeout?: number | undefined;
  readonly retransmitCap?: number | undefined;
}

export interface TunnelOpen extends TunnelSettings {
  readonly port: number;
  readonly local?: string | undefined;
  readonly remote: string;
  /** Framing capabilities default to both kinds, bearer capabilities to the endpoint's. */
  readonly avps?: AvpValues | undefined;
}

export interface EndpointOptions {
  readonly hostName: string;
  readonly vendorName?: string | undefined;
  readonly firmwareRevision?: number | undefined;
  /** For which bearers outgoing calls can be placed here (RFC 2661 §4.4.3). Default: both kinds. */
  readonly bearerCapabilities?: number | undefined;
  /** Random bytes for ids, challenges, tie breakers and Random Vectors. */
  readonly random: (length: number) => Uint8Array;
  readonly limits?: Partial<Limits> | undefined;
  /** What to do when messages of a known peer come from another port of its address (NAT). Default: `follow`, if it answers there. */
  readonly float?: "follow" | "ignore" | undefined;
}

/** Bounds on state; `halfOpen` counts control connections whose peer has proven nothing yet. */
export interface Limits {
  /** Control connections in all, closing ones included; at most 65 535. Default 60 000. */
  readonly tunnels: number;
  /** Control connections with one address. Default 8192. */
  readonly tunnelsPerPeer: number;
  /** Beyond it, the oldest half-open control connection gives way to the new one. Default 1000. */
  readonly halfOpen: number;
  /** For one address: beyond it, a new SCCRQ is ignored until others are answered or a second old. Default 256. */
  readonly halfOpenPerPeer: number;
  /** Milliseconds in which a control connection or call must be established. Default 30 000. */
  readonly setupTimeout: number;
  /** Calls in one control connection; at most 65 535, the default. */
  readonly callsPerTunnel: number;
  /** Messages that wait for acknowledgement in all: beyond it, a peer for whom many wait is not listened to. Default 2^20. */
  readonly queued: number;
}

/** What is known of the peer of a control connection, from its SCCRQ or SCCRP. */
export interface PeerInfo {
  readonly remote: string;
  readonly hostName: string;
  readonly vendorName: string | undefined;
  readonly firmwareRevision: number | undefined;
  readonly avps: AvpValues;
}

export interface TunnelInfo {
  readonly tunnel: TunnelId;
  readonly peerTunnelId: number;
  readonly port: number;
  readonly local: string | undefined;
  readonly remote: string;
  /** The RFC's state names (§7.2.1). */
  readonly state: "idle" | "wait-ctl-reply" | "wait-ctl-conn" | "established" | "closing";
  readonly initiator: boolean;
  readonly peer: PeerInfo | undefined;
  readonly calls: number;
  /** Reliable transport, for troubleshooting. */
  readonly transport: {
    readonly ns: number;
    readonly nr: number;
    readonly window: number;
    readonly congestionWindow: number;
    readonly queued: number;
    readonly retransmissions: number;
  };
}

export interface CallInfo {
  readonly call: CallId;
  readonly tunnel: TunnelId;
  readonly sessionId: number;
  readonly peerSessionId: number;
  /** Incoming: a call that a LAC received and hands to the LNS (ICRQ). Outgoing: one that an LNS asks a LAC to place. */
  readonly kind: "incoming" | "outgoing";
  readonly role: "lac" | "lns";
  /** The RFC's state names (§7.4, §7.5). */
  readonly state: string;
}

export type Output =
  | {
      readonly type: "send";
      readonly port: number;
      readonly local: string | undefined;
      readonly remote: string;
      readonly bytes: Uint8Array;
    }
  /** An SCCRQ; answer with `acceptTunnel` or `rejectTunnel`. */
  | { readonly type: "tunnel-request"; readonly tunnel: TunnelId; readonly port: number; readonly peer: PeerInfo }
  | { readonly type: "tunnel-up"; readonly tunnel: TunnelId; readonly peerTunnelId: number; readonly peer: PeerInfo }
  /** Follows every `tunnel-request` that was accepted and every `openTunnel`, once; its calls' `call-down` come before it. */
  | { readonly type: "tunnel-down"; readonly tunnel: TunnelId; readonly ended: Ended }
  | { readonly type: "tunnel-moved"; readonly tunnel: TunnelId; readonly remote: string }
  /** An ICRQ or OCRQ; answer with `acceptCall` or `closeCall`. */
  | {
      readonly type: "call-request";
      readonly call: CallId;
      readonly kind: "incoming" | "outgoing";
      readonly peerSessionId: number;
      readonly avps: AvpValues;
    }
  /** The peer's ICRP or OCRP. A LAC answers an ICRP with `connectCall`. */
  | { readonly type: "call-accepted"; readonly call: CallId; readonly peerSessionId: number; readonly avps: AvpValues }
  /** Established. `avps` are those of the peer's ICCN or OCCN; empty on the side that sent it. */
  | { readonly type: "call-up"; readonly call: CallId; readonly avps: AvpValues }
  /** Follows every `call-request` and every `openCall`, once. `withTunnel`: because its control connection has. */
  | { readonly type: "call-down"; readonly call: CallId; readonly ended: Ended; readonly withTunnel: boolean }
  | { readonly type: "wan-error-notify"; readonly call: CallId; readonly avps: AvpValues }
  | { readonly type: "set-link-info"; readonly call: CallId; readonly avps: AvpValues };

/** A command named a tunnel or call that is not there (any more): the machine does nothing and answers false. */
export type Done = boolean;

/** `halfOpen`: control connections whose peer has proven nothing yet; `tunnels` has them, and those that are closing. */
export interface Population {
  readonly tunnels: number;
  readonly halfOpen: number;
  readonly calls: number;
}

export interface Endpoint extends Machine<Datagram, Output> {
  /** Sends an SCCRQ. Undefined if the limits or ids are exhausted. */
  openTunnel(open: TunnelOpen, now: number): TunnelId | undefined;
  acceptTunnel(tunnel: TunnelId, settings: TunnelSettings, now: number): Done;
  rejectTunnel(tunnel: TunnelId, result: Result, now: number): Done;
  /** Sends a StopCCN; the calls end with it. */
  closeTunnel(tunnel: TunnelId, result: Result, now: number): Done;
  /** Sends an ICRQ (incoming) or OCRQ (outgoing), at once or when the tunnel is up. */
  openCall(tunnel: TunnelId, kind: "incoming" | "outgoing", avps: AvpValues, now: number): CallId | undefined;
  /** Sends an ICRP or OCRP. */
  acceptCall(call: CallId, avps: AvpValues, now: number): Done;
  /** Sends an ICCN or OCCN (by the LAC). */
  connectCall(call: CallId, avps: AvpValues, now: number): Done;
  /** Sends a CDN. */
  closeCall(call: CallId, result: Result, now: number): Done;
  /** WEN, by the LAC. Not sent, nor an SLI, while many messages wait for the peer. */
  notifyWanError(call: CallId, avps: AvpValues, now: number): Done;
  /** SLI, by the LNS. */
  setLinkInfo(call: CallId, avps: AvpValues, now: number): Done;
  /** Data arrives from another port of the peer's address: finds out by a HELLO there, and follows if it is answered. */
  probe(tunnel: TunnelId, remote: string, now: number): Done;
  /** How many messages the peer was to be sent so far, waiting ones included, and how many it has acknowledged. */
  delivery(tunnel: TunnelId): { readonly queued: number; readonly acknowledged: number } | undefined;
  tunnel(tunnel: TunnelId): TunnelInfo | undefined;
  call(call: CallId): CallInfo | undefined;
  tunnels(): readonly TunnelInfo[];
  calls(tunnel: TunnelId): readonly CallInfo[];
  /** Messages dropped, by reason. */
  drops(): Readonly<Record<string, number>>;
  /** Control messages sent and received by type name, retransmissions and the like, for metrics. */
  counters(): Readonly<Record<string, number>>;
  /** How many there are at this moment. */
  population(): Population;
  /** Everything needed to go on elsewhere, as plain data (structured-cloneable). `restoreEndpoint` takes it. */
  snapshot(): EndpointState;
}
