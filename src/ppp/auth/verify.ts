/**
 * Whether a peer has shown that it knows a password: pure functions, for who judges by passwords of his own. Passwords are
 * octets of UTF-8. A peer's digests are over its name as it gave it, so that is what counts here, whatever name the password
 * was looked up by. EAP takes several messages: `eap-server.ts`.
 */

import { md5 } from "../../wire/md5.js";
import {
  challengeResponse,
  generateAuthenticatorResponse,
  generateNtResponse,
  mschapChallengeLength,
  mschapResponseLength,
  mschapv2ChallengeLength,
  mschapv2Parts,
  ntPasswordHash,
  ntResponseOfMschap,
} from "../../wire/mschap.js";
import type { ChapCredentials, PapCredentials } from "./credentials.js";
import { sameDigest, sameSecret } from "./secret.js";

export const verifyPap = (credentials: Pick<PapCredentials, "password">, password: Uint8Array): boolean =>
  sameSecret(credentials.password, password);

type Challenged = Pick<ChapCredentials, "challenge" | "response">;

/** RFC 1994 §4.1. */
export const verifyChapMd5 = (
  { identifier, challenge, response }: Challenged & Pick<ChapCredentials, "identifier">,
  password: Uint8Array,
): boolean => sameDigest(response, chapMd5(identifier, password, challenge));

/** The value of a response: MD5 over identifier, secret and challenge. */
export const chapMd5 = (identifier: number, password: Uint8Array, challenge: Uint8Array): Uint8Array =>
  md5(Uint8Array.of(identifier), password, challenge);

/** RFC 2433 §4, by the NT response; a peer that has only a LAN Manager response fails. */
export function verifyMschap({ challenge, response }: Challenged, password: Uint8Array): boolean {
  const given = ntResponseOfMschap(response);
  if (given === undefined || challenge.length !== mschapChallengeLength) return false;
  return sameDigest(given, challengeResponse(challenge, ntPasswordHash(password)));
}

/**
 * RFC 2759 §8.1. Answers the authenticator response (§8.7), `S=` and 40 digits, for the message of the Success; undefined:
 * the peer does not know the password. `userName` is the one in the digests, if it is not the one that the peer gave.
 */
export function verifyMschapv2(
  { challenge, response, name }: Challenged & Pick<ChapCredentials, "name">,
  password: Uint8Array,
  userName = name,
): string | undefined {
  if (response.length !== mschapResponseLength || challenge.length !== mschapv2ChallengeLength) return undefined;
  const { peerChallenge, ntResponse } = mschapv2Parts(response);
  if (!sameDigest(ntResponse, generateNtResponse(challenge, peerChallenge, userName, password))) return undefined;
  return generateAuthenticatorResponse(password, ntResponse, peerChallenge, challenge, userName);
}
