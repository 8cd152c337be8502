/**
 * From an object's bytes to programs and maps as plain data, and from a program to code for every thread: verified, then compiled for maps of
 * its shapes. What was done for one load of an object is used by the next: a thousand devices with the same program, and maps of their
 * own, share one module.
 */
import { createHash } from "node:crypto";
import { DataplaneError } from "../../errors.js";
import { kfuncByName } from "../../xdp/helpers/kfuncs.js";
import { encodeProgram } from "../../xdp/insn/decode.js";
import type { XdpMap } from "../../xdp/maps/store.js";
import type { WasmModule, XdpMemory } from "../../xdp/memory.js";
import { withGlobals } from "../../xdp/object/globals.js";
import { loadObject } from "../../xdp/object/load.js";
import { withMaxEntries } from "../../xdp/object/sizes.js";
import { ProgramRefused, prepareProgram } from "../../xdp/program.js";
import type { ObjectSpec, ProgramSpec } from "../../xdp/spec.js";
import { refuse } from "../errors.js";
import { mapShape } from "./map-shape.js";
import type { ProgramCode } from "./program-thread.js";
import { createRecent, type RecentLimits } from "./recent.js";

export interface Source {
  readonly bytes: Uint8Array;
  /** For messages. */
  readonly file: string;
  readonly globals: Readonly<Record<string, unknown>>;
  readonly maxEntries: Readonly<Record<string, number>>;
}

export interface ReadObject {
  readonly object: ObjectSpec;
  /** The same as the kernel can have it: without what only this engine provides. New maps each time. */
  readonly forKernel: () => ObjectSpec;
}

export interface Toolchain {
  /** @throws JunctorError EINVAL: the bytes are no object, or have no such global or map. */
  read(source: Source): ReadObject;
  /** @throws DataplaneError EACCES, E2BIG with the verifier's reason and log; EOPNOTSUPP where there is no WebAssembly. */
  compile(spec: ProgramSpec, maps: readonly XdpMap[], slot: number): Omit<ProgramCode, "number">;
  /** The kernel's: what the instructions hash to. */
  tag(spec: ProgramSpec): string;
  /** How much is kept for the next load; see `kept`. */
  readonly kept: { readonly objects: number; readonly modules: number };
}

interface Compiled {
  readonly module: WasmModule;
  readonly bytes: number;
}

interface Known {
  readonly bytes: Uint8Array;
  readonly object: ObjectSpec;
}

/** The most that is kept for the next load: so many, and so many bytes. What is in use is held by those who use it. */
export const kept = {
  objects: { count: 32, bytes: 16 << 20, weigh: ({ bytes }) => bytes.length } satisfies RecentLimits<Known>,
  modules: { count: 64, bytes: 16 << 20, weigh: ({ bytes }) => bytes } satisfies RecentLimits<Compiled>,
};

/** Code for maps that lie lower is different; see `jit/access.ts`. */
const lowest = 32_768;

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** @param cpus Threads of the engine, which never changes. */
export function createToolchain(memory: XdpMemory, cpus: number): Toolchain {
  const objects = createRecent(kept.objects);
  const modules = createRecent(kept.modules);
  /** A number for each list of instructions, which stands for the program that has it. */
  const numbers = new WeakMap<ProgramSpec["insns"], { readonly number: number; readonly tag: string }>();
  let lastNumber = 0;

  function numbered({ insns }: ProgramSpec): { readonly number: number; readonly tag: string } {
    const known = numbers.get(insns);
    if (known !== undefined) return known;
    const made = { number: ++lastNumber, tag: hash(encodeProgram(insns)).slice(0, 16) };
    numbers.set(insns, made);
    return made;
  }

  function prepare(spec: ProgramSpec, maps: readonly XdpMap[]): Compiled {
    const object = `program ${spec.name}`;
    try {
      const records = maps.map(({ record }) => record);
      const { module, bytes } = prepareProgram(spec, memory, records, { cpus });
      return module === undefined
        ? refuse("EOPNOTSUPP", object, "there is no WebAssembly here to run it with")
        : { module, bytes: bytes.length };
    } catch (error) {
      if (!(error instanceof ProgramRefused)) throw error;
      // The verifier names the program, too.
      const problem = error.problem.replace(`${object}, `, "");
      throw new DataplaneError(error.code as "EACCES", object, problem, error.hint, error.log());
    }
  }

  return {
    read({ bytes: given, file, globals, maxEntries }) {
      const set = (object: ObjectSpec): ObjectSpec => withMaxEntries(withGlobals(object, globals), maxEntries);
      const { bytes, object } = objects.get(`${hash(given)} ${file}`, () => ({
        bytes: given,
        object: loadObject(given, { name: file, kfuncs: (name) => kfuncByName(name)?.id }),
      }));
      return {
        object: set(object),
        forKernel: () => set(loadObject(bytes, { name: file })),
      };
    },
    compile(spec, maps, slot) {
      // From load to load of an object its globals and sizes alone may differ, and these are in the shapes of its maps.
      const shapes = [
        spec.maps.map((map) => [spec.maps.indexOf(map), mapShape(map)]),
        maps.map(({ spec: real, record }) => [mapShape(real), record >= lowest]),
      ];
      const key = `${numbered(spec).number} ${hash(Buffer.from(JSON.stringify(shapes)))}`;
      const { module } = modules.get(key, () => prepare(spec, maps));
      return { slot, name: spec.name, module, maps: maps.map(({ record }) => record) };
    },
    tag: (spec) => numbered(spec).tag,
    get kept() {
      return { objects: objects.count, modules: modules.count };
    },
  };
}
