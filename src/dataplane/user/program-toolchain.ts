/** From a program as its object has it to code for every thread: verified, then compiled with its maps' places in it. */
import { DataplaneError } from "../../errors.js";
import type { XdpMap } from "../../xdp/maps/store.js";
import type { XdpMemory } from "../../xdp/memory.js";
import { ProgramRefused, prepareProgram } from "../../xdp/program.js";
import type { ProgramSpec } from "../../xdp/spec.js";
import { refuse } from "../errors.js";
import type { ProgramCode } from "./program-thread.js";

/** @throws DataplaneError EACCES, E2BIG with the verifier's reason and log; EOPNOTSUPP where there is no WebAssembly. */
export function compile(
  memory: XdpMemory,
  spec: ProgramSpec,
  maps: readonly XdpMap[],
  slot: number,
  cpus: number,
): Omit<ProgramCode, "number"> {
  const object = `program ${spec.name}`;
  const records = maps.map(({ record }) => record);
  try {
    const { module } = prepareProgram(spec, memory, records, { cpus });
    if (module === undefined) return refuse("EOPNOTSUPP", object, "there is no WebAssembly here to run it with");
    return { slot, name: spec.name, module, maps: records };
  } catch (error) {
    if (!(error instanceof ProgramRefused)) throw error;
    // The verifier names the program, too.
    const problem = error.problem.replace(`${object}, `, "");
    throw new DataplaneError(error.code as "EACCES", object, problem, error.hint, error.log());
  }
}
