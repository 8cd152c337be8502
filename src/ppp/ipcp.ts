/** IPCP (RFC 1332, RFC 1877): addresses of both ends and the servers of names. */
import { ipcpOption } from "../wire/ipcp.js";
import { formatAddress, parseAddress } from "../wire/ipv4.js";
import { putU32, u32 } from "../wire/octets.js";
import { pppProtocol } from "../wire/ppp.js";
import { type NcpHost, type NcpLayer, ncpEvents } from "./ncp.js";
import { freshNegotiation, type Negotiation } from "./negotiation.js";
import { notAsked, type OptionRule } from "./options.js";
import type { NetworkAddresses, NetworkSettings } from "./types.js";

/** Addresses as 32-bit numbers; 0: none yet. */
export interface Ipcp extends Negotiation {
  /** Ours; undefined: the peer does not negotiate it. */
  local: number | undefined;
  /** What the peer is to have; 0: what it likes. */
  readonly assigned: number;
  peer: number;
  /** As a client: the name servers that we ask for. */
  primaryDns: number | undefined;
  secondaryDns: number | undefined;
}

type Rule = OptionRule<Ipcp, NcpHost>;

export function freshIpcp({ local, peer }: NonNullable<NetworkAddresses["ipv4"]>, { client }: NetworkSettings): Ipcp {
  const assigned = parseAddress(peer) ?? 0;
  const wanted = client ? 0 : undefined;
  return {
    local: parseAddress(local) ?? 0,
    assigned,
    peer: assigned,
    primaryDns: wanted,
    secondaryDns: wanted,
    ...freshNegotiation(),
  };
}

const number = (into: Uint8Array, at: number, value: number): number => {
  putU32(into, at, value);
  return 4;
};

const nothing = (): void => {};

/** RFC 1332 §3.3. */
const address: Rule = {
  type: ipcpOption.address,
  least: 4,
  most: 4,
  ask: ({ local }, into, at) => (local === undefined ? notAsked : number(into, at, local)),
  judge: ({ assigned }, _host, bytes, at) => {
    const wish = u32(bytes, at);
    if (assigned !== 0) return wish === assigned ? "ack" : "nak";
    return wish === 0 ? "reject" : "ack";
  },
  suggest: ({ assigned }, _host, into, at) => (assigned === 0 ? notAsked : number(into, at, assigned)),
  demanded: ({ assigned }) => assigned !== 0,
  accept: (ipcp, bytes, at) => {
    ipcp.peer = u32(bytes, at);
  },
  naked: (ipcp, { settings }, bytes, at) => {
    if (settings.client || ipcp.local === 0) ipcp.local = u32(bytes, at);
  },
  /** Without an address of our own there is nothing to open; one that we have will do, though it is not agreed on. */
  rejected: (ipcp, host) => {
    if (ipcp.local === 0) host.ncpFailed("ipv4");
    ipcp.local = undefined;
  },
};

/** RFC 1877 §1: a server of names that we know is suggested until the peer asks for it; others are rejected. */
const server = (
  type: number,
  known: (addresses: NonNullable<NetworkAddresses["ipv4"]>) => string | undefined,
  field?: "primaryDns" | "secondaryDns",
): Rule => {
  const ours = ({ addresses }: NcpHost): number => {
    const text = addresses.ipv4 && known(addresses.ipv4);
    return text === undefined ? 0 : (parseAddress(text) ?? 0);
  };
  return {
    type,
    least: 4,
    most: 4,
    ask: (ipcp, into, at) => {
      const wanted = field && ipcp[field];
      return wanted === undefined ? notAsked : number(into, at, wanted);
    },
    judge: (_ipcp, host, bytes, at) => {
      const has = ours(host);
      if (has === 0) return "reject";
      return u32(bytes, at) === has ? "ack" : "nak";
    },
    suggest: (_ipcp, host, into, at) => {
      const has = ours(host);
      return has === 0 ? notAsked : number(into, at, has);
    },
    accept: nothing,
    naked: (ipcp, _host, bytes, at) => {
      if (field && ipcp[field] !== undefined) ipcp[field] = u32(bytes, at);
    },
    rejected: (ipcp) => {
      if (field) ipcp[field] = undefined;
    },
  };
};

const given = (values: readonly (number | undefined)[]): readonly string[] =>
  values.filter((value) => value !== undefined && value !== 0).map((value) => formatAddress(value!));

export const ipcpLayer: NcpLayer<Ipcp> = {
  ...ncpEvents("ipv4"),
  name: "ipcp",
  protocol: pppProtocol.ipcp,
  rules: [
    address,
    server(ipcpOption.primaryDns, ({ dns }) => dns[0], "primaryDns"),
    server(ipcpOption.primaryNbns, ({ nbns }) => nbns[0]),
    server(ipcpOption.secondaryDns, ({ dns }) => dns[1], "secondaryDns"),
    server(ipcpOption.secondaryNbns, ({ nbns }) => nbns[1]),
  ],
  clear: (ipcp) => {
    ipcp.peer = ipcp.assigned;
  },
  up: ({ local, peer, primaryDns, secondaryDns }, host) =>
    host.emit({
      type: "ipv4-up",
      local: formatAddress(local ?? parseAddress(host.addresses.ipv4?.local ?? "") ?? 0),
      peer: formatAddress(peer),
      dns: given([primaryDns, secondaryDns]),
    }),
};
