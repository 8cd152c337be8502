/** Units: network interfaces of peers; their packets enter and leave by a TUN port. */
import {
  type CountersOf,
  type UnitCreate,
  type UnitSet,
  type UnitState,
  unitCreate,
  unitKey,
  unitSet,
} from "../attributes.js";
import type { Dataplane, DeleteReason } from "../contract.js";
import { parse, refuse } from "../errors.js";
import type { Channels } from "./channels.js";
import { unit as record, unitFlag } from "./layout.js";
import type { Core, Unit } from "./objects.js";
import { addressWords } from "./prefix.js";
import { writeRate } from "./rate.js";
import type { Routes } from "./routes.js";
import { createSlots } from "./slots.js";
import { since } from "./stamp.js";

export interface Units {
  readonly operations: Dataplane["unit"];
  /** Answers the final counters. The slot is free when nobody uses it any more. */
  remove(unit: Unit, reason: DeleteReason): Promise<CountersOf<"unit">>;
}

type Attributes = Unit["attributes"];

const flagOf = {
  ipv4: unitFlag.ipv4,
  ipv6: unitFlag.ipv6,
  sourceCheck: unitFlag.sourceCheck,
  addressAndControlFieldCompression: unitFlag.addressCompression,
  protocolFieldCompression: unitFlag.protocolCompression,
} as const satisfies Partial<Record<keyof Attributes, number>>;

export function createUnits(core: Core, { part }: Channels, { removeAll }: Routes): Units {
  const { memory, layout, counting, grace, events, ports, units, unitNames, bundles, births } = core;
  const { i32, u32 } = memory;
  const slots = createSlots(1, layout.capacity.units);
  let lastHandle = 0;

  const recordOf = (slot: number): number => (layout.units >> 2) + slot * record.words;
  const find = (handle: number): Unit => units.get(handle) ?? refuse("ENXIO", `unit ${handle}`, "no such unit");

  function state({ handle, name, slot, channels, attributes }: Unit): UnitState {
    const activity = u32[recordOf(slot) + record.activity]!;
    return {
      unit: handle,
      name,
      channels: [...channels].map(({ channel }) => channel),
      idle: activity === 0 ? undefined : since(activity, core.now()),
      counters: counting.unit(slot),
      ...attributes,
    };
  }

  function localOf(object: string, local: string | undefined): number {
    if (local === undefined) return 0;
    const words = addressWords(local);
    return words?.length === 1 ? words[0]! : refuse("EINVAL", object, `local: ${local} is no IPv4 address`);
  }

  function check(object: string, { port, local }: Pick<UnitCreate & UnitSet, "port" | "local">): void {
    localOf(object, local);
    if (port === undefined) return;
    const found = ports.get(port) ?? refuse("ENODEV", object, `no such port ${port}`, "see `port list`");
    if (found.kind !== "tun") refuse("EINVAL", object, `port ${port} is no TUN port`);
  }

  /** Makes or changes the unit's bundle, if it is to have one. */
  function settleBundle(unit: Unit): void {
    const { handle, slot, channels, attributes } = unit;
    const { multilink } = attributes;
    if (multilink === undefined) return;
    if (unit.bundle !== undefined) bundles.set(unit.bundle, { ...attributes, multilink });
    else {
      const bundle =
        bundles.create(slot, { ...attributes, multilink }) ??
        refuse("ENOSPC", `unit ${handle}`, `the table of ${layout.multilink.bundles} bundles is full`);
      unit.bundle = bundle;
      for (const channel of channels) bundles.join(bundle, channel.slot, core.now());
    }
  }

  /** Publishes what workers need; what they read together is in one word. */
  function publish(unit: Unit): void {
    settleBundle(unit);
    const { slot, handle, attributes, bundle } = unit;
    const at = recordOf(slot);
    const port = attributes.port === undefined ? undefined : ports.get(attributes.port);
    let flags: number = unitFlag.exists | unit.watched;
    if (bundle !== undefined) flags |= unitFlag.multilink;
    u32[at + record.bundle] = bundle ?? 0;
    for (const [name, bit] of Object.entries(flagOf)) if (attributes[name as keyof typeof flagOf]) flags |= bit;
    u32[at + record.handle] = handle;
    u32[at + record.mtu] = attributes.mtu;
    u32[at + record.mss] = attributes.mss;
    i32[at + record.local] = localOf(`unit ${handle}`, attributes.local);
    u32[at + record.port] = port === undefined ? 0 : port.slot + 1;
    writeRate(memory, (at + record.up) << 2, attributes.up, core.now());
    writeRate(memory, (at + record.down) << 2, attributes.down, core.now());
    Atomics.store(i32, at + record.flags, flags);
  }

  async function remove(unit: Unit, reason: DeleteReason): Promise<CountersOf<"unit">> {
    const { handle, name, slot, channels } = unit;
    const at = recordOf(slot);
    units.delete(handle);
    unitNames.delete(name);
    births.gone(unit, reason);
    // Packets that are on their way to it meet its programs still.
    Atomics.store(i32, at + record.flags, unit.watched);
    const parted = [...channels].map((session) => part(session, reason === "deleted" ? "parent-deleted" : reason));
    events.emit({ type: "unit-deleted", unit: handle, reason });
    await Promise.all([...parted, removeAll(unit), grace()]);
    const final = counting.unit(slot);
    if (unit.bundle !== undefined) bundles.remove(unit.bundle);
    i32.fill(0, at, at + record.words);
    counting.clearUnit(slot);
    slots.give(slot);
    return final;
  }

  return {
    remove,
    operations: {
      async create(input) {
        const { name: wanted, ...attributes } = parse(unitCreate, "unit", input);
        const object = `unit ${wanted ?? ""}`.trim();
        check(object, attributes);
        if (wanted !== undefined && unitNames.has(wanted)) refuse("EEXIST", object, "the name is in use");
        const slot = slots.take() ?? refuse("ENOSPC", object, `the table of ${layout.capacity.units} units is full`);
        const handle = ++lastHandle;
        const name = wanted ?? `ppp${handle - 1}`;
        const unit: Unit = {
          handle,
          name,
          slot,
          attributes,
          channels: new Set(),
          watched: 0,
          bundle: undefined,
          routes: new Set(),
        };
        try {
          settleBundle(unit);
        } catch (error) {
          slots.give(slot);
          throw error;
        }
        unitNames.set(name, unit);
        units.set(handle, unit);
        await births.unitBorn(unit);
        if (units.get(handle) !== unit) refuse("ENXIO", `unit ${handle}`, "was deleted before it was there");
        publish(unit);
        events.emit({ type: "unit-created", unit: handle });
        return state(unit);
      },
      async set(input) {
        const { unit: handle, up, down, ...wanted } = parse(unitSet, "unit", input);
        const unit = find(handle);
        check(`unit ${handle}`, wanted);
        const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
        unit.attributes = {
          ...unit.attributes,
          ...given,
          up: up === undefined ? unit.attributes.up : (up ?? undefined),
          down: down === undefined ? unit.attributes.down : (down ?? undefined),
        };
        publish(unit);
        return state(unit);
      },
      async delete(key) {
        return remove(find(parse(unitKey, "unit", key).unit), "deleted");
      },
      async get(key) {
        return state(find(parse(unitKey, "unit", key).unit));
      },
      async list() {
        return [...units.values()].map(state);
      },
    },
  };
}
