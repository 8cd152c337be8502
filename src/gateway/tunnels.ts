/** Tunnels with callers and with LNSs: made, used, idle, and gone. */
import type { Ended, Output, TunnelSettings } from "../l2tp/types.js";
import type { TunnelConfig } from "./config/types.js";
import { type Core, closeTunnel } from "./core.js";
import { tunnelEnds } from "./disconnect-codes.js";
import { closeToCalls, holdDown } from "./onward.js";
import { createTunnel, deleteTunnel, moveTunnel } from "./plumbing.js";
import { type Lns, type Port, sideOf, type Tunnel } from "./records.js";

type Event<T extends Output["type"]> = Extract<Output, { type: T }>;

export function tunnelRequested(core: Core, event: Event<"tunnel-request">): void {
  const port = core.ports.get(event.port);
  const refusal = core.draining ? "draining" : port?.access ? undefined : "not-allowed";
  if (!port?.access || refusal !== undefined) {
    core.counts.add(`tunnels-refused-${refusal}`);
    core.endpoint.rejectTunnel(event.tunnel, tunnelEnds[refusal ?? "not-allowed"], core.now());
    return;
  }
  add(core, event.tunnel, port, event.peer.remote, event.peer.hostName, undefined);
  core.endpoint.acceptTunnel(event.tunnel, settingsOf(port.access.config.tunnel), core.now());
}

/** A tunnel to an LNS with room for another call: one that is there, or a new one. Undefined: limits or ids are exhausted. */
export function tunnelTo(core: Core, lns: Lns): Tunnel | undefined {
  for (const tunnel of lns.withRoom) if (isOpen(core, tunnel)) return busy(core, tunnel);
  const port = core.ports.towards(lns);
  const id =
    port &&
    core.endpoint.openTunnel({ ...settingsOf(lns.settings), port: port.handle, remote: lns.address }, core.now());
  if (id === undefined || !port) return undefined;
  const tunnel = add(core, id, port, lns.address, "", lns);
  lns.tunnels.add(tunnel);
  lns.withRoom.add(tunnel);
  return tunnel;
}

/** The machine may know already that a tunnel ends, and its `tunnel-down` not have been handled yet. */
function isOpen(core: Core, { id }: Tunnel): boolean {
  const state = core.endpoint.tunnel(id)?.state;
  return state !== undefined && state !== "closing";
}

function busy(core: Core, tunnel: Tunnel): Tunnel {
  if (tunnel.idleSlot !== 0) core.idle.clear(tunnel, tunnel.idleSlot);
  tunnel.idleSlot = 0;
  return tunnel;
}

function add(core: Core, id: number, port: Port, remote: string, hostName: string, lns: Lns | undefined): Tunnel {
  const tunnel: Tunnel = {
    id,
    port,
    since: core.now(),
    remote,
    hostName,
    up: false,
    ended: false,
    sessions: 0,
    plane: 0,
    creating: undefined,
    lns,
    idleSlot: 0,
    unconfirmed: [],
  };
  core.tunnels.set(id, tunnel);
  port.tunnels.add(tunnel);
  return tunnel;
}

export function tunnelUp(core: Core, event: Event<"tunnel-up">): void {
  const tunnel = core.tunnels.get(event.tunnel);
  if (!tunnel) return;
  tunnel.up = true;
  tunnel.remote = event.peer.remote;
  tunnel.hostName = event.peer.hostName;
  const { id, remote, hostName } = tunnel;
  const side = sideOf(tunnel);
  core.counts.add(`tunnels-up-${side}`);
  core.emit({ type: "tunnel-up", tunnel: id, side, remote, hostName });
  core.log.info({ tunnel: id, side, remote, hostName }, "tunnel up");
  createTunnel(core, tunnel, event.peerTunnelId);
}

export function tunnelMoved(core: Core, event: Event<"tunnel-moved">): void {
  const tunnel = core.tunnels.get(event.tunnel);
  if (!tunnel) return;
  core.log.info({ tunnel: tunnel.id, from: tunnel.remote, to: event.remote }, "tunnel moved");
  tunnel.remote = event.remote;
  moveTunnel(core, tunnel);
}

/** The first of a dying tunnel's calls has ended: no other may be put on it, and its LNS is not asked for a while. */
export function tunnelFailing(core: Core, tunnel: Tunnel, ended: Ended): void {
  if (tunnel.ended) return;
  closeToCalls(tunnel);
  if (tunnel.lns && ended.by !== "local") holdDown(tunnel.lns, core.now());
}

export function tunnelDown(core: Core, event: Event<"tunnel-down">): void {
  const tunnel = core.tunnels.get(event.tunnel);
  if (!tunnel) return;
  const { lns } = tunnel;
  tunnelFailing(core, tunnel, event.ended);
  busy(core, tunnel);
  core.tunnels.delete(tunnel.id);
  core.unconfirmed.delete(tunnel);
  tunnel.port.tunnels.delete(tunnel);
  lns?.tunnels.delete(tunnel);
  if (lns) core.pool.release(lns);
  deleteTunnel(core, tunnel);
  const side = sideOf(tunnel);
  core.counts.add(`tunnels-down-${side}`);
  if (tunnel.up) core.emit({ type: "tunnel-down", tunnel: tunnel.id, side, ended: event.ended });
  core.log.info({ tunnel: tunnel.id, side, remote: tunnel.remote, ended: event.ended }, "tunnel down");
  core.ports.unused(tunnel.port);
}

/** The last call on a tunnel to an LNS has ended. */
export function tunnelIdle(core: Core, tunnel: Tunnel): void {
  if (!tunnel.lns || tunnel.ended || tunnel.idleSlot !== 0) return;
  if (tunnel.lns.retired) closeTunnel(core, tunnel.id, tunnelEnds["no-longer-configured"]);
  else tunnel.idleSlot = core.idle.set(tunnel, core.now() + tunnel.lns.idleTimeout);
}

export function idleTimedOut(core: Core, tunnel: Tunnel): void {
  tunnel.idleSlot = 0;
  if (tunnel.sessions === 0) closeTunnel(core, tunnel.id, tunnelEnds.idle);
}

export const settingsOf = (config: TunnelConfig): TunnelSettings => ({
  hostName: config.hostName,
  secret: config.secret?.reveal(),
  challenge: config.challenge,
  hidden: config.hidden,
  receiveWindow: config.receiveWindow,
  helloInterval: config.helloInterval,
  maxRetries: config.maxRetries,
  retransmitTimeout: config.retransmitTimeout,
  retransmitCap: config.retransmitCap,
});
