/** Units: so far a name that channels can be connected to; their frames go to the control thread. */
import { type UnitState, unitCreate, unitKey } from "../attributes.js";
import type { Dataplane } from "../contract.js";
import { parse, refuse } from "../errors.js";
import type { Channels } from "./channels.js";
import type { Core, Unit } from "./objects.js";

export function createUnits({ units }: Core, { part }: Channels): Dataplane["unit"] {
  let lastHandle = 0;
  const find = (handle: number): Unit => units.get(handle) ?? refuse("ENXIO", `unit ${handle}`, "no such unit");
  const state = ({ handle, name, channels }: Unit): UnitState => ({
    unit: handle,
    name,
    channels: [...channels].map(({ channel }) => channel),
  });
  return {
    async create(attributes) {
      const { name } = parse(unitCreate, "unit", attributes);
      if (name !== undefined && [...units.values()].some((unit) => unit.name === name)) {
        refuse("EEXIST", `unit ${name}`, "the name is in use");
      }
      const handle = ++lastHandle;
      const unit: Unit = { handle, name: name ?? `ppp${handle - 1}`, channels: new Set() };
      units.set(handle, unit);
      return state(unit);
    },
    async delete(key) {
      const unit = find(parse(unitKey, "unit", key).unit);
      units.delete(unit.handle);
      await Promise.all([...unit.channels].map((session) => part(session, "parent-deleted")));
    },
    async get(key) {
      return state(find(parse(unitKey, "unit", key).unit));
    },
    async list() {
      return [...units.values()].map(state);
    },
  };
}
