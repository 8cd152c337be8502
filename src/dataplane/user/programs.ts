/** Programs of the engine: loaded from objects, verified and compiled, known to every thread, held by what uses them. */
import { DataplaneError, JunctorError } from "../../errors.js";
import { kfuncById } from "../../xdp/helpers/kfuncs.js";
import { helperById } from "../../xdp/helpers/table.js";
import type { XdpMap } from "../../xdp/maps/store.js";
import type { MapSpec, ObjectSpec, ProgramSpec } from "../../xdp/spec.js";
import { type CountersOf, type ProgramState, programKey, programLoad, programPin, verdicts } from "../attributes.js";
import type { Dataplane, DeleteReason, LoadedObject, ProgramTrace } from "../contract.js";
import { parse, refuse } from "../errors.js";
import { entryNumber } from "./hooks/entries.js";
import type { HostAttachments } from "./host-attachments.js";
import { programCounter, programSlots } from "./layout.js";
import { shapeMismatch } from "./map-shape.js";
import { createMapTargets } from "./map-targets.js";
import { createMaps, type Maps } from "./maps.js";
import type { Core } from "./objects.js";
import { listing } from "./program-listing.js";
import type { ProgramCode, ProgramThread } from "./program-thread.js";
import { createToolchain } from "./program-toolchain.js";
import { createSlots } from "./slots.js";

export interface Program {
  readonly handle: number;
  readonly slot: number;
  readonly spec: ProgramSpec;
  /** What it was loaded with, as the kernel can have it: without what only this engine provides. */
  readonly object: () => ObjectSpec;
  readonly maps: readonly XdpMap[];
  pin: string | undefined;
  /** Attachments, chains and maps that use it. */
  holds: number;
  /** How many of these are entries of program arrays. */
  tailHolds: number;
  /** It was loaded and not unloaded. */
  wanted: boolean;
}

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
  const { f64 } = core.memory;
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
    else if (program.holds === program.tailHolds) breakCircles();
  }

  /**
   * Programs that nothing but program arrays hold, which nothing but such programs hold, would stay for ever: the arrays are emptied, as
   * the kernel empties them when user space lets go of them.
   */
  function breakCircles(): void {
    const reached = new Set<Program>();
    const arrays = new Set<XdpMap>();
    const visit = (program: Program | undefined): void => {
      if (program === undefined || reached.has(program)) return;
      reached.add(program);
      program.maps.forEach(look);
    };
    const look = (map: XdpMap): void => {
      if (map.spec.type !== "prog_array" || arrays.has(map)) return;
      arrays.add(map);
      for (const [key] of map.entries()) visit(bySlot.get(map.number(key) - 1));
    };
    for (const program of programs.values()) {
      if (program.wanted || program.pin !== undefined || program.holds > program.tailHolds) visit(program);
    }
    for (const map of maps.store.list()) if (maps.isKept(map)) look(map);
    const left = [...programs.values()].filter((program) => !reached.has(program));
    for (const map of new Set(left.flatMap((program) => program.maps))) {
      if (map.spec.type === "prog_array" && !arrays.has(map)) map.clear();
    }
  }

  async function remove(program: Program, reason: DeleteReason): Promise<void> {
    if (!programs.delete(program.handle)) return;
    events.emit({ type: "program-unloaded", program: program.handle, reason });
    await grace();
    await Promise.all(threads().map((thread) => thread.remove(program.slot)));
    bySlot.delete(program.slot);
    for (const map of program.maps) map.release();
    for (const { programCounters } of layout.arenas) {
      const at = (programCounters >> 3) + program.slot * programCounter.count;
      f64.fill(0, at, at + programCounter.count);
    }
    slots.give(program.slot);
  }

  function counters(slot: number): CountersOf<"program"> {
    const field = (index: number): number =>
      layout.arenas.reduce((sum, { programCounters }) => {
        return sum + f64[(programCounters >> 3) + slot * programCounter.count + index]!;
      }, 0);
    const verdict = Object.fromEntries(
      verdicts.map((name, index) => [name, field(programCounter.verdicts + index)]),
    ) as Record<(typeof verdicts)[number], number>;
    return {
      runs: field(programCounter.runs),
      nanoseconds: field(programCounter.nanoseconds),
      measured: field(programCounter.measured),
      ...verdict,
      unknown: field(programCounter.verdicts + verdicts.length),
    };
  }

  function state({ handle, slot, spec, maps: used, pin }: Program): ProgramState {
    return {
      program: handle,
      name: spec.name,
      section: spec.section,
      attach: spec.attach,
      tag: toolchain.tag(spec),
      instructions: spec.insns.length,
      license: spec.license,
      maps: used.map(({ id }) => id),
      ...(pin === undefined ? {} : { pin }),
      counters: counters(slot),
    };
  }

  /** Maps of an object as this engine has them: its own, or those that take their place. */
  function createAll(object: ObjectSpec, reuse: Readonly<Record<string, number>>): Map<MapSpec, XdpMap> {
    const made = new Map<MapSpec, XdpMap>();
    try {
      for (const name of Object.keys(reuse)) {
        if (object.maps.some((spec) => spec.name === name)) continue;
        const names = object.maps.map((spec) => spec.name).join(", ") || "none";
        refuse("ENOENT", "program", `reuse: the object has no map ${name}`, `it has ${names}`);
      }
      for (const spec of object.maps) {
        const handle = reuse[spec.name];
        const pinned = spec.pinByName === true ? maps.pinned(spec.name) : undefined;
        const map = handle === undefined ? (pinned ?? maps.store.create(spec)) : maps.find(handle);
        if (handle !== undefined || pinned !== undefined) {
          checkSame(spec, map);
          map.retain();
        } else if (spec.pinByName === true) maps.pin(map, spec.name);
        made.set(spec, map);
      }
    } catch (error) {
      for (const map of made.values()) map.release();
      throw error;
    }
    return made;
  }

  function checkSame(spec: MapSpec, map: XdpMap): void {
    const mismatch = shapeMismatch(spec, map.spec);
    if (mismatch === undefined) return;
    const problem = `cannot be ${spec.name} of the object: ${mismatch}`;
    refuse("EINVAL", `map ${map.id} (${map.spec.name})`, problem, "reuse a map of the same shape");
  }

  /** Entries that the object declares for maps of maps and of programs. */
  function link(made: ReadonlyMap<MapSpec, XdpMap>, loaded: readonly Program[]): void {
    for (const [spec, map] of made) {
      for (const [index, name] of spec.initialSlots ?? []) {
        const inner = [...made].find(([other]) => other.name === name)?.[1];
        const program = loaded.find((other) => other.spec.name === name);
        const id = inner?.id ?? program?.handle;
        if (id === undefined) {
          refuse("ENOENT", `map ${spec.name}`, `its entry ${index} names ${name}, which is not loaded`, "load it too");
        }
        const key = new Uint8Array(4);
        const value = new Uint8Array(4);
        new DataView(key.buffer).setUint32(0, index, true);
        new DataView(value.buffer).setUint32(0, id, true);
        map.update(key, value);
      }
    }
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
    const made = attempt(file, () => createAll(object, reuse));
    const loaded: Program[] = [];
    try {
      for (const spec of chosen) loaded.push(await install(spec, whole, made));
      attempt(file, () => link(made, loaded));
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
