/** Options of LCP and the network control protocols in words. */

import { ipcpOption } from "../wire/ipcp.js";
import { formatAddress } from "../wire/ipv4.js";
import { interfaceIdAt, interfaceIdLength, ipv6cpOption } from "../wire/ipv6cp.js";
import { authenticationChoices, chapAlgorithm, type LcpOptionValue, lcpOptionValue } from "../wire/lcp.js";
import { isMalformed } from "../wire/malformed.js";
import { u16, u32 } from "../wire/octets.js";
import { pppProtocol, protocolName } from "../wire/ppp.js";
import { areOptions, type Option, parseOptions } from "../wire/ppp-control.js";
import { hex, number } from "./text.js";

type Describe = (option: Option) => string;

const unknown: Describe = ({ type, data }) => `option ${type}${data.length > 0 ? ` ${hex(data)}` : ""}`;

const algorithms: ReadonlyMap<number, string> = new Map([
  [chapAlgorithm.md5, "MD5"],
  [chapAlgorithm.mschap, "MS"],
  [chapAlgorithm.mschapv2, "MSv2"],
]);

const lcpWords: {
  readonly [N in LcpOptionValue["name"]]: (value: Extract<LcpOptionValue, { name: N }>) => string;
} = {
  mru: ({ mru }) => `MRU ${mru}`,
  accm: ({ map }) => `ACCM ${number(map, 8)}`,
  authentication: ({ protocol, algorithm }) => `Auth ${authentication(protocol, algorithm)}`,
  quality: ({ protocol }) => `Quality ${protocolName(protocol)}`,
  magicNumber: ({ magicNumber }) => `Magic ${number(magicNumber, 8)}`,
  protocolFieldCompression: () => "PFC",
  addressAndControlFieldCompression: () => "ACFC",
  callback: ({ operation }) => `Callback ${operation}`,
  mrru: ({ mrru }) => `MRRU ${mrru}`,
  shortSequence: () => "Short Sequence",
  discriminator: ({ class: kind, address }) => `Endpoint ${kind}:${hex(address)}`,
  unknown,
};

function authentication(protocol: number, algorithm: number | undefined): string {
  const name = protocolName(protocol);
  if (protocol !== authenticationChoices["chap-md5"][0] || algorithm === undefined) return name;
  return `${name}-${algorithms.get(algorithm) ?? algorithm}`;
}

function lcp(option: Option): string {
  const value = lcpOptionValue(option);
  return (lcpWords[value.name] as (value: LcpOptionValue) => string)(value);
}

interface Word {
  readonly type: number;
  readonly name: string;
  readonly length: number;
  readonly value: (data: Uint8Array) => string;
}

const address = (type: number, name: string): Word => ({
  type,
  name,
  length: 4,
  value: (data) => formatAddress(u32(data, 0)),
});

const compression = (type: number): Word => ({
  type,
  name: "Compression",
  length: 2,
  value: (data) => number(u16(data, 0), 4),
});

const byTable = (words: readonly Word[]): Describe => {
  const byType = new Map(words.map((word) => [word.type, word]));
  return (option) => {
    const word = byType.get(option.type);
    return word !== undefined && option.data.length >= word.length
      ? `${word.name} ${word.value(option.data)}`
      : unknown(option);
  };
};

const ipcp = byTable([
  compression(ipcpOption.compression),
  address(ipcpOption.address, "Address"),
  address(ipcpOption.primaryDns, "DNS"),
  address(ipcpOption.secondaryDns, "Second DNS"),
  address(ipcpOption.primaryNbns, "NBNS"),
  address(ipcpOption.secondaryNbns, "Second NBNS"),
]);

const ipv6cp = byTable([
  compression(ipv6cpOption.compression),
  {
    type: ipv6cpOption.interfaceId,
    name: "Interface-Id",
    length: interfaceIdLength,
    value: (data) => interfaceIdAt(data, 0).replace(/(....)(?=.)/g, "$1:"),
  },
]);

const describers: ReadonlyMap<number, Describe> = new Map([
  [pppProtocol.lcp, lcp],
  [pppProtocol.ipcp, ipcp],
  [pppProtocol.ipv6cp, ipv6cp],
]);

/** Options that are described at most; a line has no room for more. */
const mostOptions = 64;

/** Each option of `data` in words. */
export function optionWords(protocol: number, data: Uint8Array): readonly string[] {
  const options = areOptions(data, 0, data.length) ? parseOptions(data) : undefined;
  if (options === undefined || isMalformed(options)) return [`malformed options ${hex(data)}`];
  return options.slice(0, mostOptions).map(describers.get(protocol) ?? unknown);
}
