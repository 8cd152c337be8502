/** The benchmark's programs as this project runs them: compiled to WebAssembly, and interpreted. */
import { kfuncById, kfuncByName } from "../../src/xdp/helpers/kfuncs.js";
import { helperById } from "../../src/xdp/helpers/table.js";
import { createInterpreter } from "../../src/xdp/interpreter.js";
import { createMapStore, type XdpMap } from "../../src/xdp/maps/store.js";
import { createXdpMemory } from "../../src/xdp/memory.js";
import { loadObject } from "../../src/xdp/object/load.js";
import { prepareProgram } from "../../src/xdp/program.js";
import { frameRegion, placeFrame } from "../../src/xdp/run/frame.js";
import { state } from "../../src/xdp/run/state.js";
import { createThread } from "../../src/xdp/run/thread.js";
import type { MapSpec, ObjectSpec } from "../../src/xdp/spec.js";
import { prefixes } from "./frame.js";

export interface UserRuns {
  readonly spec: ObjectSpec;
  /** Runs a program that many times on the frame, and answers nanoseconds a run. */
  compiled(name: string, times: number): number;
  /** The same for one that passes the frame, as the data path has it run: on many frames in a row. */
  batched(name: string, times: number): number;
  interpreted(name: string, times: number): number;
  /** The verdict of one run. */
  verdict(name: string): number;
}

const block = 8192;
const region = 65_536;
const mapsAt = 1 << 20;
const mapBytes = 32 << 20;

const keyOf = (index: number): Uint8Array => {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, index, true);
  return key;
};

export function createUserRuns(object: Uint8Array, frame: Uint8Array): UserRuns {
  const spec = loadObject(object, { kfuncs: (name) => kfuncByName(name)?.id });
  const memory = createXdpMemory(mapsAt + mapBytes);
  if (region + frameRegion > mapsAt) throw new RangeError("the frame's region overlaps the maps");
  const store = createMapStore({ memory, region: { start: mapsAt, bytes: mapBytes }, cpus: 1 });
  const thread = createThread({ memory, state: block, cpu: 0, cpus: 1 });
  const maps = new Map<MapSpec, XdpMap>(spec.maps.map((map) => [map, store.create(map)]));
  const indexOf = (name: string): number => spec.programs.findIndex((program) => program.name === name);
  for (const [map, made] of maps) {
    if (map.name === "prefixes") for (const key of prefixes()) made.update(key, new Uint8Array(4));
    if (map.name === "devices") made.update(keyOf(0), new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
    for (const [index, name] of map.initialSlots ?? []) made.update(keyOf(index), keyOf(indexOf(name)));
  }
  const instances = spec.programs.map((program, slot) => {
    const records = program.maps.map((map) => maps.get(map)!.record);
    const { module } = prepareProgram(program, memory, records, { cpus: 1 });
    return thread.install({ code: { kind: "module", module: module! }, maps: records }, slot);
  });
  const interpreters = spec.programs.map((program) => {
    const records = program.maps.map((map) => maps.get(map)!.record);
    const installed = thread.install({
      code: {
        kind: "function",
        create: ({ helpers, windows }) =>
          createInterpreter({
            memory,
            insns: program.insns,
            maps: records,
            calls: helpers,
            signature: (id, kfunc) => (kfunc ? kfuncById(id) : helperById(id)),
            checkMemory: windows.mayTouch,
          }).run,
      },
      maps: records,
    });
    return installed;
  });

  const data = (block + state.data) >> 2;
  const end = (block + state.dataEnd) >> 2;
  function time(run: () => number, times: number): number {
    placeFrame(memory, block, region, frame);
    thread.tick();
    const [at, stop] = [memory.u32[data]!, memory.u32[end]!];
    const before = performance.now();
    for (let index = 0; index < times; index++) {
      memory.u32[data] = at;
      memory.u32[end] = stop;
      run();
    }
    return ((performance.now() - before) * 1e6) / times;
  }

  return {
    spec,
    batched(name, times) {
      placeFrame(memory, block, region, frame);
      thread.tick();
      const before = performance.now();
      const passed = instances[indexOf(name)]!.batch(memory.u32[data]!, times, frame.length, 0);
      if (passed !== times) throw new Error(`${name} passed ${passed} of ${times} frames`);
      return ((performance.now() - before) * 1e6) / times;
    },
    compiled: (name, times) => time(instances[indexOf(name)]!.run, times),
    interpreted: (name, times) => time(interpreters[indexOf(name)]!.run, times),
    verdict(name) {
      placeFrame(memory, block, region, frame);
      return instances[indexOf(name)]!.run();
    },
  };
}
