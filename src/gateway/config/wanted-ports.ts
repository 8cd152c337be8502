/** The UDP ports that a configuration asks for. */
import { splitAddress } from "./address.js";
import type { Config } from "./types.js";

const anySource: Readonly<Record<4 | 6, string>> = { 4: "0.0.0.0:0", 6: "[::]:0" };

/** Addresses to be open, each with what needs it, for messages. */
export function wantedPorts(config: Config): ReadonlyMap<string, string> {
  const wanted = new Map<string, string>();
  for (const entry of config.access) wanted.set(entry.listen, `access ${entry.name}`);
  const sources = defaultSources(config);
  for (const rule of config.policy) {
    if (rule.action.type !== "forward") continue;
    for (const lns of rule.action.forward.lns) {
      const family = splitAddress(lns.address)?.family ?? 4;
      const source = rule.action.forward.source ?? sources[family];
      if (source !== undefined && !wanted.has(source)) wanted.set(source, `policy ${rule.name}, source`);
    }
  }
  return wanted;
}

/** Tunnels leave from the first access entry of the LNS's address family; where there is none, from any address. */
export function defaultSources(config: Config): Readonly<Record<4 | 6, string>> {
  const first = (family: 4 | 6): string =>
    config.access.find((entry) => splitAddress(entry.listen)?.family === family)?.listen ?? anySource[family];
  return { 4: first(4), 6: first(6) };
}
