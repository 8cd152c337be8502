/** What becomes of a subscriber with time: it ends, it was idle, it is accounted for and advertised to. */
import type { Accounted } from "../aaa/types.js";
import type { Core } from "../core.js";
import type { Subscriber } from "./records.js";

/** Milliseconds that a subscriber has for a network protocol: until one is open it holds addresses for nothing. */
export const networkPatience = 60_000;

/** Sees to it that `expired` is called when the next thing is due. */
export function arm(core: Core, subscriber: Subscriber): void {
  const { subscribers } = core.termination;
  if (subscriber.slot !== 0) subscribers.clear(subscriber, subscriber.slot);
  subscriber.slot = 0;
  if (subscriber.ended) return;
  const { endsAt, idleAt, interimAt, advertiseAt, network } = subscriber;
  const at = Math.min(endsAt, idleAt, interimAt, advertiseAt, network?.deadline() ?? Number.POSITIVE_INFINITY);
  if (at !== Number.POSITIVE_INFINITY) subscriber.slot = subscribers.set(subscriber, at);
}

/** The first network protocol is open: from here on it counts. */
export function accountingBegins(core: Core, subscriber: Subscriber): void {
  if (subscriber.accounted || subscriber.ended) return;
  const accounted = accountedOf(core, subscriber);
  if (!accounted) return;
  subscriber.accounted = accounted;
  core.termination.aaa?.accounting.start(accounted);
  const { interimInterval, identity, address, prefix, delegated, plan, since } = subscriber;
  const sessionTimeout = identity.profile.sessionTimeout ?? plan.config.sessionTimeout;
  subscriber.endsAt = sessionTimeout > 0 ? since + sessionTimeout : Number.POSITIVE_INFINITY;
  if (interimInterval > 0) subscriber.interimAt = core.now() + interimInterval;
  arm(core, subscriber);
  core.counts.add("subscribers-up");
  const { userName } = identity;
  core.log.info({ user: userName, address, prefix, delegated, unit: subscriber.unit }, "subscriber up");
  const [first] = subscriber.members;
  core.emit({ type: "subscriber-up", call: first?.leg.call ?? 0, user: userName, address, prefix, delegated });
}

/** What accounting says of it, as it is now; undefined: it has no links any more. */
export function accountedOf(core: Core, subscriber: Subscriber): Accounted | undefined {
  const { identity, address, prefix, delegated, peerInterfaceId, members, bundle, class: classes } = subscriber;
  const [first] = members;
  const caller = subscriber.accounted?.caller ?? first?.caller;
  if (!caller) return undefined;
  return {
    caller: bundle === undefined ? caller : { ...caller, bundle: caller.bundle ?? caller.session },
    userName: identity.userName,
    by: identity.by,
    class: classes,
    address,
    ipv6Prefix: prefix,
    delegatedPrefix: delegated,
    interfaceId: peerInterfaceId === "" ? undefined : peerInterfaceId,
    // Those that have been in it, not those that are (RFC 2866 §5.12).
    links: bundle === undefined ? undefined : Math.max(members.size, subscriber.accounted?.links ?? 0),
    started: subscriber.accounted?.started ?? core.now(),
  };
}
