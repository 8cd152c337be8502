/** A request as one server is to get it: signed and hidden under that server's secret. */
import { type Malformed, malformed } from "../wire/malformed.js";
import { type Attribute, authenticatorLength, authenticatorOf, encodeRadius, radiusCode } from "../wire/radius.js";
import { radiusAttributes } from "../wire/radius-attributes.js";
import { messageAuthenticatorPlace, signAccess, signRequest } from "../wire/radius-authenticator.js";
import { hidePassword } from "../wire/radius-hidden.js";
import { attributeOf, firstOf, isOf } from "../wire/radius-values.js";
import type { RadiusRequest } from "./types.js";

export interface Encoded {
  readonly bytes: Uint8Array;
  /** What the answer is signed over, and what is hidden in it is hidden with. */
  readonly authenticator: Uint8Array;
}

/** `waited`: seconds since the request was made, which Acct-Delay-Time grows by (RFC 2866 §5.2). */
export function encodeRequest(
  request: RadiusRequest,
  identifier: number,
  secret: Uint8Array,
  random: (length: number) => Uint8Array,
  waited: number,
): Encoded | Malformed {
  return request.service === "authentication"
    ? encodeAccess(request, identifier, secret, random(authenticatorLength))
    : encodeAccounting(request, identifier, secret, waited);
}

function encodeAccess(
  { attributes, password }: RadiusRequest,
  identifier: number,
  secret: Uint8Array,
  authenticator: Uint8Array,
): Encoded | Malformed {
  const all: Attribute[] = [messageAuthenticatorPlace];
  for (const attribute of attributes) if (!isOf(attribute, messageAuthenticatorPlace)) all.push(attribute);
  if (password !== undefined) {
    const hidden = hidePassword(password, secret, authenticator);
    if (hidden === undefined) return malformed("radius", "password too long", password.length);
    all.push(attributeOf("User-Password", hidden));
  }
  const bytes = encodeRadius({ code: radiusCode.accessRequest, identifier, authenticator, attributes: all });
  if ("malformed" in bytes) return bytes;
  signAccess(bytes, secret);
  return { bytes, authenticator };
}

function encodeAccounting(
  { attributes }: RadiusRequest,
  identifier: number,
  secret: Uint8Array,
  waited: number,
): Encoded | Malformed {
  const bytes = encodeRadius({
    code: radiusCode.accountingRequest,
    identifier,
    authenticator: new Uint8Array(authenticatorLength),
    attributes: waited === 0 ? attributes : delayed(attributes, waited),
  });
  if ("malformed" in bytes) return bytes;
  signRequest(bytes, secret);
  return { bytes, authenticator: authenticatorOf(bytes) };
}

/** RFC 5997 §3: signed as an Access-Request is, for either service. */
export function encodeStatus(identifier: number, secret: Uint8Array, authenticator: Uint8Array): Encoded | Malformed {
  const attributes = [messageAuthenticatorPlace];
  const bytes = encodeRadius({ code: radiusCode.statusServer, identifier, authenticator, attributes });
  if ("malformed" in bytes) return bytes;
  signAccess(bytes, secret);
  return { bytes, authenticator };
}

const delay = radiusAttributes["Acct-Delay-Time"];

const delayed = (attributes: RadiusRequest["attributes"], waited: number): RadiusRequest["attributes"] =>
  attributes.map((attribute) =>
    isOf(attribute, delay)
      ? attributeOf("Acct-Delay-Time", (firstOf([attribute], "Acct-Delay-Time") ?? 0) + waited)
      : attribute,
  );

export const saysDelay = ({ attributes }: RadiusRequest): boolean =>
  attributes.some((attribute) => isOf(attribute, delay));
