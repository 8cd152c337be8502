/**
 * What the two threads of a run share about its PPP subscribers: typed arrays by session over shared memory. The thread that
 * sets up calls begins and ends a subscriber; everything between is the data thread's (`ppp-client.ts`).
 */

export const pppState = { idle: 0, link: 1, authentication: 2, network: 3, up: 4, closing: 5, ended: 6 } as const;
export type PppState = (typeof pppState)[keyof typeof pppState];

/** Why a subscriber ended, in words; its number is the index. */
export const pppReasons = [
  "",
  "authentication refused",
  "no answer to LCP",
  "no answer to authentication",
  "no answer to IPCP or IPv6CP",
  "ended by the LNS",
  "the LNS demands a method of authentication that is not allowed",
  "the LNS gives no address",
  "hung up",
] as const;
export type PppReason = (typeof pppReasons)[number];
export const reasonNumber = (reason: PppReason): number => pppReasons.indexOf(reason);

export const authMethods = ["pap", "chap", "mschapv2"] as const;
export type AuthMethod = (typeof authMethods)[number];

/** What all subscribers of a run have in common; crosses to the data thread. */
export interface PppSettings {
  /** In both, %d becomes the session's number. */
  readonly user: string;
  readonly password: string;
  /** What the LNS may demand; the first is asked for when it demands another. */
  readonly auth: readonly AuthMethod[];
  /** Whether IPv6CP is wanted too. */
  readonly ipv6: boolean;
  /** Where data goes: an IPv4 address that sends it back from a UDP port, or is pinged. Without: to the next subscriber. */
  readonly target: Target | undefined;
}

export type Target =
  | { readonly by: "udp"; readonly address: number; readonly port: number }
  | { readonly by: "ping"; readonly address: number };

export interface PppBoard {
  readonly settings: PppSettings;
  readonly state: Uint8Array;
  readonly reason: Uint8Array;
  /** IPv4 addresses as numbers; 0: none yet. */
  readonly address: Uint32Array;
  readonly dns: Uint32Array;
  readonly secondDns: Uint32Array;
  /** Bits of `ppp-client.ts`. */
  readonly flags: Uint16Array;
  readonly identifier: Uint8Array;
  readonly tries: Uint8Array;
  /** When the next transmission is due, in the data thread's milliseconds; 0: not known yet. */
  readonly due: Float64Array;
  /** By leg: sequence numbers of data messages (RFC 2661 §5.4), where there are any. */
  readonly sequence: Uint16Array;
}

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);

export const createPppBoard = (sessions: number, settings: PppSettings): PppBoard => ({
  settings,
  state: new Uint8Array(shared(sessions)),
  reason: new Uint8Array(shared(sessions)),
  address: new Uint32Array(shared(sessions * 4)),
  dns: new Uint32Array(shared(sessions * 4)),
  secondDns: new Uint32Array(shared(sessions * 4)),
  flags: new Uint16Array(shared(sessions * 2)),
  identifier: new Uint8Array(shared(sessions)),
  tries: new Uint8Array(shared(sessions)),
  due: new Float64Array(shared(sessions * 8)),
  sequence: new Uint16Array(shared(sessions * 4)),
});

/** The session that a subscriber's data goes to, if there is no target: its neighbour, or itself when it has none. */
export const neighbour = (session: number, sessions: number): number =>
  (session ^ 1) < sessions ? session ^ 1 : session;

/** The subscriber's magic number (RFC 1661 §6.4): any but 0, and no two the same. */
export const magicNumber = (session: number): number => 0x4a42_0000 + session + 1;
