/** Addresses and prefixes that subscribers get, and how their networks are told of them. Addresses and prefixes are text. */

export interface PoolConfig {
  readonly name: string;
  /** Prefixes and ranges (192.0.2.10-192.0.2.99), IPv4 and IPv6. */
  readonly ranges: readonly string[];
  /** Never given out. */
  readonly exclude: readonly string[];
  /** Length of the IPv6 prefixes that are given out: 64 for links, what is to be delegated otherwise. */
  readonly prefixLength: number;
  readonly delegatedLength: number;
  /** How long an address that was released is given to nobody else, milliseconds. */
  readonly quarantine: number;
  /** Whether a user gets the address that it had, if that is free. */
  readonly sticky: boolean;
}

/** `delegated` prefixes and `link` prefixes come out of different halves of an IPv6 range. */
export type LeaseKind = "ipv4" | "link" | "delegated";

export interface Lease {
  readonly pool: string;
  readonly kind: LeaseKind;
  /** 192.0.2.1, or 2001:db8:0:1::/64. */
  readonly address: string;
}

export interface PoolStatus {
  readonly pool: string;
  readonly kind: LeaseKind;
  readonly size: number;
  readonly used: number;
  readonly quarantined: number;
}

export interface Pools {
  /** The lowest-cost free one; the user's last one where pools are sticky. Undefined: none is free, or no such pool. */
  take(pool: string, kind: LeaseKind, user: string, now: number): Lease | undefined;
  /** Takes this very address out of whichever pool has it; `undefined`: in no pool (and free to use); false: it is taken. */
  claim(kind: LeaseKind, address: string, user: string, now: number): Lease | undefined | false;
  give(lease: Lease, user: string, now: number): void;
  /** New configuration: leases that are out stay out. */
  configure(pools: readonly PoolConfig[], now: number): void;
  status(now: number): readonly PoolStatus[];
}

/** A subscriber's IPv6 as its router advertisements and DHCPv6 answers tell it. */
export interface SubscriberIpv6 {
  readonly localInterfaceId: string;
  readonly peerInterfaceId: string;
  /** /64 that the subscriber may form addresses in. */
  readonly prefix: string | undefined;
  readonly delegated: string | undefined;
  readonly dns: readonly string[];
  readonly mtu: number;
}

/**
 * Answers IPv6 packets that a subscriber sends to its router: Router Solicitations (RFC 4861) and DHCPv6 (RFC 8415, IA_PD and IA_NA,
 * stateless too). A function of its input: all state is the subscriber's addresses. `answers` are whole IPv6 packets.
 */
export type AnswerIpv6 = (
  packet: Uint8Array,
  subscriber: SubscriberIpv6,
) => { readonly answers: readonly Uint8Array[]; readonly drop?: string | undefined; readonly bound?: boolean };

/** An unsolicited Router Advertisement (RFC 4861 §6.2.4), a whole IPv6 packet; `lifetime` 0 takes it all back. */
export type Advertise = (subscriber: SubscriberIpv6, lifetime: number) => Uint8Array;
