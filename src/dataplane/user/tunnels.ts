import { isWildcard, splitSocketAddress } from "../../system/sockaddr.js";
import { type TunnelState, tunnelCreate, tunnelKey, tunnelModify } from "../attributes.js";
import type { Dataplane, DeleteReason } from "../contract.js";
import { parse, refuse } from "../errors.js";
import { writeAddressBlock } from "./address-block.js";
import { tunnel as record } from "./layout.js";
import { type Core, noTraffic, type Port, type Tunnel } from "./objects.js";
import type { Sessions } from "./sessions.js";

export interface Tunnels {
  readonly operations: Dataplane["tunnel"];
  remove(tunnel: Tunnel, reason: DeleteReason): Promise<void>;
}

export function createTunnels(core: Core, { counters, remove: removeSession }: Sessions): Tunnels {
  const { memory, layout, counting, grace, events, ports, tunnels, tunnelIds } = core;
  let lastHandle = 0;
  /** By tunnel id, while workers may still use a deleted tunnel's record. */
  const parting = new Map<number, Promise<void>>();

  const recordOf = (tunnelId: number): number => layout.tunnels + tunnelId * record.size;
  const find = (handle: number): Tunnel =>
    tunnels.get(handle) ?? refuse("ENODEV", `tunnel ${handle}`, "no such tunnel", "see `tunnel list`");
  const findPort = (handle: number): Port => ports.get(handle) ?? refuse("ENODEV", `port ${handle}`, "no such port");

  /** Fills the block that is not in use and has the workers use it. */
  function publishAddress({ attributes, port }: Tunnel): void {
    const at = recordOf(attributes.tunnelId);
    const current = memory.u32[(at + record.block) >> 2];
    const next = at + (current === at + record.firstBlock ? record.secondBlock : record.firstBlock);
    const { remote } = attributes;
    const local = port.wildcard ? attributes.local : undefined;
    writeAddressBlock(memory, next, { port: port.slot, remote, local });
    Atomics.store(memory.i32, (at + record.block) >> 2, next);
  }

  function checkAddress(object: string, port: Port, remote: string, local: string | undefined): void {
    if (splitSocketAddress(remote).family !== port.family) {
      refuse("EINVAL", object, `remote ${remote} is not of the address family of port ${port.handle} (${port.local})`);
    }
    if (local === undefined) return;
    const { family, address } = splitSocketAddress(local);
    if (family !== port.family) refuse("EINVAL", object, `local ${local} is not of the address family of the port`);
    if (!isWildcard(port.local) && address !== splitSocketAddress(port.local).address) {
      refuse("EADDRNOTAVAIL", object, `local ${local} is not the address of port ${port.handle} (${port.local})`);
    }
  }

  function state({ attributes, sessions, past }: Tunnel): TunnelState {
    const total = {
      rxPackets: past.received.packets,
      rxBytes: past.received.bytes,
      rxErrors: past.received.errors + counting.tunnelErrors(attributes.tunnelId),
      txPackets: past.sent.packets,
      txBytes: past.sent.bytes,
      txErrors: past.sent.errors,
    };
    for (const session of sessions.values()) {
      const each = counters(session);
      for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += each[name];
    }
    return { ...attributes, sessions: sessions.size, counters: total };
  }

  async function remove(tunnel: Tunnel, reason: DeleteReason): Promise<void> {
    const { handle, sessions, port } = tunnel;
    const { tunnelId } = tunnel.attributes;
    tunnels.delete(handle);
    tunnelIds.delete(tunnelId);
    port.tunnels.delete(tunnel);
    const childReason = reason === "deleted" ? "parent-deleted" : reason;
    const children = [...sessions.values()].map((session) => removeSession(session, childReason));
    Atomics.store(memory.i32, (recordOf(tunnelId) + record.block) >> 2, 0);
    events.emit({ type: "tunnel-deleted", tunnel: handle, reason });
    const parted = Promise.all([...children, grace()]).then(() => {
      counting.clearTunnelErrors(tunnelId);
      parting.delete(tunnelId);
    });
    parting.set(tunnelId, parted);
    await parted;
  }

  return {
    remove,
    operations: {
      async create(input) {
        const attributes = parse(tunnelCreate, "tunnel", input);
        const { version, encap, tunnelId, remote, local } = attributes;
        const object = `tunnel id ${tunnelId}`;
        if (version !== 2) refuse("EOPNOTSUPP", object, `L2TP version ${version} is not supported`, "use version 2");
        if (encap !== "udp") refuse("EOPNOTSUPP", object, `encapsulation ${encap} is not supported`, "use udp");
        const port = findPort(attributes.port);
        checkAddress(object, port, remote, local);
        if (tunnelIds.has(tunnelId)) refuse("EEXIST", object, "the tunnel id is in use");
        const { capacity } = layout;
        if (tunnels.size >= capacity.tunnels) refuse("ENOSPC", object, `there are ${capacity.tunnels} tunnels already`);

        const handle = ++lastHandle;
        const tunnel: Tunnel = {
          handle,
          attributes: { tunnel: handle, ...attributes },
          port,
          sessions: new Map(),
          past: { received: noTraffic(), sent: noTraffic() },
          quiet: Promise.resolve(),
        };
        tunnels.set(handle, tunnel);
        tunnelIds.set(tunnelId, tunnel);
        port.tunnels.add(tunnel);
        events.emit({ type: "tunnel-created", tunnel: handle });
        const before = parting.get(tunnelId);
        if (before !== undefined) await before;
        if (tunnels.has(handle)) publishAddress(tunnel);
        return state(tunnel);
      },
      async modify(input) {
        const wanted = parse(tunnelModify, "tunnel", input);
        const { tunnel: handle } = wanted;
        const tunnel = find(handle);
        const port = wanted.port === undefined ? tunnel.port : findPort(wanted.port);
        const { remote = tunnel.attributes.remote, local = tunnel.attributes.local } = wanted;
        const attributes = { ...tunnel.attributes, port: port.handle, remote, local };
        checkAddress(`tunnel ${handle}`, port, remote, local);
        tunnel.port.tunnels.delete(tunnel);
        port.tunnels.add(tunnel);
        tunnel.port = port;
        tunnel.attributes = attributes;
        // One change after the other; each waits until nobody reads the block that it is going to fill.
        tunnel.quiet = tunnel.quiet.then(async () => {
          if (!tunnels.has(handle)) return;
          publishAddress(tunnel);
          await grace();
        });
        await tunnel.quiet;
        return state(tunnel);
      },
      async delete(key) {
        await remove(find(parse(tunnelKey, "tunnel", key).tunnel), "deleted");
      },
      async get(key) {
        return state(find(parse(tunnelKey, "tunnel", key).tunnel));
      },
      async list() {
        return [...tunnels.values()].map(state);
      },
    },
  };
}
