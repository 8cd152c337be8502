/** Programs of the engine: loaded from objects, verified and compiled, known to every thread, held by what uses them. */
import { DataplaneError, JunctorError } from "../../errors.js";
import { kfuncById } from "../../xdp/helpers/kfuncs.js";
import { helperById } from "../../xdp/helpers/table.js";
import type { XdpMap } from "../../xdp/maps/store.js";
import type { MapSpec, ObjectSpec, ProgramSpec } from "../../xdp/spec.js";
import { type ProgramState, programKey, programLoad, programPin } from "../attributes.js";
import type { Dataplane, DeleteReason, LoadedObject, ProgramTrace } from "../contract.js";
import { parse, refuse } from "../errors.js";
import { entryNumber } from "./hooks/entries.js";
import type { HostAttachments } from "./host-attachments.js";
import { programSlots } from "./layout.js";
import { createMapTargets } from "./map-targets.js";
import { createMaps, type Maps } from "./maps.js";
import { createObjectMaps, linkObject } from "./object-maps.js";
import type { Core } from "./objects.js";
import { breakCircles } from "./program-circles.js";
import { listing } from "./program-listing.js";
import { type Program, programCountersOf, stateOf } from "./program-state.js";
import type { ProgramCode, ProgramThread } from "./program-thread.js";
import { createToolchain } from "./program-toolchain.js";
import { createSlots } from "./slots.js";

export interface Programs {
  readonly maps: Maps;
  readonly operations: Dataplane["program"];
  find(handle: number): Program;
  /** It is in use by one more, or one less; unused and unwanted it goes. */
  hold(program: Program, by: number): void;
  /** Lines of programs, from the threads. */
  line(program: number, device: number, time: number, text: string): void;
  /** A device is no more: no map leads to it. */
  deviceGone(device: number): void;
  close(reason: DeleteReason): Promise<void>;
}

export function createPrograms(
  core: Core,
  threads: () => readonly ProgramThread[],
  hostMaps: () => Pick<HostAttachments, "map" | "maps">,
): Programs {
  const { layout, grace, events } = core;
  const counters = programCountersOf(core);
  const state = (program: Program): ProgramState => stateOf(program, counters);
  const programs = new Map<number, Program>();
  const bySlot = new Map<number, Program>();
  const slots = createSlots(1, programSlots);
  const pins = new Map<string, Program>();
  const listeners = new Set<(lines: readonly ProgramTrace[]) => void>();
  const targets = createMapTargets(core);
  let lastHandle = 0;

  const find = (handle: number): Program =>
    programs.get(handle) ?? refuse("ENOENT", `program ${handle}`, "no such program", "see `program list`");

  const maps = createMaps(core, hostMaps, {
    of: (map) => [...programs.values()].filter((program) => program.maps.includes(map)).map(({ handle }) => handle),
    resolve(map, value, key) {
      const { type } = map.spec;
      const words = new DataView(value.buffer, value.byteOffset, value.byteLength);
      const handle =
        type === "prog_array" ? words.getUint32(0, true) : value.length >= 8 ? words.getUint32(4, true) : 0;
      if (type === "prog_array") return put(find(handle), map).slot;
      if (type === "devmap" || type === "devmap_hash" || type === "cpumap") {
        targets.add(map, key, value);
        try {
          return entryNumber(handle === 0 ? undefined : put(find(handle), map).slot);
        } catch (error) {
          targets.withdraw(map, key);
          throw error;
        }
      }
      return 1;
    },
    drop(map, number, key) {
      const isTail = map.spec.type === "prog_array";
      targets.drop(map, key);
      const program = bySlot.get(isTail ? number : (number >>> 1) - 1);
      if (program === undefined) return;
      if (isTail) program.tailHolds--;
      hold(program, -1);
    },
  });

  const toolchain = createToolchain(maps.store.memory, layout.arenas.length);

  const attachOf: Readonly<Record<string, ProgramSpec["attach"]>> = {
    prog_array: "xdp",
    devmap: "xdp/devmap",
    devmap_hash: "xdp/devmap",
    cpumap: "xdp/cpumap",
  };

  /** Has a map hold a program. */
  function put(program: Program, map: XdpMap): Program {
    const wanted = attachOf[map.spec.type];
    // What is tail-called runs where the caller does.
    if (map.spec.type !== "prog_array" && program.spec.attach !== wanted) {
      throw new JunctorError(
        "EINVAL",
        `program ${program.spec.name} is of section ${program.spec.section}, a ${map.spec.type} takes section ${wanted}`,
      );
    }
    if (map.spec.type === "prog_array") program.tailHolds++;
    hold(program, 1);
    return program;
  }

  function hold(program: Program, by: number): void {
    program.holds += by;
    if (program.wanted || program.pin !== undefined) return;
    if (program.holds === 0) void remove(program, "deleted");
    else if (program.holds === program.tailHolds)
      breakCircles([...programs.values()], maps, (slot) => bySlot.get(slot));
  }

  async function remove(program: Program, reason: DeleteReason): Promise<void> {
    if (!programs.delete(program.handle)) return;
    events.emit({ type: "program-unloaded", program: program.handle, reason });
    await grace();
    await Promise.all(threads().map((thread) => thread.remove(program.slot)));
    bySlot.delete(program.slot);
    for (const map of program.maps) map.release();
    counters.clear(program.slot);
    slots.give(program.slot);
  }

  async function install(
    spec: ProgramSpec,
    object: () => ObjectSpec,
    made: ReadonlyMap<MapSpec, XdpMap>,
  ): Promise<Program> {
    const used = spec.maps.map((map) => made.get(map)!);
    const handle = ++lastHandle;
    const slot = slots.take() ?? refuse("ENOSPC", `program ${spec.name}`, `there are ${programSlots - 1} already`);
    try {
      const compiled = toolchain.compile(spec, used, slot);
      const code: ProgramCode = { ...compiled, number: handle };
      await Promise.all(threads().map((thread) => thread.install(code)));
    } catch (error) {
      slots.give(slot);
      throw error;
    }
    for (const map of used) map.retain();
    const program: Program = {
      handle,
      slot,
      spec,
      tag: toolchain.tag(spec),
      object,
      maps: used,
      pin: undefined,
      holds: 0,
      tailHolds: 0,
      wanted: true,
    };
    programs.set(program.handle, program);
    bySlot.set(slot, program);
    events.emit({ type: "program-loaded", program: program.handle });
    return program;
  }

  function setPin(program: Program, name: string | undefined): void {
    if (name === program.pin) return;
    if (name !== undefined && pins.has(name)) refuse("EEXIST", `pin ${name}`, "another program has this name");
    if (program.pin !== undefined) pins.delete(program.pin);
    if (name !== undefined) pins.set(name, program);
    program.pin = name;
    hold(program, 0);
  }

  /** What the toolchain refuses, in the contract's voice. */
  function attempt<T>(object: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof JunctorError) || error instanceof DataplaneError) throw error;
      return refuse(error.code as "EINVAL", object, error.problem.replace(/ \(E[A-Z0-9]+\)$/, ""), error.hint);
    }
  }

  async function load(input: unknown): Promise<LoadedObject> {
    const { object: bytes, file, programs: names, reuse, pin, ...source } = parse(programLoad, "program", input);
    const { object, forKernel } = attempt(file, () => toolchain.read({ ...source, bytes, file }));
    const chosen = object.programs.filter(({ name, section, autoload }) =>
      names === undefined ? autoload !== false : names.includes(name) || names.includes(section),
    );
    if (chosen.length === 0) {
      const all = object.programs.map(({ name }) => name).join(", ");
      refuse(
        "ENOENT",
        file,
        names === undefined ? "has no XDP program" : `has no program ${names.join(", ")}`,
        all || undefined,
      );
    }
    let forHost: ObjectSpec | undefined;
    const whole = (): ObjectSpec => {
      if (forHost === undefined) {
        const plain = forKernel();
        const wanted = new Set(chosen.map(({ name }) => name));
        forHost = { ...plain, programs: plain.programs.filter(({ name }) => wanted.has(name)) };
      }
      return forHost;
    };
    const made = attempt(file, () => createObjectMaps(maps, object, reuse));
    const loaded: Program[] = [];
    try {
      for (const spec of chosen) loaded.push(await install(spec, whole, made));
      attempt(file, () => linkObject(made, loaded));
      for (const program of loaded) {
        if (pin !== undefined) setPin(program, loaded.length === 1 ? pin : `${pin}.${program.spec.name}`);
      }
    } catch (error) {
      for (const program of loaded) {
        program.wanted = false;
        program.pin = undefined;
        hold(program, 0);
      }
      throw error instanceof JunctorError
        ? attempt(file, () => {
            throw error;
          })
        : error;
    } finally {
      for (const map of made.values()) map.release();
    }
    return {
      programs: loaded.map(state),
      maps: await Promise.all(
        [...made.values()].filter(({ references }) => references > 0).map(({ id }) => maps.operations.get({ map: id })),
      ),
    };
  }

  return {
    maps,
    find,
    hold,
    line(slot, device, time, text) {
      const program = bySlot.get(slot)?.spec.name ?? "";
      for (const listener of listeners) listener([{ program, device, time, text }]);
    },
    deviceGone: targets.gone,
    async close(reason) {
      maps.close();
      await Promise.all([...programs.values()].map((program) => remove(program, reason)));
    },
    operations: {
      load,
      async unload(key) {
        const program = find(parse(programKey, "program", key).program);
        program.wanted = false;
        if (program.holds === 0 && program.pin === undefined) await remove(program, "deleted");
        else hold(program, 0);
      },
      async get(key) {
        return state(find(parse(programKey, "program", key).program));
      },
      async list() {
        return [...programs.values()].map(state);
      },
      async pin(input) {
        const { program, pin } = parse(programPin, "program", input);
        setPin(find(program), pin ?? undefined);
      },
      async dump(key) {
        const { spec } = find(parse(programKey, "program", key).program);
        return listing(spec, { helper: (id) => helperById(id)?.name, kfunc: (id) => kfuncById(id)?.name });
      },
      async statistics(on) {
        await Promise.all(threads().map((thread) => thread.measure(on)));
      },
      trace(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
  };
}
