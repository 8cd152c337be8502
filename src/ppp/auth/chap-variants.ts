/** How CHAP with MD5 and the two MS-CHAPs differ: in the values, and in what is said at the end. */
import {
  challengeResponse,
  generateAuthenticatorResponse,
  generateNtResponse,
  mschapChallengeLength,
  mschapResponse,
  mschapResponseLength,
  mschapv2ChallengeLength,
  mschapv2Parts,
  mschapv2Response,
  ntPasswordHash,
} from "../../wire/mschap.js";
import type { RandomBytes } from "../types.js";
import { sameSecret } from "./secret.js";
import { chapMd5 } from "./verify.js";

export type ChapMethod = "chap-md5" | "mschap" | "mschapv2";

export interface Challenge {
  readonly identifier: number;
  readonly value: Uint8Array;
}

export interface ChapVariant {
  readonly method: ChapMethod;
  /** Octets of the challenges that we make. */
  readonly challengeLength: number;
  readonly responseLength: number;
  /** The response to a challenge; undefined: it cannot be answered, for its length. */
  readonly respond: (
    challenge: Challenge,
    name: string,
    password: Uint8Array,
    random: RandomBytes,
  ) => Uint8Array | undefined;
  /** The message of a Failure. `message` is what the judgement said. */
  readonly failure: (message: string | undefined, random: RandomBytes) => string;
  /** Whether a Success's message proves that the peer knows the password too. */
  readonly proven: (
    message: string,
    challenge: Challenge,
    response: Uint8Array,
    name: string,
    password: Uint8Array,
  ) => boolean;
  /** What a Failure's message says to people. */
  readonly told: (message: string) => string;
}

const md5Length = 16;
const asIs = (message: string): string => message;

const chapMd5Variant: ChapVariant = {
  method: "chap-md5",
  challengeLength: md5Length,
  responseLength: md5Length,
  respond: ({ identifier, value }, _name, password) => chapMd5(identifier, password, value),
  failure: (message) => message ?? "",
  proven: () => true,
  told: asIs,
};

/** ERROR_AUTHENTICATION_FAILURE (RFC 2433 §6, RFC 2759 §6). */
const authenticationFailure = 691;

const isMschapError = (message: string): boolean => /^E=\d/.test(message);

/**
 * A server that we asked may have let the peer try again (R=1) on a challenge that it made (RFC 2759 §6). The link ends with
 * the first failure, so that is not said.
 */
const withoutRetry = (message: string): string => message.replace(/\bR=1\b/, "R=0");

const mschapTold = (message: string): string => /(?:^| )M=(.*)$/s.exec(message)?.[1] || message;

const mschapVariant: ChapVariant = {
  method: "mschap",
  challengeLength: mschapChallengeLength,
  responseLength: mschapResponseLength,
  respond: ({ value }, _name, password) =>
    value.length === mschapChallengeLength
      ? mschapResponse(challengeResponse(value, ntPasswordHash(password)))
      : undefined,
  failure: (message, random) =>
    message !== undefined && isMschapError(message)
      ? withoutRetry(message)
      : `E=${authenticationFailure} R=0 C=${digits(random(mschapChallengeLength))} V=2`,
  proven: () => true,
  told: mschapTold,
};

/** The message of a Failure of MS-CHAPv2 (RFC 2759 §6), with text for people. */
export const mschapv2Failure: ChapVariant["failure"] = (message, random) =>
  message !== undefined && isMschapError(message)
    ? withoutRetry(message)
    : `E=${authenticationFailure} R=0 C=${digits(random(mschapv2ChallengeLength))} V=3 M=${message ?? ""}`;

const mschapv2Variant: ChapVariant = {
  method: "mschapv2",
  challengeLength: mschapv2ChallengeLength,
  responseLength: mschapResponseLength,
  respond({ value }, name, password, random) {
    if (value.length !== mschapv2ChallengeLength) return undefined;
    const peerChallenge = random(mschapv2ChallengeLength);
    return mschapv2Response(peerChallenge, generateNtResponse(value, peerChallenge, name, password));
  },
  failure: mschapv2Failure,
  proven(message, { value }, response, name, password) {
    const { peerChallenge, ntResponse } = mschapv2Parts(response);
    const expected = generateAuthenticatorResponse(password, ntResponse, peerChallenge, value, name);
    return sameSecret(Buffer.from(message.slice(0, expected.length).toUpperCase()), Buffer.from(expected));
  },
  told: mschapTold,
};

export const chapVariants: Readonly<Record<ChapMethod, ChapVariant>> = {
  "chap-md5": chapMd5Variant,
  mschap: mschapVariant,
  mschapv2: mschapv2Variant,
};

const digits = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex").toUpperCase();
