/** What AAA is told of a call before anybody has authenticated. */

import type { Caller } from "../aaa/types.js";
import { splitAddress } from "../config/address.js";
import type { Core } from "../core.js";
import type { Leg, Setup } from "../records.js";

const hostOf = (address: string | undefined): string => (address && splitAddress(address)?.host) ?? "";

/**
 * Octets of a text in an attribute of RADIUS (RFC 2865 §5), a vendor's included (§5.26). An AVP has room for more; of what is longer
 * the beginning is told, since a request that cannot be sent would turn the caller away.
 */
const longest = 247;
const utf8 = new TextEncoder();

function cut<T extends string | undefined>(text: T): T | string {
  if (text === undefined || text.length * 3 <= longest) return text;
  const { read } = utf8.encodeInto(text, new Uint8Array(longest));
  return text.slice(0, read);
}

export function callerOf(core: Core, leg: Leg, { icrq, iccn }: Setup): Caller {
  const { tunnel } = leg;
  const speed = iccn.txConnectSpeed;
  return {
    session: core.termination.nextSessionId(),
    callingNumber: cut(leg.names.callingNumber),
    calledNumber: cut(leg.names.calledNumber),
    nasPort: leg.call,
    nasPortId: `${tunnel.port.access?.config.name ?? ""}/${tunnel.id}/${leg.call & 0xffff}`,
    connectInfo: speed === undefined ? undefined : `${speed}/${iccn.rxConnectSpeed ?? speed}`,
    agentCircuitId: cut(icrq.agentCircuitId),
    agentRemoteId: cut(icrq.agentRemoteId),
    tunnelClient: hostOf(tunnel.remote),
    tunnelServer: hostOf(core.endpoint.tunnel(tunnel.id)?.local ?? tunnel.port.address),
  };
}
