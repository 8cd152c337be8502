/** The servers of one service: which is asked first, which is thought dead, what is counted. */
import type { RadiusServer, ServerStatus, Service } from "./types.js";

/** Counted per server and service; the names are those of RFC 4668 and RFC 4670, in our spelling. */
export type ServerCounter =
  | "requests"
  | "retransmissions"
  | "accepts"
  | "rejects"
  | "challenges"
  | "responses"
  | "timeouts"
  | "malformed"
  | "bad-authenticators"
  | "unexpected"
  /** Status-Server requests. */
  | "probes";

export interface Server {
  config: RadiusServer;
  readonly service: Service;
  readonly address: string;
  alive: boolean;
  /** While it is not alive: when a request tries it again; infinite while that is left to Status-Server. */
  deadUntil: number;
  /** Whether a request is under way that tries it again. */
  probed: boolean;
  /** Whether it answers Status-Server, as far as is known, and how many of these it has not answered since. */
  answersStatus: boolean;
  silent: number;
  /** When it last gave an authentic answer. */
  heard: number;
  outstanding: number;
  roundTrip: number | undefined;
  readonly counters: Record<ServerCounter, number>;
}

export function createServer(config: RadiusServer, service: Service, address: string): Server {
  return {
    config,
    service,
    address,
    alive: true,
    deadUntil: 0,
    probed: false,
    answersStatus: false,
    silent: 0,
    heard: Number.NEGATIVE_INFINITY,
    outstanding: 0,
    roundTrip: undefined,
    counters: {
      requests: 0,
      retransmissions: 0,
      accepts: 0,
      rejects: 0,
      challenges: 0,
      responses: 0,
      timeouts: 0,
      malformed: 0,
      "bad-authenticators": 0,
      unexpected: 0,
      probes: 0,
    },
  };
}

/**
 * The next to ask: in the order of configuration the first that is alive or whose dead time is over, and when there is none
 * of these, the first of the dead.
 */
export function nextServer(servers: readonly Server[], asked: readonly Server[], now: number): Server | undefined {
  const left = servers.filter((server) => !asked.includes(server));
  return left.find((server) => server.alive || toProbe(server, now)) ?? left[0];
}

export const toProbe = (server: Server, now: number): boolean =>
  !server.alive && !server.probed && now >= server.deadUntil;

/** Smoothed as RFC 6298 §2 has it. */
export function measured(server: Server, roundTrip: number): void {
  server.roundTrip = server.roundTrip === undefined ? roundTrip : (7 * server.roundTrip + roundTrip) / 8;
}

export const statusOf = (server: Server): ServerStatus => ({
  name: server.config.name,
  service: server.service,
  address: server.address,
  alive: server.alive,
  outstanding: server.outstanding,
  counters: { ...server.counters },
  roundTrip: server.roundTrip,
});
