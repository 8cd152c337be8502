/** From a program as its object has it to code for every thread: verified, then compiled with its maps' places in it. */
import { bindMap } from "../../xdp/jit/bindings.js";
import { compileProgram } from "../../xdp/jit/compile.js";
import type { XdpMap } from "../../xdp/maps/store.js";
import { wasm, type XdpMemory } from "../../xdp/memory.js";
import type { ProgramSpec } from "../../xdp/spec.js";
import { verify } from "../../xdp/verifier/verify.js";
import { refuse } from "../errors.js";
import type { ProgramCode } from "./program-thread.js";

/** @throws DataplaneError EACCES with the verifier's reason, EOPNOTSUPP where there is no WebAssembly. */
export function compile(memory: XdpMemory, spec: ProgramSpec, maps: readonly XdpMap[], slot: number): ProgramCode {
  const object = `program ${spec.name}`;
  if (wasm === undefined) return refuse("EOPNOTSUPP", object, "this engine has no WebAssembly to run it with");
  const verdict = verify(spec);
  if (!verdict.ok) return refuse("EACCES", object, `${verdict.summary}\n${verdict.log()}`);
  const bindings = maps.map((map) => bindMap(memory, map.record, map.spec, map.cpus));
  const { bytes } = compileProgram({ spec, verified: verdict, bindings });
  return { slot, name: spec.name, module: new wasm.Module(bytes), maps: maps.map(({ record }) => record) };
}
