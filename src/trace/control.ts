/** Packets of LCP and the network control protocols in words. */
import { isMalformed } from "../wire/malformed.js";
import { decodeText, u16, u32 } from "../wire/octets.js";
import { pppProtocol, protocolName } from "../wire/ppp.js";
import { codeName, controlCode, hasOptions, parseControl } from "../wire/ppp-control.js";
import { optionWords } from "./options.js";
import { hex, line, number, octets, quote } from "./text.js";

type Words = (data: Uint8Array) => readonly string[];

const text = (data: Uint8Array, from = 0): readonly string[] =>
  data.length > from ? [quote(decodeText(data, from, data.length))] : [];

const magic = (data: Uint8Array): readonly string[] =>
  data.length >= 4 ? [`Magic ${number(u32(data, 0), 8)}`] : ["truncated"];

const withMagic =
  (rest: Words): Words =>
  (data) => [...magic(data), ...(data.length > 4 ? rest(data) : [])];

const echo = withMagic((data) => [octets(data.subarray(4))]);

/** What follows the head, by code (RFC 1661 §5, RFC 1570 §2, RFC 2153 §2). */
const words: Readonly<Record<number, Words>> = {
  [controlCode.terminateRequest]: (data) => text(data),
  [controlCode.terminateAck]: (data) => text(data),
  [controlCode.codeReject]: (data) => (data.length > 1 ? [`${codeName(data[0]!)} id ${data[1]}`] : []),
  [controlCode.protocolReject]: (data) => (data.length > 1 ? [protocolName(u16(data, 0))] : ["truncated"]),
  [controlCode.echoRequest]: echo,
  [controlCode.echoReply]: echo,
  [controlCode.discardRequest]: echo,
  [controlCode.identification]: withMagic((data) => text(data, 4)),
  [controlCode.timeRemaining]: withMagic((data) =>
    data.length >= 8 ? [`${u32(data, 4)} s`, ...text(data, 8)] : ["truncated"],
  ),
  [controlCode.vendor]: withMagic((data) => [hex(data.subarray(4))]),
};

export const isControlProtocol = (protocol: number): boolean =>
  protocol === pppProtocol.lcp || (protocol >= 0x8000 && protocol < 0xc000);

export function decodeControl(protocol: number, information: Uint8Array): string {
  const packet = parseControl(information);
  const name = protocolName(protocol);
  if (isMalformed(packet)) return `${name} malformed (${packet.reason}) ${hex(information)}`;
  const { code, identifier, data } = packet;
  const parts = hasOptions(code)
    ? optionWords(protocol, data)
    : (words[code] ?? ((rest) => (rest.length > 0 ? [hex(rest)] : [])))(data);
  return line(`${name} ${codeName(code)} id ${identifier}`, parts);
}
