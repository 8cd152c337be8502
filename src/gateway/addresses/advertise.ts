/** Router advertisements (RFC 4861 §6.2.3) for a subscriber's link. */
import * as icmp6 from "../../wire/icmp6.js";
import * as ipv6 from "../../wire/ipv6.js";
import { allNodes, leaseLifetime, linkPrefix, routerAddress } from "./router.js";
import type { Advertise, SubscriberIpv6 } from "./types.js";

const hopLimit = 64;

/** Unsolicited: to all nodes. `lifetime` in seconds. */
export const advertise: Advertise = (subscriber, lifetime) => advertisement(subscriber, lifetime, allNodes);

/**
 * A whole IPv6 packet. Addresses are the subscriber's own to form (A, not M); DHCPv6 has the delegated prefix and DNS (O). The
 * prefix is not on-link: there is nobody on a point-to-point link to resolve addresses with, and what is not the subscriber's own
 * goes to its router in any case (RFC 4861 §4.6.2: no L flag makes no statement).
 */
export function advertisement(subscriber: SubscriberIpv6, lifetime: number, destination: Uint8Array): Uint8Array {
  const prefix = linkPrefix(subscriber);
  const servers = subscriber.dns.flatMap((text) => ipv6.parseAddress(text) ?? []);
  const withdrawn = lifetime === 0;
  const body = icmp6.encodeRouterAdvertisement({
    hopLimit,
    managed: false,
    other: servers.length > 0 || subscriber.delegated !== undefined,
    lifetime,
    prefixes: prefix
      ? [
          {
            prefix,
            length: 64,
            onLink: false,
            autonomous: true,
            valid: withdrawn ? 0 : leaseLifetime.valid,
            preferred: withdrawn ? 0 : leaseLifetime.preferred,
          },
        ]
      : [],
    mtu: subscriber.mtu,
    dns: servers.length > 0 ? { lifetime, servers } : undefined,
  });
  return icmp6.encode(
    { type: icmp6.type.routerAdvertisement, code: 0, body },
    { source: routerAddress(subscriber), destination, hopLimit: icmp6.discoveryHopLimit },
  );
}
