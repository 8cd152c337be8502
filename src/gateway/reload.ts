/** A new configuration in a running gateway: what is still allowed stays, what is not ends, new calls meet the new policy. */
import { changesBetween } from "./changes.js";
import type { Config, Rule } from "./config/types.js";
import { type Core, closeTunnel } from "./core.js";
import { tunnelEnds } from "./disconnect-codes.js";
import type { LnsPool } from "./onward.js";
import { compilePolicy } from "./policy.js";
import type { ForwardPlan, Port } from "./records.js";
import { configureTermination, prepareTermination } from "./termination/index.js";

export function planAll(pool: LnsPool, config: Config): ReadonlyMap<Rule, ForwardPlan> {
  const plans = new Map<Rule, ForwardPlan>();
  for (const rule of config.policy) {
    if (rule.action.type === "forward") plans.set(rule, pool.plan(rule.action.forward));
  }
  return plans;
}

/**
 * Has everything ready that a configuration needs, and its programs attached; rejects with what cannot be had, and has then changed
 * nothing. Answers what changed of programs, in words.
 */
async function prepare(core: Core, config: Config): Promise<readonly string[]> {
  const undo: (() => Promise<void> | void)[] = [];
  try {
    await core.programs.prepare(config.programs);
    undo.push(() => core.programs.forget());
    undo.push(await prepareTermination(core, config));
    await core.ports.open(config);
    undo.push(() => core.ports.forget());
    // Their devices are there now. What frames meet changes last, and at once.
    return await core.programs.configure(config.programs);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

/** Works by a configuration from now on; rejects with what cannot be had, and has then changed nothing. */
export async function apply(core: Core, config: Config): Promise<Applied> {
  const programs = await prepare(core, config);
  core.config = config;
  core.policy = compilePolicy(config.policy);
  core.plans = planAll(core.pool, config);
  const closed = core.ports.configure(config);
  await configureTermination(core);
  return { programs, closed };
}

interface Applied {
  /** What changed of programs, in words. */
  readonly programs: readonly string[];
  /** Ports that are no access any more. */
  readonly closed: readonly Port[];
}

export async function reload(core: Core, config: Config): Promise<readonly string[]> {
  const changes = [...changesBetween(core.config, config)];
  const { programs, closed } = await apply(core, config);
  changes.push(...programs);
  const ended = closeCallers(core, closed) + closeDisallowed(core);
  if (ended > 0) changes.push(`${ended} tunnels of callers ended that are no longer allowed`);
  for (const lns of core.pool.retain(core.plans.values())) {
    for (const tunnel of lns.tunnels) {
      if (tunnel.sessions === 0) closeTunnel(core, tunnel.id, tunnelEnds["no-longer-configured"]);
    }
    const stay = lns.sessions === 0 ? "" : `, ${lns.sessions} sessions stay until they end`;
    changes.push(`LNS ${lns.address}: no longer used${stay}`);
  }
  for (const port of core.ports.list()) core.ports.unused(port);
  core.emit({ type: "reloaded", changes });
  return changes;
}

/** Ends the tunnels that came in by ports which are no access any more. */
function closeCallers(core: Core, ports: readonly Port[]): number {
  let count = 0;
  for (const port of ports) {
    for (const tunnel of port.tunnels) {
      if (tunnel.lns === undefined && closeTunnel(core, tunnel.id, tunnelEnds["no-longer-configured"])) count++;
    }
  }
  return count;
}

/** Ends the tunnels whose peer is in none of the prefixes any more. */
function closeDisallowed(core: Core): number {
  let count = 0;
  for (const tunnel of core.tunnels.values()) {
    const peers = tunnel.port.access?.peers;
    if (tunnel.lns !== undefined || !peers || peers.has(tunnel.remote)) continue;
    if (closeTunnel(core, tunnel.id, tunnelEnds["not-allowed"])) count++;
  }
  return count;
}
