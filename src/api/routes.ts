/** Every request that the API answers, in the order of the OpenAPI document. Events and health are in `app.ts`. */
import { z } from "zod";
import type { ChannelState } from "../dataplane/attributes.js";
import { JunctorError } from "../errors.js";
import type { SessionView, TunnelView } from "../gateway/types.js";
import { filters } from "./filters.js";
import { type Listing, listingQuery, part } from "./listing.js";
import { parseSessionName, sessionName } from "./names.js";
import { type Route, route } from "./route.js";
import type { Channel, Session, Status, Tunnel } from "./schemas.js";
import type { Service } from "./service.js";
import { channelJson, sessionJson, tunnelJson } from "./views.js";

const id16 = z.coerce.number().int().min(1).max(0xffff);
const tunnelParams = z.object({ tunnel: id16.describe("Local tunnel id") });
const channelParams = z.object({
  channel: z.coerce.number().int().min(1).max(0xffff_ffff).describe("Channel index"),
});
const sessionParams = z.object({
  tunnel: id16.describe("Local tunnel id"),
  session: id16.describe("Local session id"),
});
const callParams = z.object({
  session: z
    .string()
    .transform((name) => parseSessionName(name) ?? 0)
    .pipe(z.number().min(1, "expected TUNNEL/SESSION (%2F for the slash) or a call number"))
    .describe("TUNNEL/SESSION with %2F for the slash, or the call number (tunnel id << 16 | session id)"),
});

const missing = (kind: "tunnel" | "session", name: string | number): JunctorError =>
  new JunctorError("not-found", `${kind} ${name}: no such object`, `list the ${kind}s to see which there are`);

const sessionMissing = (call: number): JunctorError => missing("session", sessionName(call));

const tunnelListing: Listing<TunnelView, Tunnel> = {
  filters: filters.tunnel,
  order: ({ tunnel }) => tunnel,
  show: tunnelJson,
  name: ({ tunnel }) => String(tunnel),
  place: Number,
};

const sessionListing: Listing<SessionView, Session> = {
  filters: filters.session,
  order: ({ call }) => call,
  show: sessionJson,
  name: ({ session }) => session,
  place: parseSessionName,
};

const channelListing = (owners: ReadonlyMap<number, SessionView>): Listing<ChannelState, Channel> => ({
  filters: filters.channel,
  order: ({ channel }) => channel,
  show: (state) => channelJson(state, owners),
  name: ({ channel }) => String(channel),
  place: Number,
});

const showSession = async ({ gateway }: Service, call: number): Promise<Session> => {
  const view = await gateway.session(call);
  if (view === undefined) throw sessionMissing(call);
  return sessionJson(view);
};

const terminateSession = async ({ gateway }: Service, call: number): Promise<void> => {
  if (!(await gateway.terminateSession(call))) throw sessionMissing(call);
};

const byChannel = (sessions: readonly SessionView[]): ReadonlyMap<number, SessionView> =>
  new Map(sessions.flatMap((view) => (view.channel === undefined ? [] : [[view.channel, view]])));

const tunnelRoutes = [
  route({
    method: "get",
    path: "/v1/tunnels",
    operation: "showTunnels",
    summary: "Tunnels, by local tunnel id",
    query: listingQuery(filters.tunnel),
    answer: "Tunnels",
    handle: async ({ gateway }, { query }) => {
      const { items, next } = part(await gateway.tunnels(), tunnelListing, query);
      return { tunnels: items, next };
    },
  }),
  route({
    method: "get",
    path: "/v1/tunnels/{tunnel}",
    operation: "showTunnel",
    summary: "One tunnel",
    params: tunnelParams,
    answer: "Tunnel",
    refuses: ["not-found"],
    handle: async ({ gateway }, { params }) => {
      const view = await gateway.tunnel(params.tunnel);
      if (view === undefined) throw missing("tunnel", params.tunnel);
      return tunnelJson(view);
    },
  }),
  route({
    method: "delete",
    path: "/v1/tunnels/{tunnel}",
    operation: "terminateTunnel",
    summary: "Ends a tunnel and its sessions (StopCCN, result 6)",
    params: tunnelParams,
    refuses: ["not-found"],
    handle: async ({ gateway }, { params }) => {
      if (!(await gateway.terminateTunnel(params.tunnel))) throw missing("tunnel", params.tunnel);
    },
  }),
];

const sessionRoutes = [
  route({
    method: "get",
    path: "/v1/sessions",
    operation: "showSessions",
    summary: "Sessions, by tunnel and local session id",
    query: listingQuery(filters.session),
    answer: "Sessions",
    handle: async ({ gateway }, { query }) => {
      const { items, next } = part(await gateway.sessions(), sessionListing, query);
      return { sessions: items, next };
    },
  }),
  route({
    method: "get",
    path: "/v1/sessions/{tunnel}/{session}",
    operation: "showSession",
    summary: "One session",
    params: sessionParams,
    answer: "Session",
    refuses: ["not-found"],
    handle: (service, { params }) => showSession(service, params.tunnel * 0x1_0000 + params.session),
  }),
  route({
    method: "get",
    path: "/v1/sessions/{session}",
    operation: "showSessionByName",
    summary: "One session, named in one path segment",
    params: callParams,
    answer: "Session",
    refuses: ["not-found"],
    handle: (service, { params }) => showSession(service, params.session),
  }),
  route({
    method: "delete",
    path: "/v1/sessions/{tunnel}/{session}",
    operation: "terminateSession",
    summary: "Ends a session (CDN, result 3) and with it the one it is bridged with",
    params: sessionParams,
    refuses: ["not-found"],
    handle: (service, { params }) => terminateSession(service, params.tunnel * 0x1_0000 + params.session),
  }),
  route({
    method: "delete",
    path: "/v1/sessions/{session}",
    operation: "terminateSessionByName",
    summary: "Ends a session, named in one path segment",
    params: callParams,
    refuses: ["not-found"],
    handle: (service, { params }) => terminateSession(service, params.session),
  }),
];

const channelRoutes = [
  route({
    method: "get",
    path: "/v1/channels",
    operation: "showChannels",
    summary: "PPP channels of the data plane, by index",
    query: listingQuery(filters.channel),
    answer: "Channels",
    handle: async ({ channels, gateway }, { query }) => {
      const owners = byChannel(await gateway.sessions());
      const { items, next } = part(await channels.list(), channelListing(owners), query);
      return { channels: items, next };
    },
  }),
  route({
    method: "get",
    path: "/v1/channels/{channel}",
    operation: "showChannel",
    summary: "One channel",
    params: channelParams,
    answer: "Channel",
    refuses: ["ENXIO"],
    handle: async ({ channels, gateway }, { params }) =>
      channelJson(await channels.get(params), byChannel(await gateway.sessions())),
  }),
  route({
    method: "post",
    path: "/v1/channels/{channel}/bridge",
    operation: "bridgeChannel",
    summary: "Joins two channels: what one receives the other transmits",
    params: channelParams,
    body: z.object({ with: z.int().min(1).max(0xffff_ffff).describe("The other channel") }),
    refuses: ["ENXIO", "EALREADY"],
    handle: ({ channels }, { params, body }) => channels.bridge({ channel: params.channel, with: body.with }),
  }),
  route({
    method: "post",
    path: "/v1/channels/{channel}/unbridge",
    operation: "unbridgeChannel",
    summary: "Parts a channel and its partner",
    params: channelParams,
    refuses: ["ENXIO", "EINVAL"],
    handle: ({ channels }, { params }) => channels.unbridge(params),
  }),
];

/** Without asking for every session. */
const sessionsIn = (tunnels: readonly TunnelView[]): number => tunnels.reduce((sum, { calls }) => sum + calls, 0);

const showStatus = async ({ gateway, daemon }: Service): Promise<Status> => {
  const { engine, workers, segmentation, limits } = gateway.capabilities;
  const { file, loaded, error } = daemon.configuration;
  const tunnels = await gateway.tunnels();
  return {
    version: daemon.version,
    pid: process.pid,
    since: new Date(daemon.since).toISOString(),
    ready: gateway.ready,
    draining: gateway.draining,
    tunnels: tunnels.length,
    sessions: sessionsIn(tunnels),
    configuration: { file, loaded: new Date(loaded).toISOString(), error: error ?? null },
    engine: { engine, workers, segmentation, limits },
  };
};

const drainState = async ({ gateway }: Service) => ({
  draining: gateway.draining,
  sessions: sessionsIn(await gateway.tunnels()),
});

const daemonRoutes = [
  route({
    method: "get",
    path: "/v1/status",
    operation: "showStatus",
    summary: "The daemon, its configuration and its engine",
    answer: "Status",
    handle: showStatus,
  }),
  route({
    method: "get",
    path: "/v1/statistics",
    operation: "showStatistics",
    summary: "Set-ups, tear-downs and drops by reason",
    answer: "Statistics",
    handle: async ({ gateway }) => gateway.statistics(),
  }),
  route({
    method: "get",
    path: "/v1/drain",
    operation: "showDrain",
    summary: "Whether the daemon drains, and how many sessions are left",
    answer: "Draining",
    handle: drainState,
  }),
  route({
    method: "put",
    path: "/v1/drain",
    operation: "drain",
    summary: "Refuses new calls, or serves them again; the event `drained` follows when the last session has ended",
    body: z.object({ on: z.boolean() }),
    answer: "Draining",
    handle: async (service, { body }) => {
      service.gateway.drain(body.on);
      return drainState(service);
    },
  }),
  route({
    method: "post",
    path: "/v1/reload",
    operation: "reload",
    summary: "Reads the configuration file again and applies what differs; a bad file changes nothing",
    answer: "Changes",
    refuses: ["config"],
    handle: async ({ daemon }) => ({ changes: await daemon.reload() }),
  }),
];

export const routes: readonly Route[] = [...tunnelRoutes, ...sessionRoutes, ...channelRoutes, ...daemonRoutes];
