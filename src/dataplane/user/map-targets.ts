/**
 * Which devices the entries of device maps lead to. An entry goes when its device does, as in the kernel: numbers of devices are used
 * again, and a frame must not reach who came after.
 */
import { JunctorError } from "../../errors.js";
import type { XdpMap } from "../../xdp/maps/store.js";
import { createDeviceNumbers, deviceKind } from "./devices.js";
import { portState, port as record, session, unitFlag, unit as unitRecord } from "./layout.js";
import type { Core } from "./objects.js";

export interface MapTargets {
  /** An entry leads to the device that its value names. @throws JunctorError EINVAL: there is none. */
  add(map: XdpMap, key: Uint8Array, value: Uint8Array): void;
  /** Undoes the last `add`. */
  withdraw(map: XdpMap, key: Uint8Array): void;
  /** What an entry led to before it was changed, or taken away, is no more of its concern. */
  drop(map: XdpMap, key: Uint8Array): void;
  /** Takes away all entries that lead to a device. */
  gone(device: number): void;
}

interface Entry {
  readonly map: XdpMap;
  readonly key: Uint8Array;
  /** Oldest first: while an entry is changed it leads to two. */
  readonly devices: number[];
}

const isDeviceMap = ({ spec: { type } }: XdpMap): boolean => type === "devmap" || type === "devmap_hash";
const text = (key: Uint8Array): string => key.join(" ");

export function createMapTargets({ memory: { u32 }, layout }: Core): MapTargets {
  const numbers = createDeviceNumbers(layout);
  const byMap = new Map<XdpMap, Map<string, Entry>>();
  const byDevice = new Map<number, Set<Entry>>();

  function exists(device: number): boolean {
    const slot = numbers.slotOf(device);
    switch (numbers.kindOf(device)) {
      case deviceKind.channel:
        return u32[(layout.sessions >> 2) + slot * session.words + session.device] !== 0;
      case deviceKind.unit:
        return (u32[(layout.units >> 2) + slot * unitRecord.words + unitRecord.flags]! & unitFlag.exists) !== 0;
      case deviceKind.port:
        return u32[(layout.ports >> 2) + slot * record.words + record.state] !== portState.closed;
      default:
        return false;
    }
  }

  function forget(entry: Entry, device: number): void {
    if (entry.devices.includes(device)) return;
    const others = byDevice.get(device);
    others?.delete(entry);
    if (others?.size === 0) byDevice.delete(device);
  }

  function end(map: XdpMap, key: Uint8Array, take: (devices: number[]) => number | undefined): void {
    const entries = byMap.get(map);
    const entry = entries?.get(text(key));
    const device = entry === undefined ? undefined : take(entry.devices);
    if (entries === undefined || entry === undefined || device === undefined) return;
    forget(entry, device);
    if (entry.devices.length === 0) entries.delete(text(key));
    if (entries.size === 0) byMap.delete(map);
  }

  return {
    withdraw: (map, key) => end(map, key, (devices) => devices.pop()),
    add(map, key, value) {
      if (!isDeviceMap(map)) return;
      const device = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
      if (!exists(device)) throw new JunctorError("EINVAL", `there is no device ${device}`, "see `device list`");
      const entries = byMap.get(map) ?? new Map<string, Entry>();
      byMap.set(map, entries);
      const entry = entries.get(text(key)) ?? { map, key: key.slice(), devices: [] };
      entries.set(text(key), entry);
      entry.devices.push(device);
      byDevice.set(device, (byDevice.get(device) ?? new Set()).add(entry));
    },
    drop: (map, key) => end(map, key, (devices) => devices.shift()),
    gone(device) {
      for (const { map, key } of byDevice.get(device) ?? []) map.withdraw(key);
    },
  };
}
