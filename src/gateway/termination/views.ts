/** Those who end here, as the operator sees them. */
import type { CallId } from "../../l2tp/types.js";
import type { SessionNames } from "../aaa/types.js";
import type { Core } from "../core.js";
import { select } from "../paging.js";
import type { Page, PppView, SubscriberView, UnitFacts, UnitView } from "../types.js";
import type { Subscriber } from "./records.js";
import { usageNow } from "./unit.js";

export async function pppViewOf(core: Core, call: CallId): Promise<PppView | undefined> {
  const member = core.legs.get(call)?.member;
  if (!member) return undefined;
  const { link, subscriber } = member;
  const network = subscriber?.network?.status();
  return { call, link: link.status(), network, subscriber: subscriber && (await subscriberView(core, subscriber)) };
}

async function subscriberView(core: Core, subscriber: Subscriber): Promise<SubscriberView> {
  const { identity, plan, members, unit, endsAt, idleTimeout } = subscriber;
  const { routes, ipv6Routes } = identity.profile;
  const callers = [...members].map(({ caller }) => caller);
  return {
    userName: identity.userName,
    links: linksOf(subscriber),
    unit: unit === 0 ? undefined : unit,
    rule: plan.rule,
    accountingSession: (subscriber.accounted?.caller ?? callers[0])?.session ?? "",
    address: subscriber.address,
    prefix: subscriber.prefix,
    delegated: subscriber.delegated,
    routes: [...routes, ...ipv6Routes],
    rates: subscriber.rates,
    filters: subscriber.filters,
    endsAt: endsAt === Number.POSITIVE_INFINITY ? undefined : endsAt,
    idleTimeout: idleTimeout > 0 ? idleTimeout : undefined,
    since: subscriber.since,
    ...(await usageNow(core, subscriber)),
  };
}

const linksOf = ({ members }: Subscriber): readonly CallId[] => [...members].map(({ leg }) => leg.call);

/** In the order of their handles. */
export function unitViews(core: Core, page: Page<UnitFacts> = {}): Promise<readonly UnitView[]> {
  const after = page.after ?? 0;
  const units = [...core.termination.directory.all()]
    .filter(({ unit }) => unit > after)
    .sort((a, b) => a.unit - b.unit);
  return select(units, page, unitFacts, (facts) => withState(core, facts));
}

export async function unitViewOf(core: Core, unit: number): Promise<UnitView | undefined> {
  const subscriber = core.termination.directory.byUnit(unit);
  return subscriber && withState(core, unitFacts(subscriber));
}

function unitFacts(subscriber: Subscriber): UnitFacts {
  const { unit, identity, address } = subscriber;
  return { unit, call: linksOf(subscriber)[0], userName: identity.userName, address };
}

/** The unit may go while it is asked for. */
async function withState(core: Core, facts: UnitFacts): Promise<UnitView | undefined> {
  const state = await core.plane.unit.get({ unit: facts.unit }).catch(() => undefined);
  return state && { ...facts, state };
}

export const callsOf = (core: Core, names: SessionNames): readonly CallId[] =>
  core.termination.directory.find(names).flatMap(linksOf);
