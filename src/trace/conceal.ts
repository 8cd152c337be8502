/** Frames and messages with zeros where a password is, for whoever shows their octets. */
import { controlHeaderLength, parseControlHeader } from "../wire/l2tp2.js";
import { avpHeaderLength, avpLengthMask, avpTable } from "../wire/l2tp2-avp.js";
import { isMalformed } from "../wire/malformed.js";
import { u16 } from "../wire/octets.js";
import { papCode } from "../wire/pap.js";
import { parseFrame, pppProtocol } from "../wire/ppp.js";
import { controlHeaderLength as papHeaderLength } from "../wire/ppp-control.js";

/** All after the name of a PAP request. Anything else stays as it is, and is not copied. */
export function concealPpp(bytes: Uint8Array): Uint8Array {
  const frame = parseFrame(bytes);
  if (frame?.protocol !== pppProtocol.pap || bytes[frame.at] !== papCode.request) return bytes;
  const name = frame.at + papHeaderLength;
  const password = name + 1 + (bytes[name] ?? 0) + 1;
  return Uint8Array.from(bytes).fill(0, Math.min(password, bytes.length));
}

/** The Proxy Authen Response, which is a password when a LAC has done PAP (RFC 2661 §4.4.5). */
export function concealL2tp(bytes: Uint8Array): Uint8Array {
  const header = parseControlHeader(bytes);
  if (isMalformed(header)) return bytes;
  const { type, vendor } = avpTable.proxyAuthenResponse;
  let concealed: Uint8Array | undefined;
  for (let at = controlHeaderLength; at + avpHeaderLength <= bytes.length; ) {
    const length = u16(bytes, at) & avpLengthMask;
    if (length < avpHeaderLength) break;
    if (u16(bytes, at + 2) === vendor && u16(bytes, at + 4) === type) {
      concealed ??= Uint8Array.from(bytes);
      concealed.fill(0, at + avpHeaderLength, at + length);
    }
    at += length;
  }
  return concealed ?? bytes;
}
