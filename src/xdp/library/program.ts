/** Programs of an object as its user has them. */
import { JunctorError } from "../../errors.js";
import { kfuncById } from "../helpers/kfuncs.js";
import { helperById } from "../helpers/table.js";
import { disassemble } from "../insn/disassembler.js";
import { createInterpreter, type InterpretedProgram } from "../interpreter.js";
import { mapRecord } from "../maps/descriptor.js";
import type { XdpMap } from "../maps/store.js";
import { wasm } from "../memory.js";
import { type PreparedProgram, prepareVerified, verifyProgram } from "../program.js";
import { createForEach } from "../run/for-each.js";
import { type FrameInfo, placeFrame, takeFrame } from "../run/frame.js";
import { action, fault, state } from "../run/state.js";
import type { Imports, Instance } from "../run/thread.js";
import type { MapSpec, ProgramSpec } from "../spec.js";
import type { Verified, VerifierOptions } from "../verifier/result.js";
import { type Engine, type Machine, mostBatch, type Runnable, slots } from "./machine.js";
import { type Target, type TargetEntry, targetOf } from "./target.js";

export type ActionName = keyof typeof action;
export type FaultName = keyof typeof fault;

/** What our own kfuncs (`junctor_session`, …) answer. */
export interface Tags {
  readonly session?: number;
  readonly user?: number;
  readonly tunnel?: number;
  readonly policy?: number;
  readonly device?: number;
}

export interface RunOptions extends FrameInfo {
  /** Default: compiled where there is WebAssembly. */
  readonly engine?: Engine;
  readonly tags?: Tags;
  /** Runs the program of the devmap or cpumap entry that the frame is redirected to, too. */
  readonly follow?: boolean;
}

/** A frame behind an entry of a devmap or cpumap, and what that entry's program made of it. */
export interface Followed extends TargetEntry {
  readonly action: ActionName;
  readonly frame: Uint8Array;
  readonly fault: FaultName;
}

export interface RunResult {
  readonly action: ActionName;
  /** Copies of what the program left. */
  readonly frame: Uint8Array;
  readonly metadata: Uint8Array;
  /** With the verdict "redirect". */
  readonly to?: Target;
  /** With `follow`: one for each entry that has a program. */
  readonly followed?: readonly Followed[];
  /** Why the run was ended by force; "none": it was not. */
  readonly fault: FaultName;
}

export interface XdpProgram {
  /** Of the program among all that share maps, from 1: the value of an entry of a prog_array. */
  readonly id: number;
  readonly name: string;
  readonly spec: ProgramSpec;
  /** What the verifier says; throws `ProgramRefused`. */
  readonly verified: Verified;
  /** Runs it on a copy of a frame. Errors: `ProgramRefused`, EINVAL for a frame that cannot be, EOPNOTSUPP without WebAssembly. */
  run(frame: Uint8Array, options?: RunOptions): RunResult;
  /**
   * Nanoseconds that a run takes, the frame placed anew each time. With `inPlace`, a compiled program runs on what its run before left,
   * many times in one call, unless it aborts or asks for more room.
   */
  measure(frame: Uint8Array, options?: RunOptions & { readonly repeat?: number; readonly inPlace?: boolean }): number;
  /** Assembly text, as the kernel's verifier writes it. */
  disassemble(): string;
  /** The compiled module. */
  compile(): Uint8Array;
}

const actions = Object.keys(action) as ActionName[];
const faults = Object.keys(fault) as FaultName[];
const tagFields = {
  session: state.session,
  user: state.user,
  tunnel: state.tunnel,
  policy: state.policy,
  device: state.device,
} as const;

export function createProgram(
  machine: Machine,
  spec: ProgramSpec,
  mapOf: (map: MapSpec) => XdpMap,
  verifier: VerifierOptions = {},
): XdpProgram {
  const { memory, thread, block, outcomes, region, programs } = machine;
  const word = (at: number): number => memory.u32[at >>> 2]!;
  const id = programs.length + 1;
  const records = spec.maps.map((map) => mapOf(map).record);
  const jumps = spec.maps.filter(({ type }) => type === "prog_array").map(mapOf);
  const instances: Partial<Record<Engine, Instance>> = {};
  const seen: Partial<Record<Engine, number>> = {};
  let verified: Verified | undefined;
  let prepared: PreparedProgram | undefined;
  let interpreted: InterpretedProgram | undefined;
  const verdict = (): Verified => {
    verified ??= verifyProgram(spec, verifier);
    return verified;
  };
  const prepare = (): PreparedProgram => {
    prepared ??= prepareVerified(spec, verdict(), memory, records, { cpus: 1 });
    return prepared;
  };

  function interpret({ helpers, windows, map }: Imports): (at: number) => number {
    const created = createInterpreter({
      memory,
      insns: spec.insns,
      maps: records,
      calls: helpers,
      accesses: verdict().accesses,
      signature: (number, kfunc) => (kfunc ? kfuncById(number) : helperById(number)),
      checkMemory: windows.mayTouch,
      tailCall: (_, record, slot) => {
        const number = word(word(record + mapRecord.values * 4) + slot * word(record + mapRecord.stride * 4));
        return number === 0 ? undefined : programs[number - 1]?.interpreted();
      },
      forEach: createForEach(memory, map),
    });
    interpreted = created;
    return created.run;
  }

  function install(engine: Engine): Instance {
    if (engine === "interpreter") {
      return thread.install({ code: { kind: "function", create: interpret }, maps: records });
    }
    const { module } = prepare();
    if (module === undefined) {
      throw new JunctorError("EOPNOTSUPP", "there is no WebAssembly here", 'use engine: "interpreter"');
    }
    return thread.install({ code: { kind: "module", module }, maps: records }, id <= slots ? id - 1 : undefined);
  }

  const runnable: Runnable = {
    id,
    spec,
    interpreted: () => interpreted,
    ready(engine) {
      let instance = instances[engine];
      if (instance === undefined) {
        instance = install(engine);
        instances[engine] = instance;
      }
      // Programs that a tail call may lead to are there before this one runs.
      if (jumps.length > 0 && seen[engine] !== machine.tailCallChanges()) {
        seen[engine] = machine.tailCallChanges();
        for (const map of jumps) {
          for (const [, value] of map.entries()) {
            programs[new DataView(value.buffer, value.byteOffset).getUint32(0, true) - 1]?.ready(engine);
          }
        }
      }
      return instance;
    },
  };
  programs.push(runnable);

  function place(frame: Uint8Array, { tags = {}, ...info }: RunOptions): void {
    placeFrame(memory, block, region, frame, info);
    for (const name of Object.keys(tagFields) as (keyof Tags)[]) {
      memory.u32[(block + tagFields[name]) >>> 2] = tags[name] ?? 0;
    }
  }

  /** Each gets its own copy of the frame, as the kernel's devices do. */
  function follow(entries: readonly TargetEntry[], engine: Engine, options: RunOptions, frame: Uint8Array): Followed[] {
    return entries.flatMap((entry) => {
      const program = programs[entry.program - 1];
      if (program === undefined) return [];
      const instance = program.ready(engine);
      const egress = program.spec.attach === "xdp/devmap" ? { egressIfindex: entry.value } : {};
      place(frame, { ...options, metadata: new Uint8Array(0), ...egress });
      const number = instance.run();
      return { ...entry, action: actions[number]!, frame: takeFrame(memory, block).frame, fault: faultNow() };
    });
  }
  const faultNow = (): FaultName => faults[word(block + state.fault)] ?? "unknown";
  const usual: Engine = wasm === undefined ? "interpreter" : "jit";

  return {
    id,
    name: spec.name,
    spec,
    get verified() {
      return verdict();
    },
    run(frame, options = {}) {
      const { engine = usual } = options;
      const instance = runnable.ready(engine);
      place(frame, options);
      thread.tick();
      const number = instance.run();
      const to = number === action.redirect ? targetOf(machine) : undefined;
      const result = { action: actions[number]!, ...takeFrame(memory, block), fault: faultNow() };
      if (to === undefined) return result;
      if (options.follow !== true) return { ...result, to };
      const entries = to.kind === "ifindex" ? [] : to.entries;
      return { ...result, to, followed: follow(entries, engine, options, result.frame) };
    },
    measure(frame, options = {}) {
      const { repeat = 1000, engine = usual, inPlace = false } = options;
      const instance = runnable.ready(engine);
      thread.tick();
      if (inPlace && engine === "jit") {
        place(frame, options);
        const start = word(block + state.data);
        const since = performance.now();
        let left = repeat;
        while (left > 0) {
          const count = Math.min(left, mostBatch);
          if (instance.batch(start, count, frame.length, 0, outcomes) < count) break;
          left -= count;
        }
        if (left === 0) return ((performance.now() - since) * 1e6) / repeat;
      }
      const began = performance.now();
      for (let round = 0; round < repeat; round++) {
        place(frame, options);
        instance.run();
      }
      return ((performance.now() - began) * 1e6) / repeat;
    },
    disassemble: () =>
      disassemble(spec.insns, {
        helperName: (helper) => `bpf_${helperById(helper)?.name ?? "unknown"}`,
        kfuncName: (kfunc) => kfuncById(kfunc)?.name,
        mapName: (index) => spec.maps[index]?.name,
      }),
    compile: () => prepare().bytes,
  };
}
