/** Programs loaded and run by the running kernel, many in a row: maps are made once, and emptied between two programs. */
import { possibleCpus } from "../../../src/dataplane/linux/bpf/cpus.js";
import { encodeInstructions } from "../../../src/dataplane/linux/bpf/encode.js";
import { createKernelMap, type KernelMap } from "../../../src/dataplane/linux/bpf/kernel-map.js";
import { funcInfoOf, withDescriptors } from "../../../src/dataplane/linux/bpf/kernel-object.js";
import {
  BpfError,
  bpfc,
  closeDescriptor,
  loadBpfBtf,
  loadBpfProgram,
  popBpfMap,
  runBpfProgram,
  tryLoadBpfProgram,
} from "../../../src/system/bpf.js";
import { pinThread } from "../../../src/system/thread.js";
import type { MapSpec, ProgramSpec } from "../../../src/xdp/spec.js";
import type { Entry } from "../generate/generate.js";
import { targetProgram } from "../generate/maps.js";
import { functionsBtf, mostFunctions } from "./functions-btf.js";
import type { Outcome } from "./outcome.js";
import { dumpOf, maskPrefix } from "./outcome.js";

export interface KernelSide {
  /** A descriptor, which `release` takes back, or the negative errno of the refusal. */
  load(spec: ProgramSpec): number;
  release(fd: number): void;
  /** Why it refuses, in the verifier's words. */
  log(spec: ProgramSpec, level?: 1 | 2): string;
  /** Sets the maps to `entries`, runs all frames one after the other, and reads the maps. */
  run(fd: number, spec: ProgramSpec, frames: readonly Uint8Array[], entries: readonly Entry[]): Outcome;
  close(): void;
}

const isPerCpu = ({ type }: MapSpec): boolean => type.includes("percpu");

/** Keeps the calling thread on one CPU, whose values of per-CPU maps are compared. */
export function openKernelSide(maps: readonly MapSpec[], cpu = 0): KernelSide {
  pinThread(cpu);
  const btfFd = loadBpfBtf(functionsBtf());
  const made = new Map<string, KernelMap>(maps.map((map) => [map.name, createKernelMap(map, btfFd)]));
  const encode = (spec: ProgramSpec): Uint8Array =>
    encodeInstructions(withDescriptors(spec, ({ name }) => made.get(name)?.fd));
  const optionsOf = (spec: ProgramSpec) => ({
    ...(spec.functions.length > 1 && spec.functions.length <= mostFunctions
      ? { btfFd, funcInfo: funcInfoOf(spec) }
      : {}),
    insns: encode(spec),
    license: spec.license,
    name: spec.name,
    expectedAttachType: bpfc.BPF_XDP,
    flags: spec.frags ? bpfc.BPF_F_XDP_HAS_FRAGS : 0,
  });
  const target = tryLoadBpfProgram(optionsOf(targetProgram));
  made.get("jumps")?.update(word(1), word(target));
  made.get("out")?.update(word(0), word(made.get("arr")?.fd ?? -1));
  const used = (spec: ProgramSpec): readonly KernelMap[] => spec.maps.map(({ name }) => made.get(name)!);
  return {
    load: (spec) => tryLoadBpfProgram(optionsOf(spec)),
    release: closeDescriptor,
    log(spec, level = 1) {
      try {
        const { fd, log } = loadBpfProgram({ ...optionsOf(spec), log: level, logLimit: 1 << 16 });
        closeDescriptor(fd);
        return log;
      } catch (error) {
        if (error instanceof BpfError) return error.log === "" ? error.message : error.log;
        throw error;
      }
    },
    run(fd, spec, frames, entries) {
      for (const map of used(spec)) clear(map);
      for (const { map, key, value } of entries) {
        const kernel = made.get(spec.maps[map]!.name)!;
        kernel.update(key, isPerCpu(kernel.spec) ? repeated(value) : value);
      }
      const runs = frames.map((data) => {
        const { returned, data: left } = runBpfProgram(fd, { data });
        return { verdict: returned, frame: left };
      });
      const contents = used(spec).map((map) => {
        if (!isKeyed(map.spec)) return [];
        const { valueSize } = map.spec;
        const from = isPerCpu(map.spec) ? cpu * ((valueSize + 7) & ~7) : 0;
        return dumpOf(
          map
            .entries(4096)
            .map(
              ([key, value]) =>
                [map.spec.type === "lpm_trie" ? maskPrefix(key) : key, value.subarray(from, from + valueSize)] as const,
            ),
        );
      });
      return { runs, maps: contents };
    },
    close() {
      closeDescriptor(target);
      closeDescriptor(btfFd);
      for (const { fd } of made.values()) closeDescriptor(fd);
    },
  };
}

/** Whether it has elements by key that programs write. */
export const isKeyed = ({ type }: MapSpec): boolean =>
  /hash|array|lpm/.test(type) && type !== "prog_array" && !type.endsWith("_of_maps");

const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

function clear(map: KernelMap): void {
  if (map.spec.type === "ringbuf") return;
  if (map.spec.keySize === 0) {
    const value = new Uint8Array(map.spec.valueSize);
    for (let left = map.spec.maxEntries; left > 0 && popBpfMap(map.fd, value); left--);
    return;
  }
  if (!isKeyed(map.spec)) return;
  const isArray = map.spec.type === "array" || map.spec.type === "percpu_array";
  if (isArray) {
    const empty = new Uint8Array(map.valueBytes);
    for (let index = 0; index < map.spec.maxEntries; index++) {
      map.update(new Uint8Array(new Uint32Array([index]).buffer), empty);
    }
  } else for (const [key] of map.entries(4096)) map.delete(key);
}

/** The value for every CPU. */
function repeated(value: Uint8Array): Uint8Array {
  const stride = (value.length + 7) & ~7;
  const all = new Uint8Array(stride * possibleCpus());
  for (let at = 0; at < all.length; at += stride) all.set(value, at);
  return all;
}
