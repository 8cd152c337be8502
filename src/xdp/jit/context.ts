/** What is known while one function of a program is written. */
import type { MapOperation } from "../maps/inline/routines.js";
import type { ProgramSpec } from "../spec.js";
import type { Verified } from "../verifier/result.js";
import type { FunctionBuilder, FunctionRef, Label, Local, ModuleBuilder } from "../wasm/builder.js";
import type { PlacedMap } from "./bindings.js";
import type { Known } from "./known.js";

export interface Unit {
  readonly module: ModuleBuilder;
  readonly spec: ProgramSpec;
  readonly verified: Verified;
  readonly bindings: readonly PlacedMap[];
  /** `(state, code)`: notes a fault, as `faultCode` makes it. */
  readonly noteFault: FunctionRef;
  /** Functions of the program by their first slot. */
  readonly functions: ReadonlyMap<number, FunctionRef>;
  /** What a call of a function may cost, its loops not counted; see `work.ts`. */
  readonly weight: (start: number) => number;
  /** Tries for a lock before the run is ended. */
  readonly patience: number;
  /** Imports a function of the host, all of words, with one word back. */
  readonly host: (name: string, words: number) => FunctionRef;
  /** See `writeReaches`. */
  readonly reaches: (write: boolean, all: boolean) => FunctionRef;
  /** The module's routine for an operation on a map; undefined: the host does it. */
  readonly routine: (map: number, operation: MapOperation) => FunctionRef | undefined;
}

/** A function in the making: parameters (state, frame, r1 … r5), registers as 64-bit locals. */
export interface Scope extends Unit {
  readonly f: FunctionBuilder;
  readonly state: Local;
  readonly frame: Local;
  /** r0 … r10. */
  readonly registers: readonly Local[];
  /** Whether this function touches the packet; if not, its bounds are not kept. */
  readonly packet: boolean;
  readonly packetStart: Local;
  /** 64 bits: bytes from packetStart to the packet's end. */
  readonly packetBytes: Local;
  /** What is left to spend, in a function that has loops; otherwise undefined. */
  readonly fuel: Local | undefined;
  /** Takes a fault's code, and ends the run. */
  readonly failed: Label;
  readonly address: Local;
  readonly wide: Local;
  readonly counter: Local;
  /** What is known of the registers at the instruction in hand. */
  known: Known;
}

const slotBits = 20;
/** Programs have at most so many slots, as the kernel's have. */
export const mostSlots = 1_000_000;
/** Kind and slot of a fault in one word. */
export const faultCode = (kind: number, slot: number): number => (kind << slotBits) | slot;
export const codeBits = { shift: slotBits, mask: (1 << slotBits) - 1 };

/** Ends the run. */
export function writeFault({ f, failed }: Scope, kind: number, slot: number): void {
  f.i32Const(faultCode(kind, slot)).br(failed);
}

/** Ends the run if the word that `condition` leaves is not 0. */
export function writeFaultIf({ f, failed }: Scope, kind: number, slot: number, condition: () => void): void {
  f.i32Const(faultCode(kind, slot));
  condition();
  f.brIf(failed).drop();
}

/** Reads the packet's bounds from the state block, where they may have changed. */
export function reloadPacket(
  { f, state, packet, packetStart, packetBytes }: Scope,
  at: { readonly dataMeta: number; readonly dataEnd: number },
): void {
  if (!packet) return;
  f.get(state).i32Load(at.dataEnd).get(state).i32Load(at.dataMeta).tee(packetStart);
  f.i32Sub().i64ExtendI32U().set(packetBytes);
}

/** Before others may spend: the state block has what is left. */
export function saveFuel({ f, state, fuel }: Scope, at: { readonly fuel: number }): void {
  if (fuel !== undefined) f.get(state).get(fuel).i32Store(at.fuel);
}

export function loadFuel({ f, state, fuel }: Scope, at: { readonly fuel: number }): void {
  if (fuel !== undefined) f.get(state).i32Load(at.fuel).set(fuel);
}
