/** Fills address blocks (`layout.block`): where a tunnel's messages go, and from which address. */
import type { Memory } from "../../system/memory.js";
import { addressBytes, encodeSocketAddress } from "../../system/sockaddr.js";
import { c, cmsghdr, controlSpace, in6Pktinfo, inPktinfo, sockaddrIn } from "../../system/structs.js";
import { block } from "./layout.js";

export interface Address {
  /** Slot of the port. */
  readonly port: number;
  readonly remote: string;
  /** Source address; the port's own when undefined. */
  readonly local: string | undefined;
}

export function writeAddressBlock({ u8, u32, view }: Memory, at: number, { port, remote, local }: Address): void {
  const name = encodeSocketAddress(remote);
  u8.fill(0, at, at + block.size);
  u8.set(name, at + block.name);
  u32[(at + block.nameLength) >> 2] = name.length;
  u32[(at + block.port) >> 2] = port;
  if (local === undefined) return;
  const isV4 = name.length === sockaddrIn.size;
  const info = isV4 ? inPktinfo : in6Pktinfo;
  const control = at + block.control;
  u32[(at + block.controlLength) >> 2] = controlSpace(info.size);
  view.setUint32(control + cmsghdr.length, cmsghdr.size + info.size, true);
  view.setInt32(control + cmsghdr.level, isV4 ? c.SOL_IP : c.SOL_IPV6, true);
  view.setInt32(control + cmsghdr.type, isV4 ? c.IP_PKTINFO : c.IPV6_PKTINFO, true);
  u8.set(addressBytes(local), control + cmsghdr.size + (isV4 ? inPktinfo.specDst : in6Pktinfo.address));
}
