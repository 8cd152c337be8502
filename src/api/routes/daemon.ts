import { z } from "zod";
import { route } from "../route.js";
import type { Status } from "../schemas.js";
import type { Service } from "../service.js";

const showStatus = async ({ gateway, daemon }: Service): Promise<Status> => {
  const { engine, workers, segmentation, limits } = gateway.capabilities;
  const { file, loaded, error } = daemon.configuration;
  return {
    version: daemon.version,
    pid: process.pid,
    since: new Date(daemon.since).toISOString(),
    ready: gateway.ready,
    draining: gateway.draining,
    tunnels: gateway.population.tunnels,
    sessions: gateway.population.sessions,
    subscribers: gateway.population.subscribers,
    configuration: { file, loaded: new Date(loaded).toISOString(), error: error ?? null },
    engine: { engine, workers, segmentation, limits },
  };
};

const drainState = async ({ gateway }: Service) => ({
  draining: gateway.draining,
  sessions: gateway.population.sessions,
});

export const daemonRoutes = [
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
