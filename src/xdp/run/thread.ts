/** A thread's runtime: the programs instantiated in it, the table that tail calls go by, and what becomes of a run that is ended by force. */
import { JunctorError } from "../../errors.js";
import { releaseLock, setTime } from "../helpers/basic.js";
import type { Helper } from "../helpers/env.js";
import { createHelpers } from "../helpers/helpers.js";
import { ProgramFault } from "../interpreter-memory.js";
import { importModule } from "../jit/abi.js";
import { mapImports } from "../jit/bindings.js";
import type { MapAccess } from "../maps/attach.js";
import { type WasmModule, wasm, type XdpMemory } from "../memory.js";
import type { XdpHost } from "./host.js";
import { outcome, writeOutcome } from "./outcome.js";
import { createProgramMaps, type ProgramMaps } from "./program-maps.js";
import { action, fault, state } from "./state.js";
import { createTailTable } from "./tail-table.js";
import type { Windows } from "./windows.js";

/** A program's code: a compiled module, or what makes a function of the imports (the interpreter). */
export type Code =
  | { readonly kind: "module"; readonly module: WasmModule }
  | { readonly kind: "function"; readonly create: (imports: Imports) => (block: number) => number };

export interface Imports {
  readonly memory: XdpMemory;
  /** By `helper_<id>` and `kfunc_<id>`. */
  readonly helpers: Readonly<Record<string, Helper>>;
  readonly windows: Windows;
  readonly map: (record: number) => MapAccess;
  /** Runs the program in a slot of the tail call table; undefined: there is none. */
  readonly slot: (index: number) => ((block: number) => number) | undefined;
}

export interface Installed {
  readonly code: Code;
  /** Records of the maps that the program names. */
  readonly maps: readonly number[];
}

export interface Instance {
  /**
   * Runs on the frame that the state block tells of, and answers the verdict: never more than `action.redirect`. What is no verdict
   * is ABORTED, and the state block's `verdict` says what it was.
   */
  run(): number;
  /**
   * As the export in `jit/abi.ts`; a fault is the frame's verdict ABORTED, and what is no verdict stays in its outcome. The state block's
   * `verdict` is that of the last frame.
   */
  batch(start: number, count: number, size: number, stride: number, outcomes: number): number;
}

export interface ThreadOptions {
  readonly memory: XdpMemory;
  /** Offset of the thread's state block. */
  readonly state: number;
  readonly cpu: number;
  /** Threads that maps have values for. Default: `cpu` + 1. */
  readonly cpus?: number;
  readonly host?: XdpHost;
  /** Slots of the tail call table. Default 1024. */
  readonly slots?: number;
}

export interface Thread {
  readonly state: number;
  /** Instantiates a program; with a slot, tail calls reach it there, at once and instead of what was there. */
  install(program: Installed, slot?: number): Instance;
  /** Empties a slot: tail calls to it fall through. */
  remove(slot: number): void;
  /** Sets the time that helpers answer from. Once a batch is enough. */
  tick(): void;
}

export function createThread(options: ThreadOptions): Thread {
  const { memory, cpu, host = {}, slots = 1024 } = options;
  const block = options.state;
  const cpus = options.cpus ?? cpu + 1;
  const { u32, i32 } = memory;
  if (block % 64 !== 0 || block < 0 || block + state.bytes > memory.size) {
    throw new JunctorError("EINVAL", `a state block at ${block}`, "it lies in the memory, at a multiple of 64");
  }
  const now = host.now ?? (() => performance.now() * 1e6);
  const set = (field: number, value: number): void => {
    u32[(block + field) >>> 2] = value;
  };
  const functions: (((block: number) => number) | undefined)[] = new Array(slots).fill(undefined);
  const tails = createTailTable(memory, slots);

  set(state.cpu, cpu);
  const seed = host.seed ?? globalThis.crypto.getRandomValues(new Uint32Array(4));
  for (let index = 0; index < 4; index++) set(state.random + index * 4, seed[index] ?? 0);
  if (Array.from({ length: 4 }, (_, index) => seed[index]).every((word) => (word ?? 0) === 0)) set(state.random, 1);

  function install(program: Installed, slot?: number): Instance {
    if (slot !== undefined && (slot < 0 || slot >= slots || !Number.isInteger(slot))) {
      throw new JunctorError("E2BIG", `tail call slot ${slot}`, `there are ${slots}`);
    }
    const maps = createProgramMaps(memory, program.maps, { block, cpu, cpus });
    const { windows, map, rings } = maps;
    const helpers = createHelpers({ memory, host, windows, map, rings });
    const entry = instantiate(program, helpers, maps);
    if (slot !== undefined) {
      tails?.set(slot, entry.exported);
      functions[slot] = entry.run;
    }
    function begin(): void {
      set(state.redirect, 0);
      set(state.fault, fault.none);
      set(state.lock, 0);
      set(state.tailCalls, 0);
      set(state.vacant, 0);
    }
    /** After a trap: its reason, which the program may not have had the time to leave. */
    function abort(error: unknown): number {
      releaseLock(i32, u32, block);
      // What no program can cause is ours to see.
      if (!isTrap(error)) throw error;
      if (u32[(block + state.fault) >>> 2] === fault.none) {
        set(state.fault, error instanceof ProgramFault ? error.fault : fault.unknown);
      }
      return action.aborted;
    }
    /** Answers what the program did: maybe no verdict. */
    function once(): number {
      begin();
      try {
        const answer = entry.run(block) >>> 0;
        releaseLock(i32, u32, block);
        return answer;
      } catch (error) {
        return abort(error);
      }
    }

    return {
      run() {
        const answer = once();
        set(state.verdict, answer);
        return answer <= action.redirect ? answer : action.aborted;
      },
      batch(start, count, size, stride, outcomes) {
        const ran =
          entry.batch === undefined
            ? oneByOne(start, count, size, stride, outcomes)
            : together(entry.batch, start, count, size, stride, outcomes);
        if (ran > 0) set(state.verdict, u32[(outcomes + (ran - 1) * outcome.bytes + outcome.verdict) >>> 2]!);
        return ran;
      },
    };

    function together(
      batch: NonNullable<Entry["batch"]>,
      start: number,
      count: number,
      size: number,
      stride: number,
      outcomes: number,
    ): number {
      begin();
      try {
        const ran = batch(block, start, count, size, stride, outcomes);
        releaseLock(i32, u32, block);
        return ran;
      } catch (error) {
        const index = Math.min(u32[(block + state.frameIndex) >>> 2]!, count - 1);
        const record = (outcomes + index * outcome.bytes) >>> 2;
        u32[record + outcome.verdict / 4] = abort(error);
        u32[record + outcome.data / 4] = 0;
        return index + 1;
      }
    }

    function oneByOne(start: number, count: number, size: number, stride: number, outcomes: number): number {
      for (let index = 0; index < count; index++) {
        const data = start + index * stride;
        set(state.data, data);
        set(state.dataMeta, data);
        set(state.dataEnd, data + size);
        set(state.hardStart, data);
        set(state.hardEnd, data + size);
        const record = outcomes + index * outcome.bytes;
        if (!writeOutcome(u32, block, record, once(), data, data + size)) return index + 1;
      }
      return count;
    }
  }

  interface Entry {
    readonly run: (block: number) => number;
    readonly batch?: (
      block: number,
      start: number,
      count: number,
      size: number,
      stride: number,
      outcomes: number,
    ) => number;
    readonly exported?: unknown;
  }

  function instantiate(
    { code, maps: records }: Installed,
    helpers: Readonly<Record<string, Helper>>,
    { windows, map }: ProgramMaps,
  ): Entry {
    if (code.kind === "function") {
      return { run: code.create({ memory, helpers, windows, map, slot: (index) => functions[index >>> 0] }) };
    }
    if (wasm === undefined) throw new JunctorError("EOPNOTSUPP", "there is no WebAssembly here", "use the interpreter");
    const imports = {
      ...helpers,
      ...mapImports(records),
      memory: memory.shared,
      tail_call: tails?.call,
      check_access: (of: number, pointer: number, size: number, write: number): number =>
        windows.mayTouch(of, pointer, size, write !== 0) ? 1 : 0,
      /** As `jit/calls.ts` asks: the element after the one whose key is at `key`, the first for cursor 0. */
      for_each_next: (of: number, record: number, key: number, cursor: number): number => {
        const access = map(record);
        const at = key >>> 0;
        const done = !windows.mayTouch(of, at, access.keySize, true) || access.next(cursor === 0 ? 0 : at, at) !== 0;
        u32[(of + state.returnHigh) >>> 2] = cursor + 1;
        return done ? 0 : access.lookup(at);
      },
    };
    const { exports } = new wasm.Instance(code.module, { [importModule]: imports });
    const run = exports.run;
    if (typeof run !== "function") throw new JunctorError("EINVAL", "the module has no function run");
    const batch = exports.batch;
    return {
      run: run as Entry["run"],
      exported: exports.tail ?? run,
      ...(typeof batch === "function" && { batch: batch as NonNullable<Entry["batch"]> }),
    };
  }

  return {
    state: block,
    install,
    remove(slot) {
      if (slot < 0 || slot >= slots) return;
      tails?.set(slot, undefined);
      functions[slot] = undefined;
    },
    tick: () => setTime(u32, block, now()),
  };
}

const runtimeError = (globalThis as unknown as { WebAssembly?: { RuntimeError: new () => Error } }).WebAssembly
  ?.RuntimeError;

/** A stack that is used up counts too: a program alone can do that. */
function isTrap(error: unknown): boolean {
  if (error instanceof ProgramFault || error instanceof RangeError) return true;
  return runtimeError !== undefined && error instanceof runtimeError;
}
