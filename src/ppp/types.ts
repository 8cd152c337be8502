/**
 * PPP as its drivers see it: two machines. A `Link` is one channel's LCP and authentication (RFC 1661 and its companions); a
 * `Network` is a unit's network control protocols, over one link or a bundle of them (RFC 1990). Frames come in as the data
 * plane punts them; decisions come in as commands; frames and events come out of `take()`.
 *
 * There are tens of thousands of both, so that what many share (settings) is held once, and a machine that is at rest is small.
 */
import type { Machine } from "../machine.js";

/** How a peer proves who it is: RFC 1334, RFC 1994, RFC 2433, RFC 2759, RFC 3748. */
export type AuthProtocol = "pap" | "chap-md5" | "mschap" | "mschapv2" | "eap";

/** Random bytes from a source that cannot be guessed. */
export type RandomBytes = (length: number) => Uint8Array;

/** What the links of one policy have in common. Times in milliseconds. */
export interface LinkSettings {
  /** Largest packet that we want to receive (RFC 1661 §6.1); 1500 is not negotiated. */
  readonly mru: number;
  /** Whether we negotiate a magic number and look for loops (§6.4). */
  readonly magicNumber: boolean;
  /** Whether we ask for, and grant, the compressions of the header (§6.5, §6.6). */
  readonly protocolFieldCompression: boolean;
  readonly addressAndControlFieldCompression: boolean;
  /** With which of these the peer must authenticate, best first; none: it need not. */
  readonly authenticate: readonly AuthProtocol[];
  /** Our name in challenges and responses. */
  readonly name: string;
  /** What we authenticate with if the peer demands it; without: we refuse to. */
  readonly credentials?: { readonly password: Uint8Array; readonly allow: readonly AuthProtocol[] } | undefined;
  /** Multilink (RFC 1990); without: MRRU is rejected. */
  readonly multilink?:
    | { readonly mrru: number; readonly shortSequence: boolean; readonly discriminator: EndpointDiscriminator }
    | undefined;
  /** Waits for the peer's first Configure-Request (§4.2, passive). */
  readonly passive: boolean;
  /** Silence after which the peer is asked for a sign of life; 0: never. So many unanswered ones end the link. */
  readonly echoInterval: number;
  readonly echoFailures: number;
  readonly restartTimer: number;
  readonly maxConfigure: number;
  readonly maxTerminate: number;
  readonly maxFailure: number;
  /** Time in which the peer must have authenticated. */
  readonly authenticationTimeout: number;
  /** Interval of repeated challenges (RFC 1994 §2); 0: none. */
  readonly rechallengeInterval: number;
}

/** RFC 1990 §5.1.3. */
export interface EndpointDiscriminator {
  readonly class: number;
  readonly address: Uint8Array;
}

/** What LCP has agreed on. `local` is what the peer may send to us, `peer` what we may send to it. */
export interface LcpOptions {
  readonly mru: number;
  readonly magicNumber: number;
  readonly accm: number | undefined;
  readonly protocolFieldCompression: boolean;
  readonly addressAndControlFieldCompression: boolean;
  /** The protocol that this side has to authenticate with. */
  readonly authentication: AuthProtocol | undefined;
  readonly mrru: number | undefined;
  readonly shortSequence: boolean;
  readonly discriminator: EndpointDiscriminator | undefined;
}

export interface LcpAgreement {
  readonly local: LcpOptions;
  readonly peer: LcpOptions;
}

/** What a LAC negotiated and heard before it handed the call over (RFC 2661 §4.4.5): whole LCP packets' options. */
export interface ProxyLcp {
  readonly initialReceived: Uint8Array | undefined;
  readonly lastSent: Uint8Array;
  readonly lastReceived: Uint8Array;
  readonly credentials: PeerCredentials | undefined;
}

/** What the peer has shown. The driver has it judged and answers by `Link.judge`. */
export type PeerCredentials =
  | {
      readonly method: "pap";
      readonly name: string;
      readonly password: Uint8Array;
      /** Of a request that a LAC heard (RFC 2661 §4.4.5, Proxy Authen ID): the one to answer. */
      readonly identifier?: number | undefined;
    }
  | {
      readonly method: "chap-md5" | "mschap" | "mschapv2";
      readonly name: string;
      readonly identifier: number;
      readonly challenge: Uint8Array;
      /** 16 octets of MD5, or the 49 octets of MS-CHAP. */
      readonly response: Uint8Array;
    }
  /** A whole EAP packet from the peer (RFC 3748 §4): first the Response/Identity, which has the name. */
  | { readonly method: "eap"; readonly name: string; readonly packet: Uint8Array };

export type Judgement =
  /** `message` goes to the peer; for MS-CHAPv2 it begins with S= and the authenticator response (RFC 2759 §5). */
  | { readonly verdict: "accept"; readonly message?: string | undefined; readonly eap?: Uint8Array | undefined }
  | { readonly verdict: "reject"; readonly message?: string | undefined; readonly eap?: Uint8Array | undefined }
  /** A whole EAP request to pass to the peer. */
  | { readonly verdict: "challenge"; readonly eap: Uint8Array };

/** Why a link ended. */
export type LinkEnd =
  | "closed" // by command
  | "peer-closed" // Terminate-Request
  | "no-answer" // configuration given up
  | "echo-failure"
  | "loop" // our own magic number came back
  | "no-agreement" // options that cannot be agreed on
  | "authentication-failed"
  | "authentication-timeout"
  | "refused-by-peer"; // the peer did not accept our credentials

export type LinkOutput =
  /** A whole PPP frame for the link's channel, with address and control. */
  | { readonly type: "send"; readonly bytes: Uint8Array }
  /** May come again: the peer has negotiated anew, and what was above LCP is down until the next `network`. */
  | { readonly type: "lcp-up"; readonly agreement: LcpAgreement }
  | { readonly type: "authenticate"; readonly credentials: PeerCredentials }
  /** The network phase may begin: LCP is open, and whoever had to authenticate has. */
  | { readonly type: "network"; readonly peerName: string | undefined }
  /** The peer does not know this protocol (Protocol-Reject); the driver tells the network, if it is one of its. */
  | { readonly type: "protocol-rejected"; readonly protocol: number }
  /** RFC 1570 Identification, or a Time-Remaining. */
  | { readonly type: "told"; readonly what: "identification" | "time-remaining"; readonly text: string }
  /** Once, at the end; LCP went down, or never came up. */
  | { readonly type: "down"; readonly reason: LinkEnd; readonly message: string | undefined };

export type LcpState =
  | "initial"
  | "starting"
  | "closed"
  | "stopped"
  | "closing"
  | "stopping"
  | "req-sent"
  | "ack-rcvd"
  | "ack-sent"
  | "opened"; // prettier-ignore

/** For troubleshooting. */
export interface LinkStatus {
  readonly phase: "establish" | "authenticate" | "network" | "terminate" | "dead";
  readonly lcp: LcpState;
  readonly agreement: LcpAgreement | undefined;
  readonly peerName: string | undefined;
  readonly counters: Readonly<Record<string, number>>;
}

/** `handle` takes a PPP frame (with or without address and control) of LCP, PAP, CHAP or EAP. */
export interface Link extends Machine<Uint8Array, LinkOutput> {
  /** The lower layer is up: begin. With `proxy`, what a LAC agreed on is taken over, if it is acceptable. */
  open(now: number, proxy?: ProxyLcp): void;
  /** Ends the link by a Terminate-Request with `message`; `down` follows. */
  close(now: number, message?: string): void;
  /** The lower layer is gone: nothing can be sent any more, no `down` follows. */
  lowerDown(): void;
  judge(judgement: Judgement, now: number): void;
  /** A frame of a protocol that nobody here knows: Protocol-Reject (RFC 1661 §5.7). `information` without the protocol field. */
  rejectProtocol(protocol: number, information: Uint8Array, now: number): void;
  /** Data arrived: as good as an echo reply. */
  alive(now: number): void;
  /** RFC 1570: says who we are, or how long the session has left (seconds). */
  tell(what: "identification" | "time-remaining", value: string | number, now: number): void;
  status(): LinkStatus;
  /** What a LAC would pass on of this link (RFC 2661 §4.4.5); undefined before LCP is up. */
  proxy(): ProxyLcp | undefined;
  /** Plain data, structured-cloneable; `restoreLink` takes it. */
  snapshot(): unknown;
}

/** What the networks of one policy have in common. Times in milliseconds. */
export interface NetworkSettings {
  readonly restartTimer: number;
  readonly maxConfigure: number;
  readonly maxTerminate: number;
  readonly maxFailure: number;
  /** MPLSCP (RFC 3032 §4.3). */
  readonly mpls: boolean;
  /** As a client: takes the addresses that the peer suggests. */
  readonly client: boolean;
}

/** What one subscriber is to have. Addresses as text. */
export interface NetworkAddresses {
  readonly ipv4?:
    | {
        readonly local: string;
        /** The peer's; 0.0.0.0 lets it choose (or, as a client, our own is asked for). */
        readonly peer: string;
        readonly dns: readonly string[];
        readonly nbns: readonly string[];
      }
    | undefined;
  readonly ipv6?:
    | {
        /** 64 bits, as 16 hexadecimal digits. */
        readonly localInterfaceId: string;
        /** Demanded of the peer; undefined: it may choose. */
        readonly peerInterfaceId: string | undefined;
      }
    | undefined;
}

export type NetworkProtocol = "ipv4" | "ipv6" | "mpls";

export type NetworkOutput =
  /** A whole PPP frame for the unit, with address and control. */
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | {
      readonly type: "ipv4-up";
      readonly local: string;
      readonly peer: string;
      /** As a client: what the peer told us. */
      readonly dns: readonly string[];
    }
  | { readonly type: "ipv6-up"; readonly localInterfaceId: string; readonly peerInterfaceId: string }
  | { readonly type: "mpls-up" }
  | { readonly type: "network-down"; readonly protocol: NetworkProtocol }
  /** A protocol that is not among ours (CCP, ECP, or one that is not configured): the driver has a link reject it. */
  | { readonly type: "unknown-protocol"; readonly protocol: number; readonly information: Uint8Array }
  /** No network protocol is open nor can be: the driver ends the link. */
  | { readonly type: "finished"; readonly reason: string };

export interface NetworkStatus {
  readonly protocols: Readonly<Partial<Record<NetworkProtocol, LcpState>>>;
  readonly counters: Readonly<Record<string, number>>;
}

/** `handle` takes a PPP frame (with or without address and control) of any protocol that is not a link's. */
export interface Network extends Machine<Uint8Array, NetworkOutput> {
  /** Begins; called again after another `network` of the link, begins anew. */
  open(now: number): void;
  /** Ends the network protocols by Terminate-Requests. */
  close(now: number): void;
  /** The peer does not know this protocol. */
  protocolRejected(protocol: number, now: number): void;
  status(): NetworkStatus;
  snapshot(): unknown;
}
