/** A subscriber's IPv6 beside IPV6CP: router advertisements, and what it asks its router (RFC 4861, RFC 8415). */
import { advertise } from "../addresses/advertise.js";
import { answerIpv6 } from "../addresses/answer.js";
import type { SubscriberIpv6 } from "../addresses/types.js";
import type { Core } from "../core.js";
import { ourInterfaceId } from "./interface-id.js";
import type { Subscriber } from "./records.js";

/** RFC 4861 §6.2.1, milliseconds and seconds: AdvDefaultLifetime, and well below a third of it between advertisements. */
const lifetime = 1800;
const advertisementInterval = 500_000;
/** Bytes that say "address, control, IPv6" (RFC 1662 §3.1, RFC 5072 §2). */
const header = [0xff, 0x03, 0x00, 0x57] as const;

function facts({ plan, identity, prefix, delegated, peerInterfaceId }: Subscriber): SubscriberIpv6 {
  const { ipv6Dns, mtu } = identity.profile;
  return {
    localInterfaceId: ourInterfaceId,
    peerInterfaceId,
    prefix,
    delegated,
    dns: ipv6Dns.length > 0 ? ipv6Dns : plan.config.ipv6Dns,
    mtu: Math.max(1280, mtu ?? plan.config.mru),
  };
}

/** An IPv6 packet to its router or to a multicast group. */
export function takeIpv6(core: Core, subscriber: Subscriber, packet: Uint8Array): void {
  if (!subscriber.ipv6) {
    core.counts.add("dropped-ppp-not-open");
    return;
  }
  const { answers, drop } = answerIpv6(packet, facts(subscriber));
  if (drop !== undefined) core.counts.add(`dropped-ipv6-${drop}`);
  for (const answer of answers) send(core, subscriber, answer);
}

export function advertiseNow(core: Core, subscriber: Subscriber): void {
  send(core, subscriber, advertise(facts(subscriber), lifetime));
  subscriber.advertiseAt = core.now() + advertisementInterval;
}

function send(core: Core, { unit }: Subscriber, packet: Uint8Array): void {
  if (unit === 0) return;
  const bytes = new Uint8Array(header.length + packet.length);
  bytes.set(header);
  bytes.set(packet, header.length);
  core.plane.inject({ to: "unit", unit, bytes });
}
