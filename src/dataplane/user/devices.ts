/** Devices are numbered by what they are and where its record lies, so that a number leads to the record without a table. */
import type { Layout } from "./layout.js";

export const deviceKind = { port: 0, unit: 1, channel: 2 } as const;

export interface DeviceNumbers {
  port(slot: number): number;
  unit(slot: number): number;
  channel(slot: number): number;
  /** What a number is of: `deviceKind`, or -1 for none. `slotOf` then says where. */
  kindOf(device: number): number;
  slotOf(device: number): number;
}

export function createDeviceNumbers({ capacity }: Layout): DeviceNumbers {
  // Slots of units and sessions count from 1; device 0 is none.
  const units = capacity.ports;
  const channels = units + capacity.units;
  const end = channels + capacity.sessions;
  const kindOf = (device: number): number =>
    device < 1 || device > end
      ? -1
      : device <= units
        ? deviceKind.port
        : device <= channels
          ? deviceKind.unit
          : deviceKind.channel;
  return {
    port: (slot) => slot + 1,
    unit: (slot) => units + slot,
    channel: (slot) => channels + slot,
    kindOf,
    slotOf(device) {
      const kind = kindOf(device);
      return kind === deviceKind.port ? device - 1 : kind === deviceKind.unit ? device - units : device - channels;
    },
  };
}
