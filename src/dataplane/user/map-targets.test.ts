import { expect, it } from "vitest";
import { createMemory } from "../../system/memory.js";
import { createMapStore, type XdpMap } from "../../xdp/maps/store.js";
import { viewMemory } from "../../xdp/memory.js";
import { createDeviceNumbers } from "./devices.js";
import { planLayout, unitFlag, unit as unitRecord } from "./layout.js";
import { createMapTargets } from "./map-targets.js";
import type { Core } from "./objects.js";

const key = Uint8Array.of(1, 0, 0, 0);

/** A devmap whose entry leads to a unit. */
function scene() {
  const layout = planLayout({ tunnels: 4, sessions: 16, ports: 2, units: 8, routes: 8 }, 0);
  const memory = createMemory(layout.bytes);
  memory.u32[(layout.units >> 2) + unitRecord.words + unitRecord.flags] = unitFlag.exists;
  const device = createDeviceNumbers(layout).unit(1);
  const targets = createMapTargets({ memory, layout } as Core);
  const freed: (() => void)[] = [];
  const dropped: XdpMap[] = [];
  const store = createMapStore({
    memory: viewMemory(memory.shared),
    region: { start: layout.maps, bytes: layout.mapsBytes },
    cpus: 1,
    host: {
      resolve(map, value, at) {
        targets.add(map, at, value);
        return 1;
      },
      drop(map, _number, at) {
        dropped.push(map);
        targets.drop(map, at);
      },
    },
    defer: (free) => freed.push(free),
  });
  const map = store.create({ name: "to", type: "devmap", keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 });
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, device, true);
  map.update(key, value);
  return { device, targets, freed, dropped, map };
}

it("takes entries away with their device, from a frozen map too", () => {
  const { device, targets, dropped, map } = scene();
  map.freeze();
  targets.gone(device);
  expect(map.lookup(key)).toBeUndefined();
  expect(dropped).toEqual([map]);
  targets.gone(device);
  expect(dropped).toHaveLength(1);
});

it("has a device go while a map that leads to it is being freed", () => {
  const { device, targets, freed, dropped, map } = scene();
  map.release();
  targets.gone(device);
  for (const free of freed) free();
  expect(dropped).toEqual([map]);
  targets.gone(device);
});
