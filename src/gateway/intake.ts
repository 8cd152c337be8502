/** Frames from the data plane: who may speak to the machine at all, before it makes any state. */
import type { Punt } from "../dataplane/contract.js";
import { confirm } from "./confirming.js";
import type { Core } from "./core.js";
import { takeBundled, takeFrame, takePacket } from "./termination/index.js";
import { traceMessage } from "./tracing.js";

type PortPunt = Extract<Punt, { origin: "port" }>;

/** Flags, length and tunnel id (RFC 2661 §3.1); control messages always have the length. */
const headWithTunnelId = 6;

const tunnelIdOf = (bytes: Uint8Array): number =>
  bytes.length < headWithTunnelId ? 0 : ((bytes[4] ?? 0) << 8) | (bytes[5] ?? 0);

type Origins = {
  readonly [O in Punt["origin"]]: (core: Core, punt: Extract<Punt, { origin: O }>, now: number) => void;
};

/** What becomes of a frame, by where it was punted from. */
const origins: Origins = {
  port(core, punt, now) {
    if (!admitted(core, punt)) return;
    traceMessage(core, "in", punt.bytes);
    core.endpoint.handle(punt, now);
  },
  channel: ofChannel,
  unit: ofUnit,
  tap: (core, punt) => core.tracing.taps.get(punt.channel)?.(punt),
  ip: (core, punt) => takePacket(core, punt.port, punt.bytes),
};

export function take(core: Core, batch: readonly Punt[]): void {
  const now = core.now();
  for (const punt of batch) {
    // One frame's mishap is not the others'.
    try {
      origins[punt.origin](core, punt as never, now);
    } catch (error) {
      core.track(Promise.reject(error));
    }
  }
  core.pump();
}

function admitted(core: Core, punt: PortPunt): boolean {
  const port = core.ports.get(punt.port);
  if (!port) return drop(core, "unknown-port");
  const id = tunnelIdOf(punt.bytes);
  if (id === 0) {
    if (!port.access) return drop(core, "no-access");
    return port.access.peers === undefined || port.access.peers.has(punt.remote) || drop(core, "peer-not-allowed");
  }
  if (port.access?.config.float !== "ignore") return true;
  const tunnel = core.tunnels.get(id);
  return tunnel === undefined || tunnel.remote === punt.remote || drop(core, "float-ignored");
}

function drop(core: Core, reason: string): false {
  core.counts.add(`dropped-${reason}`);
  return false;
}

/** A frame of a channel that nothing took: it waits for the bridge, or was overtaken by it and follows, or ends here. */
function ofChannel(core: Core, { channel, bytes }: Extract<Punt, { origin: "channel" }>): void {
  const leg = core.channels.get(channel);
  if (!leg) core.counts.add("dropped-unknown-channel");
  else if (leg.member) takeFrame(core, leg.member, bytes);
  else if (leg.bridged !== 0) core.plane.inject({ to: "channel", channel: leg.bridged, bytes });
  else if (!leg.setup && !leg.partner) core.counts.add("dropped-not-bridged");
  else {
    core.held.hold(leg, bytes);
    confirm(core, leg);
  }
}

/** A frame of a subscriber that is no packet for the network; without a channel, it came over several links. */
function ofUnit(core: Core, { unit, channel, bytes }: Extract<Punt, { origin: "unit" }>): void {
  const member = core.channels.get(channel)?.member;
  const subscriber = core.termination.directory.byUnit(unit);
  if (member) takeFrame(core, member, bytes);
  else if (subscriber) takeBundled(core, subscriber, bytes);
  else core.counts.add("dropped-unknown-unit");
}
