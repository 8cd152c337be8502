/**
 * A data plane in a few lines for the simulation, whose operations take a random time: what is under way when a call ends
 * is where leaks come from. Refuses what the contract says must be refused.
 */
import {
  type ChannelState,
  type PortState,
  type SessionState,
  sessionCreate,
  type TunnelState,
} from "../../src/dataplane/attributes.js";
import type { Dataplane, DataplaneEvent, Inject, Punt } from "../../src/dataplane/contract.js";
import { DataplaneError, type ErrnoName } from "../../src/errors.js";
import { createFanout } from "../../src/fanout.js";
import { dataMessage, readData } from "./gateway-data.js";
import type { World } from "./gateway-world.js";

interface Session {
  readonly state: SessionState;
  readonly tunnel: TunnelState;
  bridgedWith: number | undefined;
}

export interface SimulatedPlane extends Dataplane {
  /** What exists, for the test to see that nothing is left. */
  readonly left: () => Readonly<Record<"ports" | "tunnels" | "sessions" | "operations", number>>;
  /** Has the next operations of this name fail with this code. */
  refuse(operation: string, code: ErrnoName, times: number): void;
}

const noTraffic = {
  rxPackets: 0,
  rxBytes: 0,
  rxErrors: 0,
  rxSeqDiscards: 0,
  rxOosPackets: 0,
  rxDropped: 0,
  txPackets: 0,
  txBytes: 0,
  txErrors: 0,
};

/** `latency`: how long operations take, milliseconds. */
export function createSimulatedPlane(world: World, latency: readonly [number, number]): SimulatedPlane {
  const ports = new Map<number, PortState>();
  const leave = new Map<number, () => void>();
  const tunnels = new Map<number, TunnelState>();
  const sessions = new Map<number, Session>();
  const events = createFanout<DataplaneEvent>(100_000, (count) => ({ type: "lost", count }));
  const refusals = new Map<string, { code: ErrnoName; times: number }>();
  const drops: Record<string, number> = {};
  let handles = 0;
  let operations = 0;
  let lastDone = 0;
  let listener: (batch: readonly Punt[]) => void = () => {};

  const fail = (code: ErrnoName, object: string): never => {
    throw new DataplaneError(code, object, "refused");
  };
  const found = <T>(value: T | undefined, object: string): T => value ?? fail("ENOENT", object);

  /** Operations are carried out in order, each after a while. */
  const operate = <T>(name: string, work: () => T): Promise<T> => {
    operations++;
    lastDone = Math.max(lastDone, world.now() + world.between(...latency));
    return new Promise<T>((resolve, reject) => {
      world.schedule(lastDone, () => {
        operations--;
        try {
          const refusal = refusals.get(name);
          if (refusal && refusal.times-- > 0) fail(refusal.code, name);
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
    });
  };

  const bySession = (tunnelId: number, sessionId: number): Session | undefined => {
    for (const session of sessions.values()) {
      if (session.tunnel.tunnelId === tunnelId && session.state.sessionId === sessionId) return session;
    }
    return undefined;
  };

  const transmit = (session: Session, frame: Uint8Array): void => {
    const { state } = session;
    const tunnel = tunnels.get(state.tunnel);
    const port = tunnel && ports.get(tunnel.port);
    if (!tunnel || !port) return;
    world.network.send(port.local, tunnel.remote, dataMessage(tunnel.peerTunnelId, state.peerSessionId, frame));
  };

  const count = (reason: string): void => {
    drops[reason] = (drops[reason] ?? 0) + 1;
  };

  const received = (port: PortState, remote: string, bytes: Uint8Array): void => {
    const data = readData(bytes);
    const session = data && bySession(data.tunnelId, data.sessionId);
    if (!data) listener([{ origin: "port", port: port.port, local: undefined, remote, bytes }]);
    else if (!session) count("unknown-session");
    else if (session.tunnel.remote !== remote) count("wrong-source");
    else deliver(session, data.frame);
  };

  const deliver = (session: Session, frame: Uint8Array): void => {
    const partner = session.bridgedWith === undefined ? undefined : sessions.get(session.bridgedWith);
    if (partner) transmit(partner, frame);
    else listener([{ origin: "channel", channel: session.state.session, bytes: frame }]);
  };

  const unbridge = (session: Session, reason: "deleted" | "parent-deleted"): void => {
    if (session.bridgedWith === undefined) return;
    const partner = sessions.get(session.bridgedWith);
    events.emit({ type: "channel-unbridged", channel: session.state.session, with: session.bridgedWith, reason });
    session.bridgedWith = undefined;
    if (partner) partner.bridgedWith = undefined;
  };

  const removeSession = (session: Session): void => {
    unbridge(session, "parent-deleted");
    sessions.delete(session.state.session);
    events.emit({ type: "session-deleted", session: session.state.session, reason: "deleted" });
  };

  const channelState = ({ state, bridgedWith }: Session): ChannelState => ({
    channel: state.session,
    session: state.session,
    bridgedWith,
  });

  const unsupported = (): Promise<never> =>
    Promise.reject(new DataplaneError("EOPNOTSUPP", "simulation", "is not supported"));

  return {
    port: {
      open: (attributes) =>
        operate("port.open", () => {
          if (attributes.kind === "tun") return fail("EOPNOTSUPP", `port ${attributes.kind}`);
          for (const port of ports.values()) if (port.local === attributes.local) fail("EADDRINUSE", attributes.local);
          const state: PortState = {
            port: ++handles,
            kind: attributes.kind ?? "virtual",
            local: attributes.local,
            segmentation: false,
            receiveBuffer: 4096,
            sendBuffer: 4096,
            device: handles,
            counters: noTraffic,
          };
          leave.set(
            state.port,
            world.network.attach(state.local, (from, bytes) => received(state, from, bytes)),
          );
          ports.set(state.port, state);
          return state;
        }),
      close: ({ port }) =>
        operate("port.close", () => {
          found(ports.get(port), `port ${port}`);
          for (const tunnel of tunnels.values()) if (tunnel.port === port) fail("EBUSY", `port ${port}`);
          ports.delete(port);
          leave.get(port)?.();
        }),
      get: ({ port }) => operate("port.get", () => found(ports.get(port), `port ${port}`)),
      list: () => operate("port.list", () => [...ports.values()]),
    },
    device: {
      get: unsupported,
      list: unsupported,
      set: unsupported,
      route: unsupported,
      unroute: unsupported,
      attach: unsupported,
      replace: unsupported,
      detach: unsupported,
      change: unsupported,
      attachments: unsupported,
      tag: unsupported,
      names: unsupported,
    },
    program: {
      load: unsupported,
      unload: unsupported,
      get: unsupported,
      list: unsupported,
      pin: unsupported,
      dump: unsupported,
      statistics: unsupported,
      trace: () => () => {},
    },
    map: {
      create: unsupported,
      lookup: unsupported,
      update: unsupported,
      delete: unsupported,
      dump: unsupported,
      updateBatch: unsupported,
      deleteBatch: unsupported,
      get: unsupported,
      list: unsupported,
      pin: unsupported,
      release: unsupported,
      consume: () => () => {},
      open: () => undefined,
      shape: () => undefined,
    },
    tunnel: {
      create: (attributes) =>
        operate("tunnel.create", () => {
          found(ports.get(attributes.port), `port ${attributes.port}`);
          for (const tunnel of tunnels.values()) if (tunnel.tunnelId === attributes.tunnelId) fail("EEXIST", "tunnel");
          const { version = 2, encap = "udp" } = attributes;
          const state: TunnelState = {
            ...attributes,
            version,
            encap,
            tunnel: ++handles,
            sessions: 0,
            counters: noTraffic,
          };
          tunnels.set(state.tunnel, state);
          return state;
        }),
      modify: ({ tunnel, remote }) =>
        operate("tunnel.modify", () => {
          const before = found(tunnels.get(tunnel), `tunnel ${tunnel}`);
          const after = { ...before, remote: remote ?? before.remote };
          tunnels.set(tunnel, after);
          return after;
        }),
      delete: ({ tunnel }) =>
        operate("tunnel.delete", () => {
          found(tunnels.get(tunnel), `tunnel ${tunnel}`);
          for (const session of sessions.values()) if (session.state.tunnel === tunnel) removeSession(session);
          tunnels.delete(tunnel);
        }),
      get: ({ tunnel }) => operate("tunnel.get", () => found(tunnels.get(tunnel), `tunnel ${tunnel}`)),
      list: () => operate("tunnel.list", () => [...tunnels.values()]),
    },
    session: {
      create: (attributes) =>
        operate("session.create", () => {
          const tunnel = found(tunnels.get(attributes.tunnel), `tunnel ${attributes.tunnel}`);
          if (bySession(tunnel.tunnelId, attributes.sessionId)) fail("EEXIST", "session");
          const session = ++handles;
          const state: SessionState = {
            ...sessionCreate.parse(attributes),
            session,
            channel: session,
            counters: noTraffic,
          };
          sessions.set(session, { state, tunnel, bridgedWith: undefined });
          events.emit({ type: "session-created", session, channel: session });
          return state;
        }),
      modify: (attributes) => operate("session.modify", () => found(sessions.get(attributes.session), "session").state),
      delete: ({ session }) =>
        operate("session.delete", () => {
          removeSession(found(sessions.get(session), `session ${session}`));
          return noTraffic;
        }),
      get: ({ session }) => operate("session.get", () => found(sessions.get(session), `session ${session}`).state),
      list: () => operate("session.list", () => [...sessions.values()].map(({ state }) => state)),
    },
    channel: {
      bridge: ({ channel, with: other }) =>
        operate("channel.bridge", () => {
          const one = sessions.get(channel) ?? fail("ENXIO", `channel ${channel}`);
          const two = sessions.get(other) ?? fail("ENXIO", `channel ${other}`);
          if (one === two || one.bridgedWith !== undefined || two.bridgedWith !== undefined)
            fail("EALREADY", "channel");
          one.bridgedWith = other;
          two.bridgedWith = channel;
          events.emit({ type: "channel-bridged", channel, with: other });
        }),
      unbridge: ({ channel }) =>
        operate("channel.unbridge", () => {
          const one = sessions.get(channel) ?? fail("ENXIO", `channel ${channel}`);
          if (one.bridgedWith === undefined) fail("EINVAL", `channel ${channel}`);
          unbridge(one, "deleted");
        }),
      connect: unsupported,
      disconnect: unsupported,
      tap: unsupported,
      get: ({ channel }) => operate("channel.get", () => channelState(found(sessions.get(channel), "channel"))),
      list: () => operate("channel.list", () => [...sessions.values()].map(channelState)),
    },
    unit: { create: unsupported, set: unsupported, delete: unsupported, get: unsupported, list: unsupported },
    route: { add: unsupported, delete: unsupported, lookup: () => undefined, list: async () => [] },
    capabilities: () => ({
      engine: "user",
      workers: 1,
      ports: ["virtual"],
      programs: { user: false, kernel: "no" },
      segmentation: false,
      tunnelVersions: [2],
      pseudowires: ["ppp"],
      tun: false,
      limits: { tunnels: 65_535, sessions: 65_535, units: 65_535 },
    }),
    drops: () => drops,
    events: events.subscribe,
    onPunt(take) {
      listener = take;
    },
    inject(frame: Inject) {
      if (frame.to === "port") {
        const port = ports.get(frame.port);
        if (port) world.network.send(port.local, frame.remote, frame.bytes);
      } else if (frame.to === "channel") {
        const session = sessions.get(frame.channel);
        if (session) transmit(session, frame.bytes);
        else count("inject-unknown-channel");
      }
    },
    async close() {
      events.close();
    },
    left: () => ({ ports: ports.size, tunnels: tunnels.size, sessions: sessions.size, operations }),
    refuse: (operation, code, times) => void refusals.set(operation, { code, times }),
  };
}
