/** A gateway and channels that do as they are told, for tests of what stands above them. */

import type { ChannelState } from "../../src/dataplane/attributes.js";
import type { Dataplane } from "../../src/dataplane/contract.js";
import { DataplaneError } from "../../src/errors.js";
import type { CallingGateway, GatewayEvent, Page, SessionView, TunnelView } from "../../src/gateway/types.js";

export interface FakeGateway extends CallingGateway {
  readonly calls: string[];
  emit(event: GatewayEvent): void;
}

const since = Date.UTC(2026, 0, 2, 3, 4, 5);

export const call = (tunnel: number, session: number): number => tunnel * 0x1_0000 + session;

export const tunnelView = (tunnel: number, side: "access" | "onward", more: Partial<TunnelView> = {}): TunnelView => ({
  tunnel,
  peerTunnelId: tunnel + 100,
  port: 1,
  local: undefined,
  remote: `192.0.2.${tunnel}:1701`,
  state: "established",
  initiator: side === "onward",
  peer: {
    remote: `192.0.2.${tunnel}:1701`,
    hostName: side === "access" ? "lac1" : "lns1",
    vendorName: undefined,
    firmwareRevision: undefined,
    avps: {},
  } as TunnelView["peer"],
  calls: 1,
  transport: { ns: 3, nr: 4, window: 16, congestionWindow: 2, queued: 0, retransmissions: 0 },
  side,
  since,
  counters: { rxPackets: 10, rxBytes: 1000, rxErrors: 0, txPackets: 20, txBytes: 2000, txErrors: 0 },
  ...more,
});

export const sessionView = (tunnel: number, session: number, more: Partial<SessionView> = {}): SessionView => ({
  call: call(tunnel, session),
  tunnel,
  sessionId: session,
  peerSessionId: session + 1,
  kind: "incoming",
  role: "lns",
  state: "established",
  side: "access",
  channel: session,
  bridgedWith: undefined,
  callingNumber: "4930123",
  calledNumber: undefined,
  userName: "alice@example.net",
  fate: undefined,
  address: undefined,
  prefix: undefined,
  delegated: undefined,
  since,
  counters: {
    rxPackets: 1,
    rxBytes: 100,
    rxErrors: 0,
    rxSeqDiscards: 0,
    rxOosPackets: 0,
    txPackets: 2,
    txBytes: 200,
    txErrors: 0,
  },
  ...more,
});

/** What a page asks for, of all. */
function pageOf<T>(all: Iterable<T>, id: (each: T) => number, page: Page<T> = {}): readonly T[] {
  const { after = 0, limit, accept = () => true } = page;
  return [...all]
    .sort((a, b) => id(a) - id(b))
    .filter((each) => id(each) > after && accept(each))
    .slice(0, limit);
}

export function fakeGateway(
  tunnels: readonly TunnelView[],
  sessions: readonly SessionView[],
  channels: Dataplane["channel"],
): FakeGateway {
  const tunnelTable = new Map(tunnels.map((view) => [view.tunnel, view]));
  const sessionTable = new Map(sessions.map((view) => [view.call, view]));
  const calls: string[] = [];
  const pending: GatewayEvent[] = [];
  const reader = { wake: (): void => {} };
  let stopped = false;
  let draining = false;

  const callOf = (channel: number) => [...sessionTable.values()].find((view) => view.channel === channel)?.call;

  async function* events(): AsyncGenerator<GatewayEvent> {
    while (!stopped) {
      const event = pending.shift();
      if (event !== undefined) yield event;
      else await new Promise<void>((resolve) => Object.assign(reader, { wake: resolve }));
    }
  }

  return {
    calls,
    emit(event) {
      pending.push(event);
      reader.wake();
    },
    start: async () => void calls.push("start"),
    reload: async () => ["access1 opened"],
    drain(on) {
      draining = on;
      calls.push(`drain ${on}`);
    },
    get draining() {
      return draining;
    },
    ready: true,
    async stop() {
      stopped = true;
      reader.wake();
    },
    tunnels: async (page) => pageOf(tunnelTable.values(), ({ tunnel }) => tunnel, page as Page<TunnelView>),
    sessions: async (page) => pageOf(sessionTable.values(), (session) => session.call, page as Page<SessionView>),
    async channels(page) {
      const states = await channels.list();
      const views = states.flatMap((state) => {
        const owner = callOf(state.channel);
        return owner === undefined ? [] : [{ ...state, call: owner }];
      });
      return pageOf(views, ({ channel }) => channel, page);
    },
    callOf,
    get population() {
      return { tunnels: tunnelTable.size, halfOpen: 0, sessions: sessionTable.size, subscribers: 0 };
    },
    tunnel: async (tunnel) => tunnelTable.get(tunnel),
    session: async (id) => sessionTable.get(id),
    placeCall({ rule, icrq, iccn }) {
      if (rule !== "out") return undefined;
      const { callingNumber, calledNumber } = icrq ?? {};
      const more = { callingNumber, calledNumber, userName: iccn?.proxyAuthenName };
      const placed = { ...more, side: "onward", role: "lac", state: "wait-tunnel", channel: undefined } as const;
      sessionTable.set(call(9, 5), sessionView(9, 5, placed));
      return call(9, 5);
    },
    terminateTunnel: async (tunnel) => tunnelTable.delete(tunnel),
    terminateSession: async (id) => sessionTable.delete(id),
    ppp: async () => undefined,
    units: async () => [],
    unit: async () => undefined,
    find: () => [],
    pools: [],
    aaa: undefined,
    trace: () => undefined,
    capture: async () => undefined,
    events: () => events() as AsyncIterableIterator<GatewayEvent>,
    statistics: () => ({
      "session-up": 3,
      "control/received_ICRQ": 3,
      "control/retransmissions": 5,
      "control-drop/bad-length": 1,
      "data-drop/unknown-session": 4,
    }),
    capabilities: {
      engine: "user",
      workers: 1,
      ports: ["udp"],
      programs: { user: false, kernel: "no" },
      segmentation: true,
      tunnelVersions: [2],
      pseudowires: ["ppp"],
      tun: true,
      limits: { tunnels: 65_535, sessions: 1_000_000, units: 1_000_000 },
    },
  };
}

/** Channels that can be bridged, with the kernel's answers to mistakes. */
export function fakeChannels(indices: readonly number[]): Dataplane["channel"] {
  const partner = new Map<number, number>();
  const known = (channel: number): void => {
    if (!indices.includes(channel)) throw new DataplaneError("ENXIO", `channel ${channel}`, "no such channel");
  };
  const state = (channel: number): ChannelState => ({
    channel,
    session: channel,
    bridgedWith: partner.get(channel),
  });
  return {
    async bridge({ channel, with: other }) {
      known(channel);
      known(other);
      if (channel === other || partner.has(channel) || partner.has(other)) {
        throw new DataplaneError("EALREADY", `channel ${channel}`, "is bridged", "unbridge it first");
      }
      partner.set(channel, other).set(other, channel);
    },
    async unbridge({ channel }) {
      known(channel);
      const other = partner.get(channel);
      if (other === undefined) throw new DataplaneError("EINVAL", `channel ${channel}`, "is not bridged");
      partner.delete(channel);
      partner.delete(other);
    },
    connect: async () => {},
    disconnect: async () => {},
    tap: async () => {},
    async get({ channel }) {
      known(channel);
      return state(channel);
    },
    list: async () => indices.map(state),
  };
}
