/** What a RADIUS server is told of a session, and of what a peer has shown. */
import { isIP } from "node:net";
import type { PeerCredentials } from "../../ppp/types.js";
import type { Attribute } from "../../wire/radius.js";
import { attributesOf, type NamedValues } from "../../wire/radius-values.js";
import type { AaaConfig } from "./config.js";
import { tunnelMedium, tunnelType } from "./tunnel-targets.js";
import type { Caller } from "./types.js";

/** RFC 2865 §5.6, §5.7, §5.41. */
const serviceType = { framed: 2 } as const;
const framedProtocol = { ppp: 1 } as const;
const portType = { virtual: 5 } as const;

const utf8 = new TextEncoder();
const octets = (text: string | undefined): Uint8Array | undefined =>
  text === undefined || text === "" ? undefined : utf8.encode(text);
const untagged = <T>(value: T): { tag: number; value: T } => ({ tag: 0, value });

/** What every request says of us; made once. */
export const nasAttributes = ({
  nasIdentifier,
  nasAddress,
}: Pick<AaaConfig, "nasIdentifier" | "nasAddress">): Attribute[] =>
  attributesOf({
    "NAS-Identifier": nasIdentifier,
    "NAS-IP-Address": nasAddress !== undefined && isIP(nasAddress) === 4 ? nasAddress : undefined,
    "NAS-IPv6-Address": nasAddress !== undefined && isIP(nasAddress) === 6 ? nasAddress : undefined,
  });

/** What every request of PPP subscribers says. */
export const pppAttributes: readonly Attribute[] = attributesOf({
  "Service-Type": serviceType.framed,
  "Framed-Protocol": framedProtocol.ppp,
  "NAS-Port-Type": portType.virtual,
  "Tunnel-Type": untagged(tunnelType.l2tp),
});

/** How the call is named, in access and accounting requests alike. */
export const callerValues = (caller: Caller) =>
  ({
    "NAS-Port": caller.nasPort >>> 0,
    "NAS-Port-Id": caller.nasPortId,
    "Calling-Station-Id": caller.callingNumber,
    "Called-Station-Id": caller.calledNumber,
    "Acct-Session-Id": caller.session,
    "Acct-Multi-Session-Id": caller.bundle,
    "Connect-Info": caller.connectInfo,
    "ADSL-Agent-Circuit-Id": octets(caller.agentCircuitId),
    "ADSL-Agent-Remote-Id": octets(caller.agentRemoteId),
    "Tunnel-Medium-Type": untagged(caller.tunnelServer.includes(":") ? tunnelMedium.ipv6 : tunnelMedium.ipv4),
    "Tunnel-Client-Endpoint": caller.tunnelClient === "" ? undefined : untagged(caller.tunnelClient),
    "Tunnel-Server-Endpoint": caller.tunnelServer === "" ? undefined : untagged(caller.tunnelServer),
  }) satisfies NamedValues;

/**
 * The name to ask by. The digests of MS-CHAPv2 (RFC 2759 §8.2) and EAP's identity (RFC 3579 §2.1) have it as the peer gave
 * it, so that without its realm nothing would fit.
 */
export const askedName = (userName: string, { method, name }: PeerCredentials): string =>
  method === "mschapv2" || method === "eap" ? name : userName;

/** The proof; a PAP password is hidden for each server when it is sent, and is not here. */
export function proofValues(credentials: PeerCredentials): NamedValues {
  switch (credentials.method) {
    case "pap":
      return {};
    case "chap-md5":
      return {
        "CHAP-Password": withHeader([credentials.identifier], credentials.response),
        "CHAP-Challenge": credentials.challenge,
      };
    case "mschap":
      return {
        "MS-CHAP-Challenge": credentials.challenge,
        "MS-CHAP-Response": withHeader(mschapHeader(credentials), credentials.response.subarray(0, responseLength)),
      };
    case "mschapv2":
      return {
        "MS-CHAP-Challenge": credentials.challenge,
        "MS-CHAP2-Response": withHeader(mschapHeader(credentials), credentials.response.subarray(0, responseLength)),
      };
    case "eap":
      return { "EAP-Message": credentials.packet };
  }
}

/** Octets of an MS-CHAP response before its flags, which RADIUS has in front (RFC 2548 §2.1.3, §2.3.2). */
const responseLength = 48;
const mschapHeader = ({ identifier, response }: { identifier: number; response: Uint8Array }): readonly number[] => [
  identifier,
  response[responseLength] ?? 0,
];

function withHeader(header: readonly number[], value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(header.length + value.length);
  bytes.set(header);
  bytes.set(value, header.length);
  return bytes;
}
