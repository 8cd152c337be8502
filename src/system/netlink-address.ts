/**
 * Addresses of network interfaces over rtnetlink (<linux/if_addr.h>).
 *
 * struct ifaddrmsg {
 *   __u8  ifa_family;     // 1
 *   __u8  ifa_prefixlen;  // 1
 *   __u8  ifa_flags;      // 1
 *   __u8  ifa_scope;      // 1
 *   __u32 ifa_index;      // 4
 * };
 */
import {
  attributes,
  bytesOf,
  createWriter,
  flag,
  type Message,
  type Operation,
  operationFlags,
  type Put,
} from "./netlink.js";
import type { NetlinkSocket } from "./netlink-socket.js";
import { formatAddress, parseAddress, parsePrefix } from "./prefix.js";
import { c } from "./structs.js";

const ifaddrmsg = { family: 0, prefixLength: 1, flags: 2, scope: 3, index: 4, size: 8 } as const;

const message = { add: 20, delete: 21, get: 22 } as const; // RTM_*ADDR
const attribute = { address: 1, local: 2 } as const; // IFA_*
const noDuplicateDetection = 0x02; // IFA_F_NODAD

export interface InterfaceAddress {
  /** Interface index. */
  readonly device: number;
  /** With prefix length, as 192.0.2.1/32. */
  readonly address: string;
  /** Address of the other end of a point-to-point link. */
  readonly peer?: string | undefined;
}

/**
 * IPv6 addresses can be used at once: nobody on a TUN device answers duplicate address detection.
 * @throws JunctorError EINVAL when the text is no address
 */
export function addressChange(operation: Operation, { device, address, peer }: InterfaceAddress): Put {
  const prefix = parsePrefix(address);
  const other = peer === undefined ? prefix.address : parseAddress(peer);
  return (writer, sequence, flags) => {
    const at = writer.begin(message[operation], operationFlags[operation] | flags, sequence, ifaddrmsg.size);
    writer.u8(at + ifaddrmsg.family, prefix.family);
    writer.u8(at + ifaddrmsg.prefixLength, prefix.length);
    if (prefix.family === c.AF_INET6) writer.u8(at + ifaddrmsg.flags, noDuplicateDetection);
    writer.u32(at + ifaddrmsg.index, device);
    writer.attribute(attribute.local, prefix.address);
    writer.attribute(attribute.address, other);
  };
}

/** Addresses of one interface (by index), or of all. @throws SystemError */
export function listAddresses(socket: NetlinkSocket, device = 0): readonly InterfaceAddress[] {
  const writer = createWriter(socket.buffer);
  const at = writer.begin(message.get, flag.request | flag.dump, 1, ifaddrmsg.size);
  writer.u32(at + ifaddrmsg.index, device);
  const found: InterfaceAddress[] = [];
  socket.query(writer.length, 1, (answer) => void found.push(parseInterfaceAddress(answer)));
  // Kernels before 5.0 give all of them whatever is asked for.
  return device === 0 ? found : found.filter((address) => address.device === device);
}

function parseInterfaceAddress({ view, body, end }: Message): InterfaceAddress {
  const told = attributes(view, body + ifaddrmsg.size, end);
  const text = (kind: number): string | undefined => {
    const value = told.get(kind);
    return value && formatAddress(bytesOf(value));
  };
  const length = view.getUint8(body + ifaddrmsg.prefixLength);
  const local = text(attribute.local) ?? text(attribute.address) ?? "";
  const peer = text(attribute.address);
  return {
    device: view.getUint32(body + ifaddrmsg.index, true),
    address: `${local}/${length}`,
    peer: peer === local ? undefined : peer,
  };
}
