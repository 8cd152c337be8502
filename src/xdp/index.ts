/**
 * `junctor/xdp`: loads, verifies, compiles and runs real eBPF objects for XDP, in Node and in browsers.
 *
 * ```ts
 * const object = loadXdp(bytes, { globals: { limit: 10 } });
 * object.map("blocked").set({ prefixlen: 8, address: [10, 0, 0, 0] }, 1);
 * const { action, frame } = object.program("firewall").run(packet, { ingressIfindex: 2 });
 * ```
 *
 * docs/xdp-library.md goes through it by examples.
 */
export { JunctorError } from "../errors.js";
export type { Btf, BtfType } from "./btf/btf.js";
export { parseBtf } from "./btf/parse.js";
export { type BtfValue, readValue, writeValue } from "./btf/value.js";
export { parseElf } from "./elf/elf.js";
export { absentHelpers, helperDifferences } from "./helpers/kernel.js";
export { kfuncByName, kfuncs } from "./helpers/kfuncs.js";
export type { Signature } from "./helpers/signature.js";
export { helperById, helperByName, helpers } from "./helpers/table.js";
export { assemble } from "./insn/assembler.js";
export { decodeProgram, encodeProgram } from "./insn/decode.js";
export { disassemble, listProgram } from "./insn/disassembler.js";
export type { Instruction } from "./insn/instruction.js";
export { instructionSet } from "./insn/set.js";
export { validateProgram } from "./insn/validate.js";
export { createInterpreter } from "./interpreter.js";
export type { Engine } from "./library/machine.js";
export type { XdpObjectMap } from "./library/map.js";
export { type LoadXdpOptions, loadXdp, type XdpGlobals, type XdpObject } from "./library/object.js";
export type {
  ActionName,
  FaultName,
  Followed,
  RunOptions,
  RunResult,
  Tags,
  XdpProgram,
} from "./library/program.js";
export { type AssembleOptions, assembleXdp, type MapDescription } from "./library/source.js";
export type { Target, TargetEntry } from "./library/target.js";
export type { XdpMap } from "./maps/store.js";
export type { TypedMap } from "./maps/typed.js";
export { createXdpMemory, isShared, type XdpMemory } from "./memory.js";
export { withMaxEntries } from "./object/entries.js";
export { type GlobalVariable, globalsOf, withGlobals } from "./object/globals.js";
export { linkObjects } from "./object/link.js";
export { loadObject } from "./object/load.js";
export { type PreparedProgram, ProgramRefused, prepareProgram, verifyProgram } from "./program.js";
export { type FibLookup, fibResult, type XdpHost } from "./run/host.js";
export type { AttachType, MapSpec, MapTypeName, ObjectSpec, ProgramSpec, Skipped } from "./spec.js";
export { mapTypes } from "./spec.js";
export type { Refused, Verdict, Verified, VerifierOptions } from "./verifier/result.js";
export { verify } from "./verifier/verify.js";
