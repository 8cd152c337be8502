import {
  type Attributes,
  authenticatorLength,
  authenticatorOf,
  codeOf,
  encodeRadius,
  identifierOf,
  parseRadius,
  radiusCode,
  radiusLength,
} from "../../src/wire/radius.js";
import {
  doubtAccess,
  doubtRequest,
  messageAuthenticatorPlace,
  signAnswer,
} from "../../src/wire/radius-authenticator.js";
import { revealPassword } from "../../src/wire/radius-hidden.js";
import { firstOf } from "../../src/wire/radius-values.js";

export interface Asked {
  readonly code: number;
  readonly attributes: Attributes;
  readonly authenticator: Uint8Array;
  /** Of User-Password. */
  readonly password: Uint8Array | undefined;
}

export interface Reply {
  readonly code: number;
  readonly attributes: Attributes;
  /** Sent as a server does that does not know of BlastRADIUS. */
  readonly unsigned?: boolean;
}

/**
 * A RADIUS server without sockets: the answer to a datagram, or undefined when there is none. It throws at a request that
 * is not authentic, which no request of ours may be.
 */
export function createFakeServer(secret: Uint8Array, judge: (asked: Asked) => Reply | undefined) {
  return (bytes: Uint8Array): Uint8Array | undefined => {
    const code = codeOf(bytes);
    const doubt =
      code === radiusCode.accountingRequest ? doubtRequest(bytes, secret, false) : doubtAccess(bytes, secret);
    const packet = parseRadius(bytes);
    if (doubt !== undefined || radiusLength(bytes) !== bytes.length || "malformed" in packet)
      throw new Error(`not authentic: ${doubt}`);
    const hidden = firstOf(packet.attributes, "User-Password");
    const password = hidden && revealPassword(hidden, secret, packet.authenticator);
    const reply = judge({ code, attributes: packet.attributes, authenticator: packet.authenticator, password });
    return reply && answer(bytes, reply, secret);
  };
}

/** A signed answer to the request `bytes`. */
export function answer(
  bytes: Uint8Array,
  { code, attributes, unsigned = false }: Reply,
  secret: Uint8Array,
): Uint8Array {
  const encoded = encodeRadius({
    code,
    identifier: identifierOf(bytes),
    authenticator: new Uint8Array(authenticatorLength),
    attributes: unsigned ? attributes : [messageAuthenticatorPlace, ...attributes],
  });
  if ("malformed" in encoded) throw new Error(encoded.reason);
  signAnswer(encoded, authenticatorOf(bytes), secret);
  return encoded;
}
