/** Programs of the configuration on the data plane's devices; a reload changes what differs, and no frame meets a gap. */
import type { AttachmentState, MapState, ProgramState } from "../dataplane/attributes.js";
import type { Dataplane } from "../dataplane/contract.js";
import { JunctorError } from "../errors.js";
import type { ProgramConfig } from "./config/types.js";

export interface ConfiguredPrograms {
  /** Loads and verifies what is not loaded yet; rejects with what is wrong, and has then changed nothing. */
  prepare(programs: readonly ProgramConfig[]): Promise<void>;
  /** Brings devices to what the configuration says. Answers what changed, in words. Rejects with what is wrong and changes nothing else. */
  configure(programs: readonly ProgramConfig[]): Promise<readonly string[]>;
}

interface Loaded {
  readonly programs: readonly ProgramState[];
  readonly maps: readonly MapState[];
  /** Names that were given to them. */
  readonly pinned: { programs: number[]; maps: number[] };
}

interface Attached {
  readonly config: ProgramConfig;
  readonly attachment: AttachmentState;
}

interface Wanted {
  readonly config: ProgramConfig;
  readonly program: ProgramState;
}

interface Placed extends Wanted, Attached {
  /** It was attached just now. */
  readonly fresh: boolean;
}

const nameOf = ({ object, program, device, hook }: ProgramConfig): string =>
  `program ${program === undefined ? object.file : `${program} of ${object.file}`} on ${hook} of ${device}`;

/** Two entries with the same place are one attachment whose program may differ. */
const placeOf = ({ device, hook, priority, runOn, framing, mode }: ProgramConfig): string =>
  JSON.stringify([device, hook, priority, runOn, framing, mode]);

export function createConfiguredPrograms(plane: Dataplane): ConfiguredPrograms {
  const loaded = new Map<string, Loaded>();
  let attached: readonly Attached[] = [];

  async function load(config: ProgramConfig): Promise<Loaded> {
    const { object } = config;
    const known = loaded.get(object.key);
    if (known !== undefined) return known;
    const { programs, maps } = await plane.program.load({
      object: object.bytes,
      file: object.file,
      globals: { ...object.globals },
    });
    const fresh: Loaded = { programs, maps, pinned: { programs: [], maps: [] } };
    loaded.set(object.key, fresh);
    return fresh;
  }

  function pick(config: ProgramConfig, { programs }: Loaded): ProgramState {
    const { object, program: wanted } = config;
    const fit = programs.filter(({ name, section }) => wanted === undefined || name === wanted || section === wanted);
    const [first] = fit;
    if (first !== undefined && fit.length === 1) return first;
    const names = programs.map(({ name }) => name).join(", ");
    const problem = first === undefined ? `has no program ${wanted}` : "has several programs";
    throw new JunctorError("config", `${object.file} ${problem}`, `say program: one of ${names}`);
  }

  async function unload(keys: ReadonlySet<string>): Promise<void> {
    for (const [key, { programs, pinned }] of [...loaded]) {
      if (keys.has(key)) continue;
      loaded.delete(key);
      for (const program of pinned.programs) await plane.program.pin({ program, pin: null });
      for (const map of pinned.maps) await plane.map.pin({ map, pin: null });
      await Promise.all(programs.map(({ program }) => plane.program.unload({ program })));
    }
  }

  /** Programs that something is attached with, and those of `programs`, stay. */
  const unloadOthers = (programs: readonly ProgramConfig[]): Promise<void> =>
    unload(new Set([...attached.map(({ config }) => config), ...programs].map(({ object }) => object.key)));

  /** A name that somebody else gave to a program is not for the configuration. */
  async function checkPins(programs: readonly ProgramConfig[]): Promise<void> {
    const wanted = new Map(
      programs.flatMap((config) => (config.pin === undefined ? [] : [[config.pin, config] as const])),
    );
    if (wanted.size === 0) return;
    const ours = new Set([...loaded.values()].flatMap(({ pinned }) => pinned.programs));
    for (const { program, pin } of await plane.program.list()) {
      const config = pin === undefined || ours.has(program) ? undefined : wanted.get(pin);
      if (config === undefined) continue;
      throw new JunctorError(
        "EEXIST",
        `${nameOf(config)}: program ${program} has the name ${pin}`,
        "unpin that, or say another pin",
      );
    }
  }

  /** Gives programs, and as NAME.MAP their maps, the names that the configuration says. */
  async function givePins(wanted: readonly Wanted[]): Promise<void> {
    for (const { config, program: state } of wanted) {
      const { pin, object } = config;
      const known = loaded.get(object.key);
      if (pin === undefined || known === undefined || known.pinned.programs.includes(state.program)) continue;
      await plane.program.pin({ program: state.program, pin });
      known.pinned.programs.push(state.program);
      for (const { map, name, pin: own } of known.maps) {
        const full = `${pin}.${name}`;
        const fits = /^[\w.-]{1,64}$/.test(full) && state.maps.includes(map);
        if (!fits || own !== undefined || known.pinned.maps.includes(map)) continue;
        await plane.map.pin({ map, pin: full });
        known.pinned.maps.push(map);
      }
    }
  }

  async function prepare(programs: readonly ProgramConfig[]): Promise<readonly Wanted[]> {
    const wanted: Wanted[] = [];
    try {
      await checkPins(programs);
      for (const config of programs) wanted.push({ config, program: pick(config, await load(config)) });
      return wanted;
    } catch (error) {
      await unloadOthers([]);
      throw error;
    }
  }

  /** What of the wanted is attached newly, and what has a place among those that are. */
  async function attachNew(wanted: readonly Wanted[], left: Attached[]): Promise<readonly Placed[]> {
    const placed: Placed[] = [];
    try {
      for (const { config, program } of wanted) {
        const at = left.findIndex((other) => placeOf(other.config) === placeOf(config));
        const [before] = at === -1 ? [] : left.splice(at, 1);
        const { device, hook, priority, runOn, framing, mode } = config;
        const attachment =
          before?.attachment ??
          (await plane.device.attach({
            device,
            hook,
            priority,
            runOn: [...runOn],
            mode,
            program: program.program,
            ...(framing === undefined ? {} : { framing }),
          }));
        placed.push({ config, program, attachment, fresh: before === undefined });
      }
      return placed;
    } catch (error) {
      for (const { attachment, fresh } of placed) {
        if (fresh) await plane.device.detach({ attachment: attachment.attachment }).catch(() => {});
      }
      await unloadOthers([]);
      throw error;
    }
  }

  return {
    prepare: async (programs) => void (await prepare(programs)),
    async configure(programs) {
      const changes: string[] = [];
      // Everything is loaded and verified before anything changes.
      const wanted = await prepare(programs);
      const left = [...attached];
      const placed = await attachNew(wanted, left);
      const next: Attached[] = [];
      for (const { config, program, attachment, fresh } of placed) {
        if (fresh) changes.push(`${nameOf(config)}: attached`);
        const same = attachment.program === program.program;
        const key = { attachment: attachment.attachment, program: program.program };
        next.push({ config, attachment: same ? attachment : await plane.device.replace(key) });
        if (!same) changes.push(`${nameOf(config)}: replaced`);
      }
      for (const { config, attachment } of left) {
        // Gone with its device, perhaps.
        await plane.device.detach({ attachment: attachment.attachment }).catch(() => {});
        changes.push(`${nameOf(config)}: detached`);
      }
      attached = next;
      await unloadOthers([]);
      await givePins(wanted);
      return changes;
    },
  };
}
