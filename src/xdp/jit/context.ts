/** What is known while one function of a program is written. */
import type { ProgramSpec } from "../spec.js";
import type { Verified } from "../verifier/result.js";
import type { FunctionBuilder, FunctionRef, GlobalRef, Local, ModuleBuilder } from "../wasm/builder.js";
import type { MapBinding } from "./bindings.js";

export interface Unit {
  readonly module: ModuleBuilder;
  readonly spec: ProgramSpec;
  readonly verified: Verified;
  readonly bindings: readonly MapBinding[];
  readonly fuel: GlobalRef;
  /** `(state, kind, slot)`: notes a fault. */
  readonly noteFault: FunctionRef;
  /** Functions of the program by their first slot. */
  readonly functions: ReadonlyMap<number, FunctionRef>;
  /** Imports a function of the host, all of words, with one word back. */
  readonly host: (name: string, words: number) => FunctionRef;
  readonly lookup: (map: number) => FunctionRef | undefined;
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
  readonly address: Local;
  readonly wide: Local;
  readonly counter: Local;
}

/** Ends the run. */
export function writeFault({ f, state, noteFault }: Scope, kind: number, slot: number): void {
  f.get(state).i32Const(kind).i32Const(slot).call(noteFault).unreachable();
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
