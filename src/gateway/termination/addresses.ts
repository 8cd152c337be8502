/** The addresses of a subscriber: those that AAA names, else out of the pools that AAA or the policy names. */
import type { Lease, LeaseKind } from "../addresses/types.js";
import type { Core } from "../core.js";
import type { Identity, Plan, Subscriber } from "./records.js";

/** Stands for the pool of an address that AAA named and that is in none. */
const noPool = "";

type Addresses = Pick<Subscriber, "address" | "prefix" | "delegated" | "leases">;

/** Undefined address: there is none of that kind. A text says why there can be none though there should. */
export function takeAddresses(core: Core, plan: Plan, { userName, profile }: Identity): Addresses | string {
  const leases: Lease[] = [];
  const now = core.now();
  const { pools, unpooled } = core.termination;

  /** False: none is to be had. */
  const take = (kind: LeaseKind, fixed: string | undefined, names: readonly string[]): string | undefined | false => {
    if (fixed !== undefined) {
      const lease = pools.claim(kind, fixed, userName, now);
      if (lease === false || (lease === undefined && unpooled.has(fixed))) return false;
      if (lease === undefined) unpooled.add(fixed);
      leases.push(lease ?? { pool: noPool, kind, address: fixed });
      return fixed;
    }
    for (const name of names) {
      const lease = pools.take(name, kind, userName, now);
      if (lease === undefined) continue;
      leases.push(lease);
      return lease.address;
    }
    return names.length > 0 && kind === "ipv4" ? false : undefined;
  };

  const named = (pool: string | undefined, ours: readonly string[]): readonly string[] => (pool ? [pool] : ours);
  const ours = plan.config.pools;
  const address = take("ipv4", profile.address, named(profile.pool, ours.ipv4));
  const prefix = take("link", profile.ipv6Prefix, named(profile.ipv6Pool, ours.link));
  const delegated = take("delegated", profile.delegatedPrefix, named(profile.delegatedPool, ours.delegated));
  if (address !== false && prefix !== false && delegated !== false) return { address, prefix, delegated, leases };
  for (const lease of leases) give(core, lease, userName);
  return profile.address !== undefined && address === false ? "the address is in use" : "no address is free";
}

export function giveAddresses(core: Core, { leases, identity }: Subscriber): void {
  for (const lease of leases.splice(0)) give(core, lease, identity.userName);
}

function give(core: Core, lease: Lease, userName: string): void {
  const { pools, unpooled } = core.termination;
  if (lease.pool === noPool) unpooled.delete(lease.address);
  else pools.give(lease, userName, core.now());
}

/** Whether an address came out of a pool, so that the pool's own route leads to it. */
export const isPooled = ({ leases }: Subscriber, address: string): boolean =>
  leases.some((lease) => lease.address === address && lease.pool !== noPool);
