/** Puts messages into a tunnel's queue, and lets out what its windows allow. */

import type { AvpValues } from "../wire/l2tp2-avp.js";
import { encodeMessage, encodeZlb } from "../wire/l2tp2-encode.js";
import type { MessageName } from "../wire/l2tp2-message.js";
import { u16 } from "../wire/octets.js";
import { type Core, count, emit, type Tunnel, touch } from "./core.js";
import { hidingOf } from "./settings.js";
import { acknowledgementDue, enqueue, nextNs, settled, transmit } from "./transport.js";

/** Where the value of the Message Type AVP lies in every message. */
const messageTypeAt = 18;

export function send(core: Core, tunnel: Tunnel, name: MessageName, sessionId: number, avps: AvpValues): void {
  // The peer may look our secret up by what these say (xl2tpd does), so nothing in them is hidden.
  const hiding = name === "SCCRQ" || name === "SCCRP" ? undefined : hidingOf(tunnel.settings, core.options.random);
  enqueue(tunnel.transport, encodeMessage(name, tunnel.peerTunnelId, sessionId, avps, hiding));
  touch(core, tunnel);
}

/** Sends what is due now: messages, or an acknowledgement if none carries it. */
export function flush(core: Core, tunnel: Tunnel): void {
  const { transport } = tunnel;
  transmit(transport, core.now, (bytes, again) => {
    if (again) core.retransmissions++;
    else count(core.transmitted, u16(bytes, messageTypeAt));
    out(core, tunnel, bytes);
  });
  // A peer whose tunnel id is still hidden cannot be acknowledged.
  if (tunnel.peerTunnelId !== 0 && acknowledgementDue(transport, core.now)) {
    settled(transport);
    count(core.transmitted, 0);
    out(core, tunnel, encodeZlb(tunnel.peerTunnelId, nextNs(transport), transport.nr));
  }
}

function out(core: Core, { port, local, remote, probing }: Tunnel, bytes: Uint8Array): void {
  emit(core, { type: "send", port, local, remote, bytes });
  if (probing !== undefined) emit(core, { type: "send", port, local, remote: probing, bytes });
}
