/** How a subscriber proves who it is: PAP (RFC 1334 §2), CHAP with MD5 (RFC 1994) or MS-CHAPv2 (RFC 2759). Whole frames, written in place. */
import { chapCode } from "../wire/chap.js";
import { md5 } from "../wire/md5.js";
import { generateNtResponse, mschapv2Response } from "../wire/mschap.js";
import { putU16 } from "../wire/octets.js";
import { papCode } from "../wire/pap.js";
import { pppProtocol } from "../wire/ppp.js";
import type { PppSettings } from "./ppp-board.js";
import { controlData, putControl } from "./ppp-frames.js";

/** A pattern's bytes for a session. */
export type Pattern = (session: number) => Uint8Array;

export function pattern(text: string): Pattern {
  const fixed = text.includes("%d") ? undefined : Buffer.from(text);
  return (session) => fixed ?? Buffer.from(text.replaceAll("%d", String(session)));
}

export interface Credentials {
  /** An Authenticate-Request. */
  putPapRequest(u8: Uint8Array, at: number, identifier: number, session: number): number;
  /** The answer to a challenge. */
  putResponse(
    u8: Uint8Array,
    at: number,
    method: Method,
    session: number,
    identifier: number,
    challenge: Uint8Array,
  ): number;
}

export function createCredentials({ user, password }: Pick<PppSettings, "user" | "password">): Credentials {
  const nameOf = pattern(user);
  const passwordOf = pattern(password);
  const put = (u8: Uint8Array, at: number, bytes: Uint8Array): number => {
    u8[at] = bytes.length;
    u8.set(bytes, at + 1);
    return 1 + bytes.length;
  };
  return {
    putPapRequest(u8, at, identifier, session) {
      let length = put(u8, at + controlData, nameOf(session));
      length += put(u8, at + controlData + length, passwordOf(session));
      return putControl(u8, at, pppProtocol.pap, papCode.request, identifier, length);
    },
    putResponse(u8, at, method, session, identifier, challenge) {
      const name = nameOf(session);
      const secret = passwordOf(session);
      const value =
        method === "mschapv2"
          ? mschapv2Response(
              peerChallenge,
              generateNtResponse(challenge, peerChallenge, Buffer.from(name).toString(), secret),
            )
          : md5(Uint8Array.of(identifier), secret, challenge);
      const data = at + controlData;
      const length = put(u8, data, value);
      u8.set(name, data + length);
      return putControl(u8, at, pppProtocol.chap, chapCode.response, identifier, length + name.length);
    },
  };
}

/** Ours of MS-CHAPv2: a test need not be unpredictable. */
const peerChallenge = Buffer.from("junctor blast's.");

/** The value of an Authentication-Protocol option (RFC 1661 §6.2) by method. */
const values = {
  pap: [pppProtocol.pap],
  chap: [pppProtocol.chap, 5],
  mschapv2: [pppProtocol.chap, 0x81],
} as const;

export type Method = keyof typeof values;

/** The method that an option of `length` bytes at `at` asks for. */
export function methodOf(u8: Uint8Array, at: number, length: number): Method | undefined {
  const protocol = length < 2 ? 0 : ((u8[at]! << 8) | u8[at + 1]!) >>> 0;
  if (protocol === pppProtocol.pap && length === 2) return "pap";
  if (protocol !== pppProtocol.chap || length !== 3) return undefined;
  return u8[at + 2] === 5 ? "chap" : u8[at + 2] === 0x81 ? "mschapv2" : undefined;
}

/** Writes the whole option that asks for a method; answers its length. */
export function putMethod(u8: Uint8Array, at: number, type: number, method: Method): number {
  const [protocol, algorithm] = values[method];
  u8[at] = type;
  putU16(u8, at + 2, protocol);
  if (algorithm !== undefined) u8[at + 4] = algorithm;
  u8[at + 1] = algorithm === undefined ? 4 : 5;
  return u8[at + 1]!;
}
