/** Programs of the configuration on the data plane's devices; a reload changes what differs, and no frame meets a gap. */
import type { AttachmentState, ProgramState } from "../dataplane/attributes.js";
import type { Dataplane } from "../dataplane/contract.js";
import { JunctorError } from "../errors.js";
import type { ProgramConfig } from "./config/types.js";

export interface ConfiguredPrograms {
  /** Brings devices to what the configuration says. Answers what changed, in words. Rejects with what is wrong and changes nothing else. */
  configure(programs: readonly ProgramConfig[]): Promise<readonly string[]>;
}

interface Loaded {
  readonly programs: readonly ProgramState[];
}

interface Attached {
  readonly config: ProgramConfig;
  readonly attachment: AttachmentState;
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
    const { object, pin } = config;
    const known = loaded.get(object.key);
    if (known !== undefined) return known;
    const { programs } = await plane.program.load({
      object: object.bytes,
      file: object.file,
      globals: { ...object.globals },
      ...(pin === undefined ? {} : { pin }),
    });
    const fresh = { programs };
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
    for (const [key, { programs }] of [...loaded]) {
      if (keys.has(key)) continue;
      loaded.delete(key);
      await Promise.all(programs.map(({ program }) => plane.program.unload({ program })));
    }
  }

  return {
    async configure(programs) {
      const changes: string[] = [];
      // Everything is loaded and verified before anything changes.
      const wanted = [];
      for (const config of programs) wanted.push({ config, program: pick(config, await load(config)) });

      const left = [...attached];
      const next: Attached[] = [];
      for (const { config, program } of wanted) {
        const at = left.findIndex((other) => placeOf(other.config) === placeOf(config));
        const [before] = at === -1 ? [] : left.splice(at, 1);
        if (before === undefined) {
          const { device, hook, priority, runOn, framing, mode } = config;
          const attachment = await plane.device.attach({
            device,
            hook,
            priority,
            runOn: [...runOn],
            mode,
            program: program.program,
            ...(framing === undefined ? {} : { framing }),
          });
          changes.push(`${nameOf(config)}: attached`);
          next.push({ config, attachment });
        } else if (before.attachment.program !== program.program) {
          const { attachment } = before.attachment;
          next.push({ config, attachment: await plane.device.replace({ attachment, program: program.program }) });
          changes.push(`${nameOf(config)}: replaced`);
        } else next.push({ ...before, config });
      }
      for (const { config, attachment } of left) {
        // Gone with its device, perhaps.
        await plane.device.detach({ attachment: attachment.attachment }).catch(() => {});
        changes.push(`${nameOf(config)}: detached`);
      }
      attached = next;
      await unload(new Set(programs.map(({ object }) => object.key)));
      return changes;
    },
  };
}
