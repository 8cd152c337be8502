/** Ports and their devices. How a kind of port moves datagrams is its transport's business. */
import { isWildcard, splitSocketAddress } from "../../system/sockaddr.js";
import {
  type DeviceState,
  deviceKey,
  devicePrefix,
  deviceSet,
  type PortKind,
  type PortState,
  portKey,
  portOpen,
  tunOpen,
} from "../attributes.js";
import type { Dataplane, DeleteReason } from "../contract.js";
import { parse, refuse } from "../errors.js";
import { createDeviceNumbers } from "./devices.js";
import { backing, portState, port as record, unit as unitRecord } from "./layout.js";
import type { Core, HostDevice, Port } from "./objects.js";
import { createSlots } from "./slots.js";
import type { TunTransports } from "./transport-tun.js";
import type { Tunnels } from "./tunnels.js";

export interface TransportOptions {
  readonly slot: number;
  readonly local: string;
  readonly wildcard: boolean;
  readonly segmentation: boolean;
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  /** Where the transport finds the port once it is open. */
  readonly port: () => Port | undefined;
}

export interface Transport {
  /** As bound, with the real port number. */
  readonly local: string;
  close(): Promise<void>;
}

export type OpenTransport = (options: TransportOptions) => Promise<Transport>;

/** The kinds of port that an engine has. */
export type Transports = Partial<Record<PortKind, OpenTransport>>;

export interface Ports {
  readonly operations: Dataplane["port"];
  readonly devices: Pick<Dataplane["device"], "get" | "list" | "set" | "route" | "unroute">;
  remove(port: Port, reason: DeleteReason): Promise<void>;
}

const longestDatagram = 65507;
/** What a TUN port has for the attributes of sockets. */
const defaults = { family: 4, wildcard: false, receiveBuffer: 0, sendBuffer: 0 } as const;

export function createPorts(
  core: Core,
  transports: Transports,
  openTun: TunTransports["open"],
  removeTunnel: Tunnels["remove"],
): Ports {
  const { memory, layout, counting, events, ports, portSlots } = core;
  const slots = createSlots(0, layout.capacity.ports);
  const kinds = Object.keys(transports) as PortKind[];
  let lastHandle = 0;
  const numbers = createDeviceNumbers(layout);

  const find = (handle: number): Port =>
    ports.get(handle) ?? refuse("ENODEV", `port ${handle}`, "no such port", "see `port list`");
  const findDevice = (device: number): Port =>
    [...ports.values()].find((port) => port.device.device === device) ??
    refuse("ENODEV", `device ${device}`, "no such device", "see `device list`");

  function publish({ slot, device }: Port): void {
    const at = (layout.ports >> 2) + slot * record.words;
    Atomics.store(memory.i32, at + record.mtu, device.mtu);
    Atomics.store(memory.i32, at + record.state, device.up ? portState.up : portState.down);
  }

  const state = ({ handle, slot, kind, local, segmentation, receiveBuffer, sendBuffer, device }: Port): PortState => ({
    port: handle,
    kind,
    local,
    segmentation,
    receiveBuffer,
    sendBuffer,
    device: device.device,
    counters: counting.port(slot),
  });

  function deviceState({ slot, device }: Port): DeviceState {
    const { rxPackets, rxBytes, rxDropped, txPackets, txBytes, txErrors } = counting.port(slot);
    return { ...device, counters: { rxPackets, rxBytes, rxDropped, txPackets, txBytes, txDropped: txErrors } };
  }

  async function opened(port: Port, backed: number): Promise<PortState> {
    const at = (layout.ports >> 2) + port.slot * record.words;
    memory.u32[at + record.handle] = port.handle;
    memory.u32[at + record.backing] = backed;
    memory.u32[at + record.device] = port.device.device;
    memory.u32[at + record.chains] = 0;
    ports.set(port.handle, port);
    portSlots.set(port.slot, port);
    await core.births.portBorn(port);
    publish(port);
    events.emit({ type: "port-opened", port: port.handle });
    return state(port);
  }

  async function openTunPort(input: unknown): Promise<PortState> {
    const { name, mtu, segmentation, queues, backing: backed } = parse(tunOpen, "port", input);
    const object = `port tun/${name}`;
    if ([...portSlots.values()].some(({ kind, local }) => kind === "tun" && local === name)) {
      refuse("EBUSY", object, "the interface is open already");
    }
    const slot = slots.take() ?? refuse("ENOSPC", object, `${layout.capacity.ports} ports are open already`);
    try {
      const { host, close } = await openTun({ slot, name, mtu, segmentation, queues, backing: backed });
      const port: Port = {
        ...defaults,
        handle: ++lastHandle,
        slot,
        kind: "tun",
        local: name,
        segmentation: segmentation && host !== undefined,
        device: { device: numbers.port(slot), name: `tun/${name}`, mtu, up: true, addresses: [] },
        tunnels: new Set(),
        host,
        close,
      };
      return await opened(port, backing[backed]);
    } catch (error) {
      slots.give(slot);
      throw error;
    }
  }

  /** Units that had a TUN port have none from now on. */
  function leave(port: Port): void {
    for (const unit of core.units.values()) {
      if (unit.attributes.port !== port.handle) continue;
      unit.attributes = { ...unit.attributes, port: undefined };
      Atomics.store(memory.i32, (layout.units >> 2) + unit.slot * unitRecord.words + unitRecord.port, 0);
    }
  }

  async function remove(port: Port, reason: DeleteReason): Promise<void> {
    ports.delete(port.handle);
    core.births.gone(port, reason);
    const childReason = reason === "deleted" ? "parent-deleted" : reason;
    await Promise.all([...port.tunnels].map((tunnel) => removeTunnel(tunnel, childReason)));
    Atomics.store(memory.i32, (layout.ports >> 2) + port.slot * record.words + record.state, portState.closed);
    if (port.kind === "tun") leave(port);
    await port.close();
    await core.grace();
    portSlots.delete(port.slot);
    counting.clearPort(port.slot);
    slots.give(port.slot);
    events.emit({ type: "port-closed", port: port.handle, reason });
  }

  const hostOf = ({ host, device }: Port): HostDevice =>
    host ?? refuse("EOPNOTSUPP", `device ${device.name}`, "is no TUN device of the host");

  async function setAddresses(port: Port, wanted: readonly string[]): Promise<void> {
    const host = hostOf(port);
    const { addresses } = port.device;
    const gone = addresses.filter((address) => !wanted.includes(address));
    const fresh = wanted.filter((address) => !addresses.includes(address));
    await Promise.all(gone.map((address) => host.address("delete", address)));
    await Promise.all(fresh.map((address) => host.address("add", address)));
    port.device = { ...port.device, addresses: [...wanted] };
  }

  return {
    remove,
    operations: {
      async open(input) {
        if (input.kind === "tun") return openTunPort(input);
        const attributes = parse(portOpen, "port", input);
        const kind = attributes.kind ?? kinds[0]!;
        const { local, segmentation, receiveBuffer, sendBuffer } = attributes;
        const object = `port ${kind}/${local}`;
        const open =
          transports[kind] ??
          refuse("EOPNOTSUPP", object, `no ${kind} ports in this engine`, `it has ${kinds.join(", ")}`);
        const slot = slots.take() ?? refuse("ENOSPC", object, `${layout.capacity.ports} ports are open already`);
        const wildcard = isWildcard(local);
        const settings = { local, wildcard, segmentation, receiveBuffer, sendBuffer };
        try {
          const transport = await open({ ...settings, slot, port: () => portSlots.get(slot) });
          const port: Port = {
            ...settings,
            handle: ++lastHandle,
            slot,
            kind,
            local: transport.local,
            family: splitSocketAddress(local).family,
            device: {
              device: numbers.port(slot),
              name: `${kind}/${transport.local}`,
              mtu: longestDatagram,
              up: true,
              addresses: [],
            },
            tunnels: new Set(),
            host: undefined,
            close: transport.close,
          };
          return await opened(port, backing.none);
        } catch (error) {
          slots.give(slot);
          throw error;
        }
      },
      async close(key) {
        await remove(find(parse(portKey, "port", key).port), "deleted");
      },
      async get(key) {
        return state(find(parse(portKey, "port", key).port));
      },
      async list() {
        return [...ports.values()].map(state);
      },
    },
    devices: {
      async get(key) {
        return deviceState(findDevice(parse(deviceKey, "device", key).device));
      },
      async list() {
        return [...ports.values()].map(deviceState);
      },
      async set(attributes) {
        const { device, mtu, up, addresses } = parse(deviceSet, "device", attributes);
        const port = findDevice(device);
        if (addresses !== undefined) await setAddresses(port, addresses);
        await port.host?.set({ mtu, up });
        port.device = { ...port.device, mtu: mtu ?? port.device.mtu, up: up ?? port.device.up };
        publish(port);
        return deviceState(port);
      },
      async route(attributes) {
        const { device, prefix } = parse(devicePrefix, "device", attributes);
        await hostOf(findDevice(device)).route("add", prefix);
      },
      async unroute(attributes) {
        const { device, prefix } = parse(devicePrefix, "device", attributes);
        await hostOf(findDevice(device)).route("delete", prefix);
      },
    },
  };
}
