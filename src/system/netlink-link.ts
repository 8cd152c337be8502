/**
 * Network interfaces over rtnetlink (<linux/rtnetlink.h>, <linux/if_link.h>).
 *
 * struct ifinfomsg {
 *   unsigned char  ifi_family;  // 1, then 1 of padding
 *   unsigned short ifi_type;    // 2: ARPHRD_*
 *   int            ifi_index;   // 4
 *   unsigned       ifi_flags;   // 4: IFF_*
 *   unsigned       ifi_change;  // 4: which flags count
 * };
 */
import { SystemError } from "./errno.js";
import { attributes, createWriter, flag, type Message, numberOf, type Put, textOf } from "./netlink.js";
import type { NetlinkSocket } from "./netlink-socket.js";

const ifinfomsg = { family: 0, type: 2, index: 4, flags: 8, change: 12, size: 16 } as const;

const message = { new: 16, get: 18 } as const; // RTM_NEWLINK, RTM_GETLINK
const attribute = { name: 3, mtu: 4, queueLength: 13, info: 18 } as const; // IFLA_*
const info = { kind: 1, data: 2 } as const; // IFLA_INFO_*
const tunInfo = { persistent: 6, queues: 8, disabledQueues: 9 } as const; // IFLA_TUN_*
const up = 1; // IFF_UP

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  /** Packets that wait at most for a slow reader (`txqueuelen`). */
  readonly queueLength: number;
  /** "tun", "veth", "bridge" …; undefined: not one that software made. */
  readonly kind: string | undefined;
  /** Of a TUN or TAP interface: whether it outlives its owners, and how many queues are open. */
  readonly tun: { readonly persistent: boolean; readonly queues: number } | undefined;
}

export interface LinkSet {
  readonly index: number;
  readonly up?: boolean | undefined;
  readonly mtu?: number | undefined;
  readonly queueLength?: number | undefined;
}

export function linkSet(set: LinkSet): Put {
  return (writer, sequence, flags) => {
    const at = writer.begin(message.new, flag.request | flags, sequence, ifinfomsg.size);
    writer.u32(at + ifinfomsg.index, set.index);
    if (set.up !== undefined) {
      writer.u32(at + ifinfomsg.flags, set.up ? up : 0);
      writer.u32(at + ifinfomsg.change, up);
    }
    if (set.mtu !== undefined) writer.attributeU32(attribute.mtu, set.mtu);
    if (set.queueLength !== undefined) writer.attributeU32(attribute.queueLength, set.queueLength);
  };
}

/** The interface of this name, or undefined. @throws SystemError */
export function linkByName(socket: NetlinkSocket, name: string): Link | undefined {
  const writer = createWriter(socket.buffer);
  writer.begin(message.get, flag.request, 1, ifinfomsg.size);
  writer.attributeText(attribute.name, name);
  let found: Link | undefined;
  try {
    socket.query(writer.length, 1, (answer) => {
      found = parseLink(answer);
    });
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENODEV") return undefined;
    throw error;
  }
  return found;
}

/** @throws SystemError */
export function listLinks(socket: NetlinkSocket): readonly Link[] {
  const writer = createWriter(socket.buffer);
  writer.begin(message.get, flag.request | flag.dump, 1, ifinfomsg.size);
  const found: Link[] = [];
  socket.query(writer.length, 1, (answer) => void found.push(parseLink(answer)));
  return found;
}

function parseLink({ view, body, end }: Message): Link {
  const told = attributes(view, body + ifinfomsg.size, end);
  const name = told.get(attribute.name);
  const linkInfo = nested(told.get(attribute.info));
  const kind = linkInfo?.get(info.kind);
  return {
    index: view.getInt32(body + ifinfomsg.index, true),
    name: name === undefined ? "" : textOf(name),
    up: (view.getUint32(body + ifinfomsg.flags, true) & up) !== 0,
    mtu: numberOf(told.get(attribute.mtu)),
    queueLength: numberOf(told.get(attribute.queueLength)),
    kind: kind && textOf(kind),
    tun: kind !== undefined && textOf(kind) === "tun" ? parseTun(nested(linkInfo?.get(info.data))) : undefined,
  };
}

const parseTun = (data: ReadonlyMap<number, DataView> | undefined): NonNullable<Link["tun"]> => ({
  persistent: numberOf(data?.get(tunInfo.persistent)) === 1,
  queues: numberOf(data?.get(tunInfo.queues)) + numberOf(data?.get(tunInfo.disabledQueues)),
});

const nested = (value: DataView | undefined): ReadonlyMap<number, DataView> | undefined =>
  value && attributes(value, 0, value.byteLength);
