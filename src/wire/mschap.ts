/**
 * The values and digests of MS-CHAP (RFC 2433) and MS-CHAPv2 (RFC 2759 §8), under the RFC's names. LAN Manager responses
 * are neither made nor taken. Passwords are octets of UTF-8, or whatever a peer's text holds.
 */
import { createCipheriv, hash } from "node:crypto";
import { md4 } from "./md4.js";
import { copyOf, decodeText, encodeText } from "./octets.js";

/** Octets of a challenge: RFC 2433 §3, RFC 2759 §3. */
export const mschapChallengeLength = 8;
export const mschapv2ChallengeLength = 16;

/** Octets of a response value, of both versions. */
export const mschapResponseLength = 49;

const ntResponseLength = 24;
const ntResponseAt = 24;
const flagsAt = 48;
const useNtResponse = 1;

/**
 * RFC 2433 §4; flags 1: the NT response is to be used.
 *
 *    0                   24                  48       49
 *   +-------------------+-------------------+--------+
 *   | LAN Manager resp. |    NT response    | Flags  |
 *   +-------------------+-------------------+--------+
 */
export function mschapResponse(ntResponse: Uint8Array): Uint8Array {
  const value = new Uint8Array(mschapResponseLength);
  value.set(ntResponse, ntResponseAt);
  value[flagsAt] = useNtResponse;
  return value;
}

/** The NT response in a value of 49 octets; undefined: the peer has only sent the LAN Manager's. */
export const ntResponseOfMschap = (value: Uint8Array): Uint8Array | undefined =>
  value.length === mschapResponseLength && value[flagsAt] === useNtResponse
    ? value.subarray(ntResponseAt, flagsAt)
    : undefined;

/**
 * RFC 2759 §4; flags must be zero, and are ignored.
 *
 *    0              16         24                  48       49
 *   +--------------+----------+-------------------+--------+
 *   | Peer-Chall.  | Reserved |    NT response    | Flags  |
 *   +--------------+----------+-------------------+--------+
 */
export function mschapv2Response(peerChallenge: Uint8Array, ntResponse: Uint8Array): Uint8Array {
  const value = new Uint8Array(mschapResponseLength);
  value.set(peerChallenge);
  value.set(ntResponse, ntResponseAt);
  return value;
}

/** The parts of a value of 49 octets. */
export const mschapv2Parts = (value: Uint8Array): { peerChallenge: Uint8Array; ntResponse: Uint8Array } => ({
  peerChallenge: value.subarray(0, mschapv2ChallengeLength),
  ntResponse: value.subarray(ntResponseAt, flagsAt),
});

/** NtPasswordHash (RFC 2759 §8.3): MD4 over the password in UTF-16, little end first. */
export function ntPasswordHash(password: Uint8Array): Uint8Array {
  return md4(Buffer.from(decodeText(password, 0, password.length), "utf16le"));
}

/** HashNtPasswordHash (§8.4). */
export const hashNtPasswordHash = md4;

/** ChallengeHash (§8.2): 8 octets. The name counts without its domain. */
export function challengeHash(
  peerChallenge: Uint8Array,
  authenticatorChallenge: Uint8Array,
  userName: string,
): Uint8Array {
  const name = withoutDomain(userName);
  const whole = new Uint8Array(2 * mschapv2ChallengeLength + 3 * name.length);
  whole.set(peerChallenge.subarray(0, mschapv2ChallengeLength));
  whole.set(authenticatorChallenge.subarray(0, mschapv2ChallengeLength), mschapv2ChallengeLength);
  const end = 2 * mschapv2ChallengeLength;
  const used = end + encodeText(whole, end, 3 * name.length, name);
  return sha1(whole.subarray(0, used)).subarray(0, 8);
}

/** `DOMAIN\user` is `user` to the digests (§4: without the domain). */
const withoutDomain = (name: string): string => name.slice(name.lastIndexOf("\\") + 1);

/** ChallengeResponse (§8.5): 24 octets, the challenge of 8 octets under three keys that the hash makes. */
export function challengeResponse(challenge: Uint8Array, passwordHash: Uint8Array): Uint8Array {
  const keys = new Uint8Array(21);
  keys.set(passwordHash);
  const response = new Uint8Array(ntResponseLength);
  for (let third = 0; third < 3; third++) {
    response.set(desEncrypt(challenge, keys.subarray(7 * third, 7 * third + 7)), 8 * third);
  }
  return response;
}

/** GenerateNTResponse (§8.1). */
export const generateNtResponse = (
  authenticatorChallenge: Uint8Array,
  peerChallenge: Uint8Array,
  userName: string,
  password: Uint8Array,
): Uint8Array =>
  challengeResponse(challengeHash(peerChallenge, authenticatorChallenge, userName), ntPasswordHash(password));

const magic1 = Buffer.from("Magic server to client signing constant", "ascii");
const magic2 = Buffer.from("Pad to make it do more than one iteration", "ascii");

/** GenerateAuthenticatorResponse (§8.7): `S=` and 40 hexadecimal digits. */
export function generateAuthenticatorResponse(
  password: Uint8Array,
  ntResponse: Uint8Array,
  peerChallenge: Uint8Array,
  authenticatorChallenge: Uint8Array,
  userName: string,
): string {
  const hashHash = hashNtPasswordHash(ntPasswordHash(password));
  const digest = sha1(Buffer.concat([hashHash, ntResponse, magic1]));
  const challenge = challengeHash(peerChallenge, authenticatorChallenge, userName);
  const text = Buffer.from(sha1(Buffer.concat([digest, challenge, magic2]))).toString("hex");
  return `S=${text.toUpperCase()}`;
}

const sha1 = (bytes: Uint8Array): Uint8Array => hash("sha1", bytes, "buffer");

/** DesEncrypt (§8.6) of 8 octets under 7; triple DES with three equal keys is DES, and OpenSSL still has it. */
function desEncrypt(clear: Uint8Array, key: Uint8Array): Uint8Array {
  const one = withParity(key);
  const three = Buffer.concat([one, one, one]);
  const cipher = createCipheriv("des-ede3-ecb", three, null).setAutoPadding(false);
  return cipher.update(copyOf(clear, 0, 8));
}

/** 56 bits of key, seven to an octet; the parity bits (the lowest) do not matter. */
function withParity(key: Uint8Array): Uint8Array {
  const wide = new Uint8Array(8);
  for (let octet = 0; octet < 8; octet++) {
    const before = octet === 0 ? 0 : key[octet - 1]! << (8 - octet);
    const after = octet === 7 ? 0 : key[octet]! >>> octet;
    wide[octet] = (before | after) & 0xfe;
  }
  return wide;
}
