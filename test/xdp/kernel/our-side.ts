/** The interpreter and the compiler as those that the kernel is compared with: maps of ours, helpers of ours, a frame in the shared memory. */
import type { Helper } from "../../../src/xdp/helpers/env.js";
import { createHelpers } from "../../../src/xdp/helpers/helpers.js";
import { kfuncById } from "../../../src/xdp/helpers/kfuncs.js";
import { helperById } from "../../../src/xdp/helpers/table.js";
import { createInterpreter, type InterpretedProgram } from "../../../src/xdp/interpreter.js";
import { importModule } from "../../../src/xdp/jit/abi.js";
import { bindMap, mapImports } from "../../../src/xdp/jit/bindings.js";
import { compileProgram } from "../../../src/xdp/jit/compile.js";
import { attachMap, type MapAccess } from "../../../src/xdp/maps/attach.js";
import { createMapStore, type XdpMap } from "../../../src/xdp/maps/store.js";
import { createXdpMemory, wasm } from "../../../src/xdp/memory.js";
import { createProgramMaps } from "../../../src/xdp/run/program-maps.js";
import { state } from "../../../src/xdp/run/state.js";
import { createTailTable } from "../../../src/xdp/run/tail-table.js";
import type { Windows } from "../../../src/xdp/run/windows.js";
import type { MapSpec, ProgramSpec } from "../../../src/xdp/spec.js";
import type { Verified } from "../../../src/xdp/verifier/result.js";
import { verify } from "../../../src/xdp/verifier/verify.js";
import type { Entry } from "../generate/generate.js";
import { targetProgram } from "../generate/maps.js";
import type { Runner } from "./compare.js";
import { isKeyed } from "./kernel-side.js";
import { dumpOf, maskPrefix, type Outcome } from "./outcome.js";

const megabyte = 1 << 20;
/** As the kernel has it around a frame of a test run: XDP_PACKET_HEADROOM, and a page less headroom and skb_shared_info. */
const headroom = 256;
const frameRoom = 4096 - 320;
/** What struct xdp_frame takes of the headroom. */
const frameHeader = 40;

export function createRunners(maps: readonly MapSpec[]): { readonly interpreter: Runner; readonly jit: Runner } {
  const memory = createXdpMemory(8 * megabyte);
  const store = createMapStore({ memory, region: { start: 65536, bytes: 4 * megabyte }, cpus: 1 });
  const made = new Map<string, XdpMap>(maps.map((map) => [map.name, store.create(map)]));
  const accesses = new Map<number, MapAccess>();
  const accessOf = (record: number): MapAccess => {
    const known = accesses.get(record) ?? attachMap(memory, record, 0);
    accesses.set(record, known);
    return known;
  };
  const block = 5 * megabyte;
  const frameAt = 6 * megabyte;
  const keys = 7 * megabyte;
  const records = (spec: ProgramSpec): readonly number[] => spec.maps.map(({ name }) => made.get(name)!.record);

  /** Elements in whatever order; two keys in turn, so that the one in hand stays while the next one is looked for. */
  function forEach(record: number, visit: (key: number, value: number) => number): number {
    const access = accessOf(record);
    let count = 0;
    let key = 0;
    for (let out = keys; access.next(key, out) === 0; out = out === keys ? keys + 64 : keys) {
      key = out;
      count++;
      const value = access.lookup(key);
      if (value !== 0 && visit(key, value) !== 0) break;
    }
    return count;
  }

  function runFrame(run: Run, frame: Uint8Array): Outcome["runs"][number] {
    const { u8, u32 } = memory;
    u8.fill(0, block, block + state.stack);
    u8.fill(0, frameAt, frameAt + 4096);
    u8.set(frame, frameAt + headroom);
    const set = (at: number, value: number): void => {
      u32[(block + at) >>> 2] = value;
    };
    const get = (at: number): number => u32[(block + at) >>> 2]!;
    set(state.data, frameAt + headroom);
    set(state.dataEnd, frameAt + headroom + frame.length);
    set(state.dataMeta, frameAt + headroom);
    set(state.hardStart, frameAt + frameHeader);
    set(state.hardEnd, frameAt + frameRoom);
    set(state.ingressIfindex, 1);
    const verdict = run(block) >>> 0;
    return { verdict, frame: u8.slice(get(state.dataMeta), get(state.dataEnd)) };
  }

  const helpersOf = (spec: ProgramSpec): { helpers: Readonly<Record<string, Helper>>; windows: Windows } => {
    const { windows, map, rings } = createProgramMaps(memory, records(spec), { block, cpu: 0, cpus: 1 });
    return { helpers: createHelpers({ memory, host: {}, windows, map, rings }), windows };
  };

  const interpreter = (spec: ProgramSpec, verified: Verified): InterpretedProgram & { run: Run } => {
    const { helpers, windows } = helpersOf(spec);
    return createInterpreter({
      memory,
      insns: spec.insns,
      maps: records(spec),
      calls: helpers,
      signature: (id, kfunc) => (kfunc ? kfuncById(id) : helperById(id)),
      accesses: verified.accesses,
      checkMemory: (of, pointer, size, write) =>
        windows.mayTouch(of, pointer, size, write) || (!write && pointer >= keys && pointer + size <= keys + 128),
      tailCall: (_, __, index) => (index === 1 ? target : undefined),
      forEach: (_, record, visit) => forEach(record, visit),
    });
  };
  const interpreted = (spec: ProgramSpec, verified: Verified): Run => interpreter(spec, verified).run;
  const verdict = verify(targetProgram);
  if (!verdict.ok) throw new Error(verdict.summary);
  const target = interpreter(targetProgram, verdict);
  made.get("jumps")?.update(word(1), word(1));
  made.get("out")?.update(word(0), word(made.get("arr")?.id ?? -1));

  const tails = createTailTable(memory, 16);

  function compiled(spec: ProgramSpec, verified: Verified): Compiled {
    if (wasm === undefined) throw new Error("no WebAssembly");
    const bindings = spec.maps.map((map) => bindMap(memory, made.get(map.name)!.record, map, 1));
    const { bytes } = compileProgram({ spec, verified, bindings });
    const { helpers, windows } = helpersOf(spec);
    const imports = {
      ...helpers,
      ...mapImports(bindings.map(({ record }) => record)),
      memory: memory.shared,
      tail_call: tails?.call,
      check_access: (of: number, pointer: number, size: number, write: number): number =>
        windows.mayTouch(of, pointer, size, write !== 0) ? 1 : 0,
      for_each_next: (of: number, record: number, key: number, cursor: number): number => {
        const access = accessOf(record);
        memory.u32[(of + state.returnHigh) >>> 2] = cursor + 1;
        return access.next(cursor === 0 ? 0 : key, key) === 0 ? access.lookup(key) : 0;
      },
    };
    const { exports } = new wasm.Instance(new wasm.Module(bytes), { [importModule]: imports });
    return exports as unknown as Compiled;
  }
  tails?.set(1, compiled(targetProgram, verdict).tail);

  const runner = (name: string, prepare: (spec: ProgramSpec, verified: Verified) => Run): Runner => ({
    name,
    run(spec: ProgramSpec, verified: Verified, frames: readonly Uint8Array[], entries: readonly Entry[]): Outcome {
      fillMaps(spec, made, entries);
      const run = prepare(spec, verified);
      return { runs: frames.map((frame) => runFrame(run, frame)), maps: dumpMaps(spec, made) };
    },
  });
  return {
    interpreter: runner("interpreter", interpreted),
    jit: runner("compiler", (spec, verified) => compiled(spec, verified).run),
  };
}

type Run = (block: number) => number;
interface Compiled {
  readonly run: Run;
  readonly tail: Run;
}

const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

export function fillMaps(spec: ProgramSpec, made: ReadonlyMap<string, XdpMap>, entries: readonly Entry[]): void {
  for (const { name, type } of spec.maps) {
    const map = made.get(name)!;
    if (type === "prog_array" || type.endsWith("_of_maps")) continue;
    if (type === "ringbuf") map.consume(() => undefined);
    else map.clear();
    if (type === "array" || type === "percpu_array") {
      const empty = new Uint8Array(map.userValueSize);
      for (let index = 0; index < map.spec.maxEntries; index++) {
        map.update(new Uint8Array(new Uint32Array([index]).buffer), empty);
      }
    }
  }
  for (const { map, key, value } of entries) {
    const ours = made.get(spec.maps[map]!.name)!;
    const padded = new Uint8Array(ours.userValueSize);
    padded.set(value);
    ours.update(key, padded);
  }
}

export const dumpMaps = (spec: ProgramSpec, made: ReadonlyMap<string, XdpMap>): Outcome["maps"] =>
  spec.maps.map((map) =>
    isKeyed(map)
      ? dumpOf(
          [...made.get(map.name)!.entries()].map(
            ([key, value]) =>
              [map.type === "lpm_trie" ? maskPrefix(key) : key, value.subarray(0, map.valueSize)] as const,
          ),
        )
      : [],
  );
