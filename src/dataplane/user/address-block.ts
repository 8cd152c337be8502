/** Fills address blocks (`layout.block`): where a tunnel's messages go, and from which address. */
import type { Memory } from "../../system/memory.js";
import { addressBytes, encodeSocketAddress } from "../../system/sockaddr.js";
import { c, cmsghdr, controlSpace, in6Pktinfo, inPktinfo, sockaddrIn, sockaddrIn6 } from "../../system/structs.js";
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
  if (local !== undefined) u8.set(addressBytes(local), writeControl({ u32, view }, at, name.length));
}

/** As `writeAddressBlock`, to where a datagram came from: offsets of its sockaddr, and of the address it was sent to or 0. */
export function writeReplyBlock(memory: Memory, at: number, port: number, name: number, local: number): void {
  const { u8, u32, view } = memory;
  const isV4 = view.getUint16(name, true) === c.AF_INET;
  const length = isV4 ? sockaddrIn.size : sockaddrIn6.size;
  u8.fill(0, at, at + block.size);
  u8.copyWithin(at + block.name, name, name + length);
  u32[(at + block.nameLength) >> 2] = length;
  u32[(at + block.port) >> 2] = port;
  if (local !== 0) u8.copyWithin(writeControl(memory, at, length), local, local + (isV4 ? 4 : 16));
}

/** Writes a control message for the source address, and answers where that goes. */
function writeControl({ u32, view }: Pick<Memory, "u32" | "view">, at: number, nameLength: number): number {
  const isV4 = nameLength === sockaddrIn.size;
  const info = isV4 ? inPktinfo : in6Pktinfo;
  const control = at + block.control;
  u32[(at + block.controlLength) >> 2] = controlSpace(info.size);
  view.setUint32(control + cmsghdr.length, cmsghdr.size + info.size, true);
  view.setInt32(control + cmsghdr.level, isV4 ? c.SOL_IP : c.SOL_IPV6, true);
  view.setInt32(control + cmsghdr.type, isV4 ? c.IP_PKTINFO : c.IPV6_PKTINFO, true);
  return control + cmsghdr.size + (isV4 ? inPktinfo.specDst : in6Pktinfo.address);
}
