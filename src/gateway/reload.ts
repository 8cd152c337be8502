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

export async function reload(core: Core, config: Config): Promise<readonly string[]> {
  const changes = [...changesBetween(core.config, config)];
  await core.programs.prepare(config.programs);
  await prepareTermination(core, config);
  const { closed } = await core.ports.configure(config);
  core.config = config;
  core.policy = compilePolicy(config.policy);
  core.plans = planAll(core.pool, config);
  await configureTermination(core);
  changes.push(...(await core.programs.configure(config.programs)));

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
