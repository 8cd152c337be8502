/**
 * The calls of a run: which session each belongs to and how far it is, on either side. A session is a number from 0; its
 * LAC says it in the calling number, which a switch hands on, and that is how the LNS's call is found to be its other end.
 */
import type { CallId, Ended, Endpoint, TunnelId } from "../l2tp/types.js";
import { type AvpValues, bearer, framing, proxyAuthen } from "../wire/l2tp2-avp.js";
import { addCall, type Board, legOf, type Side, side } from "./board.js";
import type { ControlEvent } from "./control.js";
import { emptyHistogram, record } from "./histogram.js";
import type { BlastOptions } from "./options.js";
import { createPppCalls, type PppCalls } from "./ppp-calls.js";
import type { Transport } from "./transport.js";

export const legState = { idle: 0, opening: 1, up: 2, down: 3 } as const;

export interface Route {
  readonly peerTunnelId: number;
  readonly path: number;
  readonly socket: number;
  readonly remote: string;
}

/** How calls ended, on one side: how often each result, in words. */
export type Endings = Map<string, number>;

export interface SideCalls {
  /** By session. */
  readonly call: Uint32Array;
  readonly state: Uint8Array;
  up: number;
  down: number;
  readonly endings: Endings;
  /** Of `down`: those that were never up. */
  failed: number;
  /** Of `down`: those that ended without a CDN or StopCCN from either end. */
  silent: number;
  readonly tunnels: Map<TunnelId, Route>;
  readonly sessionOf: Map<CallId, number>;
}

export interface Calls {
  readonly sides: readonly [lac: SideCalls, lns: SideCalls];
  readonly tunnels: { up: number; failed: number; down: number; readonly endings: Endings };
  /** Microseconds from the ICRQ to where every end that is ours is up. */
  readonly latency: Uint32Array;
  /** Sessions of which every end that is ours came up, and when the last of them did. */
  up: number;
  lastUp: number;
  /** Sessions whose set-up has come to an end, one way or the other. */
  settled: number;
  /** Sessions of which every end that is ours has ended. */
  gone: number;
  /** Calls that the LNS refused because their calling number names no session. */
  refused: number;
  /** When the last call or tunnel ended. */
  lastDown: number;
  handle(at: Side, event: ControlEvent): void;
  /** PPP subscribers in the sessions. */
  readonly ppp: PppCalls | undefined;
  /** Opens the call of a session in a tunnel of ours. */
  open(session: number, tunnel: TunnelId | undefined): void;
  /** Hangs up one end of a session, if it is up. */
  hangUp(session: number, at: Side): void;
}

const sideCalls = (sessions: number): SideCalls => ({
  call: new Uint32Array(sessions),
  state: new Uint8Array(sessions),
  up: 0,
  down: 0,
  endings: new Map(),
  failed: 0,
  silent: 0,
  tunnels: new Map(),
  sessionOf: new Map(),
});

/** Results of the CDNs that we send (RFC 2661 §4.4.2). */
const carrierLost = { result: 1 };
const administrative = { result: 3 };
const noSuchSession = { result: 2, error: 6, message: "calling number names no session of this run" };

const inWords = ({ by, result, error, message }: Ended): string =>
  `${by}: result ${result}${error === undefined ? "" : `, error ${error}`}${message ? ` (${message})` : ""}`;

/** Peers may put what they like into a message: beyond so many different endings, the rest is one. */
const endingsAtMost = 64;

function count(endings: Endings, words: string): void {
  const key = endings.has(words) || endings.size < endingsAtMost ? words : "others";
  endings.set(key, (endings.get(key) ?? 0) + 1);
}

const connectSpeed = 100_000_000;

export function callRequest(options: BlastOptions, session: number): AvpValues {
  return {
    callSerialNumber: session,
    bearerType: bearer.digital,
    callingNumber: String(session),
    calledNumber: options.calledNumber,
  };
}

export function callConnected(options: BlastOptions, session: number): AvpValues {
  const speed = {
    txConnectSpeed: connectSpeed,
    framingType: framing.synchronous,
    sequencingRequired: options.sequencing ? (true as const) : undefined,
  };
  if (options.userName === undefined) return speed;
  return {
    ...speed,
    proxyAuthenType: proxyAuthen.pap,
    proxyAuthenName: options.userName.replaceAll("%d", String(session)),
    proxyAuthenId: 1,
    proxyAuthenResponse: Buffer.from("blast"),
  };
}

export function createCalls(
  options: BlastOptions,
  board: Board,
  endpoints: readonly [lac: Endpoint, lns: Endpoint],
  transport: Pick<Transport, "path" | "send">,
): Calls {
  const { sessions } = board;
  const started = new Float64Array(sessions);
  const settled = new Uint8Array(sessions);
  const settings = { secret: options.secret, hidden: options.hidden, hostName: options.hostName };

  const calls: Calls = {
    sides: [sideCalls(sessions), sideCalls(sessions)],
    tunnels: { up: 0, failed: 0, down: 0, endings: new Map() },
    latency: emptyHistogram(),
    up: 0,
    lastUp: 0,
    settled: 0,
    gone: 0,
    refused: 0,
    lastDown: 0,
    handle,
    ppp:
      board.ppp &&
      createPppCalls(board, board.ppp, {
        send: (session, bytes) => {
          const route = calls.sides[side.lac].tunnels.get(calls.sides[side.lac].call[session]! >>> 16);
          if (route !== undefined) transport.send(route.socket, route.remote, bytes);
        },
        up: complete,
        hangUp: (session) => calls.hangUp(session, side.lac),
      }),
    open(session, tunnel) {
      const now = performance.now();
      started[session] = now;
      const avps = callRequest(options, session);
      const call = tunnel === undefined ? undefined : endpoints[side.lac].openCall(tunnel, "incoming", avps, now);
      if (call === undefined) fail(session);
      else own(side.lac, session, call);
    },
    hangUp(session, at) {
      const { state, call } = calls.sides[at];
      if (state[session] !== legState.up) return;
      const result = at === side.lac ? carrierLost : administrative;
      endpoints[at].closeCall(call[session]!, result, performance.now());
    },
  };

  function own(at: Side, session: number, call: CallId): void {
    const mine = calls.sides[at];
    mine.call[session] = call;
    mine.state[session] = legState.opening;
    mine.sessionOf.set(call, session);
  }

  function settle(session: number): void {
    calls.settled += 1 - settled[session]!;
    settled[session] = 1;
  }

  /** A call that could not even be opened. */
  function fail(session: number): void {
    const mine = calls.sides[side.lac];
    mine.state[session] = legState.down;
    mine.down++;
    mine.failed++;
    count(mine.endings, "local: no tunnel, or no id left");
    settle(session);
    calls.gone++;
  }

  /** Lets data flow on a leg, in both directions. */
  function connect(at: Side, session: number, call: CallId, peerSessionId: number): void {
    const route = calls.sides[at].tunnels.get(call >>> 16);
    if (route === undefined) return;
    const leg = legOf(session, at);
    board.peerCall[leg] = ((route.peerTunnelId << 16) | peerSessionId) >>> 0;
    board.path[leg] = route.path;
    addCall(board.calls[at], call, leg);
  }

  function callUp(at: Side, session: number): void {
    const mine = calls.sides[at];
    mine.state[session] = legState.up;
    mine.up++;
    const other = calls.sides[1 - at]!.state[session];
    if (options.role === "both" && other !== legState.up) return;
    if (calls.ppp === undefined) complete(session);
    else calls.ppp.begin(session);
  }

  /** Everything of a session that is ours is up. */
  function complete(session: number): void {
    settle(session);
    calls.up++;
    calls.lastUp = performance.now();
    if (options.role !== "lns") record(calls.latency, (calls.lastUp - started[session]!) * 1000);
  }

  function callDown(at: Side, call: CallId, ended: Ended): void {
    const mine = calls.sides[at];
    const session = mine.sessionOf.get(call);
    if (session === undefined) return;
    mine.sessionOf.delete(call);
    calls.ppp?.gone(session);
    if (mine.state[session] !== legState.up) mine.failed++;
    mine.state[session] = legState.down;
    mine.down++;
    if (ended.by === "timeout" || ended.by === "peer-restarted") mine.silent++;
    count(mine.endings, inWords(ended));
    calls.lastDown = performance.now();
    if (at === side.lac) settle(session);
    const other = calls.sides[1 - at]!.state[session];
    if (other === legState.idle || other === legState.down) calls.gone++;
  }

  function requested(call: CallId, peerSessionId: number, avps: AvpValues): void {
    const now = performance.now();
    const session = /^\d{1,9}$/.test(avps.callingNumber ?? "") ? Number(avps.callingNumber) : -1;
    const mine = calls.sides[side.lns];
    // A switch whose first try failed may come again with the same call.
    const free = mine.state[session] === legState.idle || mine.state[session] === legState.down;
    if (session < 0 || session >= sessions || !free) {
      calls.refused++;
      endpoints[side.lns].closeCall(call, noSuchSession, now);
      return;
    }
    own(side.lns, session, call);
    connect(side.lns, session, call, peerSessionId);
    endpoints[side.lns].acceptCall(call, {}, now);
  }

  function handle(at: Side, event: ControlEvent): void {
    const endpoint = endpoints[at];
    const mine = calls.sides[at];
    switch (event.type) {
      case "tunnel-request":
        endpoint.acceptTunnel(event.tunnel, settings, performance.now());
        return;
      case "tunnel-up": {
        const { port, remote } = endpoint.tunnel(event.tunnel)!;
        const path = transport.path(port, remote);
        mine.tunnels.set(event.tunnel, { peerTunnelId: event.peerTunnelId, path, socket: port, remote });
        if (at === side.lac) calls.tunnels.up++;
        return;
      }
      case "tunnel-down":
        if (at === side.lac) {
          if (mine.tunnels.has(event.tunnel)) calls.tunnels.down++;
          else calls.tunnels.failed++;
          count(calls.tunnels.endings, inWords(event.ended));
        }
        mine.tunnels.delete(event.tunnel);
        calls.lastDown = performance.now();
        return;
      case "call-request":
        if (event.kind === "incoming") requested(event.call, event.peerSessionId, event.avps);
        else endpoint.closeCall(event.call, noSuchSession, performance.now());
        return;
      case "call-accepted": {
        const session = mine.sessionOf.get(event.call)!;
        connect(at, session, event.call, event.peerSessionId);
        if (options.sequencing) board.numbered[legOf(session, at)] = 1;
        endpoint.connectCall(event.call, callConnected(options, session), performance.now());
        return;
      }
      case "call-up": {
        const session = mine.sessionOf.get(event.call);
        if (session === undefined) return;
        if (event.avps.sequencingRequired) board.numbered[legOf(session, at)] = 1;
        callUp(at, session);
        return;
      }
      case "call-down":
        callDown(at, event.call, event.ended);
        return;
      default:
        return;
    }
  }

  return calls;
}
