/** Ports and their devices. How a kind of port moves datagrams is its transport's business. */
import { isWildcard, splitSocketAddress } from "../../system/sockaddr.js";
import {
  type DeviceState,
  deviceKey,
  deviceSet,
  type PortKind,
  type PortState,
  portKey,
  portOpen,
} from "../attributes.js";
import type { Dataplane, DeleteReason } from "../contract.js";
import { parse, refuse } from "../errors.js";
import { portState, port as record } from "./layout.js";
import type { Core, Port } from "./objects.js";
import { createSlots } from "./slots.js";
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
  readonly devices: Dataplane["device"];
  remove(port: Port, reason: DeleteReason): Promise<void>;
}

const longestDatagram = 65507;

export function createPorts(core: Core, transports: Transports, removeTunnel: Tunnels["remove"]): Ports {
  const { memory, layout, counting, events, ports, portSlots } = core;
  const slots = createSlots(0, layout.capacity.ports);
  const kinds = Object.keys(transports) as PortKind[];
  let lastHandle = 0;
  let lastDevice = 0;

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

  async function remove(port: Port, reason: DeleteReason): Promise<void> {
    ports.delete(port.handle);
    const childReason = reason === "deleted" ? "parent-deleted" : reason;
    await Promise.all([...port.tunnels].map((tunnel) => removeTunnel(tunnel, childReason)));
    Atomics.store(memory.i32, (layout.ports >> 2) + port.slot * record.words + record.state, portState.closed);
    await port.close();
    portSlots.delete(port.slot);
    counting.clearPort(port.slot);
    slots.give(port.slot);
    events.emit({ type: "port-closed", port: port.handle, reason });
  }

  return {
    remove,
    operations: {
      async open(input) {
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
            device: { device: ++lastDevice, name: `${kind}/${transport.local}`, mtu: longestDatagram, up: true },
            tunnels: new Set(),
            close: transport.close,
          };
          ports.set(port.handle, port);
          portSlots.set(slot, port);
          publish(port);
          events.emit({ type: "port-opened", port: port.handle });
          return state(port);
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
        const { device, mtu, up } = parse(deviceSet, "device", attributes);
        const port = findDevice(device);
        port.device = { ...port.device, mtu: mtu ?? port.device.mtu, up: up ?? port.device.up };
        publish(port);
        return deviceState(port);
      },
    },
  };
}
