/** Those who watch a session as it passes through the gateway. Costs a look at an empty map otherwise. */
import type { Punt } from "../dataplane/contract.js";
import { DataplaneError } from "../errors.js";
import type { CallId } from "../l2tp/types.js";
import type { Core } from "./core.js";
import type { Leg } from "./records.js";

export type Direction = "in" | "out";

export interface TracedFrame {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly direction: Direction;
  /** `ppp`: a frame; `l2tp`: a control message. */
  readonly layer: "ppp" | "l2tp";
  readonly bytes: Uint8Array;
}

export type TapPunt = Extract<Punt, { origin: "tap" }>;

/** Told of each frame; at last of `undefined`, when the session is gone. */
export type Watcher<Frame> = (frame: Frame | undefined) => void;

export interface Tracing {
  readonly watchers: Map<CallId, Set<Watcher<TracedFrame>>>;
  /** Those who take the copies of a channel's frames. */
  readonly taps: Map<number, Watcher<TapPunt>>;
}

export const createTracing = (): Tracing => ({ watchers: new Map(), taps: new Map() });

/** Tells `watcher` of the control frames and messages of a call from now on. Answers how to stop; undefined: no such call. */
export function watch(core: Core, call: CallId, watcher: Watcher<TracedFrame>): (() => void) | undefined {
  if (!core.legs.has(call)) return undefined;
  const { watchers } = core.tracing;
  const those = watchers.get(call) ?? new Set();
  watchers.set(call, those.add(watcher));
  return () => {
    those.delete(watcher);
    if (those.size === 0 && watchers.get(call) === those) watchers.delete(call);
  };
}

export function traceFrame(core: Core, call: CallId, direction: Direction, bytes: Uint8Array): void {
  if (core.tracing.watchers.size > 0) tell(core, call, { time: core.now(), direction, layer: "ppp", bytes });
}

function tell(core: Core, call: CallId, frame: TracedFrame): void {
  for (const watcher of core.tracing.watchers.get(call) ?? []) watcher(frame);
}

/** Where the receiver's tunnel and session id are in a control message (RFC 2661 §3.1). */
const idsAt = 4;

/** An L2TP control message: it names the call by its receiver's ids. */
export function traceMessage(core: Core, direction: Direction, bytes: Uint8Array): void {
  const { watchers } = core.tracing;
  if (watchers.size === 0 || bytes.length < idsAt + 4) return;
  const ids = new DataView(bytes.buffer, bytes.byteOffset).getUint32(idsAt);
  const frame: TracedFrame = { time: core.now(), direction, layer: "l2tp", bytes };
  if (direction === "in") tell(core, ids, frame);
  else for (const call of watchers.keys()) if (peersIds(core, call) === ids) tell(core, call, frame);
}

function peersIds(core: Core, call: CallId): number | undefined {
  const leg = core.legs.get(call);
  const tunnel = leg && core.endpoint.tunnel(leg.tunnel.id);
  return tunnel && ((tunnel.peerTunnelId << 16) | leg.peerSessionId) >>> 0;
}

/** Has the data plane copy a call's frames to `taker`. Answers how to stop; undefined: no such call. EBUSY: tapped already. */
export async function capture(
  core: Core,
  call: CallId,
  taker: Watcher<TapPunt>,
): Promise<(() => Promise<void>) | undefined> {
  const channel = core.legs.get(call)?.channel ?? 0;
  if (channel === 0) return undefined;
  const { taps } = core.tracing;
  if (taps.has(channel)) {
    throw new DataplaneError(
      "EBUSY",
      `channel ${channel}`,
      "its frames are being captured already",
      "end that capture",
    );
  }
  taps.set(channel, taker);
  try {
    await core.plane.channel.tap({ channel, on: true });
  } catch (error) {
    taps.delete(channel);
    throw error;
  }
  return async () => {
    if (!taps.delete(channel)) return;
    await core.plane.channel.tap({ channel, on: false }).catch(() => {}); // it may have gone with its session
  };
}

/** The call is gone. */
export function endWatching(core: Core, { call, channel }: Leg): void {
  const { watchers, taps } = core.tracing;
  for (const watcher of watchers.get(call) ?? []) watcher(undefined);
  watchers.delete(call);
  taps.get(channel)?.(undefined);
  taps.delete(channel);
}
