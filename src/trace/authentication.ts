/** Packets of PAP, CHAP and EAP in words. Of passwords, and of what could be tried against one, only the length is shown. */
import { chapCode, parseChap } from "../wire/chap.js";
import { eapCode, eapType, isEapMessage, parseEap, parseMd5Challenge } from "../wire/eap.js";
import { isMalformed, type Malformed } from "../wire/malformed.js";
import { decodeText } from "../wire/octets.js";
import { papCode, parsePap } from "../wire/pap.js";
import { pppProtocol } from "../wire/ppp.js";
import { hex, line, octets, quote } from "./text.js";

const papNames = { [papCode.request]: "Authenticate-Request", [papCode.ack]: "Ack", [papCode.nak]: "Nak" } as const;

function decodePap(bytes: Uint8Array): string {
  const packet = parsePap(bytes);
  if (isMalformed(packet)) return malformedLine("PAP", packet);
  const head = `PAP ${papNames[packet.code]} id ${packet.identifier}`;
  if (packet.code !== papCode.request) return line(head, messageWords(packet.message));
  return line(head, [`name ${quote(packet.name)}`, `password of ${octets(packet.password)}`]);
}

const chapNames = {
  [chapCode.challenge]: "Challenge",
  [chapCode.response]: "Response",
  [chapCode.success]: "Success",
  [chapCode.failure]: "Failure",
} as const;

function decodeChap(bytes: Uint8Array, protocol = "CHAP"): string {
  const packet = parseChap(bytes);
  if (isMalformed(packet)) return malformedLine(protocol, packet);
  const head = `${protocol} ${chapNames[packet.code]} id ${packet.identifier}`;
  return line(
    head,
    "value" in packet
      ? valueWords(packet.code === chapCode.response, packet.value, packet.name)
      : messageWords(packet.message),
  );
}

const valueWords = (secret: boolean, value: Uint8Array, name: string): readonly string[] => [
  `value ${secret ? `of ${octets(value)}` : hex(value)}`,
  `name ${quote(name)}`,
];

/** MS-CHAPv2's Success has an authenticator response in it, made of the password. */
const messageWords = (message: string): readonly string[] =>
  message === "" ? [] : [quote(message.replace(/^S=[0-9A-Fa-f]+/, "S=…"))];

const eapNames = {
  [eapCode.request]: "Request",
  [eapCode.response]: "Response",
  [eapCode.success]: "Success",
  [eapCode.failure]: "Failure",
} as const;

/** By IANA's registry, as far as they are met on PPP. */
const typeNames: Readonly<Record<number, string>> = {
  [eapType.identity]: "Identity",
  [eapType.notification]: "Notification",
  [eapType.nak]: "Nak",
  [eapType.md5]: "MD5-Challenge",
  5: "OTP",
  6: "GTC",
  13: "TLS",
  21: "TTLS",
  25: "PEAP",
  [eapType.mschapv2]: "MSCHAPv2",
  [eapType.expanded]: "Expanded",
};

const typeName = (type: number): string => typeNames[type] ?? `type ${type}`;

function decodeEap(bytes: Uint8Array): string {
  const packet = parseEap(bytes);
  if (isMalformed(packet)) return malformedLine("EAP", packet);
  const head = `EAP ${eapNames[packet.code]}`;
  if (!isEapMessage(packet)) return `${head} id ${packet.identifier}`;
  const { code, type, data, identifier } = packet;
  return line(`${head}/${typeName(type)} id ${identifier}`, typeWords(code === eapCode.response, type, data));
}

function typeWords(isResponse: boolean, type: number, data: Uint8Array): readonly string[] {
  if (data.length === 0) return [];
  switch (type) {
    case eapType.identity:
    case eapType.notification:
      return [quote(decodeText(data, 0, data.length))];
    case eapType.nak:
      return [`wants ${[...data.subarray(0, 8)].map(typeName).join(" or ")}`];
    case eapType.md5: {
      const challenge = parseMd5Challenge(data);
      return isMalformed(challenge) ? [challenge.reason] : valueWords(isResponse, challenge.value, challenge.name);
    }
    case eapType.mschapv2:
      return [isResponse && data.length === 1 ? `confirms ${codeWord(data[0]!)}` : decodeChap(data, "MSCHAPv2")];
    default:
      return [octets(data)];
  }
}

const codeWord = (code: number): string => (chapNames as Readonly<Record<number, string>>)[code] ?? `code ${code}`;

const malformedLine = (protocol: string, { reason, value }: Malformed): string =>
  `${protocol} malformed (${reason}, ${value})`;

export const authenticationDecoders: ReadonlyMap<number, (bytes: Uint8Array) => string> = new Map([
  [pppProtocol.pap, decodePap],
  [pppProtocol.chap, (bytes) => decodeChap(bytes)],
  [pppProtocol.eap, decodeEap],
]);
