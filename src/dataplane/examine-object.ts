/** What loading an object file would say, found out without an engine: for configurations that are only checked. */
import { JunctorError } from "../errors.js";
import { kfuncByName } from "../xdp/helpers/kfuncs.js";
import { withGlobals } from "../xdp/object/globals.js";
import { loadObject } from "../xdp/object/load.js";
import type { ProgramSpec } from "../xdp/spec.js";
import { verify } from "../xdp/verifier/verify.js";

export interface ExaminedProgram {
  readonly name: string;
  readonly section: string;
  readonly attach: ProgramSpec["attach"];
  /** The verifier's summary, if it refuses the program. */
  readonly refused: string | undefined;
}

export interface ExaminedObject {
  /** Those that are loaded when none is named. */
  readonly programs: readonly ExaminedProgram[];
  /** Why the kernel could not be given the object, as far as that can be told without asking it. */
  readonly notForKernel: string | undefined;
}

/** @throws JunctorError EINVAL, ENOENT: what is wrong with the file, or with the globals. */
export function examineObject(
  bytes: Uint8Array,
  name: string,
  globals: Readonly<Record<string, unknown>>,
): ExaminedObject {
  const object = withGlobals(loadObject(bytes, { name, kfuncs: (kfunc) => kfuncByName(kfunc)?.id }), globals);
  const loaded = object.programs.filter(({ autoload }) => autoload !== false);
  for (const { name: map, initialSlots } of object.maps) {
    for (const [slot, wanted] of initialSlots ?? []) {
      if ([...object.maps, ...loaded].some((each) => each.name === wanted)) continue;
      throw new JunctorError("ENOENT", `map ${map}: its entry ${slot} names ${wanted}, which is not loaded`);
    }
  }
  return {
    programs: loaded.map((program) => {
      const verdict = verify(program);
      const { section, attach } = program;
      return { name: program.name, section, attach, refused: verdict.ok ? undefined : verdict.summary };
    }),
    notForKernel: notForKernel(bytes, name),
  };
}

/** Without this engine's own functions, nothing may be missing. */
function notForKernel(bytes: Uint8Array, name: string): string | undefined {
  try {
    loadObject(bytes, { name });
    return undefined;
  } catch (error) {
    if (!(error instanceof JunctorError)) throw error;
    return error.problem;
  }
}
