/** The settings of a control connection with every default filled in. */
import type { Hiding } from "../wire/l2tp2-encode.js";
import type { TransportSettings } from "./transport.js";
import type { EndpointOptions, TunnelSettings } from "./types.js";

export interface Settings extends TransportSettings {
  readonly hostName: string;
  readonly secret: Uint8Array | undefined;
  readonly challenge: boolean;
  readonly hidden: boolean;
  readonly helloInterval: number;
}

const longestWindow = 32_768;

export const resolveSettings = (given: TunnelSettings, options: EndpointOptions): Settings => ({
  hostName: given.hostName ?? options.hostName,
  secret: given.secret,
  challenge: given.secret !== undefined && (given.challenge ?? true),
  hidden: given.secret !== undefined && (given.hidden ?? false),
  receiveWindow: Math.min(Math.max(given.receiveWindow ?? 16, 1), longestWindow),
  helloInterval: given.helloInterval ?? 60_000,
  maxRetries: given.maxRetries ?? 5,
  retransmitTimeout: given.retransmitTimeout ?? 1000,
  retransmitCap: given.retransmitCap ?? 8000,
});

const vectorLength = 16;
/** Hides the length of short values. */
const padTo = 16;

export function hidingOf(settings: Settings, random: EndpointOptions["random"]): Hiding | undefined {
  if (!settings.hidden || !settings.secret) return undefined;
  return { secret: settings.secret, vectors: [random(vectorLength)], padTo, padding: random(padTo - 1) };
}
