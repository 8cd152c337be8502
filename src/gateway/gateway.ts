import type { Dataplane, DataplaneEvent } from "../dataplane/contract.js";
import { createFanout } from "../fanout.js";
import { createEndpoint } from "../l2tp/index.js";
import type { Output } from "../l2tp/types.js";
import { createPools } from "./addresses/index.js";
import { joined, parted } from "./bridging.js";
import { callAccepted, callDown, callRequested, callUp, linkInfoSet, wanErrorNotified } from "./calls.js";
import type { Clock } from "./clock.js";
import type { Config } from "./config/types.js";
import { type Core, closeCall, closeTunnel } from "./core.js";
import { createCounts } from "./counts.js";
import { createDeadlines } from "./deadlines.js";
import { callEnds, tunnelEnds } from "./disconnect-codes.js";
import { createDriver } from "./driver.js";
import { placeCall } from "./forwarding.js";
import { createHeldFrames } from "./held.js";
import { take } from "./intake.js";
import type { Log } from "./log.js";
import { createLnsPool } from "./onward.js";
import { compilePolicy } from "./policy.js";
import { createPorts } from "./ports.js";
import { createConfiguredPrograms } from "./programs.js";
import { apply, planAll, reload } from "./reload.js";
import { createTermination, hangUpCall, settle, stopTermination } from "./termination/index.js";
import { callsOf, pppViewOf, unitViewOf, unitViews } from "./termination/views.js";
import { capture, createTracing, traceMessage, watch } from "./tracing.js";
import { tunnelDown, tunnelMoved, tunnelRequested, tunnelUp } from "./tunnels.js";
import type { CallingGateway, GatewayEvent } from "./types.js";
import { channelViews, sessionViewOf, sessionViews, tunnelViewOf, tunnelViews } from "./views.js";
import { createWorks } from "./works.js";

export interface GatewayOptions {
  readonly config: Config;
  /** Stays the caller's: the gateway closes the ports that it opened, and not the engine. */
  readonly plane: Dataplane;
  readonly clock: Clock;
  /** Random bytes, from a source that cannot be guessed. */
  readonly random: (length: number) => Uint8Array;
  readonly log: Log;
}

/** No LNS may ask us to place outgoing calls (RFC 2661 §4.4.3, Bearer Capabilities). */
const noBearer = 0;

/** Events that a slow reader may be behind: both legs of 100 000 switched calls may end in one turn of the event loop. */
const eventLimit = 1 << 18;

type Handlers = { readonly [T in Output["type"]]: (core: Core, output: Extract<Output, { type: T }>) => void };

const handlers: Handlers = {
  send(core, { port, local, remote, bytes }) {
    traceMessage(core, "out", bytes);
    core.plane.inject({ to: "port", port, local, remote, bytes });
  },
  "tunnel-request": tunnelRequested,
  "tunnel-up": tunnelUp,
  "tunnel-down": tunnelDown,
  "tunnel-moved": tunnelMoved,
  "call-request": callRequested,
  "call-accepted": callAccepted,
  "call-up": callUp,
  "call-down": callDown,
  "wan-error-notify": wanErrorNotified,
  "set-link-info": linkInfoSet,
};

/** A gateway that does nothing until `start()`. */
export const createGateway = (options: GatewayOptions): CallingGateway => assemble(options).gateway;

/** The gateway and what it consists of, for tests that look inside. */
export function assemble(options: GatewayOptions): { readonly gateway: CallingGateway; readonly core: Core } {
  const { plane, clock, log, config } = options;
  const events = createFanout<GatewayEvent>(eventLimit, (count) => ({ type: "lost", count }));
  const counts = createCounts();
  const pool = createLnsPool();
  const works = createWorks((error) => {
    counts.add("internal-errors");
    log.error({ error: error instanceof Error ? error.stack : String(error) }, "internal error");
  });
  const driver = createDriver(clock, () => core, dispatch);

  const core: Core = {
    plane,
    log,
    counts,
    pool,
    endpoint: createEndpoint({
      hostName: config.hostName,
      bearerCapabilities: noBearer,
      random: options.random,
      limits: config.limits,
    }),
    held: createHeldFrames(config.heldFrames, counts),
    ports: createPorts(plane, log, works.track),
    tunnels: new Map(),
    planeTunnels: new Map(),
    legs: new Map(),
    channels: new Map(),
    unconfirmed: new Set(),
    setups: createDeadlines(),
    idle: createDeadlines(),
    termination: createTermination(config, createPools(config.pools), clock.now(), (member) => settle(core, member)),
    tracing: createTracing(),
    programs: createConfiguredPrograms(plane),
    config,
    policy: compilePolicy(config.policy),
    plans: planAll(pool, config),
    draining: false,
    stopping: false,
    clock,
    now: () => clock.now(),
    random: options.random,
    emit: events.emit,
    pump: driver.pump,
    track: works.track,
    watch: works.watch,
  };

  let planeEvents: AsyncIterableIterator<DataplaneEvent> | undefined;
  let started = false;
  let reloading: Promise<unknown> = Promise.resolve();
  const close = async (): Promise<void> => {
    started = false;
    driver.stop();
    await stopTermination(core);
    await core.ports.close();
    await planeEvents?.return?.();
    events.close();
  };

  const gateway: CallingGateway = {
    async start() {
      plane.onPunt((batch) => {
        if (started) take(core, batch);
      });
      planeEvents = plane.events();
      works.watch(follow(core, planeEvents));
      try {
        await apply(core, config);
      } catch (error) {
        await close();
        throw error;
      }
      started = true;
    },
    reload(next) {
      const changes = reloading.then(() => reload(core, next));
      reloading = changes.catch(() => {});
      return changes;
    },
    drain(on) {
      core.draining = on;
      core.emit({ type: "draining", on, sessions: core.legs.size });
      log.info({ on, sessions: core.legs.size }, "draining");
      if (on && core.legs.size === 0) core.emit({ type: "drained" });
    },
    get draining() {
      return core.draining;
    },
    get ready() {
      return started && !core.stopping;
    },
    async stop(grace) {
      if (core.stopping) return;
      core.stopping = true;
      core.draining = true;
      for (const id of [...core.tunnels.keys()]) core.endpoint.closeTunnel(id, tunnelEnds.stopping, clock.now());
      core.pump();
      await driver.until(() => acknowledged(core), clock.now() + grace);
      await works.settled();
      await close();
    },
    tunnels: (page) => tunnelViews(core, page),
    sessions: (page) => sessionViews(core, page),
    channels: (page) => channelViews(core, page),
    get population() {
      const { halfOpen } = core.endpoint.population();
      const subscribers = core.termination.directory.size;
      return { tunnels: core.tunnels.size, halfOpen, sessions: core.legs.size, subscribers };
    },
    tunnel: (id) => tunnelViewOf(core, id),
    session: (call) => sessionViewOf(core, call),
    callOf: (channel) => core.channels.get(channel)?.call,
    terminateTunnel: async (id) => core.tunnels.has(id) && closeTunnel(core, id, tunnelEnds.terminated),
    terminateSession: async (call) =>
      core.legs.has(call) && (hangUpCall(core, call) || closeCall(core, call, callEnds.terminated)),
    placeCall({ rule: name, icrq = {}, iccn = {} }) {
      const plan = [...core.plans].find(([rule]) => rule.name === name)?.[1];
      return plan && !core.draining ? placeCall(core, plan, icrq, iccn) : undefined;
    },
    ppp: (call) => pppViewOf(core, call),
    units: (page) => unitViews(core, page),
    unit: (unit) => unitViewOf(core, unit),
    find: (names) => callsOf(core, names),
    get pools() {
      return core.termination.pools.status(clock.now());
    },
    get aaa() {
      return core.termination.aaa?.status();
    },
    trace: (call, watcher) => watch(core, call, watcher),
    capture: (call, taker) => capture(core, call, taker),
    events: events.subscribe,
    statistics: () => statistics(core, events.lost),
    get capabilities() {
      return plane.capabilities();
    },
  };
  return { gateway, core };
}

/** Whether every peer has acknowledged all that was sent to it. */
const acknowledged = ({ endpoint }: Core): boolean =>
  endpoint.tunnels().every(({ transport, state }) => state === "closing" && transport.queued === 0);

/** Counts by name: the gateway's own, then `control/` the machine's, `control-drop/` and `data-drop/` what was dropped. */
function statistics(core: Core, eventsLost: number): Readonly<Record<string, number>> {
  const prefixed = (prefix: string, values: Readonly<Record<string, number>>) =>
    Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value] as const);
  return {
    ...core.counts.values(),
    ...core.termination.aaa?.statistics(),
    "events-lost": eventsLost,
    ...Object.fromEntries([
      ...prefixed("control", core.endpoint.counters()),
      ...prefixed("control-drop", core.endpoint.drops()),
      ...prefixed("data-drop", core.plane.drops()),
    ]),
  };
}

const dispatch = <T extends Output["type"]>(core: Core, output: Extract<Output, { type: T }>): void => {
  const handle = handlers[output.type as T];
  handle(core, output);
};

/** Keeps up with what others do to the data plane by hand, and with peers that move. */
async function follow(core: Core, events: AsyncIterable<DataplaneEvent>): Promise<void> {
  for await (const event of events) {
    if (event.type === "channel-bridged" || event.type === "channel-unbridged") {
      const one = core.channels.get(event.channel);
      const other = core.channels.get(event.with);
      if (one && other) (event.type === "channel-bridged" ? joined : parted)(core, one, other);
    } else if (event.type === "tunnel-float") {
      const tunnel = core.planeTunnels.get(event.tunnel);
      if (!tunnel || tunnel.port.access?.config.float === "ignore") continue;
      core.endpoint.probe(tunnel.id, event.remote, core.now());
      core.pump();
    } else if (event.type === "lost") {
      core.counts.add("data-plane-events-lost", event.count);
      core.log.error({ count: event.count }, "events of the data plane were lost");
    }
  }
}
