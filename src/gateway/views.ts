/** Tunnels and calls as the operator sees them: the machine's view, the gateway's, and the data plane's counters. */
import { type CountersOf, counters, type SessionState, type TunnelState } from "../dataplane/attributes.js";
import type { Core } from "./core.js";
import { type Leg, sideOf, type Tunnel } from "./records.js";
import type { SessionView, TunnelView } from "./types.js";

const zeros = <O extends "tunnel" | "session">(object: O): CountersOf<O> =>
  Object.fromEntries(counters[object].map((name) => [name, 0])) as CountersOf<O>;

const noTunnelTraffic = zeros("tunnel");
const noSessionTraffic = zeros("session");

export async function tunnelViews(core: Core): Promise<readonly TunnelView[]> {
  const states = new Map((await core.plane.tunnel.list()).map((state) => [state.tunnel, state]));
  return [...core.tunnels.values()].flatMap((tunnel) => tunnelView(core, tunnel, states.get(tunnel.plane)));
}

export async function tunnelViewOf(core: Core, id: number): Promise<TunnelView | undefined> {
  const tunnel = core.tunnels.get(id);
  if (!tunnel) return undefined;
  const state = await orGone(tunnel.plane === 0 ? undefined : core.plane.tunnel.get({ tunnel: tunnel.plane }));
  return tunnelView(core, tunnel, state)[0];
}

export async function sessionViews(core: Core): Promise<readonly SessionView[]> {
  const states = new Map((await core.plane.session.list()).map((state) => [state.session, state]));
  return [...core.legs.values()].flatMap((leg) => sessionView(core, leg, states.get(leg.session)));
}

export async function sessionViewOf(core: Core, call: number): Promise<SessionView | undefined> {
  const leg = core.legs.get(call);
  if (!leg) return undefined;
  const state = await orGone(leg.session === 0 ? undefined : core.plane.session.get({ session: leg.session }));
  return sessionView(core, leg, state)[0];
}

/** The object may go while it is asked for. */
const orGone = async <T>(asked: Promise<T> | undefined): Promise<T | undefined> => asked?.catch(() => undefined);

function tunnelView(core: Core, tunnel: Tunnel, state: TunnelState | undefined): readonly TunnelView[] {
  const info = core.endpoint.tunnel(tunnel.id);
  if (!info) return [];
  return [{ ...info, side: sideOf(tunnel), since: tunnel.since, counters: state?.counters ?? noTunnelTraffic }];
}

function sessionView(core: Core, leg: Leg, state: SessionState | undefined): readonly SessionView[] {
  const info = core.endpoint.call(leg.call);
  if (!info) return [];
  const { callingNumber, calledNumber, userName } = leg.names;
  return [
    {
      ...info,
      side: sideOf(leg.tunnel),
      channel: leg.channel === 0 ? undefined : leg.channel,
      bridgedWith: leg.bridged === 0 ? undefined : core.channels.get(leg.bridged)?.call,
      callingNumber,
      calledNumber,
      userName,
      since: leg.since,
      counters: state?.counters ?? noSessionTraffic,
    },
  ];
}
