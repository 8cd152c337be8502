/** An object in the kernel and in our two engines: the same frames, the same maps, the same outcome. */

import { possibleCpus } from "../../../src/dataplane/linux/bpf/cpus.js";
import { loadKernelObject } from "../../../src/dataplane/linux/bpf/index.js";
import { popBpfMap, runBpfProgram } from "../../../src/system/bpf.js";
import { pinThread } from "../../../src/system/thread.js";
import { type Engine, loadXdp } from "../../../src/xdp/index.js";
import { isPerCpu } from "../../../src/xdp/maps/plan.js";
import type { XdpMap } from "../../../src/xdp/maps/store.js";
import { withMaxEntries } from "../../../src/xdp/object/entries.js";
import { withGlobals } from "../../../src/xdp/object/globals.js";
import { loadObject } from "../../../src/xdp/object/load.js";
import { action } from "../../../src/xdp/run/state.js";
import type { MapSpec } from "../../../src/xdp/spec.js";
import { difference, dumpOf, maskPrefix, type Outcome } from "./outcome.js";

export interface Scenario {
  readonly frames: readonly Uint8Array[];
  /** Contents of maps by name; of per-CPU maps each CPU has the value. */
  readonly entries?: readonly (readonly [map: string, key: Uint8Array, value: Uint8Array])[];
  readonly globals?: Readonly<Record<string, unknown>>;
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** Programs that are run, one on all frames after the other. Default: all that attach to a device. */
  readonly programs?: readonly string[];
  /** Maps whose contents differ by their nature: times, random numbers. */
  readonly without?: readonly string[];
}

const cpu = 0;

/** Maps whose elements can be read by whoever holds them. */
const isRead = ({ type }: MapSpec): boolean => /hash|array|lpm/.test(type) && !/prog|perf|_of_maps|devmap/.test(type);
const isQueue = ({ type }: MapSpec): boolean => type === "queue" || type === "stack";

const dump = (spec: MapSpec, entries: Iterable<readonly [Uint8Array, Uint8Array]>): readonly string[] => {
  // Zeroes are what arrays begin with; filters have large ones.
  const isArray = spec.type === "array" || spec.type === "percpu_array";
  const from = isPerCpu(spec.type) ? cpu * ((spec.valueSize + 7) & ~7) : 0;
  return dumpOf(
    [...entries]
      .map(
        ([key, value]) =>
          [spec.type === "lpm_trie" ? maskPrefix(key) : key, value.slice(from, from + spec.valueSize)] as const,
      )
      .filter(([, value]) => !isArray || value.some((byte) => byte !== 0)),
  );
};

function repeated(spec: MapSpec, value: Uint8Array, cpus: number): Uint8Array {
  if (!isPerCpu(spec.type)) return value;
  const stride = (value.length + 7) & ~7;
  const all = new Uint8Array(stride * cpus);
  for (let at = 0; at < all.length; at += stride) all.set(value, at);
  return all;
}

function popAll(map: XdpMap): readonly (readonly [Uint8Array, Uint8Array])[] {
  const all: (readonly [Uint8Array, Uint8Array])[] = [];
  for (let value = map.pop(); value !== undefined; value = map.pop()) all.push([new Uint8Array([all.length]), value]);
  return all;
}

export interface ObjectComparison {
  /** What differed, first by program and engine; none: nothing did. */
  readonly differences: readonly string[];
  readonly programs: number;
  readonly runs: number;
  /** How often the kernel gave which verdict. */
  readonly verdicts: Readonly<Record<string, number>>;
}

const verdictNames = Object.keys(action);

/** Loads everywhere anew for each program. @throws what loading throws, on either side */
export function compareObject(bytes: Uint8Array, scenario: Scenario): ObjectComparison {
  pinThread(cpu);
  const { frames, entries = [], globals = {}, maxEntries = {}, without = [] } = scenario;
  const loaded = withGlobals(withMaxEntries(loadObject(bytes), maxEntries), globals);
  const names =
    scenario.programs ??
    loaded.programs.filter(({ attach, autoload }) => attach === "xdp" && autoload !== false).map(({ name }) => name);
  const differences: string[] = [];
  const verdicts: Record<string, number> = {};
  let runs = 0;
  for (const name of names) {
    const theirs = runInKernel(loaded, name);
    for (const { verdict } of theirs.runs) {
      const text = verdictNames[verdict] ?? String(verdict);
      verdicts[text] = (verdicts[text] ?? 0) + 1;
    }
    runs += theirs.runs.length;
    for (const engine of ["interpreter", "jit"] as const) {
      try {
        const wrong = difference(theirs, runHere(name, engine), ["kernel", engine]);
        if (wrong !== undefined) differences.push(`${name} (${engine}): ${wrong}`);
      } catch (error) {
        differences.push(`${name} (${engine}): ${String(error instanceof Error ? error.stack : error)}`);
      }
    }
  }
  return { differences, programs: names.length, runs, verdicts };

  function runInKernel(spec: typeof loaded, name: string): Outcome {
    const object = loadKernelObject(spec);
    try {
      for (const [map, key, value] of entries) {
        const one = object.maps.get(map);
        if (one === undefined) throw new Error(`no map ${map}`);
        one.update(key, repeated(one.spec, value, possibleCpus()));
      }
      const { fd } = object.programs.get(name)!;
      const done = frames.map((data) => {
        const { returned, data: frame } = runBpfProgram(fd, { data });
        return { verdict: returned, frame };
      });
      const maps = spec.maps.map((map) => {
        const one = object.maps.get(map.name)!;
        if (without.includes(map.name)) return [];
        if (isRead(map)) return dump(map, one.entries());
        if (!isQueue(map)) return [];
        const all: (readonly [Uint8Array, Uint8Array])[] = [];
        for (let value = new Uint8Array(map.valueSize); popBpfMap(one.fd, value); value = new Uint8Array(map.valueSize))
          all.push([new Uint8Array([all.length]), value]);
        return dump(map, all);
      });
      return { runs: done, maps };
    } finally {
      object.close();
    }
  }

  function runHere(name: string, engine: Engine): Outcome {
    const object = loadXdp(bytes, { globals, maxEntries });
    for (const [map, key, value] of entries) object.map(map).set(key, value);
    const program = object.program(name);
    const done = frames.map((data, index) => {
      const { action: verdict, frame, metadata, fault } = program.run(data, { engine });
      if (fault !== "none") throw new Error(`frame ${index}: fault ${fault}`);
      const left = new Uint8Array(metadata.length + frame.length);
      left.set(metadata);
      left.set(frame, metadata.length);
      return { verdict: action[verdict], frame: left };
    });
    const maps = object.spec.maps.map((map) => {
      const one = object.map(map.name).map;
      if (without.includes(map.name)) return [];
      if (isRead(map)) return dump(map, one.entries());
      return isQueue(map) ? dump(map, popAll(one)) : [];
    });
    return { runs: done, maps };
  }
}
