/**
 * The LNSs that calls are handed to. Tunnels are shared by all policies that name the same LNS with the same settings; a
 * rule of the policy has a plan: its LNSs in the order of priority, and how one of them is chosen.
 */
import { createHash } from "node:crypto";
import type { ForwardConfig, LnsConfig } from "./config/types.js";
import type { Candidate, ForwardPlan, Lns, Tunnel } from "./records.js";

export interface LnsPool {
  /** The plan for a rule; LNSs that are known already are shared. */
  plan(forward: ForwardConfig): ForwardPlan;
  /** Retires the LNSs that are in none of these plans; answers them. */
  retain(plans: Iterable<ForwardPlan>): readonly Lns[];
  /** Forgets a retired LNS that has no tunnels left. */
  release(lns: Lns): void;
  readonly size: number;
}

export function createLnsPool(): LnsPool {
  const known = new Map<string, Lns>();

  const lnsOf = (config: LnsConfig, forward: ForwardConfig): Lns => {
    const key = keyOf(config, forward);
    const lns = known.get(key) ?? newLns(key, config, forward);
    known.set(key, lns);
    lns.retired = false;
    return lns;
  };

  return {
    plan: (forward) => ({
      forward,
      candidates: forward.lns
        .map((config) => ({ lns: lnsOf(config, forward), weight: config.weight, priority: config.priority, credit: 0 }))
        .toSorted((a, b) => a.priority - b.priority),
    }),
    retain(plans) {
      const used = new Set<Lns>();
      for (const plan of plans) for (const candidate of plan.candidates) used.add(candidate.lns);
      const unused = [...known.values()].filter((lns) => !used.has(lns));
      for (const lns of unused) {
        lns.retired = true;
        if (lns.tunnels.size === 0) known.delete(lns.key);
      }
      return unused;
    },
    release(lns) {
      if (lns.retired && lns.tunnels.size === 0 && known.get(lns.key) === lns) known.delete(lns.key);
    },
    get size() {
      return known.size;
    },
  };
}

const newLns = (key: string, config: LnsConfig, forward: ForwardConfig): Lns => ({
  key,
  address: config.address,
  source: config.source ?? forward.source,
  settings: config.tunnel,
  maxSessionsPerTunnel: forward.maxSessionsPerTunnel,
  idleTimeout: forward.idleTimeout,
  holdDown: forward.holdDown,
  tunnels: new Set(),
  withRoom: new Set(),
  sessions: 0,
  heldDownUntil: 0,
  retired: false,
});

/** LNSs with the same key can share tunnels. */
function keyOf(config: LnsConfig, forward: ForwardConfig): string {
  const { secret, ...settings } = config.tunnel;
  const digest = secret && createHash("sha256").update(secret.reveal()).digest("base64");
  const { maxSessionsPerTunnel, idleTimeout, holdDown } = forward;
  const source = config.source ?? forward.source;
  return JSON.stringify([config.address, source, maxSessionsPerTunnel, idleTimeout, holdDown, settings, digest]);
}

/**
 * Chooses an LNS that was not tried: of the best priority that has one in good health, else one that is held down.
 * Undefined: all were tried.
 */
export function chooseLns(plan: ForwardPlan, tried: readonly Lns[], now: number): Lns | undefined {
  const eligible = plan.candidates.filter(({ lns }) => !tried.includes(lns));
  const healthy = eligible.filter(({ lns }) => lns.heldDownUntil <= now);
  const from = healthy.length > 0 ? healthy : eligible;
  const best = from.filter(({ priority }) => priority === from[0]?.priority);
  return balance[plan.forward.balance](best)?.lns;
}

const balance: Readonly<Record<ForwardConfig["balance"], (from: readonly Candidate[]) => Candidate | undefined>> = {
  "least-sessions": (from) => {
    let best = from[0];
    for (const candidate of from) if (best && loadWithOneMore(candidate) < loadWithOneMore(best)) best = candidate;
    return best;
  },
  "round-robin": (from) => {
    let total = 0;
    let best = from[0];
    for (const candidate of from) {
      candidate.credit += candidate.weight;
      total += candidate.weight;
      if (best && candidate.credit > best.credit) best = candidate;
    }
    if (best) best.credit -= total;
    return best;
  },
};

const loadWithOneMore = ({ lns, weight }: Candidate): number => (lns.sessions + 1) / weight;

/** A call is put on a tunnel. */
export function occupy(tunnel: Tunnel): void {
  tunnel.sessions++;
  const { lns } = tunnel;
  if (!lns) return;
  lns.sessions++;
  if (tunnel.sessions >= lns.maxSessionsPerTunnel) lns.withRoom.delete(tunnel);
}

/** A call on a tunnel has ended. */
export function vacate(tunnel: Tunnel): void {
  tunnel.sessions--;
  const { lns } = tunnel;
  if (!lns) return;
  lns.sessions--;
  if (!tunnel.ended) lns.withRoom.add(tunnel);
}

/** No more calls for this tunnel: it is going, or its peer does not answer. */
export function closeToCalls(tunnel: Tunnel): void {
  tunnel.ended = true;
  tunnel.lns?.withRoom.delete(tunnel);
}

/** From now on the LNS is tried last, for a while. */
export function holdDown(lns: Lns, now: number): void {
  lns.heldDownUntil = now + lns.holdDown;
}
