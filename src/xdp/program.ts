/** From a program as an object file has it to one that runs: verified, then compiled for its maps. */
import { JunctorError } from "../errors.js";
import { bindMap } from "./jit/bindings.js";
import { compileProgram, type ImportNeed } from "./jit/compile.js";
import { inlineRoutine } from "./maps/inline/routines.js";
import { isShared, type WasmModule, wasm, type XdpMemory } from "./memory.js";
import type { ProgramSpec } from "./spec.js";
import type { Refused, Verified, VerifierOptions } from "./verifier/result.js";
import { verify } from "./verifier/verify.js";

/** The verifier's no. `log` is what it followed, as the kernel's at level 2. */
export class ProgramRefused extends JunctorError {
  readonly refused: Refused;

  constructor(refused: Refused) {
    super(refused.reason === "unsafe" ? "EACCES" : "E2BIG", refused.summary);
    this.refused = refused;
  }

  log(): string {
    return this.refused.log();
  }
}

/** @throws {ProgramRefused} EACCES: it is not safe; E2BIG: it is too complex to tell. */
export function verifyProgram(spec: ProgramSpec, options: VerifierOptions = {}): Verified {
  const verdict = verify(spec, options);
  if (!verdict.ok) throw new ProgramRefused(verdict);
  return verdict;
}

export interface PreparedProgram {
  readonly spec: ProgramSpec;
  readonly verified: Verified;
  /** May be posted to other threads and instantiated there; undefined where there is no WebAssembly. */
  readonly module: WasmModule | undefined;
  readonly bytes: Uint8Array;
  readonly needs: readonly ImportNeed[];
  /** Records of its maps, in their order. */
  readonly maps: readonly number[];
}

export interface PrepareOptions extends VerifierOptions {
  /** Threads that per-CPU maps have values for. */
  readonly cpus?: number;
  readonly fuel?: number;
  /** False: all operations on maps are the host's. */
  readonly inlineMaps?: boolean;
}

/**
 * Verifies a program and compiles it for maps that lie in the memory.
 *
 * @param records Offsets of the records of `spec.maps`, in their order.
 */
export function prepareProgram(
  spec: ProgramSpec,
  memory: XdpMemory,
  records: readonly number[],
  options: PrepareOptions = {},
): PreparedProgram {
  const { cpus, fuel, inlineMaps, ...verifier } = options;
  return prepareVerified(spec, verifyProgram(spec, verifier), memory, records, options);
}

/** The same of a program that is verified already. */
export function prepareVerified(
  spec: ProgramSpec,
  verified: Verified,
  memory: XdpMemory,
  records: readonly number[],
  { cpus = 1, fuel, inlineMaps = true }: Omit<PrepareOptions, keyof VerifierOptions> = {},
): PreparedProgram {
  if (records.length !== spec.maps.length) {
    throw new JunctorError("EINVAL", `program ${spec.name}: ${records.length} maps for ${spec.maps.length}`);
  }
  const bindings = spec.maps.map((map, index) => bindMap(memory, records[index]!, map, cpus));
  const { bytes, imports } = compileProgram({
    spec,
    verified,
    bindings,
    ...(fuel !== undefined && { fuel }),
    ...(inlineMaps && {
      inlineRoutine: (into, { record, base }, operation, host) =>
        inlineRoutine(into, { memory, record, base }, operation, host),
    }),
    sharedMemory: isShared(memory),
  });
  const module = wasm === undefined ? undefined : new wasm.Module(bytes);
  return { spec, verified, module, bytes, needs: imports, maps: records };
}
