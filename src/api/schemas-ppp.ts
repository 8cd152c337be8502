/** What the API shows of sessions that end here, of units, pools and RADIUS servers. */
import { z } from "zod";
import { unitAttributes } from "../dataplane/attributes.js";

const count = z.int().min(0);
const text = z.string().nullable();
const instant = z.iso.datetime();

export const usage = z
  .object({ inBytes: count, outBytes: count, inPackets: count, outPackets: count })
  .describe("IP packets and bytes; `in` is what the subscriber sent");

export const rate = z
  .object({ bitsPerSecond: z.number(), burst: z.number().describe("Bytes that may follow each other without pause") })
  .nullable();

const lcpOptions = z.object({
  mru: z.int(),
  magicNumber: z.int(),
  accm: z.int().nullable(),
  protocolFieldCompression: z.boolean(),
  addressAndControlFieldCompression: z.boolean(),
  authentication: text.describe("How this side has to authenticate"),
  mrru: z.int().nullable(),
  shortSequence: z.boolean(),
});

export const subscriber = z.object({
  userName: z.string(),
  links: z.array(z.string()).readonly().describe("Sessions that are its links; several in a bundle (RFC 1990)"),
  unit: z.int().nullable(),
  rule: z.string().describe("The rule of the policy that let it in"),
  accountingSession: z.string().describe("Acct-Session-Id"),
  address: text,
  prefix: text.describe("IPv6 prefix of the link"),
  delegated: text.describe("IPv6 prefix delegated by DHCPv6"),
  routes: z.array(z.string()).readonly(),
  up: rate.describe("Limit of what it sends; null: none"),
  down: rate.describe("Limit of what it receives; null: none"),
  filters: z.array(z.string()).readonly().describe("Filter-Id"),
  endsAt: instant.nullable().describe("Session time-out"),
  idleTimeout: z.number().nullable().describe("Seconds"),
  idle: z.number().nullable().describe("Seconds since the last packet; null: there was none"),
  since: instant,
  usage,
});
export type SubscriberJson = z.infer<typeof subscriber>;

export const ppp = z.object({
  session: z.string().describe("Session, as TUNNEL/SESSION, both local ids"),
  phase: z.enum(["establish", "authenticate", "network", "terminate", "dead"]).describe("RFC 1661 §3"),
  protocols: z.record(z.string(), z.string()).describe("State of each protocol's automaton (RFC 1661 §4.2)"),
  local: lcpOptions.nullable().describe("What LCP agreed on for what the peer sends"),
  peer: lcpOptions.nullable().describe("The same for what we send"),
  peerName: text,
  counters: z.record(z.string(), z.number()),
  subscriber: subscriber.nullable().describe("null: nobody is known yet"),
});
export type Ppp = z.infer<typeof ppp>;

export const unit = z.object({
  unit: unitAttributes.shape.unit,
  name: z.string(),
  session: text.describe("The session of its first link"),
  userName: text,
  address: text,
  mtu: z.int(),
  ipv4: z.boolean(),
  ipv6: z.boolean(),
  up: rate,
  down: rate,
  channels: z.array(z.int()).readonly(),
  idle: z.number().nullable().describe("Seconds since the last packet; null: there was none"),
  counters: z.object({
    rxPackets: count,
    rxBytes: count,
    rxDropped: count,
    txPackets: count,
    txBytes: count,
    txDropped: count,
  }),
});
export type Unit = z.infer<typeof unit>;
export const units = z.object({
  units: z.array(unit),
  next: text.describe("Pass it as `after` for the next part; null: there is no more"),
});

export const pool = z.object({
  pool: z.string(),
  kind: z.enum(["ipv4", "link", "delegated"]),
  size: z.number().min(0).describe("Addresses or prefixes in all"),
  used: count,
  quarantined: count.describe("Released and not yet given to anybody else"),
});
export type Pool = z.infer<typeof pool>;
export const pools = z.object({ pools: z.array(pool) });

export const radiusServer = z.object({
  server: z.string(),
  service: z.enum(["authentication", "accounting"]),
  address: z.string(),
  alive: z.boolean(),
  outstanding: count,
  roundTrip: z.number().nullable().describe("Smoothed, milliseconds"),
  counters: z.record(z.string(), z.number()),
});
export type RadiusServerJson = z.infer<typeof radiusServer>;
export const radius = z.object({
  servers: z.array(radiusServer),
  localUsers: count,
  pending: count.describe("Accounting records that no server has taken yet"),
});
export type Radius = z.infer<typeof radius>;

export const terminated = z.object({ terminated: z.array(z.string()).describe("Sessions that are being ended") });
export type Terminated = z.infer<typeof terminated>;
