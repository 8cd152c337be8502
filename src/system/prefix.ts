/** Prefixes as the kernel takes them: an address in network order and a length. */
import { JunctorError } from "../errors.js";
import { formatAddress as formatIpv4, parseAddress as parseIpv4 } from "../wire/ipv4.js";
import { formatAddress as formatIpv6, parseAddress as parseIpv6 } from "../wire/ipv6.js";
import { putU32, u32 } from "../wire/octets.js";
import { c } from "./structs.js";

export interface Prefix {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  readonly length: number;
}

/** Octets of an address in text. @throws JunctorError EINVAL */
export function parseAddress(text: string): Uint8Array {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== undefined) {
    const bytes = new Uint8Array(4);
    putU32(bytes, 0, ipv4);
    return bytes;
  }
  const ipv6 = parseIpv6(text);
  if (ipv6 !== undefined) return ipv6;
  throw new JunctorError("EINVAL", `"${text}" is no IP address`, "write 192.0.2.1 or 2001:db8::1");
}

export const formatAddress = (bytes: Uint8Array): string =>
  bytes.length === 4 ? formatIpv4(u32(bytes, 0)) : formatIpv6(bytes);

/** 192.0.2.0/24, 2001:db8::/32, or an address, which is a prefix of its whole length. @throws JunctorError EINVAL */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const whole = address.length * 8;
  const digits = text.slice(slash + 1);
  const length = slash < 0 ? whole : Number(digits);
  if (slash >= 0 && (!/^\d{1,3}$/.test(digits) || length > whole)) {
    throw new JunctorError("EINVAL", `"${text}" is no prefix`, `its length is a number from 0 to ${whole}`);
  }
  return { family: whole === 32 ? c.AF_INET : c.AF_INET6, address, length };
}
