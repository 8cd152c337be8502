/**
 * `junctor/xdp`: runs real eBPF objects for XDP on frames, in Node and in browsers.
 *
 * ```ts
 * const object = loadXdp(bytes, { globals: { limit: 10 } });
 * object.map("blocked").set({ prefixlen: 8, address: [10, 0, 0, 0] }, 1);
 * const { action, frame } = object.program("firewall").run(packet, { ingressIfindex: 2 });
 * ```
 */
import { JunctorError } from "../errors.js";
import { kfuncById, kfuncByName } from "./helpers/kfuncs.js";
import { helperById } from "./helpers/table.js";
import { disassemble as listInstructions } from "./insn/disassembler.js";
import { createInterpreter, type InterpretedProgram } from "./interpreter.js";
import { mapRecord } from "./maps/descriptor.js";
import { createMapStore, type XdpMap } from "./maps/store.js";
import { type TypedMap, typed } from "./maps/typed.js";
import { createXdpMemory, wasm, type XdpMemory } from "./memory.js";
import { withGlobals } from "./object/globals.js";
import { loadObject } from "./object/load.js";
import { type PreparedProgram, prepareProgram, verifyProgram } from "./program.js";
import { type FrameInfo, frameRegion, placeFrame, takeFrame } from "./run/frame.js";
import type { XdpHost } from "./run/host.js";
import { action, redirectKind, state } from "./run/state.js";
import { createThread, type Imports, type Instance } from "./run/thread.js";
import type { MapSpec, ObjectSpec, ProgramSpec } from "./spec.js";
import type { Verified, VerifierOptions } from "./verifier/result.js";

export { assemble } from "./insn/assembler.js";
export { disassemble as disassembleInstructions } from "./insn/disassembler.js";
export { createInterpreter } from "./interpreter.js";
export { loadObject } from "./object/load.js";
export { ProgramRefused, prepareProgram, verifyProgram } from "./program.js";
export { type FibLookup, fibResult, type XdpHost } from "./run/host.js";
export { verify } from "./verifier/verify.js";

export type ActionName = keyof typeof action;
export type Engine = "jit" | "interpreter";

export interface RunOptions extends FrameInfo {
  /** Default: compiled where there is WebAssembly. */
  readonly engine?: Engine;
}

/** Where a frame with the verdict "redirect" goes. `flags`: BPF_F_BROADCAST 8, BPF_F_EXCLUDE_INGRESS 16. */
export type Target =
  | { readonly kind: "ifindex"; readonly ifindex: number }
  | {
      readonly kind: "devmap" | "cpumap" | "xskmap";
      readonly map: string;
      readonly key: number;
      readonly flags: number;
      /** Value of the entry: an interface, a queue size, a socket; undefined for a broadcast. */
      readonly value: number | undefined;
    };

export interface RunResult {
  readonly action: ActionName;
  /** Copies of what the program left. */
  readonly frame: Uint8Array;
  readonly metadata: Uint8Array;
  readonly to?: Target;
  /** Why the run was ended by force (`fault` in run/state.ts); 0: it was not. */
  readonly fault: number;
}

export interface XdpProgram {
  readonly name: string;
  readonly spec: ProgramSpec;
  /** What the verifier says; throws `ProgramRefused`. */
  readonly verified: Verified;
  run(frame: Uint8Array, options?: RunOptions): RunResult;
  /** Assembly text, as the kernel's verifier writes it. */
  disassemble(): string;
}

export interface XdpObjectMap extends TypedMap {
  /** Records of a ring buffer or perf event array that wait to be read. */
  consume(): Uint8Array[];
}

export interface XdpObject {
  readonly spec: ObjectSpec;
  readonly memory: XdpMemory;
  readonly programs: readonly XdpProgram[];
  /** By name; ENOENT if there is none. */
  program(name: string): XdpProgram;
  map(name: string): XdpObjectMap;
}

export interface LoadXdpOptions {
  /** Initial values of global variables by name. */
  readonly globals?: Readonly<Record<string, unknown>>;
  readonly host?: XdpHost;
  /** Bytes of memory for maps. Default 64 MiB; what is not touched costs nothing. */
  readonly mapBytes?: number;
  readonly verifier?: VerifierOptions;
}

const block = 8192;
const region = 65536;
const mapsAt = Math.ceil((region + frameRegion) / 65536) * 65536;
const slots = 1024;
const actions = Object.keys(action) as ActionName[];

/** Loads an object file. Programs are verified and compiled when they are first used. Errors: EINVAL, ENOMEM. */
export function loadXdp(bytes: Uint8Array, options: LoadXdpOptions = {}): XdpObject {
  const { host = {}, mapBytes = 2 ** 26 } = options;
  const loaded = loadObject(bytes, { kfuncs: (name) => kfuncByName(name)?.id });
  const spec = options.globals === undefined ? loaded : withGlobals(loaded, options.globals);
  const memory = createXdpMemory(mapsAt + mapBytes);
  const store = createMapStore({ memory, region: { start: mapsAt, bytes: mapBytes }, cpus: 1 });
  const thread = createThread({ memory, state: block, cpu: 0, cpus: 1, host, slots });
  const maps = new Map<MapSpec, XdpMap>(spec.maps.map((map) => [map, store.create(map)]));
  const word = (at: number): number => memory.u32[at >>> 2]!;

  const interpreted = new Map<number, InterpretedProgram>();
  const built = spec.programs.map((program, index) => buildProgram(program, index));

  /** Programs that a prog_array may lead to are there before it is run. */
  function prepareReachable(program: ProgramSpec, engine: Engine): void {
    for (const map of program.maps) {
      if (map.type !== "prog_array") continue;
      for (const [, value] of maps.get(map)!.entries()) {
        const number = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
        built[number]?.ready(engine);
      }
    }
  }

  function buildProgram(program: ProgramSpec, index: number) {
    const records = (): number[] => program.maps.map((map) => maps.get(map)!.record);
    let prepared: PreparedProgram | undefined;
    let verified: Verified | undefined;
    const instances: Partial<Record<Engine, Instance>> = {};
    const verdict = (): Verified => {
      verified ??= verifyProgram(program, options.verifier);
      return verified;
    };
    const interpret = ({ helpers, windows, map }: Imports) => {
      const created = createInterpreter({
        memory,
        insns: program.insns,
        maps: records(),
        calls: helpers,
        accesses: verdict().accesses,
        signature: (id, kfunc) => (kfunc ? kfuncById(id) : helperById(id)),
        checkMemory: (of, pointer, size, write) => windows.mayTouch(of, pointer, size, write),
        tailCall: (_, record, slot) => {
          const number = word(word(record + mapRecord.values * 4) + slot * word(record + mapRecord.stride * 4));
          return number === 0 ? undefined : interpreted.get(number - 1);
        },
        forEach: (of, record, visit) => {
          const access = map(record);
          const [key, out] = [of + state.scratch, of + state.scratch + state.scratchBytes / 2];
          let visits = 0;
          for (let from = 0; access.next(from, out) === 0; from = key) {
            memory.u8.copyWithin(key, out, out + access.keySize);
            visits++;
            if (visit(key, access.lookup(key)) !== 0) break;
          }
          return visits;
        },
      });
      interpreted.set(index, created);
      return (of: number): number => created.run(of);
    };
    let readying = false;
    function ready(engine: Engine): Instance {
      let instance = instances[engine];
      if (instance === undefined) {
        if (engine === "interpreter") {
          instance = thread.install({ code: { kind: "function", create: interpret }, maps: records() });
        } else {
          prepared ??= prepareProgram(program, memory, records(), { cpus: 1, ...options.verifier });
          if (prepared.module === undefined) {
            throw new JunctorError("EOPNOTSUPP", "there is no WebAssembly here", 'use engine: "interpreter"');
          }
          const slot = index < slots ? index : undefined;
          instance = thread.install({ code: { kind: "module", module: prepared.module }, maps: records() }, slot);
        }
        instances[engine] = instance;
      }
      if (!readying) {
        readying = true;
        try {
          prepareReachable(program, engine);
        } finally {
          readying = false;
        }
      }
      return instance;
    }

    const result: XdpProgram = {
      name: program.name,
      spec: program,
      get verified() {
        return verdict();
      },
      run(frame, { engine = wasm === undefined ? "interpreter" : "jit", ...info } = {}) {
        const instance = ready(engine);
        placeFrame(memory, block, region, frame, info);
        thread.tick();
        const verdictNumber = instance.run();
        const to = verdictNumber === action.redirect ? target() : undefined;
        return {
          action: actions[verdictNumber]!,
          ...takeFrame(memory, block),
          ...(to !== undefined && { to }),
          fault: word(block + state.fault),
        };
      },
      disassemble: () => listInstructions(program.insns),
    };
    return { program: result, ready };
  }

  function target(): Target | undefined {
    const kind = word(block + state.redirect);
    const key = word(block + state.redirectKey);
    if (kind === redirectKind.none) return undefined;
    if (kind === redirectKind.ifindex) return { kind: "ifindex", ifindex: key };
    const map = store.byRecord(word(block + state.redirectMap));
    if (map === undefined) return undefined;
    const flags = word(block + state.redirectFlags);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, key, true);
    const entry = (flags & 8) === 0 ? map.lookup(bytes) : undefined;
    const value = entry === undefined ? undefined : new DataView(entry.buffer, entry.byteOffset).getUint32(0, true);
    const names = { [redirectKind.devmap]: "devmap", [redirectKind.cpumap]: "cpumap" } as const;
    return { kind: names[kind as 2 | 3] ?? "xskmap", map: map.spec.name, key, flags, value };
  }

  /** Entries that the object declares: programs by their number, maps by their id. */
  for (const [map, live] of maps) {
    for (const [key, name] of map.initialSlots ?? []) {
      const program = spec.programs.findIndex((one) => one.name === name);
      const inner = spec.maps.find((one) => one.name === name);
      const number = map.type === "prog_array" ? program : inner === undefined ? -1 : maps.get(inner)!.id;
      if (number < 0) throw new JunctorError("ENOENT", `map ${map.name}, key ${key}: there is no ${name}`);
      live.update(word32(key), word32(number));
    }
  }

  return {
    spec,
    memory,
    programs: built.map(({ program }) => program),
    program(name) {
      const found = built.find(({ program }) => program.name === name)?.program;
      if (found !== undefined) return found;
      const names = spec.programs.map((one) => one.name).join(", ");
      throw new JunctorError("ENOENT", `there is no program ${name}`, `there are ${names}`);
    },
    map(name) {
      const found = spec.maps.find((map) => map.name === name);
      if (found === undefined) {
        const names = spec.maps.map((map) => map.name).join(", ");
        throw new JunctorError("ENOENT", `there is no map ${name}`, `there are ${names}`);
      }
      const map = maps.get(found)!;
      return {
        ...typed(map),
        consume() {
          const records: Uint8Array[] = [];
          map.consume((data) => records.push(data.slice()));
          return records;
        },
      };
    },
  };
}

function word32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
