/** Sessions changed and ended from outside: CoA and Disconnect (RFC 5176), and the operator's commands. */
import type { DynamicHandler, ProfileChange, Rates, SessionNames } from "../aaa/types.js";
import type { Core } from "../core.js";
import type { Subscriber } from "./records.js";
import { hangUp } from "./subscriber.js";
import { arm } from "./times.js";

/** Error-Cause (RFC 5176 §3.5). */
const errorCause = { contextNotFound: 503, multipleSelection: 508 } as const;

export const createDynamicHandler = (coreOf: () => Core): DynamicHandler => ({
  change: (names, change) => one(coreOf(), names, (core, subscriber) => apply(core, subscriber, change)),
  disconnect: (names) =>
    one(coreOf(), names, (core, subscriber) => hangUp(core, subscriber, "admin-reset", "disconnected by authority")),
});

/** A change means one session. Which of several was meant is not for us to guess. */
function one(core: Core, names: SessionNames, act: (core: Core, subscriber: Subscriber) => void): number | undefined {
  const [found, another] = core.termination.directory.find(names);
  if (!found) return errorCause.contextNotFound;
  if (another) return errorCause.multipleSelection;
  act(core, found);
  return undefined;
}

function apply(core: Core, subscriber: Subscriber, change: ProfileChange): void {
  const now = core.now();
  if (change.rates) setRates(core, subscriber, change.rates);
  if (change.sessionTimeout !== undefined) subscriber.endsAt = subscriber.since + change.sessionTimeout;
  if (change.idleTimeout !== undefined) {
    subscriber.idleTimeout = change.idleTimeout;
    subscriber.idleAt = change.idleTimeout > 0 ? now + change.idleTimeout : Number.POSITIVE_INFINITY;
  }
  if (change.interimInterval !== undefined) {
    subscriber.interimInterval = change.interimInterval;
    subscriber.interimAt = change.interimInterval > 0 ? now + change.interimInterval : Number.POSITIVE_INFINITY;
  }
  if (change.class) subscriber.class = change.class;
  if (change.filters) subscriber.filters = change.filters;
  core.counts.add("profiles-changed");
  core.log.info({ user: subscriber.identity.userName, change: Object.keys(change) }, "profile changed");
  arm(core, subscriber);
}

export function setRates(core: Core, subscriber: Subscriber, rates: Rates): void {
  subscriber.rates = rates;
  const { up = null, down = null } = rates;
  // After what is under way: a unit that is being made was told the rates of before.
  subscriber.work = subscriber.work.then(async () => {
    const { unit, ended } = subscriber;
    if (unit === 0 || ended) return;
    await core.plane.unit.set({ unit, up, down }).catch((error: unknown) => {
      core.counts.add("data-plane-refused-rates");
      core.log.error({ user: subscriber.identity.userName, rates, error: String(error) }, "data plane refused rates");
    });
  });
  core.track(subscriber.work);
}
