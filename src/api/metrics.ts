/**
 * Prometheus metrics: base units, no label whose values grow with the number of sessions. Counters are read from the gateway
 * and the data plane when they are asked for.
 */
import { Hono } from "hono";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { verdicts } from "../dataplane/attributes.js";
import type { Dataplane } from "../dataplane/contract.js";
import type { Gateway } from "../gateway/types.js";
import { health } from "./app.js";
import type { EventHub } from "./events.js";

export interface MetricsSource {
  readonly gateway: Gateway;
  readonly plane: Pick<Dataplane, "port" | "drops" | "program">;
  readonly events: Pick<EventHub, "subscribers" | "dropped">;
  readonly version: string;
  /** Configuration files that a reload refused. */
  readonly failedReloads: () => number;
}

export function createMetrics(source: MetricsSource): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { gateway, plane, events } = source;

  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[], read: () => Counts<L>) =>
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const counts = await read();
        this.reset();
        for (const [labels, value] of counts) this.inc(labels, value);
      },
    });

  new Gauge({ name: "junctor_build_info", help: "Version", labelNames: ["version"], registers: [registry] }).set(
    { version: source.version },
    1,
  );
  gauge("junctor_ready", "Whether new calls are served", () => Number(gateway.ready && !gateway.draining));
  gauge("junctor_draining", "Whether new calls are refused until the last has ended", () => Number(gateway.draining));
  gauge("junctor_event_readers", "Connected readers of events", () => events.subscribers);
  counter("junctor_event_readers_dropped_total", "Readers of events that did not keep up", [], () => [
    [{}, events.dropped],
  ]);
  counter("junctor_failed_reloads_total", "Configuration files that a reload refused", [], () => [
    [{}, source.failedReloads()],
  ]);
  populations(registry, gateway);
  for (const [name, help, label, prefix] of controlCounters) {
    counter(name, help, [label], () => labelled(label, withPrefix(prefix, gateway.statistics())));
  }
  counter("junctor_control_retransmissions_total", "Control messages sent again", [], () => [
    [{}, gateway.statistics()["control/retransmissions"] ?? 0],
  ]);
  termination(registry, gateway);
  gauge("junctor_subscribers", "Users that end here; a bundle is one", () => gateway.population.subscribers);
  gauge(
    "junctor_accounting_pending",
    "Accounting records that no server has taken yet",
    () => gateway.aaa?.pending ?? 0,
  );
  gauge("junctor_tunnels_half_open", "Tunnels whose peer has proven nothing yet", () => gateway.population.halfOpen);
  counter("junctor_frames_dropped_total", "Frames that the data plane dropped", ["reason"], () =>
    labelled("reason", plane.drops()),
  );
  for (const [name, help, count] of portCounters) {
    counter(name, help, ["port"], async () =>
      (await plane.port.list()).map((port) => [{ port: port.local }, port.counters[count]]),
    );
  }
  counter("junctor_program_runs_total", "Runs of a program, by verdict", ["program", "id", "verdict"], async () =>
    (await plane.program.list()).flatMap(({ program, name, counters }) =>
      programVerdicts.map((verdict) => [{ program: name, id: String(program), verdict }, counters[verdict] ?? 0]),
    ),
  );
  counter(
    "junctor_program_run_seconds_total",
    "Time that runs of a program took, while statistics are on",
    ["program", "id"],
    async () =>
      (await plane.program.list()).map(({ program, name, counters }) => [
        { program: name, id: String(program) },
        counters.nanoseconds / 1e9,
      ]),
  );
  return registry;
}

const programVerdicts = [...verdicts, "unknown"] as const;

type Count<L extends string> = readonly [labels: Partial<Record<L, string>>, value: number];
type Counts<L extends string> = readonly Count<L>[] | Promise<readonly Count<L>[]>;

const labelled = <L extends string>(label: L, counts: Readonly<Record<string, number>>): readonly Count<L>[] =>
  Object.entries(counts).map(([name, value]) => [{ [label]: name } as Partial<Record<L, string>>, value]);

/** The gateway's statistics by the beginning of their name; what the data plane dropped is read from itself. */
const controlCounters = [
  ["junctor_gateway_events_total", "What the gateway counted, by name", "event", ""],
  ["junctor_control_messages_received_total", "Control messages received, by type", "type", "control/received_"],
  ["junctor_control_messages_sent_total", "Control messages sent, by type", "type", "control/transmitted_"],
  ["junctor_control_messages_dropped_total", "Control messages dropped, by reason", "reason", "control-drop/"],
] as const;

/** The counts whose name begins so, without that; the empty prefix is for the names that have no part before a slash. */
const withPrefix = (prefix: string, counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(counts)
      .filter(([name]) => (prefix === "" ? !name.includes("/") : name.startsWith(prefix)))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );

const portCounters = [
  ["junctor_port_receive_packets_total", "Datagrams received on a port", "rxPackets"],
  ["junctor_port_receive_bytes_total", "Bytes received on a port", "rxBytes"],
  ["junctor_port_receive_dropped_total", "Datagrams received on a port and dropped", "rxDropped"],
  ["junctor_port_transmit_packets_total", "Datagrams transmitted on a port", "txPackets"],
  ["junctor_port_transmit_bytes_total", "Bytes transmitted on a port", "txBytes"],
  ["junctor_port_transmit_errors_total", "Datagrams that a port could not transmit", "txErrors"],
] as const;

/** Tunnels, and the sessions in them without asking for every session. */
function populations(registry: Registry, gateway: Gateway): void {
  new Gauge({
    name: "junctor_tunnels",
    help: "Tunnels, by who opened them and state",
    labelNames: ["side", "state"],
    registers: [registry],
    async collect() {
      const tunnels = await gateway.tunnels();
      this.reset();
      for (const { side, state } of tunnels) this.inc({ side, state });
    },
  });
  new Gauge({
    name: "junctor_sessions",
    help: "Sessions, by who opened their tunnel",
    labelNames: ["side"],
    registers: [registry],
    async collect() {
      const tunnels = await gateway.tunnels();
      this.reset();
      for (const { side, calls } of tunnels) this.inc({ side }, calls);
    },
  });
}

/** What sessions that end here need: addresses and RADIUS servers. */
function termination(registry: Registry, gateway: Gateway): void {
  new Gauge({
    name: "junctor_pool_addresses",
    help: "Addresses and prefixes of pools, by what they are for and their state",
    labelNames: ["pool", "kind", "state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { pool, kind, size, used, quarantined } of gateway.pools) {
        this.set({ pool, kind, state: "used" }, used);
        this.set({ pool, kind, state: "quarantined" }, quarantined);
        this.set({ pool, kind, state: "free" }, size - used - quarantined);
      }
    },
  });
  new Gauge({
    name: "junctor_radius_server_up",
    help: "Whether a RADIUS server answers",
    labelNames: ["server", "service"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, service, alive } of gateway.aaa?.servers ?? [])
        this.set({ server: name, service }, Number(alive));
    },
  });
}

/** The metrics listener: `/metrics`, `/livez`, `/readyz`. */
export function createMetricsApp(registry: Registry, gateway: Gateway): Hono {
  const app = new Hono();
  health(app, { gateway });
  app.get("/metrics", async (context) =>
    context.body(await registry.metrics(), 200, { "content-type": registry.contentType }),
  );
  return app;
}
