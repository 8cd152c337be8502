/** Tunnel authentication (RFC 2661 §5.1.1): MD5 over the type of the answering message, the secret and the challenge. */
import { timingSafeEqual } from "node:crypto";
import { messageTable } from "../wire/l2tp2-message.js";
import { md5 } from "../wire/md5.js";

export const challengeLength = 16;

export const challengeResponse = (message: "SCCRP" | "SCCCN", secret: Uint8Array, challenge: Uint8Array): Uint8Array =>
  Uint8Array.from(md5(Uint8Array.of(messageTable[message].type), secret, challenge));

export function isResponse(
  message: "SCCRP" | "SCCCN",
  secret: Uint8Array,
  challenge: Uint8Array,
  response: Uint8Array | undefined,
): boolean {
  const expected = challengeResponse(message, secret, challenge);
  return response !== undefined && response.length === expected.length && timingSafeEqual(response, expected);
}
