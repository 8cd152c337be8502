/** What a driver sees of tunnels and calls. */
import { type Call, sessionIdOf, type Tunnel } from "./core.js";
import { nextNs } from "./transport.js";
import type { CallInfo, TunnelInfo } from "./types.js";

export const tunnelInfo = (tunnel: Tunnel): TunnelInfo => ({
  tunnel: tunnel.id,
  peerTunnelId: tunnel.peerTunnelId,
  port: tunnel.port,
  local: tunnel.local,
  remote: tunnel.remote,
  state: tunnel.state,
  initiator: tunnel.initiator,
  peer: tunnel.peer,
  calls: tunnel.calls.size,
  transport: {
    ns: nextNs(tunnel.transport),
    nr: tunnel.transport.nr,
    window: tunnel.transport.peerWindow,
    congestionWindow: tunnel.transport.congestionWindow,
    queued: tunnel.transport.queue.length,
    retransmissions: tunnel.transport.retransmissions,
  },
});

export const callInfo = (call: Call): CallInfo => ({
  call: call.id,
  tunnel: call.tunnel.id,
  sessionId: sessionIdOf(call.id),
  peerSessionId: call.peerSessionId,
  kind: call.kind,
  role: call.role,
  state: call.state,
});
