/** What differs between two configurations, in words. */
import { isDeepStrictEqual } from "node:util";
import { Secret } from "./config/secret.js";
import type { AccessConfig, Config } from "./config/types.js";

/** What takes effect at the next start alone. */
const needsRestart = [
  ["listen", "listen"],
  ["workers", "workers"],
  ["limits", "limits"],
  ["heldFrames", "limits.held-frames"],
  ["tun", "tun"],
] as const satisfies readonly (readonly [key: keyof Config, name: string])[];

export function changesBetween(before: Config, after: Config): readonly string[] {
  return [
    ...accessChanges(before.access, after.access),
    ...(same(before.policy, after.policy) ? [] : [`policy changed: ${rules(after)}, for new calls`]),
    ...(same(before.pools, after.pools) ? [] : ["pools changed: what is out stays out until it is released"]),
    ...(same(before.aaa, after.aaa) ? [] : ["aaa changed: for what is asked from now on"]),
    ...(same(before.log, after.log) ? [] : [`log.level is ${after.log.level}`]),
    ...(before.hostName === after.hostName ? [] : [`host-name is ${after.hostName}, for new tunnels`]),
    ...(before.grace === after.grace ? [] : [`drain.grace is ${after.grace / 1000} s`]),
    ...needsRestart.flatMap(([key, name]) =>
      same(before[key], after[key]) ? [] : [`${name} changed: at the next start`],
    ),
  ];
}

const rules = (config: Config): string => `${config.policy.length} ${config.policy.length === 1 ? "rule" : "rules"}`;

function accessChanges(before: readonly AccessConfig[], after: readonly AccessConfig[]): readonly string[] {
  const old = new Map(before.map((entry) => [entry.listen, entry]));
  const kept = new Set(after.map((entry) => entry.listen));
  return [
    ...after.flatMap((entry) => {
      const was = old.get(entry.listen);
      if (!was) return [`access ${entry.name}: listens on ${entry.listen}`];
      return same(was, entry) ? [] : [`access ${entry.name}: changed, for new tunnels`];
    }),
    ...before.flatMap((entry) =>
      kept.has(entry.listen) ? [] : [`access ${entry.name}: no longer listens on ${entry.listen}`],
    ),
  ];
}

/** Secrets hide their bytes from a deep comparison, too. */
function same(a: unknown, b: unknown): boolean {
  if (a instanceof Secret || b instanceof Secret) return a instanceof Secret && b instanceof Secret && a.equals(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return isDeepStrictEqual(a, b);
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(a[key as keyof typeof a], b[key as keyof typeof b]));
}
