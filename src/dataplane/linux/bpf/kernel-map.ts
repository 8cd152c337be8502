/** Maps of an object in the kernel. */
import { JunctorError } from "../../../errors.js";
import {
  bpfMapInfo,
  closeDescriptor,
  createBpfMap,
  deleteBpfMap,
  freezeBpfMap,
  lookupBpfMap,
  nextBpfKey,
  updateBpfMap,
} from "../../../system/bpf.js";
import { type MapSpec, mapFlag, mapTypes } from "../../../xdp/spec.js";
import type { HostMap } from "../../kernel-programs.js";
import { possibleCpus } from "./cpus.js";

export interface KernelMap extends HostMap {
  readonly fd: number;
}

const perCpu = new Set<MapSpec["type"]>(["percpu_hash", "percpu_array", "lru_percpu_hash"]);
/** Types that the kernel takes no BTF for. */
const withoutBtf = new Set<MapSpec["type"]>([
  "perf_event_array",
  "array_of_maps",
  "hash_of_maps",
  "devmap",
  "devmap_hash",
  "cpumap",
  "xskmap",
  "prog_array",
  "queue",
  "stack",
  "ringbuf",
  "bloom_filter",
]);

/** Creates a map, with its initial contents unless they are names (`fillSlots`). @throws BpfError */
export function createKernelMap(spec: MapSpec, btfFd: number): KernelMap {
  const inner = spec.inner === undefined ? undefined : createKernelMap(spec.inner, btfFd);
  try {
    // Sections of data have no type of key, and were altered (`kernelBtf`).
    const named = btfFd !== 0 && spec.keyType && spec.valueType && !withoutBtf.has(spec.type);
    const fd = createBpfMap({
      type: mapTypes[spec.type],
      keySize: spec.keySize,
      valueSize: spec.valueSize,
      // As libbpf: a ring for each CPU where the object does not say how many.
      maxEntries: spec.type === "perf_event_array" && spec.maxEntries === 0 ? possibleCpus() : spec.maxEntries,
      // A trie is never allocated beforehand; some objects leave the flag out.
      flags: spec.type === "lpm_trie" ? spec.flags | mapFlag.noPrealloc : spec.flags,
      name: spec.name,
      extra: spec.extra ?? 0,
      innerMapFd: inner?.fd ?? 0,
      ...(named ? { btfFd, btfKeyType: spec.keyType, btfValueType: spec.valueType } : {}),
    });
    const map = openKernelMap(spec, fd);
    try {
      if (spec.initial !== undefined) {
        map.update(new Uint8Array(spec.keySize), spec.initial);
        if ((spec.flags & mapFlag.readOnlyProgram) !== 0) freezeBpfMap(fd);
      }
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
    return map;
  } finally {
    if (inner !== undefined) closeDescriptor(inner.fd);
  }
}

/** A map by a descriptor that exists. @throws JunctorError EINVAL where it is not as the object wants it */
export function openKernelMap(spec: MapSpec, fd: number): KernelMap {
  const info = bpfMapInfo(fd);
  const differs = (what: string, here: number, wanted: number): void => {
    if (here === wanted) return;
    const problem = `map "${spec.name}": the one that exists has ${what} ${here}, the object wants ${wanted}`;
    throw new JunctorError("EINVAL", problem, "unpin it, or give the map of the object another name");
  };
  differs("type", info.type, mapTypes[spec.type]);
  differs("key size", info.keySize, spec.keySize);
  differs("value size", info.valueSize, spec.valueSize);
  const valueBytes = perCpu.has(spec.type) ? ((spec.valueSize + 7) & ~7) * possibleCpus() : spec.valueSize;
  const wrong = (what: string, length: number, wanted: number): void => {
    if (length === wanted) return;
    throw new JunctorError("EINVAL", `map "${spec.name}": a ${what} has ${wanted} bytes, not ${length}`);
  };
  return {
    spec,
    fd,
    id: info.id,
    valueBytes,
    lookup(key) {
      wrong("key", key.length, spec.keySize);
      const value = new Uint8Array(valueBytes);
      return lookupBpfMap(fd, key, value) ? value : undefined;
    },
    update(key, value, flags = 0) {
      wrong("key", key.length, spec.keySize);
      wrong("value", value.length, valueBytes);
      return updateBpfMap(fd, key, value, flags);
    },
    delete(key) {
      wrong("key", key.length, spec.keySize);
      return deleteBpfMap(fd, key);
    },
    entries(limit = 1 << 20) {
      const found: (readonly [Uint8Array, Uint8Array])[] = [];
      let key: Uint8Array | undefined;
      while (found.length < limit) {
        const next = new Uint8Array(spec.keySize);
        if (!nextBpfKey(fd, key, next)) break;
        const value = new Uint8Array(valueBytes);
        if (lookupBpfMap(fd, next, value)) found.push([next, value]);
        key = next;
      }
      return found;
    },
  };
}
