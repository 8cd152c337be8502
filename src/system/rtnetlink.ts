/**
 * Interfaces, addresses and routes of the host (rtnetlink(7)). Changes that are asked for in one turn of the event loop leave
 * together, many in one message, without an acknowledgement each: the kernel tells failures by sequence number anyway, so
 * silence before the acknowledgement of the last is success.
 */
import { SystemError } from "./errno.js";
import { createWriter, flag, type MessageWriter, type Put } from "./netlink.js";
import { addressChange, type InterfaceAddress, listAddresses } from "./netlink-address.js";
import { type Link, type LinkSet, linkByName, linkSet, listLinks } from "./netlink-link.js";
import { listRoutes, type Route, type RouteFilter, routeChange } from "./netlink-route.js";
import { batchLimit, type NetlinkSocket, openNetlinkSocket, type Refusal } from "./netlink-socket.js";

/** Every operation rejects with SystemError, whose code is the kernel's errno name. Lists are read in one go. */
export interface Rtnetlink {
  readonly link: {
    /** ENODEV: there is none of this name. */
    get(name: string): Promise<Link>;
    list(): Promise<readonly Link[]>;
    set(link: LinkSet): Promise<void>;
  };
  readonly address: {
    add(address: InterfaceAddress): Promise<void>;
    delete(address: InterfaceAddress): Promise<void>;
    list(device?: number): Promise<readonly InterfaceAddress[]>;
  };
  readonly route: {
    /** EEXIST: there is one already. ENETDOWN: the interface is down. */
    add(route: Route): Promise<void>;
    /** ESRCH: there is none. */
    delete(route: Route): Promise<void>;
    list(filter: RouteFilter): Promise<readonly Route[]>;
  };
  /** What is still to be sent is sent first. */
  close(): void;
}

interface Change {
  readonly put: Put;
  readonly what: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Batches sent in one turn of the event loop: some milliseconds of the kernel's work with routes. */
const batchesPerTurn = 4;

/** Acts on the network namespace that the calling thread is in now. @throws SystemError */
export function openRtnetlink(): Rtnetlink {
  const socket = openNetlinkSocket();
  const changes = changeQueue(socket);
  const { change } = changes;
  return {
    link: {
      async get(name) {
        const link = linkByName(socket, name);
        if (link === undefined) throw new SystemError("ENODEV", "rtnetlink", `has no interface ${name}`);
        return link;
      },
      list: async () => listLinks(socket),
      set: (link) => change(`link set ${link.index}`, () => linkSet(link)),
    },
    address: {
      add: (address) => change(`address add ${address.address}`, () => addressChange("add", address)),
      delete: (address) => change(`address delete ${address.address}`, () => addressChange("delete", address)),
      list: async (device) => listAddresses(socket, device),
    },
    route: {
      add: (route) => change(`route add ${route.prefix}`, () => routeChange("add", route)),
      delete: (route) => change(`route delete ${route.prefix}`, () => routeChange("delete", route)),
      list: async (filter) => listRoutes(socket, filter),
    },
    close() {
      changes.flush();
      socket.close();
    },
  };
}

/** Gathers changes and sends them in the order in which they came. */
function changeQueue(socket: NetlinkSocket) {
  const writer = createWriter(socket.buffer);
  let waiting: Change[] = [];
  let scheduled = false;

  const schedule = (): void => {
    if (scheduled || waiting.length === 0) return;
    scheduled = true;
    setImmediate(turn);
  };
  const turn = (): void => {
    scheduled = false;
    send(batchesPerTurn);
    schedule();
  };
  const send = (batches: number): void => {
    const now = waiting.slice(0, batches * batchLimit);
    waiting = waiting.slice(now.length);
    for (let from = 0; from < now.length; from += batchLimit) {
      sendBatch(socket, writer, now.slice(from, from + batchLimit));
    }
  };

  return {
    async change(what: string, prepare: () => Put): Promise<void> {
      const put = prepare();
      await new Promise<void>((resolve, reject) => {
        waiting.push({ put, what, resolve, reject });
        schedule();
      });
    },
    flush: () => send(Number.POSITIVE_INFINITY),
  };
}

/** Requests are numbered from 1 in each batch. */
function sendBatch(socket: NetlinkSocket, writer: MessageWriter, changes: readonly Change[]): void {
  writer.clear();
  changes.forEach(({ put }, index) => {
    put(writer, index + 1, index === changes.length - 1 ? flag.ack : 0);
  });
  const refusals = new Map<number, Refusal>();
  try {
    socket.batch(writer.length, changes.length, (sequence, refusal) => void refusals.set(sequence, refusal));
  } catch (error) {
    for (const { reject } of changes) reject(error);
    return;
  }
  changes.forEach(({ what, resolve, reject }, index) => {
    const refusal = refusals.get(index + 1);
    if (refusal === undefined) resolve();
    else reject(new SystemError(refusal.code, "rtnetlink", `${what}${refusal.text ? `: ${refusal.text}` : " failed"}`));
  });
}
