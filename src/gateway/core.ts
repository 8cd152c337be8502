/** What the parts of the gateway share: the machine, the data plane, the clock, and the tables of what there is. */
import type { Dataplane } from "../dataplane/contract.js";
import type { CallId, Endpoint, Result, TunnelId } from "../l2tp/types.js";
import type { Clock } from "./clock.js";
import type { Config, Rule } from "./config/types.js";
import type { Counts } from "./counts.js";
import type { Deadlines } from "./deadlines.js";
import type { HeldFrames } from "./held.js";
import type { Log } from "./log.js";
import type { LnsPool } from "./onward.js";
import type { Policy } from "./policy.js";
import type { Ports } from "./ports.js";
import type { ConfiguredPrograms } from "./programs.js";
import type { ForwardPlan, Leg, Setup, Tunnel } from "./records.js";
import type { Termination } from "./termination/index.js";
import type { Tracing } from "./tracing.js";
import type { GatewayEvent } from "./types.js";

export interface Core {
  readonly plane: Dataplane;
  readonly endpoint: Endpoint;
  readonly log: Log;
  readonly counts: Counts;
  readonly held: HeldFrames;
  readonly ports: Ports;
  readonly pool: LnsPool;
  readonly tunnels: Map<TunnelId, Tunnel>;
  /** By handle in the data plane. */
  readonly planeTunnels: Map<number, Tunnel>;
  readonly legs: Map<CallId, Leg>;
  readonly channels: Map<number, Leg>;
  /** Tunnels with calls whose ICCN is not acknowledged. */
  readonly unconfirmed: Set<Tunnel>;
  readonly setups: Deadlines<Setup>;
  readonly idle: Deadlines<Tunnel>;
  readonly termination: Termination;
  readonly tracing: Tracing;
  readonly programs: ConfiguredPrograms;
  config: Config;
  policy: Policy;
  /** For each rule that forwards. */
  plans: ReadonlyMap<Rule, ForwardPlan>;
  draining: boolean;
  stopping: boolean;
  readonly clock: Clock;
  now(): number;
  /** Random bytes, from a source that cannot be guessed. */
  random(length: number): Uint8Array;
  emit(event: GatewayEvent): void;
  /** Has what the machine puts out handled before this turn of the event loop is over. */
  pump(): void;
  /** Notes an operation of the data plane that is under way; `settled` waits for all of them. */
  track(work: Promise<unknown>): void;
  /** Runs beside the others; a stop does not wait for it. */
  watch(work: Promise<unknown>): void;
}

export function closeCall(core: Core, call: CallId, result: Result): boolean {
  const done = core.endpoint.closeCall(call, result, core.now());
  core.pump();
  return done;
}

export function closeTunnel(core: Core, tunnel: TunnelId, result: Result): boolean {
  const done = core.endpoint.closeTunnel(tunnel, result, core.now());
  core.pump();
  return done;
}
