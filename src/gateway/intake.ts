/** Frames from the data plane: who may speak to the machine at all, before it makes any state. */
import type { Punt } from "../dataplane/contract.js";
import { confirm } from "./confirming.js";
import type { Core } from "./core.js";

type PortPunt = Extract<Punt, { origin: "port" }>;
type ChannelPunt = Exclude<Punt, PortPunt>;

/** Flags, length and tunnel id (RFC 2661 §3.1); control messages always have the length. */
const headWithTunnelId = 6;

const tunnelIdOf = (bytes: Uint8Array): number =>
  bytes.length < headWithTunnelId ? 0 : ((bytes[4] ?? 0) << 8) | (bytes[5] ?? 0);

export function take(core: Core, batch: readonly Punt[]): void {
  const now = core.now();
  for (const punt of batch) {
    if (punt.origin !== "port") punted(core, punt);
    else if (admitted(core, punt)) core.endpoint.handle(punt, now);
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

/** A frame of a channel that nothing took: it waits for the bridge, or was overtaken by it and follows. */
function punted(core: Core, punt: ChannelPunt): void {
  const leg = core.channels.get(punt.channel);
  if (!leg) core.counts.add("dropped-unknown-channel");
  else if (leg.bridged !== 0) core.plane.inject({ to: "channel", channel: leg.bridged, bytes: punt.bytes });
  else if (!leg.setup && !leg.partner) core.counts.add("dropped-not-bridged");
  else {
    core.held.hold(leg, punt.bytes);
    confirm(core, leg);
  }
}
