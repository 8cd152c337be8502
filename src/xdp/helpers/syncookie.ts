/**
 * SYN cookies (RFC 4987 §3.6) with a secret of this host's: 24 bits of a keyed hash over addresses, ports, the client's sequence number and a
 * count of minutes, and the index of a common MSS. Threads whose hosts have the same `cookieSecret` know each other's cookies.
 */
import { state } from "../run/state.js";
import type { HelperEnv, HelperGroup } from "./env.js";
import { errno } from "./errno.js";
import { sipHash } from "./siphash.js";

const sizes4 = [536, 1300, 1440, 1460];
const sizes6 = [1280 - 60, 1480 - 60, 1500 - 60, 9000 - 60];
const nanosecondsPerPeriod = 60e9;
/** Cookies of this many periods, the present one among them, are good. */
const periods = 2;
const tcpHeader = 20;
const option = { end: 0, none: 1, size: 2 } as const;

export function syncookieHelpers({ memory, host, windows }: HelperEnv): HelperGroup {
  const { u8, u32, view } = memory;
  const secret = host.cookieSecret ?? fallbackSecret();
  const input = new Uint8Array(48);
  const inputView = new DataView(input.buffer);

  const period = (block: number): number =>
    Math.floor(
      (u32[(block + state.time) >>> 2]! + u32[(block + state.time + 4) >>> 2]! * 2 ** 32) / nanosecondsPerPeriod,
    );

  /** 24 bits over what a connection's first two segments have in common. */
  function digest(ip: number, tcp: number, addressAt: number, bytes: number, sequence: number, count: number): number {
    input.fill(0);
    input.set(u8.subarray(ip + addressAt, ip + addressAt + bytes));
    input.set(u8.subarray(tcp, tcp + 4), 32);
    inputView.setUint32(36, sequence);
    inputView.setUint32(40, count);
    return sipHash(secret, input) & 0xffffff;
  }

  /** The MSS that a SYN offers, 536 if it says nothing. */
  function offeredSize(tcp: number, length: number): number {
    for (let at = tcp + tcpHeader; at < tcp + length; ) {
      const kind = u8[at]!;
      if (kind === option.end) break;
      if (kind === option.none) {
        at++;
        continue;
      }
      const bytes = at + 1 < tcp + length ? u8[at + 1]! : 0;
      if (bytes < 2 || at + bytes > tcp + length) break;
      if (kind === option.size && bytes === 4) return view.getUint16(at + 2);
      at += bytes;
    }
    return 536;
  }

  const make =
    (ipBytes: number, addressAt: number, addressBytes: number, sizes: readonly number[]) =>
    (block: number, ip = 0, tcp = 0, length = 0): number => {
      const bytes = length >>> 0;
      if (bytes < tcpHeader || bytes > 60) return invalid(block);
      if (!windows.mayTouch(block, ip, ipBytes, false) || !windows.mayTouch(block, tcp, bytes, false)) {
        return invalid(block);
      }
      if (u8[(tcp >>> 0) + 12]! >>> 4 < 5 || (u8[(tcp >>> 0) + 12]! >>> 4) * 4 !== bytes) {
        return invalid(block);
      }
      const offered = offeredSize(tcp >>> 0, bytes);
      let index = sizes.length - 1;
      while (index > 0 && sizes[index]! > offered) index--;
      const count = period(block);
      const sequence = view.getUint32((tcp >>> 0) + 4);
      const hash = digest(ip >>> 0, tcp >>> 0, addressAt, addressBytes, sequence, count);
      u32[(block + state.returnHigh) >>> 2] = sizes[index]!;
      return ((count & 31) << 27) | (index << 24) | hash;
    };
  /** -EINVAL in 64 bits. */
  function invalid(block: number): number {
    u32[(block + state.returnHigh) >>> 2] = 0xffffffff;
    return -errno.EINVAL;
  }

  const check =
    (ipBytes: number, addressAt: number, addressBytes: number) =>
    (block: number, ip = 0, tcp = 0): number => {
      if (!windows.mayTouch(block, ip, ipBytes, false) || !windows.mayTouch(block, tcp, tcpHeader, false)) {
        return -errno.EINVAL;
      }
      const sequence = (view.getUint32((tcp >>> 0) + 4) - 1) >>> 0;
      const cookie = (view.getUint32((tcp >>> 0) + 8) - 1) >>> 0;
      const present = period(block);
      for (let age = 0; age < periods; age++) {
        const count = present - age;
        if (cookie >>> 27 !== (count & 31)) continue;
        const hash = digest(ip >>> 0, tcp >>> 0, addressAt, addressBytes, sequence, count);
        if ((cookie & 0xffffff) === hash && ((cookie >>> 24) & 7) < sizes4.length) return 0;
      }
      return -errno.EACCES;
    };

  return {
    helper_204: make(20, 12, 8, sizes4),
    helper_205: make(40, 8, 32, sizes6),
    helper_206: check(20, 12, 8),
    helper_207: check(40, 8, 32),
  };
}

let drawn: Uint8Array | undefined;
function fallbackSecret(): Uint8Array {
  drawn ??= globalThis.crypto.getRandomValues(new Uint8Array(16));
  return drawn;
}
