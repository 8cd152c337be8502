/** Programs of the configuration on the data plane's devices; a reload changes what differs, and no frame meets a gap. */
import type { DeviceAttach, ProgramState } from "../dataplane/attributes.js";
import type { Dataplane } from "../dataplane/contract.js";
import { JunctorError } from "../errors.js";
import type { ProgramConfig } from "./config/types.js";
import { createProgramNames, type LoadedPrograms, nameOf, type WantedProgram } from "./program-names.js";

export interface ConfiguredPrograms {
  /** Loads and verifies what is not loaded yet; rejects with what is wrong, and has then changed nothing. */
  prepare(programs: readonly ProgramConfig[]): Promise<void>;
  /** Brings devices to what the configuration says. Answers what changed, in words. Rejects with what is wrong, and has then changed nothing. */
  configure(programs: readonly ProgramConfig[]): Promise<readonly string[]>;
  /** Lets go of what was prepared for a configuration that does not come. */
  forget(): Promise<void>;
}

interface Attached {
  readonly config: ProgramConfig;
  readonly attachment: number;
  readonly program: number;
}

/** Two entries with the same place are one attachment whose program may differ. An interface has one program in the kernel. */
const placeOf = ({ device, hook, priority, runOn, framing, mode }: ProgramConfig): string =>
  JSON.stringify(mode === "user" ? [device, hook, priority, runOn, framing] : [device, mode]);

export function createConfiguredPrograms(plane: Dataplane): ConfiguredPrograms {
  const loaded = new Map<string, LoadedPrograms>();
  const names = createProgramNames(plane);
  let attached: readonly Attached[] = [];

  async function load({ object }: ProgramConfig): Promise<LoadedPrograms> {
    const known = loaded.get(object.key);
    if (known !== undefined) return known;
    const { programs, maps } = await plane.program.load({
      object: object.bytes,
      file: object.file,
      globals: { ...object.globals },
    });
    const fresh: LoadedPrograms = { programs, maps };
    loaded.set(object.key, fresh);
    return fresh;
  }

  function pick(config: ProgramConfig, { programs }: LoadedPrograms): ProgramState {
    const { object, program: wanted } = config;
    const fit = programs.filter(({ name, section }) => wanted === undefined || name === wanted || section === wanted);
    const [first] = fit;
    if (first !== undefined && fit.length === 1) return first;
    const all = programs.map(({ name }) => name).join(", ");
    const problem = first === undefined ? `has no program ${wanted}` : "has several programs";
    throw new JunctorError("config", `${object.file} ${problem}`, `say program: one of ${all}`);
  }

  /** Programs that something is attached with stay. */
  async function forget(): Promise<void> {
    const used = new Set(attached.map(({ config }) => config.object.key));
    for (const [key, { programs }] of [...loaded]) {
      if (used.has(key)) continue;
      loaded.delete(key);
      await Promise.all(programs.map(({ program }) => plane.program.unload({ program })));
    }
  }

  async function prepare(programs: readonly ProgramConfig[]): Promise<readonly WantedProgram[]> {
    const wanted: WantedProgram[] = [];
    try {
      for (const config of programs) {
        const object = await load(config);
        wanted.push({ config, program: pick(config, object), loaded: object });
      }
      await names.check(wanted);
      return wanted;
    } catch (error) {
      await forget();
      throw error;
    }
  }

  /** Those that are attached still: others went with their devices. */
  async function remaining(): Promise<Attached[]> {
    if (attached.length === 0) return [];
    const there = new Set((await plane.device.attachments()).map(({ attachment }) => attachment));
    return attached.filter(({ attachment }) => there.has(attachment));
  }

  const attachmentOf = ({ config, program: { program } }: WantedProgram): DeviceAttach => {
    const { device, hook, priority, runOn, framing, mode } = config;
    const asked = { device, hook, priority, runOn: [...runOn], mode, program };
    return framing === undefined ? asked : { ...asked, framing };
  };

  return {
    prepare: async (programs) => void (await prepare(programs)),
    forget,
    async configure(programs) {
      const wanted = await prepare(programs);
      const left = await remaining();
      const placed = wanted.map((each) => {
        const at = left.findIndex((other) => placeOf(other.config) === placeOf(each.config));
        return { ...each, before: at === -1 ? undefined : left.splice(at, 1)[0] };
      });
      const fresh = placed.filter(({ before }) => before === undefined);
      const replaced = placed.flatMap(({ config, program: { program }, before }) =>
        before === undefined || before.program === program ? [] : [{ config, attachment: before.attachment, program }],
      );
      try {
        if (fresh.length + replaced.length + left.length > 0) {
          const made = await plane.device.change({
            attach: fresh.map(attachmentOf),
            replace: replaced.map(({ attachment, program }) => ({ attachment, program })),
            detach: left.map(({ attachment }) => ({ attachment })),
          });
          const numbers = made.map(({ attachment }) => attachment).values();
          attached = placed.map(({ config, program: { program }, before }) => {
            return { config, program, attachment: before?.attachment ?? numbers.next().value! };
          });
        }
      } catch (error) {
        await forget();
        throw error;
      }
      const unnamed = await names.give(wanted);
      await forget();
      return [
        ...fresh.map(({ config }) => `${nameOf(config)}: attached`),
        ...replaced.map(({ config }) => `${nameOf(config)}: replaced`),
        ...left.map(({ config }) => `${nameOf(config)}: detached`),
        ...unnamed,
      ];
    },
  };
}
