/** What a register (or a spilled one) holds. Values are shared between states and never changed, but for `precise`. */
import type { MapSpec } from "../spec.js";
import { constant, constantOf, type Scalar, unknown } from "./scalar/scalar.js";

export type RegisterKind =
  | "none" // not initialized
  | "scalar"
  | "context"
  | "packet"
  | "meta"
  | "end"
  | "stack"
  | "map" // the map itself
  | "value" // in a map's value
  | "key" // in a map's key: what for_each_map_elem gives its callback
  | "memory" // `range` bytes
  | "function"; // a callback: `fixed` is its slot

export interface Register {
  readonly kind: RegisterKind;
  /** Pointers: the constant part of the offset. Scalars with `linked`: how far it is from the others with its id. */
  readonly fixed: number;
  /** The number, or a pointer's variable part of the offset. */
  readonly value: Scalar;
  /** Scalars: those with the same id are equal (but for `fixed`). Packet pointers: the same variable part. Or-null: of the same call. 0: none. */
  readonly id: number;
  readonly linked: boolean;
  /** Packet: bytes after the base proven to be there; negative: at or beyond the end. Memory: its size. */
  readonly range: number;
  readonly map: MapSpec | undefined;
  /** Stack: of which frame. */
  readonly frame: number;
  /** Reference that must be given back; 0: none. */
  readonly reference: number;
  readonly nullable: boolean;
  readonly writable: boolean;
  /** Memory: a ringbuf record, or what may lie anywhere. */
  readonly record: boolean;
  /** Memory: of a dynptr's data, which is not given back by itself. */
  readonly slice: boolean;
  /** Whether something that was found safe depends on the number's bounds. */
  precise: boolean;
  /** Scalars that this one was made of; precise as soon as it is. */
  parents: readonly Register[] | undefined;
  /** How long the chain of parents is at most. */
  readonly depth: number;
}

/** Longer chains are taken as precise, so that they need not be remembered. */
const longestChain = 20_000;

function depthOf(parents: readonly Register[] | undefined): number {
  let depth = 0;
  for (const parent of parents ?? []) if (!parent.precise && parent.depth >= depth) depth = parent.depth + 1;
  if (depth <= longestChain) return depth;
  for (const parent of parents ?? []) markPrecise(parent);
  return 0;
}

export const atEnd = -1;
export const beyondEnd = -2;

const zero = constant(0n);
const anything = unknown();

const blank: Register = {
  kind: "none",
  fixed: 0,
  value: zero,
  id: 0,
  linked: false,
  range: 0,
  map: undefined,
  frame: 0,
  reference: 0,
  nullable: false,
  writable: true,
  record: false,
  slice: false,
  precise: false,
  parents: undefined,
  depth: 0,
};

export const notInitialized: Register = blank;

/** A scalar made of others. What can be any number needs nothing of them. */
export const scalar = (value: Scalar, parents?: readonly Register[]): Register => ({
  kind: "scalar",
  fixed: 0,
  value,
  id: 0,
  linked: false,
  range: 0,
  map: undefined,
  frame: 0,
  reference: 0,
  nullable: false,
  writable: true,
  record: false,
  slice: false,
  precise: false,
  parents: value === anything ? undefined : parents,
  depth: value === anything ? 0 : depthOf(parents),
});

export const unknownScalar = (): Register => scalar(anything);
export const constantScalar = (value: bigint): Register => scalar(constant(value));

export const pointer = (kind: RegisterKind, more: Partial<Register> = {}): Register => ({ ...blank, kind, ...more });

/** The same scalar without a mark; one that it gets reaches what it was. */
export function renewed(register: Register): Register {
  const parents = register.precise ? undefined : [register];
  return { ...register, precise: false, parents, depth: depthOf(parents) };
}

/** A scalar stays tied to what it was, so that marks reach it. */
export const change = (register: Register, more: Partial<Register>): Register =>
  register.kind === "scalar"
    ? {
        ...register,
        ...more,
        precise: false,
        parents: register.precise ? undefined : [register],
        depth: depthOf([register]),
      }
    : { ...register, ...more };

/** The same scalar with another value that was learned of it. */
export const refined = (register: Register, value: Scalar, other?: Register): Register => ({
  ...register,
  value,
  precise: false,
  parents: other === undefined ? [register] : [register, other],
  depth: depthOf(other === undefined ? [register] : [register, other]),
});

export const isScalar = (register: Register): boolean => register.kind === "scalar";
export const isPointer = (register: Register): boolean => register.kind !== "scalar" && register.kind !== "none";
export const isPacket = (register: Register): boolean => register.kind === "packet" || register.kind === "meta";
export const isNull = (register: Register): boolean =>
  register.kind === "scalar" && register.value.tnum.mask === 0n && register.value.tnum.value === 0n;
export const known = (register: Register): bigint | undefined =>
  register.kind === "scalar" ? constantOf(register.value) : undefined;

/** Its bounds matter, and so do those of all that it was made of. */
export function markPrecise(register: Register): void {
  if (register.kind !== "scalar" || register.precise) return;
  const waiting = [register];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.precise) continue;
    next.precise = true;
    if (next.parents !== undefined) {
      for (const parent of next.parents) if (parent.kind === "scalar" && !parent.precise) waiting.push(parent);
      next.parents = undefined;
    }
  }
}

const names: Record<RegisterKind, string> = {
  none: "not initialized",
  scalar: "a number",
  context: "the context",
  packet: "a packet pointer",
  meta: "a pointer to the packet's metadata",
  end: "the packet's end",
  stack: "a stack pointer",
  map: "a map",
  value: "a pointer to a map value",
  key: "a pointer to a map key",
  memory: "a pointer to memory",
  function: "a function",
};

export const describe = (register: Register): string =>
  register.nullable ? `${names[register.kind]} or null` : names[register.kind];
