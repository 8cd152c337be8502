/**
 * Routes over rtnetlink (<linux/rtnetlink.h>).
 *
 * struct rtmsg {
 *   unsigned char rtm_family;    // 1
 *   unsigned char rtm_dst_len;   // 1
 *   unsigned char rtm_src_len;   // 1
 *   unsigned char rtm_tos;       // 1
 *   unsigned char rtm_table;     // 1
 *   unsigned char rtm_protocol;  // 1: RTPROT_*
 *   unsigned char rtm_scope;     // 1: RT_SCOPE_*
 *   unsigned char rtm_type;      // 1: RTN_*
 *   unsigned      rtm_flags;     // 4
 * };
 */
import {
  attributes,
  bytesOf,
  createWriter,
  flag,
  type Message,
  numberOf,
  type Operation,
  operationFlags,
  type Put,
} from "./netlink.js";
import type { NetlinkSocket } from "./netlink-socket.js";
import { formatAddress, parseAddress, parsePrefix } from "./prefix.js";
import { c } from "./structs.js";

const rtmsg = { family: 0, length: 1, table: 4, protocol: 5, scope: 6, type: 7, flags: 8, size: 12 } as const;

const message = { add: 24, delete: 25, get: 26 } as const; // RTM_*ROUTE
const attribute = { destination: 1, device: 4, gateway: 5, metric: 6, source: 7, table: 15 } as const; // RTA_*
const scope = { universe: 0, link: 253, /** Any, when deleting. */ nowhere: 255 } as const;
const unicast = 1; // RTN_UNICAST
const mainTable = 254;
const bootProtocol = 3; // RTPROT_BOOT: what `ip route` uses
const cloned = 0x200; // RTM_F_CLONED: an entry of a cache

export interface Route {
  /** 192.0.2.0/24 or 2001:db8::/32; bits beyond the length are zero. */
  readonly prefix: string;
  /** Interface index. */
  readonly device: number;
  readonly gateway?: string | undefined;
  /** The address that the host prefers as its own on this route. */
  readonly source?: string | undefined;
  /** Priority: the lowest wins. Default: 0 for IPv4, 1024 for IPv6, as the kernel has it. */
  readonly metric?: number | undefined;
  /** Who set it (rtm_protocol, /etc/iproute2/rt_protos). Default: 3, boot, as `ip route` does. */
  readonly protocol?: number | undefined;
  /** Default: 254, main. */
  readonly table?: number | undefined;
}

/** @throws JunctorError EINVAL when a text is no prefix or address */
export function routeChange(operation: Operation, route: Route): Put {
  const { family, address, length } = parsePrefix(route.prefix);
  const { table = mainTable, protocol, metric } = route;
  const gateway = route.gateway === undefined ? undefined : parseAddress(route.gateway);
  const source = route.source === undefined ? undefined : parseAddress(route.source);
  const adding = operation === "add";
  const direct = family === c.AF_INET && gateway === undefined ? scope.link : scope.universe;
  return (writer, sequence, flags) => {
    const at = writer.begin(message[operation], operationFlags[operation] | flags, sequence, rtmsg.size);
    writer.u8(at + rtmsg.family, family);
    writer.u8(at + rtmsg.length, length);
    writer.u8(at + rtmsg.table, table < 256 ? table : 0);
    writer.u8(at + rtmsg.protocol, protocol ?? (adding ? bootProtocol : 0));
    writer.u8(at + rtmsg.scope, adding ? direct : scope.nowhere);
    writer.u8(at + rtmsg.type, adding ? unicast : 0);
    writer.attribute(attribute.destination, address);
    writer.attributeU32(attribute.device, route.device);
    if (table >= 256) writer.attributeU32(attribute.table, table);
    if (gateway !== undefined) writer.attribute(attribute.gateway, gateway);
    if (source !== undefined) writer.attribute(attribute.source, source);
    if (metric !== undefined) writer.attributeU32(attribute.metric, metric);
  };
}

export interface RouteFilter {
  readonly family: 4 | 6;
  readonly device?: number | undefined;
  /** Default: 254, main. */
  readonly table?: number | undefined;
}

/** Unicast routes that lead to one device. @throws SystemError */
export function listRoutes(socket: NetlinkSocket, filter: RouteFilter): readonly Route[] {
  const { device, table = mainTable } = filter;
  const writer = createWriter(socket.buffer);
  const at = writer.begin(message.get, flag.request | flag.dump, 1, rtmsg.size);
  writer.u8(at + rtmsg.family, filter.family === 4 ? c.AF_INET : c.AF_INET6);
  writer.attributeU32(attribute.table, table);
  if (device !== undefined) writer.attributeU32(attribute.device, device);
  const found: Route[] = [];
  socket.query(writer.length, 1, (answer) => {
    const route = parseRoute(answer, filter.family);
    if (route === undefined || route.table !== table) return;
    if (device === undefined || route.device === device) found.push(route);
  });
  return found;
}

function parseRoute({ view, body, end }: Message, family: 4 | 6): Route | undefined {
  if (view.getUint8(body + rtmsg.type) !== unicast) return undefined;
  if ((view.getUint32(body + rtmsg.flags, true) & cloned) !== 0) return undefined;
  const told = attributes(view, body + rtmsg.size, end);
  const address = (kind: number): string | undefined => {
    const value = told.get(kind);
    return value && formatAddress(bytesOf(value));
  };
  const destination = address(attribute.destination) ?? (family === 4 ? "0.0.0.0" : "::");
  const metric = told.get(attribute.metric);
  return {
    prefix: `${destination}/${view.getUint8(body + rtmsg.length)}`,
    device: numberOf(told.get(attribute.device)),
    gateway: address(attribute.gateway),
    source: address(attribute.source),
    metric: metric && numberOf(metric),
    protocol: view.getUint8(body + rtmsg.protocol),
    table: numberOf(told.get(attribute.table)) || view.getUint8(body + rtmsg.table),
  };
}
