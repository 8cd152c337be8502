/** What the verifier says of a program. */

/**
 * What an instruction's memory access is proven to touch. The compilers enforce it: an access outside of what is said here ends the run.
 * `map`: a value of that map of the program; `maps`: of any map that the program can reach; `memory`: a ringbuf record or a dynptr's
 * slice; `any`: different things on different ways here.
 */
export type Access =
  | { readonly kind: "context" }
  | { readonly kind: "stack" }
  | { readonly kind: "packet" }
  | { readonly kind: "map"; readonly map: number }
  | { readonly kind: "maps" }
  | { readonly kind: "memory" }
  | { readonly kind: "any" };

/** What is known of a call's arguments. */
export interface CallFacts {
  /** Index of the map that r1 (or whichever argument) points to, where it is the same on all ways; -1 if not. */
  readonly map: number;
  /** Slot of the callback function; -1: none. */
  readonly callback: number;
  /** Index of a constant key of an array map lookup; undefined: not constant. */
  readonly key?: number;
  /** By argument, for each pointer to memory: what it points to. */
  readonly memory: readonly (Access | undefined)[];
}

export interface Subprogram {
  readonly start: number;
  /** Slot after its last. */
  readonly end: number;
  /** Bytes of stack that it uses. */
  readonly stack: number;
  /** Whether a helper calls it back. */
  readonly callback: boolean;
}

export interface Verified {
  readonly ok: true;
  /** By slot; undefined for what is no load, store or atomic, and for what is never reached. */
  readonly accesses: readonly (Access | undefined)[];
  readonly calls: ReadonlyMap<number, CallFacts>;
  readonly subprograms: readonly Subprogram[];
  /** By slot: whether any way leads there. */
  readonly reachable: readonly boolean[];
  /** Largest sum of stack on any chain of calls. */
  readonly stackDepth: number;
  readonly statistics: { readonly instructions: number; readonly states: number; readonly peakStates: number };
  /** The full log, as the kernel's at level 2; made when asked for. */
  log(): string;
}

export interface Refused {
  readonly ok: false;
  /** One line: what is wrong, where, what would mend it. */
  readonly summary: string;
  /** Slot of the instruction; -1: the program as a whole. */
  readonly insn: number;
  /** Source line, `file:line`, where BTF tells it. */
  readonly source: string | undefined;
  /** Whether it is refused for safety, or because it is too complex to tell. */
  readonly reason: "unsafe" | "complexity";
  log(): string;
}

export type Verdict = Verified | Refused;

export interface VerifierOptions {
  /** Instructions looked at before it is called too complex; the kernel's is a million. */
  readonly maximumInstructions?: number;
  /** Accesses must be aligned to their size, as on machines that cannot do others. */
  readonly strictAlignment?: boolean;
  /** For tests of what lies behind the verifier alone: accepts everything that has a shape. */
  readonly blind?: boolean;
}
