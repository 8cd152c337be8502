/** What the API shows, as schemas: answers are typed by them and the OpenAPI document derives from them. */
import { z } from "zod";
import { counters, tunnelAttributes } from "../dataplane/attributes.js";
import type { GatewayEvent } from "../gateway/types.js";
import { tunnelStates } from "./filters.js";
import { pools, ppp, radius, terminated, unit, units, usage } from "./schemas-ppp.js";
import { programSchemas } from "./schemas-programs.js";

const id16 = z.int().min(1).max(0xffff);
const count = z.int().min(0);
const text = z.string().nullable();
const since = z.iso.datetime().describe("When it came to be (RFC 3339, UTC)");

const tunnelId = id16.describe("Local tunnel id");
const sessionId = z.string().describe("Session, as TUNNEL/SESSION, both local ids");
const channelIndex = z.int().min(1).describe("Channel index");

const side = z
  .enum(["access", "onward"])
  .describe("access: a peer opened the tunnel to us; onward: we opened it to an LNS");

function countersOf<const N extends string>(names: readonly N[]): z.ZodObject<Record<N, z.ZodInt>> {
  return z.object(Object.fromEntries(names.map((name) => [name, count])) as Record<N, z.ZodInt>);
}

export const tunnel = z.object({
  tunnel: tunnelId,
  peerTunnelId: z.int().min(0).max(0xffff).describe("The peer's tunnel id; 0 until it is known"),
  side,
  state: z.enum(tunnelStates).describe("State of the control connection (RFC 2661 §7.2.1)"),
  initiator: z.boolean().describe("Whether we sent the SCCRQ"),
  local: text.describe("Our address and port, when the port is bound to a wildcard address"),
  remote: tunnelAttributes.shape.remote,
  hostName: text.describe("The peer's host name"),
  vendorName: text.describe("The peer's vendor name"),
  firmwareRevision: z.int().nullable().describe("The peer's firmware revision"),
  sessions: count.describe("Calls in the tunnel"),
  since,
  counters: countersOf(counters.tunnel),
  transport: z
    .object({
      ns: count,
      nr: count,
      window: count,
      congestionWindow: count,
      queued: count,
      retransmissions: count,
    })
    .describe("Reliable transport of control messages (RFC 2661 §5.8)"),
});
export type Tunnel = z.infer<typeof tunnel>;

export const session = z.object({
  session: sessionId,
  tunnel: tunnelId,
  sessionId: id16.describe("Local session id"),
  peerSessionId: z.int().min(0).max(0xffff).describe("The peer's session id; 0 until it is known"),
  side,
  kind: z.enum(["incoming", "outgoing"]).describe("Incoming (ICRQ) or outgoing (OCRQ) call"),
  role: z.enum(["lac", "lns"]).describe("Our role in the call"),
  state: z.string().describe("State of the call (RFC 2661 §7.4, §7.5)"),
  channel: channelIndex.nullable(),
  bridgedWith: sessionId.nullable().describe("The session that this one is bridged with"),
  callingNumber: text,
  calledNumber: text,
  userName: text.describe("User name: as the LAC says, or as it authenticated here"),
  fate: z.enum(["bridged", "terminated"]).nullable().describe("What becomes of it; null: nothing (yet)"),
  address: text.describe("The subscriber's IPv4 address, if it is terminated here"),
  prefix: text.describe("The IPv6 prefix of its link"),
  delegated: text.describe("The IPv6 prefix that is delegated to it"),
  since,
  counters: countersOf(counters.session),
});
export type Session = z.infer<typeof session>;

export const channel = z.object({
  channel: channelIndex,
  session: sessionId.nullable().describe("The session whose frames the channel carries"),
  bridgedWith: channelIndex.nullable().describe("The channel that this one is bridged with"),
  unit: z.int().min(1).nullable().describe("The unit that this channel is connected to"),
});
export type Channel = z.infer<typeof channel>;

export const status = z.object({
  version: z.string(),
  pid: z.int(),
  since: since.describe("When the daemon started (RFC 3339, UTC)"),
  ready: z.boolean().describe("Whether new calls are served"),
  draining: z.boolean().describe("Whether new calls are refused until the last has ended"),
  tunnels: count,
  sessions: count,
  subscribers: count.describe("Users that end here"),
  configuration: z.object({
    file: z.string(),
    loaded: z.iso.datetime().describe("When the configuration in use was read"),
    error: text.describe("Why the last reload was refused; null if it was not"),
  }),
  engine: z.object({
    engine: z.enum(["user", "linux"]),
    workers: z.int(),
    segmentation: z.boolean(),
    limits: z.object({ tunnels: z.int(), sessions: z.int() }),
  }),
});
export type Status = z.infer<typeof status>;

export const statistics = z.record(z.string(), z.number()).describe("Counts since the start, by name");
export type Statistics = z.infer<typeof statistics>;

const eventTypes = [
  "tunnel-up",
  "tunnel-down",
  "session-up",
  "session-down",
  "bridged",
  "unbridged",
  "forward-failed",
  "subscriber-up",
  "subscriber-down",
  "reloaded",
  "draining",
  "drained",
  "lost",
] as const satisfies readonly GatewayEvent["type"][];

export const ended = z.object({
  by: z.enum(["local", "peer", "timeout", "peer-restarted"]),
  result: z.int().describe("Result code of the StopCCN or CDN (RFC 2661 §4.4.2)"),
  error: z.int().nullable(),
  message: text,
  cause: z.object({ code: z.int(), message: z.int(), advisory: text }).nullable().describe("Q.931 cause"),
});
export type EndedJson = z.infer<typeof ended>;

export const event = z.object({
  id: z.int().describe("Counts up by one; at an event `lost`, by as many as were lost"),
  time: z.iso.datetime(),
  type: z.enum(eventTypes),
  tunnel: tunnelId.optional(),
  session: sessionId.optional(),
  with: sessionId.optional().describe("The other session of a bridge"),
  side: side.optional(),
  remote: tunnelAttributes.shape.remote.optional(),
  hostName: z.string().optional(),
  lns: z.string().optional().describe("The LNS that a call could not be forwarded to"),
  ended: ended.optional(),
  user: z.string().optional().describe("User name of a subscriber"),
  address: text.optional().describe("IPv4 address of a subscriber"),
  prefix: text.optional().describe("IPv6 prefix of a subscriber's link"),
  delegated: text.optional().describe("IPv6 prefix delegated to a subscriber"),
  cause: z.string().optional().describe("Why a subscriber's session ended (RFC 2866 §5.10)"),
  usage: usage.optional().describe("What went over it"),
  changes: z.array(z.string()).readonly().optional().describe("What a reload changed, in words"),
  on: z.boolean().optional(),
  sessions: count.optional(),
  count: count.optional().describe("How many events were lost here"),
});
export type Event = z.infer<typeof event>;

export const failure = z.object({
  error: z.object({
    code: z.string().describe("An errno name for what the data plane refused, a word for the rest; stable"),
    message: z.string(),
    hint: text.describe("What would mend it"),
    log: z.string().optional().describe("What the verifier said of a program that it refused, line by line"),
  }),
});
export type Failure = z.infer<typeof failure>;

const next = text.describe("Pass it as `after` for the next part; null: there is no more");
export const tunnels = z.object({ tunnels: z.array(tunnel), next });
export const sessions = z.object({ sessions: z.array(session), next });
export const channels = z.object({ channels: z.array(channel), next });
export const changes = z.object({ changes: z.array(z.string()).readonly() });
export const drained = z.object({ draining: z.boolean(), sessions: count });
export const health = z.object({ status: z.string() });

/** Every schema that the OpenAPI document names. */
export const schemas = {
  Tunnel: tunnel,
  Tunnels: tunnels,
  Session: session,
  Sessions: sessions,
  Channel: channel,
  Channels: channels,
  Status: status,
  Statistics: statistics,
  Event: event,
  Ended: ended,
  Changes: changes,
  Draining: drained,
  Health: health,
  Failure: failure,
  Ppp: ppp,
  Unit: unit,
  Units: units,
  Pools: pools,
  Radius: radius,
  Terminated: terminated,
  ...programSchemas,
} as const;
export type SchemaName = keyof typeof schemas;
