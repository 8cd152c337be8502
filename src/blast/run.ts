/** A load run from the first SCCRQ to the last StopCCN. */
import { createEndpoint } from "../l2tp/index.js";
import type { EndpointOptions } from "../l2tp/types.js";
import { ffiMissing, splitSocketAddress } from "../system/index.js";
import { formatAddress, parseAddress } from "../wire/ipv4.js";
import { type Counters, countersOf, createBoard, legOf, type Side, side } from "./board.js";
import { type Calls, createCalls, type Endings, legState } from "./calls.js";
import { type Control, createControl } from "./control.js";
import { openDgramTransport } from "./dgram-transport.js";
import { openFfiTransport } from "./ffi-transport.js";
import { direction } from "./frame.js";
import type { BlastOptions } from "./options.js";
import { defaultOptions } from "./parse-options.js";
import { openSessions, openTunnels, type Phase, type Run, sendTraffic, tearDown } from "./phases.js";
import type { PppSettings, Target } from "./ppp-board.js";
import { randomSource } from "./random.js";
import { makeReport, type Report } from "./report.js";
import type { Listener, OpenTransport, Transport } from "./transport.js";
import { pause } from "./until.js";

export interface Progress {
  readonly phase: Phase;
  /** Of `total`: tunnels or sessions, seconds of traffic or hold. */
  readonly done: number;
  readonly total: number;
  /** Sessions that are up at this moment. */
  readonly sessions: number;
  readonly up: Counters;
  readonly down: Counters;
}

export interface Hooks {
  /** Called about ten times a second. */
  readonly progress?: (progress: Progress) => void;
  /** The sockets are open, nothing is sent yet; may answer where the LACs are to call instead of `options.switch`. */
  readonly listening?: (addresses: Listening) => Promise<string | undefined> | string | undefined;
  /** Every session has come up or failed: those that are up, on the LACs' side. */
  readonly sessions?: (up: readonly SessionUp[]) => Promise<void> | void;
  /** A phase has ended. */
  readonly phase?: (phase: Phase) => Promise<void> | void;
  /** Ends the run early: what is up is torn down, and the report says so. */
  readonly signal?: AbortSignal;
}

/** A session as whoever wants to send in it needs to know it. */
export interface SessionUp {
  readonly session: number;
  /** Descriptor of the socket that its messages leave by; undefined without FFI. */
  readonly fd: number | undefined;
  readonly local: string;
  readonly remote: string;
  readonly peerTunnelId: number;
  readonly peerSessionId: number;
  /** The subscriber's IPv4 address, with `ppp`. */
  readonly address: string | undefined;
}

export interface Listening {
  readonly lac: readonly string[];
  readonly lns: readonly string[];
}

const progressInterval = 100;

const transports: Record<BlastOptions["transport"], () => OpenTransport> = {
  auto: () => (ffiMissing() === undefined ? openFfiTransport : openDgramTransport),
  ffi: () => openFfiTransport,
  dgram: () => openDgramTransport,
};

function listenersOf({ role, lacBind, lacSockets, tunnels, lnsListen }: BlastOptions): readonly Listener[] {
  const source = lacBind.includes(":") ? `[${lacBind}]:0` : `${lacBind}:0`;
  const lacs = role === "lns" ? 0 : Math.min(lacSockets, tunnels);
  return [
    ...Array.from({ length: lacs }, () => ({ side: side.lac, local: source })),
    ...(role === "lac" ? [] : lnsListen.map((local) => ({ side: side.lns, local }))),
  ];
}

const addressesOf = ({ sockets }: Transport, of: Side): readonly string[] =>
  sockets.filter((socket) => socket.side === of).map(({ local }) => local);

/**
 * Runs one. Rejects when the sockets cannot be opened; whatever goes wrong later is in the report.
 * @throws JunctorError, SystemError
 */
export async function runBlast(given: Partial<BlastOptions> = {}, hooks: Hooks = {}): Promise<Report> {
  const options: BlastOptions = { ...defaultOptions, ...given, ...(given.ppp && { role: "lac" }) };
  const failure = new AbortController();
  const board = createBoard(options.tunnels * options.sessions, pppSettings(options));
  let calls: Calls | undefined;
  let failed: Error | undefined;
  let control: Control | undefined;
  let run: Run | undefined;

  const transport = await transports[options.transport]()(listenersOf(options), board, {
    control(batch) {
      control?.take(batch);
      if (run?.window !== undefined) {
        run.window.feed();
        control?.pump();
      }
    },
    subscribers(changed) {
      calls?.ppp?.changed(changed);
      run?.window?.feed();
      control?.pump();
    },
    failed(error) {
      failed = error;
      failure.abort();
    },
  });
  const ticker = setInterval(() => run && report(run, hooks), progressInterval);
  try {
    const addresses = { lac: addressesOf(transport, side.lac), lns: addressesOf(transport, side.lns) };
    const target = (await hooks.listening?.(addresses)) ?? options.switch ?? addresses.lns[0]!;
    const random = randomSource(options.seed);
    const endpoints = [createEndpoint(machine(options, random)), createEndpoint(machine(options, random))] as const;
    calls = createCalls(options, board, endpoints, transport);
    control = createControl(endpoints, transport, calls.handle);
    const signal = hooks.signal === undefined ? failure.signal : AbortSignal.any([failure.signal, hooks.signal]);
    run = {
      options,
      signal,
      board,
      transport,
      control,
      calls,
      target,
      window: undefined,
      show: { phase: "tunnels", done: () => 0, total: 1 },
    };
    const result = await play(run, hooks);
    if (failed !== undefined) throw failed;
    return result;
  } finally {
    clearInterval(ticker);
    control?.close();
    await transport.close();
  }
}

function pppSettings(options: BlastOptions): PppSettings | undefined {
  const { ppp, user, password, auth, ipv6 } = options;
  return ppp ? { user, password, auth, ipv6, target: targetOf(options) } : undefined;
}

function targetOf({ target, ping }: BlastOptions): Target | undefined {
  const pinged = parseAddress(ping ?? "");
  if (pinged !== undefined) return { by: "ping", address: pinged };
  if (target === undefined) return undefined;
  const { address, port } = splitSocketAddress(target);
  const to = parseAddress(address);
  return to === undefined ? undefined : { by: "udp", address: to, port };
}

const machine = (
  { hostName, tunnels, sessions }: BlastOptions,
  random: EndpointOptions["random"],
): EndpointOptions => ({
  hostName,
  random,
  limits: {
    tunnels: 65_535,
    tunnelsPerPeer: 65_535,
    halfOpen: 65_535,
    halfOpenPerPeer: 65_535,
    callsPerTunnel: Math.min(65_535, tunnels * sessions),
  },
});

async function play(run: Run, hooks: Hooks): Promise<Report> {
  const { options, calls, signal } = run;
  const tunnels = await openTunnels(run);
  await hooks.phase?.("tunnels");
  const setupSeconds = await openSessions(run, tunnels.ids);
  await hooks.sessions?.(sessionsUp(run));
  await hooks.phase?.("sessions");
  const failures: Endings = new Map([
    ...calls.tunnels.endings,
    ...calls.sides[side.lac].endings,
    ...calls.sides[side.lns].endings,
  ]);
  for (const [reason, count] of calls.ppp?.failures ?? []) failures.set(`subscriber: ${reason}`, count);
  if (calls.refused > 0) failures.set("refused: calling number names no session of this run", calls.refused);

  const before = endedCalls(calls);
  const trafficSeconds = options.traffic && calls.up > 0 && !signal.aborted ? await sendTraffic(run) : undefined;
  if (trafficSeconds !== undefined) await hooks.phase?.("traffic");
  if (options.hold > 0) {
    const from = performance.now();
    run.show = { phase: "hold", done: () => (performance.now() - from) / 1000, total: options.hold };
    await pause(options.hold, signal);
    await hooks.phase?.("hold");
  }
  const interrupted = signal.aborted;
  // A peer that plays the LACs hangs up when it likes, so that there is no telling what ended early.
  const dropped = options.role === "lns" ? 0 : endedCalls(calls) - before;

  const teardown = await tearDown(run, tunnels.ids);
  await hooks.phase?.("tear-down");
  report(run, hooks);
  return makeReport({
    ...run,
    transport: run.transport.kind,
    tunnelSeconds: tunnels.seconds,
    setupSeconds,
    failures,
    trafficSeconds,
    dropped,
    ...teardown,
    interrupted,
  });
}

function sessionsUp({ calls, board, transport }: Run): readonly SessionUp[] {
  const lac = calls.sides[side.lac];
  const up: SessionUp[] = [];
  for (let session = 0; session < board.sessions; session++) {
    const route = lac.tunnels.get(lac.call[session]! >>> 16);
    if (lac.state[session] !== legState.up || route === undefined) continue;
    const { local, fd } = transport.sockets[route.socket]!;
    up.push({
      session,
      fd,
      local,
      remote: route.remote,
      peerTunnelId: route.peerTunnelId,
      peerSessionId: board.peerCall[legOf(session, side.lac)]! & 0xffff,
      address: board.ppp && formatAddress(board.ppp.address[session]!),
    });
  }
  return up;
}

const endedCalls = ({ sides }: Calls): number => Math.max(sides[0].down, sides[1].down);

function report({ show, calls, board, options }: Run, hooks: Hooks): void {
  if (hooks.progress === undefined) return;
  const { up, down, failed } = calls.sides[options.role === "lns" ? side.lns : side.lac];
  hooks.progress({
    phase: show.phase,
    done: Math.min(show.done(), show.total),
    total: show.total,
    sessions: up - (down - failed),
    up: countersOf(board, direction.up),
    down: countersOf(board, direction.down),
  });
}
