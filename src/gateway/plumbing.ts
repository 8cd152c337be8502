/**
 * Tunnels and sessions in the data plane. Operations take their time, and the peer may hang up meanwhile: what comes into
 * being for something that has ended is deleted at once, so that nothing is left behind.
 */
import type { SessionCreate } from "../dataplane/attributes.js";
import { type Core, closeTunnel } from "./core.js";
import { tunnelEnds } from "./disconnect-codes.js";
import type { Leg, Tunnel } from "./records.js";

export function createTunnel(core: Core, tunnel: Tunnel, peerTunnelId: number): void {
  tunnel.creating = makeTunnel(core, tunnel, peerTunnelId);
  core.track(tunnel.creating);
}

async function makeTunnel(core: Core, tunnel: Tunnel, peerTunnelId: number): Promise<void> {
  const local = core.endpoint.tunnel(tunnel.id)?.local;
  const remote = tunnel.remote;
  try {
    const { tunnel: handle } = await core.plane.tunnel.create({
      port: tunnel.port.handle,
      remote,
      ...(local === undefined ? {} : { local }),
      tunnelId: tunnel.id,
      peerTunnelId,
    });
    if (core.tunnels.get(tunnel.id) !== tunnel) return await core.plane.tunnel.delete({ tunnel: handle });
    tunnel.plane = handle;
    core.planeTunnels.set(handle, tunnel);
    if (tunnel.remote !== remote) moveTunnel(core, tunnel);
  } catch (error) {
    core.counts.add("data-plane-refused-tunnel");
    core.log.error({ tunnel: tunnel.id, error: String(error) }, "data plane refused a tunnel");
    if (core.tunnels.get(tunnel.id) === tunnel) closeTunnel(core, tunnel.id, tunnelEnds["data-plane"]);
  } finally {
    tunnel.creating = undefined;
  }
}

/** The peer's address has changed. */
export function moveTunnel(core: Core, tunnel: Tunnel): void {
  if (tunnel.plane === 0) return;
  core.track(core.plane.tunnel.modify({ tunnel: tunnel.plane, remote: tunnel.remote }).catch(complain(core)));
}

export function deleteTunnel(core: Core, tunnel: Tunnel): void {
  if (tunnel.plane === 0) return;
  core.planeTunnels.delete(tunnel.plane);
  core.track(core.plane.tunnel.delete({ tunnel: tunnel.plane }).catch(complain(core)));
  tunnel.plane = 0;
}

/** True: the leg has its session and channel. False: it has ended meanwhile, or the data plane refused. */
export async function createSession(
  core: Core,
  leg: Leg,
  attributes: Omit<SessionCreate, "tunnel" | "sessionId" | "peerSessionId">,
): Promise<boolean> {
  if (leg.tunnel.plane === 0) await leg.tunnel.creating;
  if (leg.ended || leg.tunnel.plane === 0) return false;
  try {
    const state = await core.plane.session.create({
      tunnel: leg.tunnel.plane,
      sessionId: leg.call & 0xffff,
      peerSessionId: leg.peerSessionId,
      ...attributes,
    });
    leg.session = state.session;
    leg.channel = state.channel ?? 0;
    if (leg.ended) {
      deleteSession(core, leg);
      return false;
    }
    core.channels.set(leg.channel, leg);
    return true;
  } catch (error) {
    if (leg.ended) return false;
    core.counts.add("data-plane-refused-session");
    core.log.error({ call: leg.call, error: String(error) }, "data plane refused a session");
    return false;
  }
}

export function deleteSession(core: Core, leg: Leg): void {
  if (leg.session === 0) return;
  core.channels.delete(leg.channel);
  core.track(core.plane.session.delete({ session: leg.session }).catch(complain(core)));
  leg.session = 0;
}

/** An object that went with its parent is no news; anything else is. */
const complain =
  (core: Core) =>
  (error: unknown): void => {
    const code = (error as { code?: unknown }).code;
    if (code === "ENOENT" || code === "ENXIO" || code === "ENODEV") return;
    core.counts.add("data-plane-refused");
    core.log.error({ error: String(error) }, "data plane refused");
  };
