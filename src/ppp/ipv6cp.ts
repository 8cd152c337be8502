/** IPv6CP (RFC 5072): interface identifiers, one for each end, and not the same. */
import { interfaceIdAt, interfaceIdLength, ipv6cpOption, noInterfaceId, putInterfaceId } from "../wire/ipv6cp.js";
import { pppProtocol } from "../wire/ppp.js";
import { type NcpHost, type NcpLayer, ncpEvents } from "./ncp.js";
import { freshNegotiation, type Negotiation } from "./negotiation.js";
import { notAsked, type OptionRule } from "./options.js";
import type { NetworkAddresses, RandomBytes } from "./types.js";

/** Identifiers are 16 hexadecimal digits. */
export interface Ipv6cp extends Negotiation {
  /** Undefined: the peer does not negotiate it. */
  local: string | undefined;
  /** Undefined: it may choose. */
  readonly demanded: string | undefined;
  peer: string;
}

export const freshIpv6cp = ({ localInterfaceId, peerInterfaceId }: NonNullable<NetworkAddresses["ipv6"]>): Ipv6cp => ({
  local: localInterfaceId,
  demanded: peerInterfaceId,
  peer: peerInterfaceId ?? noInterfaceId,
  ...freshNegotiation(),
});

/** §4.1: not universal (bit 6 of the first octet is zero), and not zero. */
export function freshInterfaceId(random: RandomBytes): string {
  const bytes = random(interfaceIdLength).slice();
  bytes[0] = bytes[0]! & 0xfd;
  bytes[7] = bytes[7]! | 1;
  return interfaceIdAt(bytes, 0);
}

const interfaceId: OptionRule<Ipv6cp, NcpHost> = {
  type: ipv6cpOption.interfaceId,
  least: interfaceIdLength,
  most: interfaceIdLength,
  ask: ({ local }, into, at) => {
    if (local === undefined) return notAsked;
    putInterfaceId(into, at, local);
    return interfaceIdLength;
  },
  judge: ({ local, demanded }, _host, bytes, at) => {
    const wish = interfaceIdAt(bytes, at);
    if (demanded !== undefined) return wish === demanded ? "ack" : "nak";
    if (wish === noInterfaceId) return local === noInterfaceId ? "reject" : "nak";
    return wish === local ? "nak" : "ack";
  },
  suggest: ({ demanded }, { random }, into, at) => {
    putInterfaceId(into, at, demanded ?? freshInterfaceId(random));
    return interfaceIdLength;
  },
  demanded: () => true,
  accept: (state, bytes, at) => {
    state.peer = interfaceIdAt(bytes, at);
  },
  /** Ours is taken, or we asked for one. */
  naked: (state, { random }, bytes, at) => {
    const wish = interfaceIdAt(bytes, at);
    state.local = wish === noInterfaceId || wish === state.peer ? freshInterfaceId(random) : wish;
  },
  rejected: (state) => {
    state.local = undefined;
  },
};

export const ipv6cpLayer: NcpLayer<Ipv6cp> = {
  ...ncpEvents("ipv6"),
  name: "ipv6cp",
  protocol: pppProtocol.ipv6cp,
  rules: [interfaceId],
  clear: (state) => {
    state.peer = state.demanded ?? noInterfaceId;
  },
  up: ({ local, peer }, host) =>
    host.emit({
      type: "ipv6-up",
      localInterfaceId: local ?? host.addresses.ipv6?.localInterfaceId ?? noInterfaceId,
      peerInterfaceId: peer,
    }),
};
