/** Subscribers whose time has come. */
import type { Core } from "../core.js";
import { advertiseNow } from "./ipv6.js";
import { networkExpired } from "./network.js";
import type { Subscriber } from "./records.js";
import { hangUp } from "./subscriber.js";
import { accountedOf, arm } from "./times.js";
import { usageNow } from "./unit.js";

export function subscriberExpired(core: Core, subscriber: Subscriber): void {
  subscriber.slot = 0;
  if (subscriber.ended) return;
  const now = core.now();
  if (subscriber.endsAt <= now) {
    subscriber.endsAt = Number.POSITIVE_INFINITY;
    if (subscriber.accounted) hangUp(core, subscriber, "session-timeout", "session time-out");
    else hangUp(core, subscriber, "user-error", "no network protocol was opened");
    return;
  }
  if (subscriber.advertiseAt <= now) advertiseNow(core, subscriber);
  if (subscriber.idleAt <= now || subscriber.interimAt <= now) look(core, subscriber, now);
  networkExpired(core, subscriber);
  arm(core, subscriber);
}

/** Its traffic is looked at: to account for it, and whether there is any. */
function look(core: Core, subscriber: Subscriber, now: number): void {
  const account = subscriber.interimAt <= now;
  const idling = subscriber.idleAt <= now;
  if (account) subscriber.interimAt = now + subscriber.interimInterval;
  if (idling) subscriber.idleAt = now + subscriber.idleTimeout;
  const looking = usageNow(core, subscriber).then(({ usage, idle }) => {
    if (subscriber.ended) return;
    const accounted = account ? accountedOf(core, subscriber) : undefined;
    if (accounted) core.termination.aaa?.accounting.interim(accounted, usage);
    if (!idling) return;
    const idleFor = Math.min(idle ?? Number.POSITIVE_INFINITY, core.now() - subscriber.since);
    if (idleFor >= subscriber.idleTimeout) hangUp(core, subscriber, "idle-timeout", "idle");
    else subscriber.idleAt = core.now() + subscriber.idleTimeout - idleFor;
    arm(core, subscriber);
  });
  core.track(looking);
}
