/** The phases of a load run: tunnels, sessions, traffic, tear-down. */
import type { Result, TunnelId } from "../l2tp/types.js";
import { type Board, legOf, type Side, side } from "./board.js";
import { type Calls, legState } from "./calls.js";
import type { Control } from "./control.js";
import type { BlastOptions } from "./options.js";
import { neighbour, pppState } from "./ppp-board.js";
import { isClosed, sentAndBack } from "./report.js";
import { sendOrder } from "./schedule.js";
import type { Transport } from "./transport.js";
import { pause, until } from "./until.js";
import { createWindow, type Window } from "./window.js";

export const phases = ["tunnels", "sessions", "traffic", "hold", "tear-down"] as const;
export type Phase = (typeof phases)[number];

/** Everything that a phase works with. */
export interface Run {
  readonly options: BlastOptions;
  readonly signal: AbortSignal;
  readonly board: Board;
  readonly transport: Transport;
  readonly control: Control;
  readonly calls: Calls;
  readonly target: string;
  /** What is being started step by step; fed whenever something has arrived. */
  window: Window | undefined;
  show: { phase: Phase; done: () => number; total: number };
}

/** Control connections being set up at once. */
const tunnelWindow = 64;
/** Milliseconds without an arrival after which what is on its way counts as lost. */
const drainPatience = 500;
const teardownPatience = 20_000;
const closePatience = 5000;
/** Milliseconds in which peers that play the LACs may close their tunnels themselves. */
const peersClose = 1000;
const lacShutdown = { result: 1, message: "load run has ended" };
const lnsShutdown = { result: 6, message: "load run has ended" };

export async function openTunnels(
  run: Run,
): Promise<{ readonly ids: readonly (TunnelId | undefined)[]; readonly seconds: number }> {
  const { options, calls, control, target } = run;
  if (options.role === "lns") return { ids: [], seconds: 0 };
  const sockets = run.transport.sockets.filter((socket) => socket.side === side.lac).length;
  const ids: (TunnelId | undefined)[] = [];
  const from = performance.now();
  let refused = 0;
  await inWindow(run, {
    phase: "tunnels",
    total: options.tunnels,
    size: tunnelWindow,
    rate: 0,
    finished: () => calls.tunnels.up + calls.tunnels.failed + refused,
    start(index) {
      const id = control.endpoints[side.lac].openTunnel(
        {
          port: index % sockets,
          remote: target,
          // A second SCCRQ of the same name from the same port would look like a peer that has restarted.
          hostName: options.tunnels === 1 ? options.hostName : `${options.hostName}-${index + 1}`,
          secret: options.secret,
          hidden: options.hidden,
        },
        performance.now(),
      );
      ids.push(id);
      if (id === undefined) refused++;
    },
  });
  const open = ids.map((id) => (id !== undefined && calls.sides[side.lac].tunnels.has(id) ? id : undefined));
  return { ids: open, seconds: (performance.now() - from) / 1000 };
}

/** Answers the seconds from the first call to where the last session came up. */
export async function openSessions(run: Run, tunnels: readonly (TunnelId | undefined)[]): Promise<number> {
  const { options, calls, board, signal } = run;
  if (options.role === "lns") return awaitSessions(run);
  const from = performance.now();
  await inWindow(run, {
    phase: "sessions",
    total: board.sessions,
    size: options.setupWindow,
    rate: options.setupRate,
    finished: () => calls.settled,
    start: (session) => calls.open(session, tunnels[session % tunnels.length]),
  });
  if (signal.aborted) return 0;
  return Math.max(0, calls.lastUp - from) / 1000;
}

/** As LNS alone: waits for the calls that others open. */
async function awaitSessions(run: Run): Promise<number> {
  const { options, calls, board, signal } = run;
  run.show = { phase: "sessions", done: () => calls.up, total: board.sessions };
  await until(() => calls.up > 0, { progress: () => 0, idle: Number.POSITIVE_INFINITY, signal });
  const from = performance.now();
  await until(() => calls.up >= board.sessions, {
    progress: () => calls.up,
    idle: options.setupTimeout * 1000,
    signal,
  });
  return Math.max(0, calls.lastUp - from) / 1000;
}

interface Started {
  readonly phase: Phase;
  readonly total: number;
  readonly size: number;
  readonly rate: number;
  readonly start: (index: number) => void;
  readonly finished: () => number;
}

async function inWindow(run: Run, { phase, ...options }: Started): Promise<boolean> {
  const { control, signal } = run;
  const window = createWindow(options);
  run.show = { phase, done: options.finished, total: options.total };
  run.window = window;
  const step = (): boolean => {
    run.calls.ppp?.expire();
    window.feed();
    control.pump();
    return options.finished() >= options.total;
  };
  const progress = () => window.started + options.finished();
  const idle = phase === "tear-down" ? teardownPatience : run.options.setupTimeout * 1000;
  const whole = await until(step, { progress, idle, signal: phase === "tear-down" ? undefined : signal });
  run.window = undefined;
  return whole;
}

export async function sendTraffic(run: Run): Promise<number> {
  const { options, board, transport, calls, signal } = run;
  const sides: readonly Side[] =
    options.role === "both" ? [side.lac, side.lns] : [options.role === "lac" ? side.lac : side.lns];
  const legs: number[] = [];
  for (let session = 0; session < board.sessions; session++) {
    if (sides.every((at) => calls.sides[at].state[session] === legState.up) && reachable(board, session)) {
      for (const at of sides) legs.push(legOf(session, at));
    }
  }
  const order = sendOrder(legs, (leg) => board.path[leg]!);
  const from = performance.now();
  const seconds = () => (performance.now() - from) / 1000;
  run.show = { phase: "traffic", done: seconds, total: options.seconds };
  const { size, rate, inFlight } = options;
  transport.startTraffic({ size, rate, inFlight, closed: isClosed(options), order });
  await pause(options.seconds, signal);
  transport.stopTraffic();
  const sent = seconds();
  const back = () => sentAndBack(board).back;
  const all = () => isClosed(options) && back() >= sentAndBack(board).sent;
  await until(all, { progress: back, idle: drainPatience });
  return sent;
}

/** Whether packets of a subscriber arrive somewhere: it is up, and so is whom it sends to. */
function reachable({ ppp, sessions }: Board, session: number): boolean {
  if (ppp === undefined) return true;
  const to = ppp.settings.target === undefined ? neighbour(session, sessions) : session;
  return ppp.state[session] === pppState.up && ppp.state[to] === pppState.up;
}

interface Torn {
  readonly hungUp: number;
  readonly teardownSeconds: number;
  readonly remaining: number;
}

export async function tearDown(run: Run, tunnels: readonly (TunnelId | undefined)[]): Promise<Torn> {
  const { options, calls, board, signal } = run;
  const [lac, lns] = calls.sides;
  const from = performance.now();
  if (options.role === "lns" && !signal.aborted) {
    run.show = { phase: "tear-down", done: () => lns.down, total: calls.up };
    await until(() => lns.sessionOf.size === 0, {
      progress: () => lns.down,
      idle: options.setupTimeout * 1000,
      signal,
    });
  }
  const sessions = Array.from({ length: board.sessions }, (_, session) => session).filter(
    (session) => lac.state[session] === legState.up || lns.state[session] === legState.up,
  );
  const goneBefore = calls.gone;
  await inWindow(run, {
    phase: "tear-down",
    total: sessions.length,
    size: options.setupWindow,
    rate: 0,
    finished: () => calls.gone - goneBefore,
    start: (index) => hangUp(run, sessions[index]!),
  });
  const teardownSeconds = Math.max(0, calls.lastDown - from) / 1000;
  const remaining = [lac, lns].reduce(
    (sum, { state }) => sum + sessions.filter((session) => state[session] === legState.up).length,
    0,
  );
  await closeTunnels(run, tunnels);
  return { hungUp: options.role === "lns" ? lns.down : sessions.length, teardownSeconds, remaining };
}

function hangUp({ options: { hangup, role }, calls }: Run, session: number): void {
  if (calls.ppp !== undefined) {
    const linkFirst = hangup === "ppp" || (hangup === "both" && (session & 1) === 1);
    if (linkFirst) calls.ppp.close(session);
    else calls.hangUp(session, side.lac);
    return;
  }
  const turn = hangup === "lac" || hangup === "lns" ? side[hangup] : ((session & 1) as Side);
  const first = role === "both" ? turn : side[role];
  const at = calls.sides[first].state[session] === legState.up ? first : ((1 - first) as Side);
  calls.hangUp(session, at);
}

/** Closes the tunnels that are still there and waits until the peers have acknowledged it. */
async function closeTunnels(
  { options, calls, control }: Run,
  opened: readonly (TunnelId | undefined)[],
): Promise<void> {
  const close = async (at: Side, tunnels: readonly TunnelId[], result: Result): Promise<void> => {
    const endpoint = control.endpoints[at];
    for (const tunnel of tunnels) endpoint.closeTunnel(tunnel, result, performance.now());
    control.pump();
    let acknowledged = 0;
    const done = (): boolean => {
      while (acknowledged < tunnels.length && !((endpoint.tunnel(tunnels[acknowledged]!)?.transport.queued ?? 0) > 0)) {
        acknowledged++;
      }
      return acknowledged === tunnels.length;
    };
    await until(done, { progress: () => acknowledged, idle: closePatience });
  };
  const { tunnels } = calls.sides[side.lns];
  await close(
    side.lac,
    opened.filter((tunnel) => tunnel !== undefined),
    lacShutdown,
  );
  if (options.role === "lns") {
    await until(() => tunnels.size === 0, { progress: () => tunnels.size, idle: peersClose });
  }
  await close(side.lns, [...tunnels.keys()], lnsShutdown);
}
