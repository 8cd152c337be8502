/** A user from the moment he is known until all of his links are gone. */

import type { Ended } from "../../l2tp/types.js";
import { createNetwork } from "../../ppp/index.js";
import { newProfile } from "../aaa/profile.js";
import type { TerminateCause, Usage } from "../aaa/types.js";
import type { Core } from "../core.js";
import { giveAddresses, takeAddresses } from "./addresses.js";
import { causeOfCallEnd, linkEnds } from "./causes.js";
import { ourInterfaceId } from "./interface-id.js";
import { openNetwork } from "./network.js";
import type { Identity, Member, Subscriber } from "./records.js";
import { accountedOf, arm, networkPatience } from "./times.js";
import { connect, deleteUnit, noUsage, plumb } from "./unit.js";

/** Whoever need not authenticate is nobody in particular. */
const nobody: Identity = { userName: "", by: undefined, profile: newProfile() };

/** A link has reached the network phase: it joins its user's bundle, or a network of its own begins. */
export function admit(core: Core, member: Member): void {
  const identity = member.identity ?? nobody;
  const bundle = bundleOf(member, identity);
  const present = bundle === undefined ? undefined : core.termination.directory.bundle(bundle);
  if (present) join(core, member, present);
  else begin(core, member, identity, bundle);
}

/**
 * User and endpoint discriminator name a bundle (RFC 1990 §5.1.3), where both sides want one. Who has not authenticated could
 * claim to be anybody, and is in a bundle by himself.
 */
export function bundleOf({ agreement, leg }: Member, { userName }: Identity): string | undefined {
  if (agreement?.local.mrru === undefined || agreement.peer.mrru === undefined) return undefined;
  if (userName === "") return `\0${leg.call}`;
  const { discriminator } = agreement.peer;
  return `${userName}\0${discriminator ? `${discriminator.class}:${Buffer.from(discriminator.address).toString("hex")}` : ""}`;
}

function join(core: Core, member: Member, subscriber: Subscriber): void {
  const { profile } = subscriber.identity;
  const limit = profile.portLimit ?? subscriber.plan.config.maxLinks;
  if (subscriber.members.size >= limit || member.plan !== subscriber.plan) {
    core.counts.add("links-refused-bundle");
    close(core, member, "service-unavailable", "too many links");
    return;
  }
  member.subscriber = subscriber;
  subscriber.members.add(member);
  if (subscriber.accounted) subscriber.accounted = accountedOf(core, subscriber);
  core.counts.add("links-joined");
  connect(core, subscriber, member);
}

function begin(core: Core, member: Member, identity: Identity, bundle: string | undefined): void {
  const { plan } = member;
  const { config } = plan;
  const { profile } = identity;
  const now = core.now();
  const addresses = takeAddresses(core, plan, identity);
  if (typeof addresses === "string") {
    core.counts.add("logins-without-address");
    core.log.warn({ call: member.leg.call, user: identity.userName, reason: addresses }, "no address for a subscriber");
    close(core, member, "service-unavailable", addresses);
    return;
  }
  const interimInterval = profile.interimInterval ?? core.config.aaa.interimInterval;
  const idleTimeout = profile.idleTimeout ?? config.idleTimeout;
  const subscriber: Subscriber = {
    plan,
    identity,
    members: new Set([member]),
    since: now,
    bundle,
    ...addresses,
    network: undefined,
    ipv4: false,
    ipv6: false,
    peerInterfaceId: "",
    rates: profile.rates ?? config.rates,
    endsAt: now + networkPatience,
    idleTimeout,
    idleAt: idleTimeout > 0 ? now + idleTimeout : Number.POSITIVE_INFINITY,
    interimInterval,
    interimAt: Number.POSITIVE_INFINITY,
    advertiseAt: Number.POSITIVE_INFINITY,
    class: profile.class,
    filters: profile.filters,
    unit: 0,
    own: undefined,
    work: Promise.resolve(),
    accounted: undefined,
    ended: false,
    cause: undefined,
    slot: 0,
    sameUser: undefined,
  };
  member.subscriber = subscriber;
  core.termination.directory.add(subscriber);
  if (bundle !== undefined) plumb(core, subscriber);
  subscriber.network = createNetwork(plan.network, networkAddresses(core, subscriber), core.random);
  openNetwork(core, subscriber);
  arm(core, subscriber);
}

function networkAddresses(core: Core, { plan, identity: { profile }, address, prefix, delegated }: Subscriber) {
  const { dns, nbns } = profile;
  return {
    ipv4:
      address === undefined
        ? undefined
        : {
            local: core.termination.device?.ipv4 ?? "",
            peer: address,
            dns: dns.length > 0 ? dns : plan.config.dns,
            nbns: nbns.length > 0 ? nbns : plan.config.nbns,
          },
    ipv6:
      prefix === undefined && delegated === undefined
        ? undefined
        : { localInterfaceId: ourInterfaceId, peerInterfaceId: profile.interfaceId },
  };
}

/** Ends a link of ours by PPP's own means; its call ends with it. */
export function close(core: Core, member: Member, cause: TerminateCause, message: string): void {
  member.cause ??= cause;
  member.link.close(core.now(), message);
  core.termination.settle(member);
}

/** Ends a user and every link of his. What he had is free at once, though the links wait for his acknowledgement. */
export function hangUp(core: Core, subscriber: Subscriber, cause: TerminateCause, message: string): void {
  subscriber.cause ??= cause;
  subscriber.network = undefined;
  const members = [...subscriber.members];
  for (const member of members) close(core, member, cause, message);
  for (const member of members) leave(core, member, cause);
}

/** The peer has hung up. Its link and call wait a while (RFC 1661 §3.7), in which nothing is passed on or accounted for. */
export function hungUp(core: Core, member: Member): void {
  const { cause } = linkEnds["peer-closed"];
  member.cause ??= cause;
  // In a bundle the others go on; its channel is theirs until the call is gone.
  if (member.subscriber?.members.size === 1) leave(core, member, member.cause);
}

/** The link is no longer ours to speak on, though its call goes on. */
export function abandon(core: Core, member: Member): void {
  member.link.lowerDown();
  member.leg.member = undefined;
  if (member.slot !== 0) core.termination.members.clear(member, member.slot);
  member.slot = 0;
}

/** The call is gone, and the link with it. */
export function memberGone(core: Core, member: Member, ended: Ended): void {
  abandon(core, member);
  leave(core, member, member.cause ?? (core.stopping ? "admin-reboot" : causeOfCallEnd(ended)));
}

function leave(core: Core, member: Member, cause: TerminateCause): void {
  const { subscriber } = member;
  if (!subscriber) return;
  member.subscriber = undefined;
  subscriber.members.delete(member);
  if (subscriber.members.size > 0) core.counts.add("links-left");
  else end(core, subscriber, subscriber.cause ?? cause);
}

function end(core: Core, subscriber: Subscriber, cause: TerminateCause): void {
  subscriber.ended = true;
  subscriber.cause = cause;
  const { termination } = core;
  termination.directory.remove(subscriber);
  if (subscriber.slot !== 0) termination.subscribers.clear(subscriber, subscriber.slot);
  core.counts.add("subscribers-down");
  subscriber.work = subscriber.work.then(() => release(core, subscriber, cause));
  core.track(subscriber.work);
}

/** His addresses are free when no frame can be his any more; what is accounted is what there was at that moment. */
async function release(core: Core, subscriber: Subscriber, cause: TerminateCause): Promise<void> {
  const usage = await deleteUnit(core, subscriber).catch((error: unknown): Usage => {
    core.counts.add("data-plane-refused-unit");
    core.log.error({ user: subscriber.identity.userName, error: String(error) }, "a unit cannot be deleted");
    return noUsage;
  });
  giveAddresses(core, subscriber);
  const accounted = subscriber.accounted && accountedOf(core, subscriber);
  if (accounted) core.termination.aaa?.accounting.stop(accounted, usage, cause);
  const { userName } = subscriber.identity;
  core.log.info({ user: userName, address: subscriber.address, cause, ...usage }, "subscriber down");
  core.emit({ type: "subscriber-down", user: userName, address: subscriber.address, cause, usage });
}
