/**
 * What makes a RADIUS packet authentic: authenticators (RFC 2865 §3, RFC 2866 §3, RFC 5176 §2.3) and the attribute
 * Message-Authenticator (RFC 3579 §3.2), which alone withstands forgery by colliding MD5 (BlastRADIUS, CVE-2024-3596).
 * All work in place on a whole packet, whose length `radiusLength` has checked.
 */
import { timingSafeEqual } from "node:crypto";
import { hmacMd5, md5 } from "./md5.js";
import { type Attribute, authenticatorLength, authenticatorOf, radiusHeader, valueAt } from "./radius.js";

export const messageAuthenticator = 80;

const zeros = new Uint8Array(authenticatorLength);

/** Holds the place that `sign…` fills in. First of all attributes, so that nothing a forger chooses comes before it. */
export const messageAuthenticatorPlace: Attribute = { vendor: 0, type: messageAuthenticator, value: zeros };

/** Signs an Access-Request or Status-Server, whose authenticator is random and stays. */
export function signAccess(bytes: Uint8Array, secret: Uint8Array): void {
  putMessageAuthenticator(bytes, secret);
}

/** Signs an Accounting-, CoA- or Disconnect-Request: with Message-Authenticator, if there is a place for it. */
export function signRequest(bytes: Uint8Array, secret: Uint8Array): void {
  authenticatorOf(bytes).set(zeros);
  putMessageAuthenticator(bytes, secret);
  authenticatorOf(bytes).set(md5(bytes, secret));
}

/** Signs an answer to the request that had `authenticator`. */
export function signAnswer(bytes: Uint8Array, authenticator: Uint8Array, secret: Uint8Array): void {
  authenticatorOf(bytes).set(authenticator);
  putMessageAuthenticator(bytes, secret);
  authenticatorOf(bytes).set(md5(bytes, secret));
}

function putMessageAuthenticator(bytes: Uint8Array, secret: Uint8Array): void {
  const at = valueAt(bytes, bytes.length, messageAuthenticator);
  if (at === undefined) return;
  bytes.set(zeros, at);
  bytes.set(hmacMd5(secret, bytes), at);
}

/** What is wrong with the Message-Authenticator, if anything. */
export type Doubt = "message-authenticator" | "message-authenticator-missing" | "authenticator";

/** Checks a received Access-Request or Status-Server. */
export function doubtAccess(bytes: Uint8Array, secret: Uint8Array, required = true): Doubt | undefined {
  return doubtMessageAuthenticator(bytes, authenticatorOf(bytes), secret, required);
}

/** Checks a received Accounting-, CoA- or Disconnect-Request. */
export function doubtRequest(bytes: Uint8Array, secret: Uint8Array, required: boolean): Doubt | undefined {
  if (!signedOver(bytes, zeros, secret)) return "authenticator";
  return doubtMessageAuthenticator(bytes, zeros, secret, required);
}

/** Checks a received answer to the request that had `authenticator`. */
export function doubtAnswer(
  bytes: Uint8Array,
  authenticator: Uint8Array,
  secret: Uint8Array,
  required: boolean,
): Doubt | undefined {
  if (!signedOver(bytes, authenticator, secret)) return "authenticator";
  return doubtMessageAuthenticator(bytes, authenticator, secret, required);
}

function signedOver(bytes: Uint8Array, authenticator: Uint8Array, secret: Uint8Array): boolean {
  const digest = md5(bytes.subarray(0, 4), authenticator, bytes.subarray(radiusHeader), secret);
  return timingSafeEqual(digest, authenticatorOf(bytes));
}

function doubtMessageAuthenticator(
  bytes: Uint8Array,
  authenticator: Uint8Array,
  secret: Uint8Array,
  required: boolean,
): Doubt | undefined {
  const at = valueAt(bytes, bytes.length, messageAuthenticator);
  if (at === undefined) return required ? "message-authenticator-missing" : undefined;
  if (bytes[at - 1] !== 2 + authenticatorLength) return "message-authenticator";
  const behind = at + authenticatorLength;
  const digest = hmacMd5(
    secret,
    bytes.subarray(0, 4),
    authenticator,
    bytes.subarray(radiusHeader, at),
    zeros,
    bytes.subarray(behind),
  );
  return timingSafeEqual(digest, bytes.subarray(at, behind)) ? undefined : "message-authenticator";
}
