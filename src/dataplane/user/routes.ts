/** Routes: which unit has which addresses, and whether the host is told. */
import { type RouteState, routeAdd, routeKey } from "../attributes.js";
import type { Dataplane } from "../contract.js";
import { parse, refuse } from "../errors.js";
import { unit as unitRecord } from "./layout.js";
import type { Core, HostDevice, Route, Unit } from "./objects.js";
import { addressWords, keyOf, parsePrefix } from "./prefix.js";
import { createRouteTable } from "./route-table.js";
import { createSlots } from "./slots.js";

export interface Routes {
  readonly operations: Dataplane["route"];
  /** Takes all routes of a unit away; resolves when nobody uses them any more, and the host has been told. */
  removeAll(unit: Unit): Promise<void>;
}

export function createRoutes(core: Core): Routes {
  const { memory, layout, grace, units, routes } = core;
  const table = createRouteTable(memory, layout);
  const slots = createSlots(1, layout.capacity.routes);
  /** Units by slot, for `lookup`. */
  const unitAt = (slot: number): number | undefined =>
    slot === 0 ? undefined : memory.u32[(layout.units >> 2) + slot * unitRecord.words + unitRecord.handle];

  const isHost = ({ prefix }: Route): boolean => prefix.family === 4 && prefix.length === 32;

  /** Has the data path know one of the unit's own IPv4 addresses without a search. */
  function frame(unit: Unit): void {
    const host = [...unit.routes].find(isHost);
    const word = (layout.units >> 2) + unit.slot * unitRecord.words + unitRecord.framed;
    Atomics.store(memory.i32, word, host?.prefix.words[0] ?? 0);
  }

  async function remove(route: Route): Promise<void> {
    const { slot, text, prefix, unit, told } = route;
    routes.delete(keyOf(prefix));
    unit.routes.delete(route);
    frame(unit);
    table.remove(slot);
    // The host may have forgotten it by itself, with its device or an address.
    const untold = told?.then((host) => host.route("delete", text)).catch(() => {});
    await Promise.all([grace(), untold]);
    slots.give(slot);
  }

  const state = ({ text, unit, told }: Route): RouteState => ({
    prefix: text,
    unit: unit.handle,
    kernel: told !== undefined,
  });

  /** Has the host route a prefix to a unit's TUN device; answers that device. */
  async function tellHost(text: string, unit: Unit): Promise<HostDevice> {
    const { port } = unit.attributes;
    const host = port === undefined ? undefined : core.ports.get(port)?.host;
    if (host === undefined) {
      return refuse(
        "EOPNOTSUPP",
        `route ${text}`,
        `unit ${unit.handle} has no TUN device of the host`,
        "kernel: false",
      );
    }
    await host.route("add", text);
    return host;
  }

  return {
    async removeAll(unit) {
      await Promise.all([...unit.routes].map(remove));
    },
    operations: {
      async add(input) {
        const { prefix: text, unit: handle, kernel } = parse(routeAdd, "route", input);
        const prefix = parsePrefix(text);
        const object = `route ${text}`;
        const unit = units.get(handle) ?? refuse("ENXIO", object, `no such unit ${handle}`);
        const key = keyOf(prefix);
        const before = routes.get(key);
        if (before !== undefined) refuse("EEXIST", object, `routed to unit ${before.unit.handle} already`);
        const slot = slots.take() ?? refuse("ENOSPC", object, `the table of ${layout.capacity.routes} routes is full`);
        const route: Route = { slot, text, prefix, unit, told: undefined };
        routes.set(key, route);
        unit.routes.add(route);
        table.insert(slot, prefix, unit.slot);
        frame(unit);
        if (!kernel) return;
        route.told = tellHost(text, unit);
        try {
          await route.told;
        } catch (error) {
          if (routes.get(key) === route) await remove(route);
          throw error;
        }
      },
      async delete(key) {
        const { prefix } = parse(routeKey, "route", key);
        await remove(
          routes.get(keyOf(parsePrefix(prefix))) ??
            refuse("ESRCH", `route ${prefix}`, "no such route", "see `route list`"),
        );
      },
      lookup(address) {
        const words = addressWords(address);
        if (words === undefined) return undefined;
        const [a, b, c, d] = words;
        return unitAt(words.length === 1 ? table.lookup.ipv4(a!) : table.lookup.ipv6(a!, b!, c!, d!));
      },
      async list() {
        return [...routes.values()].map(state);
      },
    },
  };
}
