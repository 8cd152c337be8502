/** Tunnels and calls as the operator sees them: the machine's view, the gateway's, and the data plane's counters. */
import { type CountersOf, counters } from "../dataplane/attributes.js";
import type { CallId, CallInfo, TunnelInfo } from "../l2tp/types.js";
import type { Core } from "./core.js";
import { select, viewed } from "./paging.js";
import { type Leg, sideOf, type Tunnel } from "./records.js";
import type { ChannelView, Page, SessionFacts, SessionView, TunnelFacts, TunnelView } from "./types.js";

const zeros = <O extends "tunnel" | "session">(object: O): CountersOf<O> =>
  Object.fromEntries(counters[object].map((name) => [name, 0])) as CountersOf<O>;

const noTunnelTraffic = zeros("tunnel");
const noSessionTraffic = zeros("session");

export const tunnelViews = (core: Core, page: Page<TunnelFacts> = {}): Promise<readonly TunnelView[]> =>
  select(
    tunnelsAfter(core, page.after ?? 0),
    page,
    (tunnel) => tunnelFacts(core, tunnel),
    (facts) => withTunnelCounters(core, facts),
  );

export const sessionViews = (core: Core, page: Page<SessionFacts> = {}): Promise<readonly SessionView[]> =>
  select(
    callsAfter(core, page.after ?? 0),
    page,
    (info) => sessionFacts(core, info),
    (facts) => withSessionCounters(core, facts),
  );

/** Whether a channel is wanted is known only when the data plane was asked. */
export function channelViews(core: Core, page: Page<ChannelView> = {}): Promise<readonly ChannelView[]> {
  const { after = 0, limit, accept = () => true } = page;
  const viewOf = async (channel: number): Promise<ChannelView | undefined> => {
    const view = await channelView(core, channel);
    return view && accept(view) ? view : undefined;
  };
  return viewed(channelsAfter(core, after), viewOf, limit);
}

export async function tunnelViewOf(core: Core, id: number): Promise<TunnelView | undefined> {
  const tunnel = core.tunnels.get(id);
  const facts = tunnel && tunnelFacts(core, tunnel);
  return facts && withTunnelCounters(core, facts);
}

export async function sessionViewOf(core: Core, call: number): Promise<SessionView | undefined> {
  const info = core.endpoint.call(call);
  const facts = info && sessionFacts(core, info);
  return facts && withSessionCounters(core, facts);
}

function* tunnelsAfter(core: Core, after: number): Generator<Tunnel> {
  for (const id of Uint16Array.from(core.tunnels.keys()).sort()) {
    const tunnel = id > after && core.tunnels.get(id);
    if (tunnel) yield tunnel;
  }
}

/** In the order of their ids, those of one tunnel after those of the other. */
function* callsAfter(core: Core, after: CallId): Generator<CallInfo> {
  for (const { id } of tunnelsAfter(core, (after >>> 16) - 1)) {
    yield* core.endpoint
      .calls(id)
      .filter(({ call }) => call > after)
      .sort((a, b) => a.call - b.call);
  }
}

/** Handles grow, so that the table is as good as in order, and sorting it for each page would cost more than the page. */
function channelsAfter(core: Core, after: number): readonly number[] {
  const channels: number[] = [];
  let sorted = true;
  for (const channel of core.channels.keys()) {
    if (channel <= after) continue;
    if (channels.length > 0 && channel < channels[channels.length - 1]!) sorted = false;
    channels.push(channel);
  }
  return sorted ? channels : channels.sort((a, b) => a - b);
}

function tunnelFacts(core: Core, tunnel: Tunnel): TunnelFacts | undefined {
  const info: TunnelInfo | undefined = core.endpoint.tunnel(tunnel.id);
  return info && { ...info, side: sideOf(tunnel), since: tunnel.since };
}

function sessionFacts(core: Core, info: CallInfo): SessionFacts | undefined {
  const leg: Leg | undefined = core.legs.get(info.call);
  if (!leg) return undefined;
  const { callingNumber, calledNumber, userName } = leg.names;
  return {
    ...info,
    side: sideOf(leg.tunnel),
    channel: leg.channel === 0 ? undefined : leg.channel,
    bridgedWith: leg.bridged === 0 ? undefined : core.channels.get(leg.bridged)?.call,
    callingNumber,
    calledNumber,
    userName,
    fate: leg.member ? "terminated" : leg.bridged === 0 ? undefined : "bridged",
    address: leg.member?.subscriber?.address,
    prefix: leg.member?.subscriber?.prefix,
    delegated: leg.member?.subscriber?.delegated,
    since: leg.since,
  };
}

async function withTunnelCounters(core: Core, facts: TunnelFacts): Promise<TunnelView> {
  const handle = core.tunnels.get(facts.tunnel)?.plane ?? 0;
  const state = await orGone(handle === 0 ? undefined : core.plane.tunnel.get({ tunnel: handle }));
  return { ...facts, counters: state?.counters ?? noTunnelTraffic };
}

async function withSessionCounters(core: Core, facts: SessionFacts): Promise<SessionView> {
  const handle = core.legs.get(facts.call)?.session ?? 0;
  const state = await orGone(handle === 0 ? undefined : core.plane.session.get({ session: handle }));
  return { ...facts, counters: state?.counters ?? noSessionTraffic };
}

async function channelView(core: Core, channel: number): Promise<ChannelView | undefined> {
  const call = core.channels.get(channel)?.call;
  const state = await orGone(core.plane.channel.get({ channel }));
  return state && call !== undefined ? { ...state, call } : undefined;
}

/** The object may go while it is asked for. */
const orGone = async <T>(asked: Promise<T> | undefined): Promise<T | undefined> => asked?.catch(() => undefined);
