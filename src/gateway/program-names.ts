/** Names (pins) of the configuration's programs, and as NAME.MAP of their maps. */
import type { MapState, ProgramState } from "../dataplane/attributes.js";
import type { Dataplane } from "../dataplane/contract.js";
import { JunctorError } from "../errors.js";
import type { ProgramConfig } from "./config/types.js";

export interface LoadedPrograms {
  readonly programs: readonly ProgramState[];
  readonly maps: readonly MapState[];
}

export interface WantedProgram {
  readonly config: ProgramConfig;
  readonly program: ProgramState;
  /** What it was loaded with. */
  readonly loaded: LoadedPrograms;
}

export interface ProgramNames {
  /** Rejects if a name is somebody else's, or wanted twice. */
  check(wanted: readonly WantedProgram[]): Promise<void>;
  /** Takes names away and gives them. Answers, in words, which could not be given after all. */
  give(wanted: readonly WantedProgram[]): Promise<readonly string[]>;
}

export const nameOf = ({ object, program, device, hook }: ProgramConfig): string =>
  `program ${program === undefined ? object.file : `${program} of ${object.file}`} on ${hook} of ${device}`;

type Names = Map<string, number>;

const fits = /^[\w.-]{1,64}$/;

export function createProgramNames(plane: Dataplane): ProgramNames {
  const kinds = {
    program: {
      given: new Map() as Names,
      list: async () => (await plane.program.list()).map(({ program, pin }) => ({ handle: program, pin })),
      pin: (program: number, pin: string | null) => plane.program.pin({ program, pin }),
    },
    map: {
      given: new Map() as Names,
      list: async () => (await plane.map.list()).map(({ map, pin }) => ({ handle: map, pin })),
      pin: (map: number, pin: string | null) => plane.map.pin({ map, pin }),
    },
  } as const;

  /** What each name is to be the name of. */
  function namesOf(wanted: readonly WantedProgram[]): { readonly program: Names; readonly map: Names } {
    const program: Names = new Map();
    const map: Names = new Map();
    for (const { config, program: state, loaded } of wanted) {
      const { pin } = config;
      if (pin === undefined) continue;
      const other = [...program].find(([name, handle]) => (name === pin) !== (handle === state.program));
      if (other !== undefined) {
        const problem = other[0] === pin ? `another program has the name ${pin}` : `it has the name ${other[0]}, too`;
        throw new JunctorError("config", `${nameOf(config)}: ${problem}`, "give each program one name");
      }
      program.set(pin, state.program);
      for (const { map: handle, name, pin: own } of loaded.maps) {
        const full = `${pin}.${name}`;
        const named = own !== undefined || [...map.values()].includes(handle);
        if (!named && fits.test(full) && state.maps.includes(handle)) map.set(full, handle);
      }
    }
    return { program, map };
  }

  return {
    async check(wanted) {
      const names = namesOf(wanted);
      for (const kind of ["program", "map"] as const) {
        if (names[kind].size === 0) continue;
        const { given, list } = kinds[kind];
        for (const { handle, pin } of await list()) {
          if (pin === undefined || !names[kind].has(pin) || given.get(pin) === handle) continue;
          const mend = "unpin that, or say another pin";
          throw new JunctorError("EEXIST", `pin ${pin} of the configuration: ${kind} ${handle} has this name`, mend);
        }
      }
    },
    async give(wanted) {
      const names = namesOf(wanted);
      const failed: string[] = [];
      for (const kind of ["program", "map"] as const) {
        const { given, pin } = kinds[kind];
        for (const [name, handle] of [...given]) {
          if (names[kind].get(name) === handle) continue;
          given.delete(name);
          // Gone, perhaps, or renamed by hand.
          await pin(handle, null).catch(() => {});
        }
        for (const [name, handle] of names[kind]) {
          if (given.has(name)) continue;
          try {
            await pin(handle, name);
            given.set(name, handle);
          } catch (error) {
            failed.push(`pin ${name}: ${error instanceof Error ? error.message : String(error)}`);
          }
        }
      }
      return failed;
    },
  };
}
