/** PPP frames that a subscriber sends, written in place. All functions answer the frame's length. */

import { ipcpOption } from "../wire/ipcp.js";
import { lcpOption } from "../wire/lcp.js";
import { putU16, putU32 } from "../wire/octets.js";
import { pppProtocol } from "../wire/ppp.js";
import { controlCode } from "../wire/ppp-control.js";

const pppHeader = 4;
const controlHeader = 4;

/** Where the data of a control packet lies in its frame. */
export const controlData = pppHeader + controlHeader;

/** Writes the headers of a control packet whose data, `length` bytes, lies at `controlData` already. */
export function putControl(
  u8: Uint8Array,
  at: number,
  protocol: number,
  code: number,
  identifier: number,
  length: number,
): number {
  u8[at] = 0xff;
  u8[at + 1] = 0x03;
  putU16(u8, at + 2, protocol);
  u8[at + 4] = code;
  u8[at + 5] = identifier;
  putU16(u8, at + 6, controlHeader + length);
  return controlData + length;
}

function putOption32(u8: Uint8Array, at: number, type: number, value: number): number {
  u8[at] = type;
  u8[at + 1] = 6;
  putU32(u8, at + 2, value);
  return 6;
}

/** LCP Configure-Request, with a magic number unless it is 0. */
export function putLinkRequest(u8: Uint8Array, at: number, identifier: number, magic: number): number {
  const length = magic === 0 ? 0 : putOption32(u8, at + controlData, lcpOption.magicNumber, magic);
  return putControl(u8, at, pppProtocol.lcp, controlCode.configureRequest, identifier, length);
}

/** IPCP Configure-Request; a value that is undefined is not asked for. */
export function putAddressRequest(
  u8: Uint8Array,
  at: number,
  identifier: number,
  address: number,
  dns: number | undefined,
  secondDns: number | undefined,
): number {
  let length = putOption32(u8, at + controlData, ipcpOption.address, address);
  if (dns !== undefined) length += putOption32(u8, at + controlData + length, ipcpOption.primaryDns, dns);
  if (secondDns !== undefined) length += putOption32(u8, at + controlData + length, ipcpOption.secondaryDns, secondDns);
  return putControl(u8, at, pppProtocol.ipcp, controlCode.configureRequest, identifier, length);
}

/** IPv6CP Configure-Request (RFC 5072 §4.1). */
export function putInterfaceRequest(u8: Uint8Array, at: number, identifier: number, session: number): number {
  const option = at + controlData;
  u8[option] = 1;
  u8[option + 1] = 10;
  putU32(u8, option + 2, 0x0200_5eff);
  putU32(u8, option + 6, session + 1);
  return putControl(u8, at, pppProtocol.ipv6cp, controlCode.configureRequest, identifier, 10);
}

/** LCP Terminate-Request (RFC 1661 §5.5), without a word of why. */
export const putTerminateRequest = (u8: Uint8Array, at: number): number =>
  putControl(u8, at, pppProtocol.lcp, controlCode.terminateRequest, 1, 0);
