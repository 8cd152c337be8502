/**
 * The benchmark's programs as this project runs them: compiled to WebAssembly, on the datagrams that a port received, by the code that does
 * it in the data path; and interpreted.
 */

import { fate } from "../../src/dataplane/user/hooks/fate.js";
import { createHooks } from "../../src/dataplane/user/hooks/hooks.js";
import { createRunner } from "../../src/dataplane/user/hooks/runner.js";
import { createTags } from "../../src/dataplane/user/hooks/tags.js";
import { planLayout, port as portRecord } from "../../src/dataplane/user/layout.js";
import { createMemory, createRegion } from "../../src/system/memory.js";
import { kfuncById, kfuncByName } from "../../src/xdp/helpers/kfuncs.js";
import { helperById } from "../../src/xdp/helpers/table.js";
import { createInterpreter } from "../../src/xdp/interpreter.js";
import { createMapStore, type XdpMap } from "../../src/xdp/maps/store.js";
import { viewMemory } from "../../src/xdp/memory.js";
import { loadObject } from "../../src/xdp/object/load.js";
import { prepareProgram } from "../../src/xdp/program.js";
import { frameRegion, placeFrame } from "../../src/xdp/run/frame.js";
import { action, state } from "../../src/xdp/run/state.js";
import { createThread } from "../../src/xdp/run/thread.js";
import type { MapSpec, ObjectSpec } from "../../src/xdp/spec.js";
import { prefixes } from "./frame.js";

export interface UserRuns {
  readonly spec: ObjectSpec;
  /** Has a program see that many copies of the frame, and answers nanoseconds for each. */
  compiled(name: string, times: number): number;
  interpreted(name: string, times: number): number;
  /** The verdict of one run. */
  verdict(name: string): number;
}

const mapBytes = 32 << 20;
/** Datagrams that arrive together, as many as GRO joins. */
const together = 64;

/** CPU time of this process in nanoseconds: others that run on its core are not to count, as they do not in the kernel's own timing. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

const keyOf = (index: number): Uint8Array => {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, index, true);
  return key;
};

export function createUserRuns(object: Uint8Array, frame: Uint8Array): UserRuns {
  const spec = loadObject(object, { kfuncs: (name) => kfuncByName(name)?.id });
  const layout = planLayout({ tunnels: 8, sessions: 16, ports: 2, units: 16, routes: 16 }, 0);
  const mapsAt = Math.ceil(layout.bytes / 65_536) * 65_536;
  const shared = createMemory(mapsAt + mapBytes);
  const memory = viewMemory(shared.shared);
  const arena = layout.arenas[0]!;
  const context = { memory: shared, layout, arena };
  const block = arena.programState;
  const region = createRegion(shared, arena.work, arena.work + arena.workBytes);

  const store = createMapStore({ memory, region: { start: mapsAt, bytes: mapBytes }, cpus: 1 });
  const thread = createThread({ memory, state: block, cpu: 0, cpus: 1 });
  const maps = new Map<MapSpec, XdpMap>(spec.maps.map((map) => [map, store.create(map)]));
  const indexOf = (name: string): number => spec.programs.findIndex((program) => program.name === name);
  for (const [map, made] of maps) {
    if (map.name === "prefixes") for (const key of prefixes()) made.update(key, new Uint8Array(4));
    if (map.name === "devices") made.update(keyOf(0), new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
    for (const [index, name] of map.initialSlots ?? []) made.update(keyOf(index), keyOf(indexOf(name)));
  }

  // Frames that are to leave stop here: what sending costs is not what is asked.
  const nowhere = { settle: () => fate.away, send: () => {} };
  const runner = createRunner(context, region, (bytes) => region.allocate(bytes), createTags(context), nowhere);
  const exits = { channel() {}, unit() {}, host() {}, datagrams: (): void => {} };
  const hooks = createHooks(context, runner, { ...nowhere, handedOver() {}, origin() {} }, () => exits);
  const onward = (): void => {};

  const instances = spec.programs.map((program, slot) => {
    const records = program.maps.map((map) => maps.get(map)!.record);
    const { module } = prepareProgram(program, memory, records, { cpus: 1 });
    const instance = thread.install({ code: { kind: "module", module: module! }, maps: records }, slot);
    runner.setProgram(slot, {
      run: instance.run,
      batch: (start, count, size, outcomes) => instance.batch(start, count, size, size, outcomes),
    });
    runner.setChain(slot + 1, { programs: [{ slot, runOn: 1 << action.pass }], framing: "native" });
    return instance;
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

  const single = region.allocate(frameRegion);
  const frames = region.allocate(together * frame.length);
  for (let index = 0; index < together; index++) memory.u8.set(frame, frames + index * frame.length);

  return {
    spec,
    compiled(name, times) {
      memory.u32[(layout.ports >> 2) + portRecord.chains] = indexOf(name) + 1;
      const before = cpuTime();
      for (let left = times; left > 0; left -= together) {
        thread.tick();
        hooks.datagramsIn(onward, 0, frames, together * frame.length, frame.length, 0, 0, 0);
      }
      return (cpuTime() - before) / (Math.ceil(times / together) * together);
    },
    interpreted(name, times) {
      const { run } = interpreters[indexOf(name)]!;
      placeFrame(memory, block, single, frame);
      thread.tick();
      const [data, end] = [(block + state.data) >> 2, (block + state.dataEnd) >> 2];
      const [at, stop] = [memory.u32[data]!, memory.u32[end]!];
      const before = cpuTime();
      for (let index = 0; index < times; index++) {
        memory.u32[data] = at;
        memory.u32[end] = stop;
        run();
      }
      return (cpuTime() - before) / times;
    },
    verdict(name) {
      placeFrame(memory, block, single, frame);
      return instances[indexOf(name)]!.run();
    },
  };
}
