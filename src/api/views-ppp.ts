/** Sessions that end here, units, pools and RADIUS servers: from what the gateway knows to what the API shows. */
import type { AaaStatus, Rate } from "../gateway/aaa/types.js";
import type { PoolStatus } from "../gateway/addresses/types.js";
import type { PppView, SubscriberView, UnitView } from "../gateway/types.js";
import type { LcpOptions } from "../ppp/types.js";
import { sessionName } from "./names.js";
import type { Pool, Ppp, Radius, SubscriberJson, Unit } from "./schemas-ppp.js";

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
const seconds = (milliseconds: number | undefined): number | null =>
  milliseconds === undefined ? null : Math.round(milliseconds) / 1000;
const rateJson = (rate: Rate | undefined): Rate | null => rate ?? null;

const optionsJson = (options: LcpOptions) => ({
  mru: options.mru,
  magicNumber: options.magicNumber,
  accm: options.accm ?? null,
  protocolFieldCompression: options.protocolFieldCompression,
  addressAndControlFieldCompression: options.addressAndControlFieldCompression,
  authentication: options.authentication ?? null,
  mrru: options.mrru ?? null,
  shortSequence: options.shortSequence,
});

const subscriberJson = (view: SubscriberView): SubscriberJson => ({
  userName: view.userName,
  links: view.links.map(sessionName),
  unit: view.unit ?? null,
  rule: view.rule,
  accountingSession: view.accountingSession,
  address: view.address ?? null,
  prefix: view.prefix ?? null,
  delegated: view.delegated ?? null,
  routes: view.routes,
  up: rateJson(view.rates.up),
  down: rateJson(view.rates.down),
  filters: view.filters,
  endsAt: view.endsAt === undefined ? null : iso(view.endsAt),
  idleTimeout: seconds(view.idleTimeout),
  idle: seconds(view.idle),
  since: iso(view.since),
  usage: view.usage,
});

export const pppJson = ({ call, link, network, subscriber }: PppView): Ppp => ({
  session: sessionName(call),
  phase: link.phase,
  protocols: { lcp: link.lcp, ...network?.protocols },
  local: link.agreement ? optionsJson(link.agreement.local) : null,
  peer: link.agreement ? optionsJson(link.agreement.peer) : null,
  peerName: link.peerName ?? null,
  counters: link.counters,
  subscriber: subscriber ? subscriberJson(subscriber) : null,
});

export const unitJson = ({ state, call, userName, address }: UnitView): Unit => ({
  unit: state.unit,
  name: state.name,
  session: call === undefined ? null : sessionName(call),
  userName: userName ?? null,
  address: address ?? null,
  mtu: state.mtu,
  ipv4: state.ipv4,
  ipv6: state.ipv6,
  up: rateJson(state.up),
  down: rateJson(state.down),
  channels: state.channels,
  idle: seconds(state.idle),
  counters: state.counters,
});

export const poolJson = (status: PoolStatus): Pool => ({ ...status });

export const radiusJson = (status: AaaStatus | undefined): Radius => ({
  servers: (status?.servers ?? []).map(({ name, roundTrip, ...server }) => ({
    server: name,
    roundTrip: roundTrip ?? null,
    ...server,
  })),
  localUsers: status?.localUsers ?? 0,
  pending: status?.pending ?? 0,
});
