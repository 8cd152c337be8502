/** What all parts of one verification share. */
import type { Instruction } from "../insn/instruction.js";
import type { MapSpec, ProgramSpec } from "../spec.js";
import { refuse } from "./refusal.js";
import { isScalar, type Register } from "./register.js";
import type { Access, CallFacts } from "./result.js";
import { type Frame, type State, topFrame } from "./state.js";
import type { Structure } from "./structure.js";

export interface Analysis {
  readonly program: ProgramSpec;
  readonly insns: readonly Instruction[];
  readonly structure: Structure;
  readonly strict: boolean;
  /** Index in the program's maps. */
  readonly mapIndex: ReadonlyMap<MapSpec, number>;
  readonly accesses: (Access | undefined)[];
  readonly calls: Map<number, CallFacts>;
  readonly reachable: boolean[];
  /** Global functions that are called. */
  readonly wanted: Set<number>;
  state: State;
  readonly pending: State[];
  nextId: number;
  jumps: number;
}

export const newId = (analysis: Analysis): number => {
  analysis.nextId += 1;
  return analysis.nextId;
};

export const frameOf = (analysis: Analysis): Frame => topFrame(analysis.state);

/** The register's content; refused if there is none. */
export function read(analysis: Analysis, index: number): Register {
  const register = topFrame(analysis.state).registers[index] as Register;
  if (register.kind === "none")
    refuse(
      `R${index} is read before anything is written to it (!read_ok)`,
      "assign it first on every way that leads here",
    );
  return register;
}

export function write(analysis: Analysis, index: number, register: Register): void {
  topFrame(analysis.state).registers[index] = register;
}

const sameAccess = (a: Access, b: Access): boolean =>
  a.kind === b.kind && (a.kind !== "map" || b.kind !== "map" || a.map === b.map);

const touchesMaps = (access: Access): boolean => access.kind === "map" || access.kind === "maps";

export function joinAccess(a: Access | undefined, b: Access): Access {
  if (a === undefined || sameAccess(a, b)) return b;
  return touchesMaps(a) && touchesMaps(b) ? { kind: "maps" } : { kind: "any" };
}

/** What a pointer points to, for the compilers. */
export function accessOf(analysis: Analysis, register: Register): Access {
  switch (register.kind) {
    case "context":
      return { kind: "context" };
    case "stack":
      return { kind: "stack" };
    case "packet":
    case "meta":
      return { kind: "packet" };
    case "value": {
      const map = register.map === undefined ? undefined : analysis.mapIndex.get(register.map);
      return map === undefined ? { kind: "maps" } : { kind: "map", map };
    }
    case "key":
      return { kind: "maps" };
    case "memory":
      return { kind: register.record ? "memory" : "any" };
    default:
      return { kind: "any" };
  }
}

export function noteAccess(analysis: Analysis, register: Register): void {
  const { insn } = analysis.state;
  analysis.accesses[insn] = joinAccess(analysis.accesses[insn], accessOf(analysis, register));
}

export const boundsText = (register: Register): string => {
  const { umin, umax, smin, smax } = register.value;
  return isScalar(register) || umin !== umax ? `${smin} to ${smax}, unsigned ${umin} to ${umax}` : `${smin}`;
};
